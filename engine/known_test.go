package engine

import (
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

const wards = `mainstay: 1
name: wards
accounts: {resource: User, signup: closed}
resources:
  User:
    fields:
      email: email unique personal
      role:  enum nurse|guest
    access:
      read: true
      update: caller != null
  Note:
    fields:
      text: string 1..50 unique
      hand: string ..20 optional
    access:
      read:   true
      create: caller.role == 'nurse'
      update: caller.role == 'nurse'
`

// A write that is one statement requires by itself that its caller is still who was
// identified; what is refused, or changes nothing, is asked for.
func TestSingleWritesOfSomebodyWhoHasChanged(t *testing.T) {
	w := openEmpty(t, wards)
	boss := w.account("boss", "nurse")
	for i, tt := range []struct {
		was, is string
		line    string // of /notes; %s is a note
		body    string
		want    string
	}{
		{"nurse", "nurse", "POST /notes", `{"text":"a"}`, ""},
		{"nurse", "guest", "POST /notes", `{"text":"b"}`, "forbidden"},
		{"guest", "guest", "POST /notes", `{"text":"d"}`, "forbidden"},
		{"nurse", "nurse", "PATCH /notes/%s", `{"text":"e"}`, ""},
		{"nurse", "guest", "PATCH /notes/%s", `{"text":"f"}`, "forbidden"},
		{"nurse", "guest", "PATCH /notes/%s", `{"hand":null}`, "forbidden"}, // which it is already
		{"nurse", "nurse", "POST /notes", `{"text":"taken"}`, "unique-violation #/text:unique"},
		{"nurse", "guest", "POST /notes", `{"text":"taken"}`, "forbidden"},
	} {
		who := w.account(fmt.Sprint("user", i), tt.was)
		note := w.id(boss, "POST /notes", fmt.Sprintf(`{"text":"note %d"}`, i))
		if i == 0 {
			w.id(boss, "POST /notes", `{"text":"taken"}`)
		}
		if tt.is != tt.was {
			w.ok(boss, "PATCH /users/"+who.Caller.ID.String(), fmt.Sprintf(`{"role":%q}`, tt.is))
		}
		line := tt.line
		if line != "POST /notes" {
			line = fmt.Sprintf(line, note)
		}
		_, err := w.do(who, line, tt.body)
		got := ""
		if err != nil {
			got = refusalText(err)
		}
		if got != tt.want {
			t.Errorf("%s by a %s who is a %s now: %s %s: %q, want %q", who.Caller.ID, tt.was, tt.is, line, tt.body, got, tt.want)
		}
	}
}

// account makes an account as signing in would give it.
func (w *workshop) account(name, role string) *auth.Principal {
	w.Helper()
	rec := w.put("User", rule.Record{"email": name + "@example.org", "role": role})
	return &auth.Principal{Caller: &rule.Caller{ID: rec["id"].(value.UUID), Record: rec}}
}
