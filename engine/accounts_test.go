package engine

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const (
	goodPassword = "correct horse battery"
	eveSignsUp   = `{"email":" Eve@Example.org","name":"Eve","password":"correct horse battery"}`
)

// signup makes an account and gives its token.
func (w *workshop) signup(body string) (token string, account map[string]any) {
	w.Helper()
	res, err := w.e.Signup(w.Context(), []byte(body), "192.0.2.1:1000")
	if err != nil {
		w.Fatal(err)
	}
	got := object(w, res.Body)
	token, _ = got["token"].(string)
	account, _ = got["account"].(map[string]any)
	return token, account
}

// login signs Eve in.
func (w *workshop) login(password, client string) (string, error) {
	w.Helper()
	res, err := w.e.Login(w.Context(), fmt.Appendf(nil, `{"email":"EVE@example.org ","password":%q}`, password), client)
	if err != nil {
		return "", err
	}
	return object(w, res.Body)["token"].(string), nil
}

func (w *workshop) identify(token string) (*auth.Principal, error) {
	w.Helper()
	return w.e.auth.Identify(w.Context(), "Bearer "+token)
}

// known is a token's principal; it must be a good one.
func (w *workshop) known(token string) *auth.Principal {
	w.Helper()
	who, err := w.identify(token)
	if err != nil {
		w.Fatal(err)
	}
	return who
}

func TestSignup(t *testing.T) {
	w := openWorkshop(t)
	token, account := w.signup(eveSignsUp)
	if account["email"] != "eve@example.org" || account["role"] != "guest" || account["name"] != "Eve" || !strings.HasPrefix(token, "ms_") {
		t.Errorf("%s %v", token, account)
	}
	if _, shown := account["pin"]; shown {
		t.Error("a hidden field is shown")
	}
	eve := w.known(token)
	if eve.Caller.ID.String() != account["id"] || eve.Caller.Record["name"] != "Eve" {
		t.Errorf("%+v", eve.Caller)
	}
	me, err := w.e.Me(t.Context(), eve)
	if err != nil || object(w, me.Body)["account"].(map[string]any)["id"] != account["id"] {
		t.Errorf("%s, %v", me.Body, err)
	}

	now := value.NewID(w.now).String()
	for _, tt := range []struct{ name, body, want string }{
		{"no password", `{"email":"x@example.org","name":"X"}`, "validation #/password:required"},
		{"a short one and other faults", `{"email":"x","name":"","password":"short"}`, "validation #/password:min #/email:format #/name:min"},
		{"a long one", fmt.Sprintf(`{"email":"x@example.org","name":"X","password":%q}`, strings.Repeat("x", 129)), "validation #/password:max"},
		{"everybody's", `{"email":"x@example.org","name":"X","password":"Password12345"}`, "validation #/password:common"},
		{"the address itself", `{"email":"xavier@example.org","name":"X","password":"Xavier@example.org"}`, "validation #/password:common"},
		{"NUL in it", `{"email":"x@example.org","name":"X","password":"correct\u0000horse battery"}`, "malformed-json"},
		{"a number", `{"email":"x@example.org","name":"X","password":123456789012}`, "validation #/password:type"},
		{"a role", `{"email":"x@example.org","name":"X","password":"correct horse battery","role":"admin"}`, "validation #/role:readonly"},
		{"an id", fmt.Sprintf(`{"email":"x@example.org","name":"X","password":"correct horse battery","id":%q}`, now), "validation #/id:readonly"},
		{"the id of somebody else", fmt.Sprintf(`{"email":"x@example.org","name":"X","password":"correct horse battery","id":%q}`, w.ann.Caller.ID), "validation #/id:readonly"},
		{"what there is not", `{"email":"x@example.org","name":"X","password":"correct horse battery","email_verified":true}`, "unknown-field #/email_verified:unknown"},
		{"what only admins may write", `{"email":"x@example.org","name":"X","password":"correct horse battery","badge":"gold"}`, "forbidden #/badge:forbidden"},
		{"an address that is taken", `{"email":"ann@example.org","name":"X","password":"correct horse battery"}`, "unique-violation #/email:unique"},
		{"no object", `[]`, "validation #:type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.e.Signup(t.Context(), []byte(tt.body), "198.51.100.7:1")
			if got := refusalText(err); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
	if got := w.total(w.adi, "User"); got != `{"total":5}` {
		t.Errorf("accounts: %s", got)
	}
}

func TestSignupAsTheContractAllows(t *testing.T) {
	text := readFile(t, "testdata/workshop.yaml")
	for _, mode := range []string{"closed", "invited"} {
		w := openEmpty(t, strings.Replace(text, "signup: open", "signup: "+mode, 1))
		if _, err := w.e.Signup(t.Context(), []byte(eveSignsUp), "192.0.2.1"); problem.KindOf(err) != problem.Forbidden {
			t.Errorf("%s: %v", mode, err)
		}
	}
	w := openEmpty(t, "mainstay: 1\nname: none\nresources:\n  Note:\n    fields: {text: string 1..20}\n    access: {all: true}\n")
	if _, err := w.e.Signup(t.Context(), []byte(eveSignsUp), "192.0.2.1"); problem.KindOf(err) != problem.NotFound {
		t.Error(err)
	}
	if _, err := w.e.Login(t.Context(), []byte(`{}`), "192.0.2.1"); problem.KindOf(err) != problem.NotFound {
		t.Error(err)
	}
	if _, err := w.identify("ms_" + strings.Repeat("A", 43)); problem.KindOf(err) != problem.Unauthenticated {
		t.Error(err)
	}
}

func TestSessions(t *testing.T) {
	w := openWorkshop(t)
	first, account := w.signup(eveSignsUp)
	second, err := w.login(goodPassword, "192.0.2.1:2000")
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("a new session has the old token")
	}
	w.known(first)
	w.known(second)

	t.Run("signing out ends one session at once", func(t *testing.T) {
		if _, err := w.e.Logout(t.Context(), w.known(first)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.identify(first); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
		w.known(second)
	})
	t.Run("only somebody who is signed in can sign out or ask who they are", func(t *testing.T) {
		if _, err := w.e.Logout(t.Context(), auth.Nobody); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
		if _, err := w.e.Me(t.Context(), auth.Nobody); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
	})
	t.Run("it ends after twelve hours", func(t *testing.T) {
		w.now = w.now.Add(12*time.Hour - time.Second)
		w.known(second)
		w.now = w.now.Add(2 * time.Second)
		if _, err := w.identify(second); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
	})
	t.Run("what changes in the account is known at once", func(t *testing.T) {
		third, err := w.login(goodPassword, "192.0.2.1:2000")
		if err != nil {
			t.Fatal(err)
		}
		w.ok(w.known(third), "PATCH /users/"+account["id"].(string), `{"name":"Eva"}`)
		if got := w.known(third).Caller.Record["name"]; got != "Eva" {
			t.Error(got)
		}
		// Past Mainstay: known after a second.
		id, _ := value.ParseID(account["id"].(string))
		w.column("User", id, "name", "Evi")
		w.now = w.now.Add(time.Second)
		if got := w.known(third).Caller.Record["name"]; got != "Evi" {
			t.Error(got)
		}
	})
	t.Run("a new password ends all of them, and all keys", func(t *testing.T) {
		fourth, err := w.login(goodPassword, "192.0.2.1:2000")
		if err != nil {
			t.Fatal(err)
		}
		other, err := w.login(goodPassword, "192.0.2.1:2000")
		if err != nil {
			t.Fatal(err)
		}
		eve := w.known(fourth)
		key := w.key(eve, `{"name":"k"}`)
		w.known(key)
		res, err := w.e.ChangePassword(t.Context(), eve, []byte(`{"password":"correct horse battery","new_password":"another horse battery"}`), "192.0.2.1:2000")
		if err != nil {
			t.Fatal(err)
		}
		w.known(object(w, res.Body)["token"].(string))
		for _, token := range []string{fourth, other, key} {
			if _, err := w.identify(token); problem.KindOf(err) != problem.Unauthenticated {
				t.Error(err)
			}
		}
		if _, err := w.login(goodPassword, "192.0.2.1:2000"); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
	})
	t.Run("a deleted account is nobody, and a new one with its address is somebody else", func(t *testing.T) {
		fifth, err := w.login("another horse battery", "192.0.2.1:2000")
		if err != nil {
			t.Fatal(err)
		}
		eve := w.known(fifth)
		key := w.key(eve, `{"name":"k"}`)
		w.known(key)
		w.ok(eve, "DELETE /users/"+eve.Caller.ID.String(), "")
		w.signup(eveSignsUp)
		for _, token := range []string{fifth, key} {
			if _, err := w.identify(token); problem.KindOf(err) != problem.Unauthenticated {
				t.Error(err)
			}
		}
		if _, err := w.login("another horse battery", "192.0.2.1:2000"); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
	})
}

// column sets a column past everything, as somebody with the database's shell would.
func (w *workshop) column(resource string, id value.UUID, name string, v any) {
	w.Helper()
	t := w.e.table(w.set.Resource(resource))
	f := t.r.Field(name)
	q := &query.Update{Table: query.Table{Name: t.r.Table, Alias: 1},
		Set:   []query.Assign{{Column: named(f), Value: query.Param{Slot: 1, Type: f.Type.Value}}},
		Where: equals(idColumn(t.r, 1), query.Param{Slot: 0, Type: uuidType})}
	err := w.db.InTx(w.Context(), store.Write, nil, func(tx store.Tx) error {
		n, err := tx.Update(w.Context(), q, []any{id, v})
		if err == nil && n != 1 {
			err = fmt.Errorf("%d rows changed", n)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func TestLogin(t *testing.T) {
	w := openWorkshop(t)
	w.signup(eveSignsUp)
	fails := func(body string) error {
		t.Helper()
		_, err := w.e.Login(t.Context(), []byte(body), "203.0.113.9:1")
		if err == nil {
			t.Fatal("signed in")
		}
		return err
	}
	wrong := fails(`{"email":"eve@example.org","password":"correct horse batterx"}`)
	unknown := fails(`{"email":"nobody@example.org","password":"correct horse battery"}`)
	if wrong.Error() != unknown.Error() || problem.KindOf(wrong) != problem.Unauthenticated {
		t.Errorf("told apart: %v, %v", wrong, unknown)
	}
	without := fails(`{"email":"ann@example.org","password":"correct horse battery"}`) // an account without a password
	if without.Error() != wrong.Error() {
		t.Error(without)
	}
	for _, tt := range []struct{ body, want string }{
		{`{"email":"eve@example.org"}`, "validation #/password:required"},
		{`{"email":{"$ne":null},"password":{"$ne":null}}`, "validation #/email:type #/password:type"},
		{`{"email":"eve@example.org","password":"x","admin":true}`, "unknown-field #/admin:unknown"},
		{`[]`, "validation #:type"},
		{`{`, "malformed-json"},
	} {
		if got := refusalText(fails(tt.body)); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.body, got, tt.want)
		}
	}
}

// An unknown address costs the work of a wrong password, so that the time of the
// answer does not tell them apart. Argon2's memory shows that it ran.
func TestLoginOfUnknownAddressDoesTheWork(t *testing.T) {
	w := openWorkshop(t)
	w.signup(eveSignsUp)
	for _, email := range []string{"eve@example.org", "nobody@example.org", "ann@example.org", "no address"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := w.e.Login(t.Context(), fmt.Appendf(nil, `{"email":%q,"password":"wrong horse battery"}`, email), "203.0.113.5")
		runtime.ReadMemStats(&after)
		if problem.KindOf(err) != problem.Unauthenticated {
			t.Fatal(err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used < 19456<<10 {
			t.Errorf("%s: the hash was not computed: %d bytes were used", email, used)
		}
	}
}

func TestChangePassword(t *testing.T) {
	w := openWorkshop(t)
	token, _ := w.signup(eveSignsUp)
	eve := w.known(token)
	change := func(who *auth.Principal, body string) string {
		t.Helper()
		_, err := w.e.ChangePassword(t.Context(), who, []byte(body), "203.0.113.20")
		if err == nil {
			t.Fatalf("changed by %s", body)
		}
		return refusalText(err)
	}
	const good = `{"password":"correct horse battery","new_password":"another horse battery"}`
	for _, tt := range []struct {
		name string
		who  *auth.Principal
		body string
		want string
	}{
		{"nobody", auth.Nobody, good, "unauthenticated"},
		{"an API key", w.known(w.key(eve, `{"name":"k"}`)), good, "forbidden"},
		{"nothing", eve, `{}`, "validation #/password:required #/new_password:required"},
		{"a weak one", eve, `{"password":"x","new_password":"short"}`, "validation #/new_password:min"},
		{"the address", eve, `{"password":"x","new_password":"Eve@Example.org"}`, "validation #/new_password:common"},
		{"something else", eve, `{"password":"x","new_password":"another horse battery","email":"x@example.org"}`, "unknown-field #/email:unknown"},
		{"a wrong one", eve, `{"password":"wrong","new_password":"another horse battery"}`, "validation #/password:wrong"},
	} {
		if got := change(tt.who, tt.body); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	w.known(token)
	guesses := 0
	for change(eve, `{"password":"wrong","new_password":"another horse battery"}`) == "validation #/password:wrong" {
		if guesses++; guesses > 5 {
			t.Fatal("who took over a session may guess on")
		}
	}
}

// Two changes at one time: the second one's session has ended.
func TestChangePasswordCountsOnce(t *testing.T) {
	w := openWorkshop(t)
	token, _ := w.signup(eveSignsUp)
	eve := w.known(token)
	if _, err := w.e.renew(t.Context(), w.e.begin(eve), "a hash", 2); err != nil {
		t.Fatal(err)
	}
	if _, err := w.e.renew(t.Context(), w.e.begin(eve), "another hash", 2); problem.KindOf(err) != problem.Unauthenticated {
		t.Error(err)
	}
}

func TestLoginIsLimited(t *testing.T) {
	w := openWorkshop(t)
	w.signup(eveSignsUp)
	heard := 0
	for i := range 20 {
		_, err := w.e.Login(t.Context(), fmt.Appendf(nil, `{"email":%q,"password":"wrong horse battery"}`, strings.Repeat(" ", i%3)+"Eve@example.ORG"), fmt.Sprintf("198.51.100.1:%d", i))
		switch problem.KindOf(err) {
		case problem.Unauthenticated:
			heard++
		case problem.QuotaExceeded:
			if p := err.(*problem.Error); p.RetryAfter <= 0 {
				t.Error("how long to wait is not said")
			}
		default:
			t.Fatal(err)
		}
	}
	if heard > 5 {
		t.Errorf("%d of 20 guesses were heard", heard)
	}
	if _, err := w.login(goodPassword, "198.51.100.1:9"); problem.KindOf(err) != problem.QuotaExceeded {
		t.Errorf("the guesser: %v", err)
	}
	if _, err := w.login(goodPassword, "192.0.2.55:9"); err != nil {
		t.Errorf("the owner from a new address: %v", err)
	}
}

// key makes an API key.
func (w *workshop) key(who *auth.Principal, body string) string {
	w.Helper()
	res, err := w.e.CreateKey(w.Context(), who, []byte(body))
	if err != nil {
		w.Fatal(err)
	}
	return object(w, res.Body)["key"].(string)
}

func TestKeys(t *testing.T) {
	w := openWorkshop(t)
	token, _ := w.signup(eveSignsUp)
	eve := w.known(token)
	all := w.key(eve, `{"name":"everything"}`)
	some := w.key(eve, `{"name":"meters only","scopes":["meters:read","meters:write"]}`)
	if !strings.HasPrefix(all, "mk_") {
		t.Error(all)
	}
	list, err := w.e.ListKeys(t.Context(), eve)
	if err != nil {
		t.Fatal(err)
	}
	items := object(w, list.Body)["items"].([]any)
	if len(items) != 2 || strings.Contains(string(list.Body), all) || !strings.HasPrefix(all, items[0].(map[string]any)["prefix"].(string)) {
		t.Errorf("%s", list.Body)
	}
	if got := fmt.Sprint(items[0].(map[string]any)["scopes"], items[1].(map[string]any)["scopes"]); got != "<nil> [meters:read meters:write]" {
		t.Error(got)
	}

	t.Run("scopes limit a key", func(t *testing.T) {
		who := w.known(some)
		id := w.id(who, "POST /meters", `{"name":"by key"}`)
		w.ok(who, "GET /meters/"+id, "")
		if got := w.no(who, "POST /teams", `{"name":"n","slug":"s"}`); got != "forbidden" {
			t.Error(got)
		}
		w.ok(w.known(all), "POST /teams", `{"name":"n","slug":"s"}`)
	})
	t.Run("a key makes no keys and withdraws none", func(t *testing.T) {
		for _, key := range []string{all, some} {
			who := w.known(key)
			if _, err := w.e.CreateKey(t.Context(), who, []byte(`{"name":"more","scopes":["read","write"]}`)); problem.KindOf(err) != problem.Forbidden {
				t.Error(err)
			}
			if _, err := w.e.DeleteKey(t.Context(), who, items[0].(map[string]any)["id"].(string)); problem.KindOf(err) != problem.Forbidden {
				t.Error(err)
			}
			if _, err := w.e.Logout(t.Context(), who); problem.KindOf(err) != problem.Forbidden {
				t.Error(err)
			}
		}
		if _, err := w.e.ListKeys(t.Context(), w.known(some)); problem.KindOf(err) != problem.Forbidden {
			t.Error(err)
		}
		if _, err := w.e.Me(t.Context(), w.known(some)); problem.KindOf(err) != problem.Forbidden {
			t.Error(err)
		}
	})
	t.Run("faults", func(t *testing.T) {
		for _, tt := range []struct{ body, want string }{
			{`{}`, "validation #/name:required"},
			{`{"name":""}`, "validation #/name:max"},
			{`{"name":"a\nb","scopes":[]}`, "validation #/name:format #/scopes:type"},
			{`{"name":"k","scopes":["admin","meters:all","nothing:read","sealeds:read",1,"read"]}`,
				"validation #/scopes/0:enum #/scopes/1:enum #/scopes/2:enum #/scopes/3:enum #/scopes/4:enum"},
			{`{"name":"k","account":"x"}`, "unknown-field #/account:unknown"},
			{`{`, "malformed-json"},
		} {
			_, err := w.e.CreateKey(t.Context(), eve, []byte(tt.body))
			if got := refusalText(err); got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.body, got, tt.want)
			}
		}
	})
	t.Run("somebody else's key is not there", func(t *testing.T) {
		other, _ := w.signup(strings.Replace(eveSignsUp, " Eve@", "finn@", 1))
		bob := w.known(other)
		if _, err := w.e.DeleteKey(t.Context(), bob, items[0].(map[string]any)["id"].(string)); problem.KindOf(err) != problem.NotFound {
			t.Error(err)
		}
		if _, err := w.e.CreateKey(t.Context(), auth.Nobody, []byte(`{"name":"k"}`)); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
	})
	t.Run("a withdrawn key ends at once", func(t *testing.T) {
		w.known(all)
		if _, err := w.e.DeleteKey(t.Context(), eve, items[0].(map[string]any)["id"].(string)); err != nil {
			t.Fatal(err)
		}
		if _, err := w.identify(all); problem.KindOf(err) != problem.Unauthenticated {
			t.Error(err)
		}
		w.known(some)
	})
	t.Run("an account may have a hundred", func(t *testing.T) {
		for i := range maxKeys - 1 {
			w.key(eve, fmt.Sprintf(`{"name":"key %d"}`, i))
		}
		if _, err := w.e.CreateKey(t.Context(), eve, []byte(`{"name":"one more"}`)); problem.KindOf(err) != problem.Validation {
			t.Error(err)
		}
	})
}

func TestSecretsAreHashedAtRest(t *testing.T) {
	w := openWorkshop(t)
	token, _ := w.signup(eveSignsUp)
	key := w.key(w.known(token), `{"name":"k"}`)
	for _, table := range []struct {
		name    string
		columns []query.Named
	}{
		{"mainstay_sessions", addSession.Columns}, {"mainstay_keys", addAPIKey.Columns}, {"mainstay_credentials", addCredentials.Columns},
	} {
		q := &query.Select{From: query.Table{Name: table.name, Alias: 1}, Columns: selectNamed(table.columns)}
		err := w.db.InTx(t.Context(), store.Snapshot, nil, func(tx store.Tx) error {
			for row, err := range tx.Select(t.Context(), q, nil) {
				if err != nil {
					return err
				}
				for i := range q.Columns {
					text := string(row.AppendJSON(nil, i))
					for _, secret := range []string{token[3:], key[12:], goodPassword} {
						if strings.Contains(text, secret) {
							t.Errorf("%s.%s holds a secret", table.name, table.columns[i].Name)
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
