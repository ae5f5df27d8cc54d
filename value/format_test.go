package value

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// emailForm is how HTML writes down what a valid e-mail address is.
var emailForm = regexp.MustCompile(`^[a-z0-9.!#$%&'*+/=?^_{|}~` + "`" + `-]{1,64}@[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

func FuzzEmailIsThatOfHTML(f *testing.F) {
	for _, s := range []string{
		"", "@", "a@", "@a", "a@b", "a@b.c", "a@b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-", "a@b-c", "A@b", "a@B", "é@b", "a@é", "a b@c", "a@b c", "a@b\n", "\xff@b", "{|}~`@x",
		strings.Repeat("a", 64) + "@b", strings.Repeat("a", 65) + "@b", "a@" + strings.Repeat("b", 63), "a@" + strings.Repeat("b", 64),
	} {
		f.Add(s)
	}
	r := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a", "9", "-", ".", "@", "+", "_", "é", " ", strings.Repeat("x", 31), "\n", "A"}
	for range 5000 {
		var b strings.Builder
		for range r.IntN(9) {
			b.WriteString(parts[r.IntN(len(parts))])
		}
		f.Add(b.String())
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := isEmail(s), emailForm.MatchString(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	})
}
