package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
)

func TestAction(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(`"price":"1.00","effort":30`)
	hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann"}`, w.rivals))
	act := "POST /tasks/" + id
	w.refuses(w.ann, []refusalCase{
		{"the wrong state", act + "/finish", `{"verdict":"fine"}`, "state-conflict"},
		{"an action that is not there", act + "/explode", ``, "not-found"},
		{"a record of others", "POST /tasks/" + hidden + "/start", ``, "not-found"},
		{"input that it does not take", act + "/start", `{"state":"done"}`, "unknown-field #/state:unknown"},
		{"missing and wrong input", act + "/finish", `{"verdict":"","level":"x","by":1,"more":1}`, "validation #/verdict:min #/by:type #/level:enum #/more:unknown"},
		{"no input", act + "/finish", ``, "validation #/verdict:required"},
		{"input that is no JSON", act + "/finish", `x`, "malformed-json"},
		{"a reference in the input to what cannot be read", act + "/finish", fmt.Sprintf(`{"verdict":"ok","by":%q}`, w.cid.Caller.ID), "validation #/by:reference"},
	})
	if _, err := w.do(w.ann, act+"/finish", `{"verdict":"fine"}`); !strings.Contains(err.Error(), "state is draft; this is possible only when it is open") {
		t.Errorf("the states are not named: %v", err)
	}
	if got := w.no(auth.Nobody, act+"/start", ""); got != "unauthenticated" {
		t.Error(got)
	}
	got := w.ok(w.bob, act+"/start", "")
	if got["state"] != "open" || got["price"] != nil {
		t.Errorf("%v", got)
	}
	if got := w.no(w.bob, act+"/finish", `{"verdict":"fine"}`); got != "forbidden" {
		t.Errorf("an action that only leads may do: %s", got)
	}
	if got := w.no(w.bob, act+"/start", ""); got != "state-conflict" {
		t.Errorf("twice: %s", got)
	}
}

func TestActionSets(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(`"price":"1.00","effort":30`)
	act := "POST /tasks/" + id
	if got := w.ok(w.ann, act+"/reset", ""); got["effort"] != 90.0 {
		t.Errorf("effort is %v", got["effort"])
	}
	_, err := w.do(w.ann, act+"/reset", "")
	if got := refusalText(err); got != "validation" || !strings.Contains(err.Error(), "effort must be at most 100") {
		t.Errorf("a result out of bounds: %v", err)
	}
	w.ok(w.ann, act+"/start", "")
	if got := w.no(w.ann, act+"/finish", fmt.Sprintf(`{"verdict":%q}`, strings.Repeat("x", 11))); got != "validation" {
		t.Errorf("a result that is too long: %s", got)
	}
	got := w.ok(w.ann, act+"/finish", `{"verdict":"fine"}`)
	if got["state"] != "done" || got["verdict"] != "fine" || got["done_at"] != "2026-11-22T12:00:00.000Z" {
		t.Errorf("%v", got)
	}
	if got := w.no(w.ann, "PATCH /tasks/"+id, `{"title":"after all"}`); got != "forbidden" {
		t.Errorf("an action must not need update, and update not what the action does: %s", got)
	}
}
