package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// A write may wait long for its turn after its caller was identified.
func TestRightTakenWhileAWriteWaitsDoesNotCount(t *testing.T) {
	w := openWorkshop(t)
	me := "/users/" + w.adi.Caller.ID.String()
	w.ok(w.adi, "PATCH "+me, `{"badge":"gold"}`)
	w.column("User", w.adi.Caller.ID, "role", "guest") // w.adi is still the admin who was identified
	for _, line := range []string{"PATCH " + me, "PATCH /users?max_affected=1&filter=badge == \"gold\""} {
		if got := w.no(w.adi, line, `{"badge":"silver"}`); got != "forbidden #/badge:forbidden" {
			t.Errorf("%s: %s", line, got)
		}
	}
	res, err := w.do(w.adi, "POST /users/batch?atomic=false", `{"operations":[{"update":{"id":"`+w.adi.Caller.ID.String()+`","badge":"silver"}}]}`)
	if err != nil || res.Items[0].Err == nil || !strings.HasPrefix(refusalText(res.Items[0].Err), "forbidden") {
		t.Errorf("member of a bulk: %+v, %v", res, err)
	}
	if got := w.no(w.adi, "POST /batch", `{"operations":[{"method":"PATCH","path":"`+me+`","body":{"badge":"silver"}}]}`); !strings.HasPrefix(got, "forbidden") {
		t.Errorf("in a transaction: %s", got)
	}
	if got := w.ok(w.adi, "PATCH "+me, `{"name":"Adi still"}`); got["name"] != "Adi still" || got["badge"] != "gold" {
		t.Errorf("what may still be done: %v", got)
	}
	w.column("User", w.adi.Caller.ID, "role", "admin") // and a right that was given meanwhile
	w.ok(w.adi, "PATCH "+me, `{"badge":"silver"}`)

	ghost := w.user("ghost", "guest")
	w.drop("User", ghost.Caller.ID)
	if got := w.no(ghost, "POST /meters", `{"name":"by a ghost"}`); got != "unauthenticated" {
		t.Errorf("an account that was deleted: %s", got)
	}
}

// Who was signed out, or whose key was withdrawn, does nothing more, however long
// the request has been waiting.
func TestCredentialsThatEndWhileAWriteWaitsDoNotCount(t *testing.T) {
	w := openWorkshop(t)
	_, account := w.signup(eveSignsUp)
	id, _ := value.ParseID(account["id"].(string))
	login := func() *auth.Principal {
		t.Helper()
		token, err := w.login(goodPassword, "192.0.2.1:2000")
		if err != nil {
			t.Fatal(err)
		}
		return w.known(token)
	}
	stays := login()
	for _, tt := range []struct {
		name string
		who  *auth.Principal
		end  func(who *auth.Principal)
	}{
		{"signed out", login(), func(who *auth.Principal) {
			if _, err := w.e.Logout(t.Context(), who); err != nil {
				t.Fatal(err)
			}
		}},
		{"a key withdrawn", w.known(w.key(stays, `{"name":"k"}`)), func(who *auth.Principal) {
			if _, err := w.e.DeleteKey(t.Context(), stays, who.Key.String()); err != nil {
				t.Fatal(err)
			}
		}},
		{"over", login(), func(*auth.Principal) {
			w.now = w.now.Add(w.e.auth.SessionLife())
		}},
		{"another password", login(), func(*auth.Principal) {
			err := w.db.InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
				_, err := tx.Update(t.Context(), setCredentials, []any{id, "another hash", int64(2), int64(1)})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}},
	} {
		began := w.now
		w.ok(tt.who, "POST /meters", fmt.Sprintf(`{"name":%q}`, tt.name))
		tt.end(tt.who)
		for _, line := range []string{"POST /meters", "PATCH /users/" + id.String()} {
			if got := w.no(tt.who, line, `{"name":"after"}`); got != "unauthenticated" {
				t.Errorf("%s: %s: %s", tt.name, line, got)
			}
		}
		if _, err := w.e.CreateKey(t.Context(), tt.who, []byte(`{"name":"k"}`)); tt.who.Session != "" && refusalText(err) != "unauthenticated" {
			t.Errorf("%s: making a key: %v", tt.name, err)
		}
		if _, err := w.e.DeleteKey(t.Context(), tt.who, id.String()); tt.who.Session != "" && refusalText(err) != "unauthenticated" {
			t.Errorf("%s: withdrawing a key: %v", tt.name, err)
		}
		w.now = began
	}
}

// drop deletes a record past all rules.
func (w *workshop) drop(resource string, id value.UUID) {
	w.Helper()
	err := w.db.InTx(w.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Delete(w.Context(), w.e.table(w.set.Resource(resource)).remove, []any{id})
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}
