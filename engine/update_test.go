package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

func TestPatch(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(`"price":"10.00","effort":5,"note":"old","place":{"city":"Graz","zip":"8010"},"steps":[{"text":"a"},{"text":"b"}],"extra":{"a":1,"b":2}`)
	line := "PATCH /tasks/" + id
	pick := func(got map[string]any, names ...string) map[string]any {
		out := map[string]any{}
		for _, n := range names {
			out[n] = got[n]
		}
		return out
	}

	t.Run("absent leaves, null clears, structs merge, lists and json are replaced", func(t *testing.T) {
		got := w.ok(w.ann, line, `{"note":null,"place":{"zip":null},"steps":[{"text":"c","level":"nice"}],"extra":{"c":3}}`)
		want := map[string]any{
			"title": "Saw wood", "effort": 5.0, "note": nil, "place": map[string]any{"city": "Graz", "zip": nil, "floor": 0.0},
			"steps": []any{map[string]any{"text": "c", "level": "nice", "due": nil}}, "extra": map[string]any{"c": 3.0},
		}
		if diff := cmp.Diff(want, pick(got, "title", "effort", "note", "place", "steps", "extra")); diff != "" {
			t.Error(diff)
		}
		got = w.ok(w.ann, line, `{"steps":null,"extra":null,"place":null}`)
		if diff := cmp.Diff(map[string]any{"steps": []any{}, "extra": nil, "place": nil}, pick(got, "steps", "extra", "place")); diff != "" {
			t.Error(diff)
		}
		if got := w.no(w.ann, line, `{"place":{"zip":"8010"}}`); got != "validation #/place/city:required" {
			t.Errorf("a part of a struct that is not there: %s", got)
		}
		got = w.ok(w.ann, line, `{"place":{"city":"Linz"}}`)
		if diff := cmp.Diff(map[string]any{"city": "Linz", "zip": nil, "floor": 0.0}, got["place"]); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a whole record can be sent back unchanged", func(t *testing.T) {
		before, err := w.do(w.ann, "GET /tasks/"+id, "")
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
		for _, line := range []string{"PATCH /tasks/", "PUT /tasks/"} {
			after, err := w.do(w.ann, line+id, string(before.Body))
			if err != nil {
				t.Fatal(line, err)
			}
			if string(after.Body) != string(before.Body) || after.ETag != before.ETag {
				t.Errorf("%s changed something:\n%s %s\n%s %s", line, before.ETag, before.Body, after.ETag, after.Body)
			}
		}
	})
	t.Run("a member sends back nulls for what he cannot read", func(t *testing.T) {
		before, err := w.do(w.bob, "GET /tasks/"+id, "")
		if err != nil {
			t.Fatal(err)
		}
		changed := strings.Replace(string(before.Body), `"Saw wood"`, `"Saw oak"`, 1)
		got := w.ok(w.bob, "PUT /tasks/"+id, changed)
		if got["title"] != "Saw oak" || got["price"] != nil {
			t.Errorf("%v", got)
		}
		if got := w.ok(w.ann, "GET /tasks/"+id, ""); got["price"] != "10.00" {
			t.Errorf("the price is now %v", got["price"])
		}
	})
	t.Run("the record moves on", func(t *testing.T) {
		before, err := w.do(w.ann, "GET /tasks/"+id, "")
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
		after, err := w.do(w.ann, line, `{"title":"Saw more"}`)
		if err != nil {
			t.Fatal(err)
		}
		old, now := object(w, before.Body), object(w, after.Body)
		if old["updated_at"] == now["updated_at"] || before.ETag == after.ETag || old["created_at"] != now["created_at"] {
			t.Errorf("%s %s\n%s %s", before.ETag, before.Body, after.ETag, after.Body)
		}
	})
	t.Run("a change of what others cannot see moves nothing that they can", func(t *testing.T) {
		before, err := w.do(w.bob, "GET /tasks/"+id, "")
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
		w.ok(w.ann, line, `{"price":"99.00","seen":3}`)
		after, err := w.do(w.bob, "GET /tasks/"+id, "")
		if err != nil {
			t.Fatal(err)
		}
		if string(before.Body) != string(after.Body) || before.ETag != after.ETag {
			t.Errorf("%s %s\n%s %s", before.ETag, before.Body, after.ETag, after.Body)
		}
	})
	t.Run("search finds the new words and not the old", func(t *testing.T) {
		w.ok(w.ann, line, `{"title":"Plane boards"}`)
		for word, want := range map[string]string{"saw": `{"total":0}`, "plane boards": `{"total":1}`} {
			res, err := w.e.Do(t.Context(), w.ann, &Operation{Kind: Count, Resource: w.set.Resource("Task"), Query: Query{Search: word}})
			if err != nil || string(res.Body) != want {
				t.Errorf("%s: %s, %v", word, res.Body, err)
			}
		}
	})
	t.Run("by the key field", func(t *testing.T) {
		if got := w.ok(w.ann, "PATCH /teams/ACME", `{"name":"Acme Inc"}`); got["name"] != "Acme Inc" {
			t.Errorf("%v", got)
		}
	})
}

func TestUpdateRefuses(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(`"price":"10.00","effort":5,"note":"old"`)
	hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann"}`, w.rivals))
	shared := w.task(`"helpers":["` + w.bob.Caller.ID.String() + `"]`)
	line := "PATCH /tasks/" + id
	w.refuses(w.ann, []refusalCase{
		{"a record of others", "PATCH /tasks/" + hidden, `{"title":"Mine now"}`, "not-found"},
		{"a record that is not there", "PATCH /tasks/" + value.NewID(w.now).String(), `{"title":"Mine now"}`, "not-found"},
		{"an address that is no id", "PATCH /tasks/1", `{"title":"Mine now"}`, "not-found"},
		{"faults of the body come first, wherever it goes", "PATCH /tasks/" + hidden, `{"effort":true}`, "validation #/effort:type"},
		{"fixed and readonly fields that change", line, fmt.Sprintf(`{"id":%q,"team":%q,"state":"open","done_at":"2026-11-22T12:00:00Z","created_at":"2026-01-01T00:00:00Z"}`, hidden, w.rivals),
			"validation #/id:readonly #/created_at:readonly #/team:fixed #/state:readonly #/done_at:readonly"},
		{"falsy values are values", line, `{"title":"","urgent":null,"state":null,"team":null}`, "validation #/title:min #/urgent:required"},
		{"falsy values of what cannot change", line, `{"state":null,"team":null,"id":null}`, "validation #/id:readonly #/team:fixed #/state:readonly"},
		{"a check", line, `{"price":null}`, "check-violation #:check"},
		{"a check over a reference", line, fmt.Sprintf(`{"parent":%q}`, hidden), "validation #/parent:reference"},
		{"a new item of a list of references", "PATCH /tasks/" + shared, `{"helpers":["` + w.bob.Caller.ID.String() + `","` + w.cid.Caller.ID.String() + `"]}`, "validation #/helpers/1:reference"},
		{"a hidden field like a misspelt one", "PATCH /teams/acme", `{"secret":"x"}`, "unknown-field #/secret:unknown"},
		{"an unknown parameter", "PATCH /tasks/" + id + "?limit=1", `{}`, "unknown-parameter limit:unknown-parameter"},
		{"an include that is not there", "PATCH /tasks/" + id + "?include=boss", `{"title":"x y z"}`, "invalid-parameter include:unknown"},
	})
	w.refuses(w.bob, []refusalCase{
		{"a field he cannot read here", line, `{"price":"1.00"}`, "validation #/price:unreadable"},
		{"the same with the value that it has", line, `{"price":"10.00"}`, "validation #/price:unreadable"},
		{"a field he can read and not write", line, `{"note":"new"}`, "forbidden #/note:forbidden"},
		{"clearing it", line, `{"note":null}`, "forbidden #/note:forbidden"},
		{"both", line, `{"note":"new","price":"1.00"}`, "validation #/price:unreadable #/note:forbidden"},
		{"a field that depends on the record", line, `{"urgent":true}`, "forbidden #/urgent:forbidden"},
		{"somebody else's team", "PATCH /teams/acme", `{"name":"Bob's"}`, "forbidden"},
	})
	t.Run("a field that depends on the record may be written where its rule holds", func(t *testing.T) {
		w.ok(w.ann, line, fmt.Sprintf(`{"assignee":%q}`, w.bob.Caller.ID))
		if got := w.ok(w.bob, line, `{"urgent":true,"note":"old"}`); got["urgent"] != true {
			t.Errorf("%v", got)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		if got := w.no(auth.Nobody, line, `{"title":"Mine"}`); got != "unauthenticated" {
			t.Error(got)
		}
	})
	t.Run("the rule must hold before", func(t *testing.T) {
		w.ok(w.ann, "POST /tasks/"+shared+"/start", "")
		w.ok(w.ann, "POST /tasks/"+shared+"/finish", `{"verdict":"fine"}`)
		if got := w.no(w.ann, "PATCH /tasks/"+shared, `{"title":"Again"}`); got != "forbidden" {
			t.Error(got)
		}
	})
	t.Run("a rule with old is asked once, about both", func(t *testing.T) {
		meter := w.id(w.ann, "POST /meters", `{"name":"gas","tally":5}`)
		w.ok(w.ann, "PATCH /meters/"+meter, `{"tally":12}`)
		if got := w.no(w.ann, "PATCH /meters/"+meter, `{"tally":13}`); got != "forbidden" {
			t.Error(got)
		}
		if got := w.no(w.ann, "PATCH /meters/"+meter, `{"notes":"nothing counts"}`); got != "forbidden" {
			t.Error(got)
		}
		other := w.id(w.ann, "POST /meters", `{"name":"water","tally":5}`)
		if got := w.no(w.ann, "PATCH /meters/"+other, `{"tally":4}`); got != "forbidden" {
			t.Error(got)
		}
		if got := w.no(w.ann, "PATCH /meters/"+other, `{"name":"gas","tally":4}`); got != "forbidden" {
			t.Errorf("a right comes before a conflict: %s", got)
		}
		if got := w.no(w.ann, "PATCH /meters/"+other, `{"name":"gas"}`); got != "unique-violation #/name:unique" {
			t.Error(got)
		}
	})
	t.Run("a rule that only some may ever write does not stop the others' records", func(t *testing.T) {
		me := "/users/" + w.ann.Caller.ID.String()
		w.ok(w.ann, "PATCH "+me, `{"badge":null,"name":"Ann A"}`)
		if got := w.no(w.ann, "PATCH "+me, `{"badge":"gold"}`); got != "forbidden #/badge:forbidden" {
			t.Error(got)
		}
	})
	t.Run("a hidden field is written and never shown", func(t *testing.T) {
		me := "/users/" + w.ann.Caller.ID.String()
		before, err := w.do(w.ann, "GET "+me, "")
		if err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
		after, err := w.do(w.ann, "PATCH "+me, `{"pin":"1234"}`)
		if err != nil || string(after.Body) != string(before.Body) || after.ETag != before.ETag {
			t.Errorf("%s, %v", after.Body, err)
		}
		if got := w.no(w.ann, "PATCH "+me, `{"pin":"1"}`); got != "validation #/pin:min" {
			t.Error(got)
		}
	})
}

func TestPreconditions(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(`"price":"1.00"`)
	hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann"}`, w.rivals))
	tag := func(who *auth.Principal, id string) string {
		t.Helper()
		res, err := w.do(who, "GET /tasks/"+id, "")
		if err != nil {
			t.Fatal(err)
		}
		return res.ETag
	}
	match := func(tags ...string) func(*Operation) { return func(op *Operation) { op.IfMatch = tags } }
	none := func(tags ...string) func(*Operation) { return func(op *Operation) { op.IfNoneMatch = tags } }

	ann, bob := tag(w.ann, id), tag(w.bob, id)
	w.ok(w.bob, "PATCH /tasks/"+id, `{"effort":1}`, match(`"other"`, bob))
	whole := fmt.Sprintf(`{"team":%q,"title":"abc"}`, w.acme)
	for line, body := range map[string]string{"PATCH": `{"effort":2}`, "PUT": whole, "DELETE": "", "POST": ""} {
		path := " /tasks/" + id
		if line == "POST" {
			path += "/start"
		}
		if got := w.no(w.ann, line+path, body, match(ann)); got != "precondition-failed" {
			t.Errorf("%s with a stale tag: %s", line, got)
		}
	}
	if got := w.no(w.ann, "PATCH /tasks/"+id, `{"effort":2}`, match("W/"+tag(w.ann, id))); got != "precondition-failed" {
		t.Errorf("a weak tag: %s", got)
	}
	w.ok(w.ann, "PATCH /tasks/"+id, `{"effort":2}`, match("*"))

	t.Run("a change that the caller cannot see does not spoil the tag", func(t *testing.T) {
		bob := tag(w.bob, id)
		w.ok(w.ann, "PATCH /tasks/"+id, `{"price":"2.00"}`)
		w.ok(w.bob, "PATCH /tasks/"+id, `{"effort":3}`, match(bob))
	})
	t.Run("a record of others is not there, whatever the tag", func(t *testing.T) {
		right := tag(w.cid, hidden)
		for _, change := range []func(*Operation){match(right), match(`"wrong"`), match("*"), none("*"), none(right)} {
			for _, line := range []string{"PATCH /tasks/", "DELETE /tasks/"} {
				if got := w.no(w.ann, line+hidden, `{}`, change); got != "not-found" {
					t.Errorf("%s: %s", line, got)
				}
			}
		}
		for _, change := range []func(*Operation){match(right), match(`"wrong"`)} {
			if got := w.no(w.ann, "PUT /tasks/"+hidden, fmt.Sprintf(`{"team":%q,"title":"abc"}`, w.acme), change); got != "not-found" {
				t.Errorf("PUT: %s", got)
			}
		}
	})
	t.Run("a collection has no tag", func(t *testing.T) {
		for _, change := range []func(*Operation){match("*"), match(`"r1"`), none("*")} {
			for line, body := range map[string]string{
				"POST /meters": `{"name":"m"}`, "POST /meters/batch": `{"operations":[{"create":{"name":"m"}}]}`,
				"PATCH /meters?filter=true&max_affected=1": `{"tally":1}`, "DELETE /meters?filter=true&max_affected=1": "",
			} {
				if got := w.no(w.ann, line, body, change); got != "precondition-failed" {
					t.Errorf("%s: %s", line, got)
				}
			}
		}
	})
	t.Run("rights come before tags", func(t *testing.T) {
		if got := w.no(w.bob, "DELETE /tasks/"+id, "", match(`"wrong"`)); got != "forbidden" {
			t.Error(got)
		}
	})
}

func TestPut(t *testing.T) {
	w := openWorkshop(t)
	id := w.task(`"price":"10.00","effort":5,"note":"old","urgent":true,"label":"keep","place":{"city":"Graz"},"steps":[{"text":"a"}],"seen":9`)

	t.Run("absent means default or null, and what the caller cannot read or write stays", func(t *testing.T) {
		got := w.ok(w.bob, "PUT /tasks/"+id, `{"title":"Put wood","effort":6}`)
		for name, want := range map[string]any{"title": "Put wood", "effort": 6.0, "note": "old", "urgent": true, "label": "Put wood", "place": nil, "state": "draft", "team": w.acme} {
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
		got = w.ok(w.ann, "PUT /tasks/"+id, `{"title":"Put wood"}`)
		for name, want := range map[string]any{"effort": nil, "note": nil, "urgent": false, "price": nil} {
			if got[name] != want {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
	})
	t.Run("what is required must be there", func(t *testing.T) {
		if got := w.no(w.ann, "PUT /tasks/"+id, `{"effort":null}`); got != "validation #/title:required" {
			t.Error(got)
		}
	})
	fresh := value.NewID(w.now).String()
	t.Run("it makes what is not there", func(t *testing.T) {
		body := fmt.Sprintf(`{"id":%q,"team":%q,"title":"Made by PUT"}`, strings.ToUpper(fresh), w.acme)
		if got := w.id(w.ann, "PUT /tasks/"+fresh, body); got != fresh {
			t.Errorf("made %s, want %s", got, fresh)
		}
		res, err := w.do(w.ann, "PUT /tasks/"+fresh, strings.Replace(body, "Made", "Changed", 1))
		if err != nil || res.Created != "" {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("once only with If-None-Match: *", func(t *testing.T) {
		body := fmt.Sprintf(`{"team":%q,"title":"Made by PUT"}`, w.acme)
		star := func(op *Operation) { op.IfNoneMatch = []string{"*"} }
		if got := w.no(w.ann, "PUT /tasks/"+fresh, body, star); got != "precondition-failed" {
			t.Error(got)
		}
		w.ok(w.ann, "PUT /tasks/"+value.NewID(w.now).String(), body, star)
	})
	t.Run("by the key field", func(t *testing.T) {
		made := w.id(w.bob, "PUT /teams/bobs", `{"name":"Bob's"}`)
		if got := w.ok(w.bob, "GET /teams/bobs", ""); got["id"] != made || got["slug"] != "bobs" {
			t.Errorf("%v", got)
		}
		if got := w.no(w.bob, "PUT /teams/more", `{"name":"More","slug":"less"}`); got != "validation #/slug:fixed" {
			t.Error(got)
		}
	})
	t.Run("an address that no client may choose", func(t *testing.T) {
		old := value.NewID(w.now.Add(-48 * time.Hour)).String()
		if got := w.no(w.ann, "PUT /tasks/"+old, fmt.Sprintf(`{"team":%q,"title":"abc"}`, w.acme)); got != "not-found" {
			t.Error(got)
		}
	})
	t.Run("a record of others is a conflict and is not touched", func(t *testing.T) {
		hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann"}`, w.rivals))
		if got := w.no(w.ann, "PUT /tasks/"+hidden, fmt.Sprintf(`{"team":%q,"title":"Taken over"}`, w.acme)); got != "unique-violation #/id:unique" {
			t.Error(got)
		}
		if got := w.ok(w.cid, "GET /tasks/"+hidden, ""); got["title"] != "Not for Ann" {
			t.Errorf("%v", got)
		}
		if got := w.no(w.bob, "PUT /teams/rivals", `{"name":"Bob's"}`); got != "unique-violation #/slug:unique" {
			t.Error(got)
		}
	})
	t.Run("by somebody who may create and not update", func(t *testing.T) {
		c := openEmpty(t, `
mainstay: 1
name: log
resources:
  Entry:
    fields: {text: string 1..20}
    access: {read: true, create: true}
`)
		id := value.NewID(c.now).String()
		c.ok(auth.Nobody, "PUT /entries/"+id, `{"text":"one"}`)
		if got := c.no(auth.Nobody, "PUT /entries/"+id, `{"text":"two"}`); got != "unauthenticated" {
			t.Error(got)
		}
		if got := c.no(auth.Nobody, "PATCH /entries/"+id, `{"text":"two"}`); got != "unauthenticated" {
			t.Error(got)
		}
	})
}

func TestUpdateMovesOnlyOnce(t *testing.T) {
	w := openWorkshop(t)
	id := w.id(w.ann, "POST /meters", `{"name":"steps"}`)
	res, err := w.do(w.ann, "GET /meters/"+id, "")
	if err != nil {
		t.Fatal(err)
	}
	// Two writers with one tag: exactly one wins.
	results := make(chan error, 2)
	for i := range 2 {
		go func() {
			_, err := w.do(w.ann, "PATCH /meters/"+id, fmt.Sprintf(`{"tally":%d}`, i+1), func(op *Operation) { op.IfMatch = []string{res.ETag} })
			results <- err
		}()
	}
	won := 0
	for range 2 {
		if err := <-results; err == nil {
			won++
		} else if problem.KindOf(err) != problem.PreconditionFailed {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers won", won)
	}
}

// What judges the record as it will be sees the time that it will have, whether the
// evaluator or the database decides.
func TestNewRecordIsJudgedWithItsNewTime(t *testing.T) {
	for _, rule := range []string{
		`updated_at > old.updated_at`,
		`updated_at > old.updated_at && pages.all(p, p.number > 0)`,
	} {
		w := openEmpty(t, `
mainstay: 1
name: diary
resources:
  Entry:
    fields:
      text:  string 1..20
      pages: many Page.entry
    check:
      it is closed at midnight: updated_at < timestamp("2026-11-23T00:00:00.000Z")
    access:
      read, create: true
      update: `+rule+`
  Page:
    fields: {entry: Entry, number: int}
    access: {all: true}
`)
		id := w.id(auth.Nobody, "POST /entries", `{"text":"a"}`)
		w.id(auth.Nobody, "POST /pages", fmt.Sprintf(`{"entry":%q,"number":1}`, id))
		w.now = w.now.Add(time.Second)
		for _, method := range []string{"PATCH", "PUT"} {
			w.now = w.now.Add(time.Second)
			w.ok(auth.Nobody, method+" /entries/"+id, fmt.Sprintf(`{"text":%q}`, method))
		}
		if got := w.no(auth.Nobody, "PATCH /entries/"+id, `{"text":"PUT"}`); got != "unauthenticated" {
			t.Errorf("%s: a change of nothing: %s", rule, got)
		}
		w.now = w.now.Add(24 * time.Hour)
		if got := w.no(auth.Nobody, "PATCH /entries/"+id, `{"text":"b"}`); got != "check-violation #:check" {
			t.Errorf("%s: a check: %s", rule, got)
		}
	}
}
