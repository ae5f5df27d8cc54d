package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

func TestDelete(t *testing.T) {
	w := openWorkshop(t)
	id := w.task("")
	hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann"}`, w.rivals))
	if got := w.no(auth.Nobody, "DELETE /tasks/"+id, ""); got != "unauthenticated" {
		t.Error(got)
	}
	w.refuses(w.bob, []refusalCase{
		{"who may not", "DELETE /tasks/" + id, "", "forbidden"},
		{"what he cannot read", "DELETE /tasks/" + hidden, "", "not-found"},
		{"what is not there", "DELETE /tasks/" + value.NewID(w.now).String(), "", "not-found"},
		{"a parameter", "DELETE /tasks/" + id + "?filter=true", "", "unknown-parameter filter:unknown-parameter"},
	})
	child := w.task(fmt.Sprintf(`"parent":%q`, id))
	if got := w.no(w.ann, "DELETE /tasks/"+id, ""); got != "reference-violation" {
		t.Errorf("a record that others refer to: %s", got)
	}
	res, err := w.do(w.ann, "DELETE /tasks/"+child, "")
	if err != nil || res.Body != nil || res.Created != "" {
		t.Errorf("%+v, %v", res, err)
	}
	w.ok(w.ann, "DELETE /tasks/"+id, "")
	if got := w.no(w.ann, "DELETE /tasks/"+id, ""); got != "not-found" {
		t.Errorf("twice: %s", got)
	}
	search, err := w.e.Do(t.Context(), w.ann, &Operation{Kind: Count, Resource: w.set.Resource("Task"), Query: Query{Search: "saw"}})
	if err != nil || string(search.Body) != `{"total":0}` {
		t.Errorf("search still finds it: %s, %v", search.Body, err)
	}
}

func TestDeleteClearsAndCascades(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(fmt.Sprintf(`"assignee":%q`, w.bob.Caller.ID))
	before, err := w.do(w.ann, "GET /tasks/"+id, "")
	if err != nil {
		t.Fatal(err)
	}
	w.ok(w.bob, "DELETE /users/"+w.bob.Caller.ID.String(), "")
	after, err := w.do(w.ann, "GET /tasks/"+id, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := object(w, after.Body); got["assignee"] != nil {
		t.Errorf("the reference is still there: %v", got)
	}
	if before.ETag == after.ETag {
		t.Error("a cleared reference did not move the entity tag")
	}
	if got := w.total(w.ann, "Membership"); got != `{"total":1}` {
		t.Errorf("memberships left: %s", got)
	}
}

// A refused delete is the same whether or not the caller can see what refers to
// the record.
func TestDeleteDoesNotSayWhatRefers(t *testing.T) {
	w := openEmpty(t, `
mainstay: 1
name: depot
accounts: {resource: User, signup: open}
resources:
  User:
    fields: {email: email unique, role: enum guest|admin = guest readonly}
    access: {read: id == caller.id}
  Box:
    fields: {name: string 1..20}
    access: {all: true}
  Content:
    fields: {box: Box, what: string 1..20}
    access:
      create: true
      read:   caller.role == "admin"
`)
	box := w.id(auth.Nobody, "POST /boxes", `{"name":"a"}`)
	w.id(auth.Nobody, "POST /contents", fmt.Sprintf(`{"box":%q,"what":"gold"}`, box))
	_, err := w.do(auth.Nobody, "DELETE /boxes/"+box, "")
	if got := refusalText(err); got != "reference-violation" {
		t.Fatal(got)
	}
	var p *problem.Error
	if !errors.As(err, &p) || p.Detail != "other records refer to this one" || len(p.Fields) > 0 {
		t.Errorf("%+v", p)
	}
}

// Two ways lead from an album to its prints; both are followed.
func TestDeleteMovesTheTagOfWhatItClearsAlongEveryWay(t *testing.T) {
	w := openEmpty(t, `
mainstay: 1
name: album
resources:
  Album:
    fields: {name: string 1..20}
    access: {all: true}
  Print:
    fields:
      first:  Album optional on delete cascade
      second: Album optional on delete cascade
    access: {all: true}
  Label:
    fields:
      print: Print optional on delete clear
    access: {all: true}
`)
	for _, way := range []string{"first", "second"} {
		album := w.id(auth.Nobody, "POST /albums", `{"name":"Summer"}`)
		print := w.id(auth.Nobody, "POST /prints", fmt.Sprintf(`{%q:%q}`, way, album))
		label := w.id(auth.Nobody, "POST /labels", fmt.Sprintf(`{"print":%q}`, print))
		before, err := w.do(auth.Nobody, "GET /labels/"+label, "")
		if err != nil {
			t.Fatal(err)
		}
		w.ok(auth.Nobody, "DELETE /albums/"+album, "")
		after, err := w.do(auth.Nobody, "GET /labels/"+label, "")
		if err != nil {
			t.Fatal(err)
		}
		if string(before.Body) == string(after.Body) || before.ETag == after.ETag {
			t.Errorf("by %s: %s %s, then %s %s", way, before.ETag, before.Body, after.ETag, after.Body)
		}
	}
}
