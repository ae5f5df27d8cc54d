package auth

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Limiter bounds attempts to sign in, so that passwords cannot be guessed, and
// never locks anybody out: whatever others have tried, the first attempt from a
// new address is always heard. Only failures cost anything.
type Limiter struct {
	mu       sync.Mutex
	now      func() time.Time
	address  buckets // per IPv4 address or IPv6 /64
	pair     buckets // per account and address
	account  buckets // per account, whatever the address
	newcomer float64 // what a pair bucket holds that nobody has used
}

// NewLimiter makes a limiter; now is nil for time.Now.
func NewLimiter(now func() time.Time) *Limiter {
	if now == nil {
		now = time.Now
	}
	const pairBurst = 5
	return &Limiter{
		now:      now,
		address:  buckets{burst: 20, every: 2 * time.Second},
		pair:     buckets{burst: pairBurst, every: 10 * time.Second},
		account:  buckets{burst: 20, every: 6 * time.Second},
		newcomer: pairBurst,
	}
}

// Attempt takes one attempt. When it may not be made, wait says how long to
// wait; else succeeded must be called if it turns out well, and gives back what
// was taken. account is "" for attempts that concern none (signing up).
func (l *Limiter) Attempt(account, client string) (succeeded func(), wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	address := addressKey(client)
	taken := []*bucket{l.address.at(address, now)}
	if account != "" {
		pair := l.pair.at(account+"\x00"+address, now)
		taken = append(taken, pair)
		// An address that never failed here is heard even when others have used
		// up the account's attempts: else they could lock its owner out.
		if all := l.account.at(account, now); pair.tokens < l.newcomer || all.tokens >= 1 {
			taken = append(taken, all)
		}
	}
	for _, b := range taken {
		wait = max(wait, b.wait())
	}
	if wait > 0 {
		return nil, wait
	}
	for _, b := range taken {
		b.tokens--
	}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, b := range taken {
			b.tokens = min(b.tokens+1, b.of.burst)
		}
	}, 0
}

// addressKey is what one caller is likely to hold: an IPv4 address or an IPv6 /64.
func addressKey(client string) string {
	addr, err := netip.ParseAddr(client)
	if err != nil {
		port, portErr := netip.ParseAddrPort(client)
		if portErr != nil {
			return client
		}
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return client
	}
	return prefix.String()
}

// maxBuckets bounds the memory that strangers can make us use.
const maxBuckets = 10_000

// buckets are token buckets by key, at most maxBuckets of them. (x/time/rate
// cannot give a token back, which is what makes successes free.)
type buckets struct {
	burst float64
	every time.Duration // one token comes back
	m     map[string]*bucket
}

type bucket struct {
	of     *buckets
	tokens float64
	at     time.Time
}

// at finds the bucket of key, filled up to now.
func (bs *buckets) at(key string, now time.Time) *bucket {
	b := bs.m[key]
	if b == nil {
		if len(bs.m) >= maxBuckets {
			bs.shrink(now)
		}
		if bs.m == nil {
			bs.m = map[string]*bucket{}
		}
		b = &bucket{of: bs, tokens: bs.burst, at: now}
		bs.m[strings.Clone(key)] = b // key may be a piece of a whole request
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(bs.burst, b.tokens+float64(passed)/float64(bs.every))
		b.at = now
	}
	return b
}

// shrink drops the buckets that are full again, and if that is not enough
// whichever come first, down to three quarters.
func (bs *buckets) shrink(now time.Time) {
	for key, b := range bs.m {
		if b.tokens+float64(now.Sub(b.at))/float64(bs.every) >= bs.burst {
			delete(bs.m, key)
		}
	}
	for key := range bs.m {
		if len(bs.m) <= maxBuckets*3/4 {
			return
		}
		delete(bs.m, key)
	}
}

// wait is how long until the bucket holds a token; 0 when it does.
func (b *bucket) wait() time.Duration {
	if b.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - b.tokens) * float64(b.of.every))
}
