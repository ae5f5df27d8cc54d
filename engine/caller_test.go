package engine

import (
	"strings"
	"testing"

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
