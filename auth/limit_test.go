package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"
)

func TestLimiter(t *testing.T) {
	clock := time.Unix(1_000_000, 0)
	fresh := func() *Limiter { return NewLimiter(func() time.Time { return clock }) }
	// fails makes n attempts that fail and tells how many of them were heard.
	fails := func(l *Limiter, n int, account, client string) (heard int) {
		for range n {
			if _, wait := l.Attempt(account, client); wait == 0 {
				heard++
			}
		}
		return heard
	}

	t.Run("one address may guess at one account a few times", func(t *testing.T) {
		l := fresh()
		if got := fails(l, 100, "ann", "192.0.2.1:5000"); got != 5 {
			t.Errorf("%d of 100 guesses were heard, want 5", got)
		}
		clock = clock.Add(10 * time.Second)
		if got := fails(l, 100, "ann", "192.0.2.1:5001"); got != 1 {
			t.Errorf("after 10 s %d more were heard, want 1", got)
		}
	})
	t.Run("a port, a zone or a neighbour in the /64 is the same address", func(t *testing.T) {
		l := fresh()
		fails(l, 100, "ann", "[2001:db8:1:2::1]:5000")
		if got := fails(l, 1, "ann", "[2001:db8:1:2:ffff::9]:7"); got != 0 {
			t.Error("another address of the same /64 was heard")
		}
		if got := fails(l, 1, "ann", "[::ffff:192.0.2.7]:7"); got != 1 {
			t.Error("an address elsewhere was not heard")
		}
	})
	t.Run("one address may guess at many accounts only so often", func(t *testing.T) {
		l, heard := fresh(), 0
		for i := range 1000 {
			heard += fails(l, 1, fmt.Sprint("account", i), "192.0.2.1")
		}
		if heard != 20 {
			t.Errorf("%d of 1000 guesses were heard, want 20", heard)
		}
	})
	t.Run("many addresses cannot lock the owner out", func(t *testing.T) {
		l := fresh()
		for i := range 200 {
			fails(l, 50, "ann", fmt.Sprintf("198.51.100.%d", i))
		}
		succeeded, wait := l.Attempt("ann", "192.0.2.99")
		if wait > 0 {
			t.Fatalf("the owner's first attempt from a new address has to wait %s", wait)
		}
		succeeded()
	})
	t.Run("many addresses get one guess each once the account's are used up", func(t *testing.T) {
		l, heard := fresh(), 0
		for i := range 100 {
			heard += fails(l, 5, "ann", fmt.Sprintf("198.51.100.%d", i))
		}
		if heard > 20+100 {
			t.Errorf("%d of 500 guesses were heard, want at most 120", heard)
		}
	})
	t.Run("successes are free", func(t *testing.T) {
		l := fresh()
		for i := range 1000 {
			succeeded, wait := l.Attempt("ann", "192.0.2.1")
			if wait > 0 {
				t.Fatalf("sign-in %d has to wait %s", i, wait)
			}
			succeeded()
		}
	})
	t.Run("strangers cannot make it grow", func(t *testing.T) {
		l := fresh()
		for i := range 50_000 {
			l.Attempt(fmt.Sprint("account", i), fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		}
		for _, b := range []*buckets{&l.address, &l.pair, &l.account} {
			if len(b.m) > maxBuckets {
				t.Errorf("%d buckets are kept, want at most %d", len(b.m), maxBuckets)
			}
		}
	})
}

// TestLimiterKeepsNamesOnly: a name may be a piece of a whole request, with the password
// in it, which must not stay as long as the name does.
func TestLimiterKeepsNamesOnly(t *testing.T) {
	l := NewLimiter(nil)
	_, account, _ := strings.Cut(`{"password":"a secret","email":"ann@example.com"}`, `"email":"`)
	account = strings.TrimSuffix(account, `"}`)
	l.Attempt(account, "192.0.2.1:5000")
	for name, bs := range map[string]buckets{"address": l.address, "pair": l.pair, "account": l.account} {
		if len(bs.m) != 1 {
			t.Errorf("%s: %d are remembered, want 1", name, len(bs.m))
		}
		for key := range bs.m {
			if unsafe.StringData(key) == unsafe.StringData(account) {
				t.Errorf("%s: the name is kept with all that stands around it", name)
			}
		}
	}
}
