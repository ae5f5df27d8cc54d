package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

func TestCreate(t *testing.T) {
	w := openWorkshop(t)

	t.Run("defaults, canonical forms and what the caller may see come back", func(t *testing.T) {
		res, err := w.do(w.ann, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Saw wood","code":"  SAW-1 ","effort":0,"price":"2.5",
			"urgent":false,"mail":" Ann@Example.ORG ","due":"2026-12-01","ratio":1e-1,"extra":{"b":[1.50,null],"a":"x"},
			"steps":[{"text":"mark"},{"text":"cut","level":"nice","due":"2026-12-02"}],"place":{"city":"Graz"},"seen":7}`, w.acme))
		if err != nil {
			t.Fatal(err)
		}
		if res.ETag == "" || res.Created == "" {
			t.Errorf("ETag %q, created %q", res.ETag, res.Created)
		}
		want := map[string]any{
			"id": res.Created, "created_at": "2026-11-22T12:00:00.000Z", "updated_at": "2026-11-22T12:00:00.000Z",
			"team": w.acme, "title": "Saw wood", "code": "saw-1", "state": "draft", "done_at": nil, "verdict": nil,
			"effort": 0.0, "ratio": 0.1, "price": "2.50", "due": "2026-12-01", "urgent": false, "home": nil, "mail": "ann@example.org", "note": nil,
			"steps": []any{
				map[string]any{"text": "mark", "level": "must", "due": nil},
				map[string]any{"text": "cut", "level": "nice", "due": "2026-12-02"},
			},
			"place": map[string]any{"city": "Graz", "zip": nil, "floor": 0.0},
			"extra": map[string]any{"a": "x", "b": []any{1.5, nil}}, "helpers": []any{}, "assignee": nil, "parent": nil, "label": "Saw wood",
		}
		if diff := cmp.Diff(want, object(w, res.Body)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a client may name the record", func(t *testing.T) {
		id := value.NewID(w.now.Add(-23 * time.Hour)).String()
		if got := w.id(w.ann, "POST /meters", fmt.Sprintf(`{"id":%q,"name":"named"}`, strings.ToUpper(id))); got != id {
			t.Errorf("got %s, want %s", got, id)
		}
	})
	t.Run("who may not read the result is told where it is and no more", func(t *testing.T) {
		res, err := w.do(auth.Nobody, "POST /hints", `{"text":"the door is open"}`)
		if err != nil || res.Created == "" || res.Body != nil || res.ETag != "" {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("return=minimal has no body", func(t *testing.T) {
		res, err := w.do(w.ann, "POST /meters", `{"name":"quiet"}`, func(op *Operation) { op.Minimal = true })
		if err != nil || res.Created == "" || res.Body != nil {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("fields and include shape the answer", func(t *testing.T) {
		got := w.ok(w.ann, "POST /tasks?fields=title,team.name", fmt.Sprintf(`{"team":%q,"title":"Trim me"}`, w.acme))
		if diff := cmp.Diff(map[string]any{"title": "Trim me", "team": map[string]any{"name": "Acme"}}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("what was made can be searched", func(t *testing.T) {
		w.task(`"label":"x"`)
		res, err := w.e.Do(t.Context(), w.ann, &Operation{Kind: Count, Resource: w.set.Resource("Task"), Query: Query{Search: "SAW wood"}})
		if err != nil || string(res.Body) != `{"total":2}` {
			t.Errorf("%s, %v", res.Body, err)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	w := openWorkshop(t)
	old := value.NewID(w.now.Add(-25 * time.Hour)).String()
	random := "0192f0c1-7b3a-4cc2-9d1e-2f4a5b6c7d8e"
	taken := w.id(w.ann, "POST /meters", `{"name":"taken"}`)
	hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann","code":"theirs"}`, w.rivals))
	task := func(fields string) string {
		return fmt.Sprintf(`{"team":%q,"title":"Saw wood",%s}`, w.acme, fields)
	}
	w.refuses(w.ann, []refusalCase{
		{"what is not JSON", "POST /tasks", `{"title":`, "malformed-json"},
		{"nothing", "POST /tasks", ``, "malformed-json"},
		{"a member twice", "POST /tasks", `{"title":"a","title":"b"}`, "malformed-json"},
		{"what is no object", "POST /tasks", `[1]`, "validation #:type"},
		{"null", "POST /tasks", `null`, "validation #:type"},
		{"a misspelt field", "POST /tasks", task(`"Effort":1`), "unknown-field #/Effort:unknown"},
		{"a field with an empty name", "POST /tasks", task(`"":1`), "unknown-field #/:unknown"},
		{"names that need escaping", "POST /tasks", task(`"a/b~c d%":1`), "unknown-field #/a~1b~0c%20d%25:unknown"},
		{"the other end of a reference", "POST /teams", `{"name":"n","slug":"s","tasks":[]}`, "validation #/tasks:readonly"},
		{"what the server sets", "POST /tasks", task(`"state":"done","done_at":null,"created_at":"2026-11-22T12:00:00.000Z"`),
			"validation #/created_at:readonly #/state:readonly #/done_at:readonly"},
		{"everything that is wrong at once", "POST /tasks", `{"title":"ab","effort":101,"price":"1.234","due":"2026-13-01","urgent":"yes","home":"ftp://x","mail":"x","note":5,
			"steps":[{"level":"may"},{"text":"","due":"x","more":1},7,null],"place":{"zip":null,"city":null},"nope":1}`,
			"validation #/team:required #/title:min #/effort:max #/price:format #/due:format #/urgent:type #/home:format #/mail:format #/note:type " +
				"#/steps:max #/place/city:required #/nope:unknown"},
		{"what is wrong inside a list", "POST /tasks", task(`"steps":[{"level":"may"},{"text":"","due":"x","more":1},7]`),
			"validation #/steps/0/text:required #/steps/0/level:enum #/steps/1/text:min #/steps/1/due:format #/steps/1/more:unknown #/steps/2:type"},
		{"null in a list", "POST /tasks", task(`"helpers":[null]`), "validation #/helpers/0:required"},
		{"null for what is required", "POST /tasks", task(`"urgent":null,"label":null`), "validation #/urgent:required #/label:required"},
		{"a control character in a line", "POST /tasks", task(`"label":"a\nb"`), "validation #/label:format"},
		{"NUL", "POST /tasks", task(`"note":"a\u0000b"`), "malformed-json"},
		{"half a surrogate pair", "POST /tasks", task(`"note":"\ud800"`), "malformed-json"},
		{"invalid UTF-8", "POST /tasks", task("\"note\":\"\xff\""), "malformed-json"},
		{"too deep", "POST /tasks", task(`"extra":` + strings.Repeat("[", 70) + strings.Repeat("]", 70)), "malformed-json"},

		{"a number with a leading zero", "POST /tasks", task(`"effort":01`), "malformed-json"},
		{"a number with a fraction", "POST /tasks", task(`"effort":1.5`), "validation #/effort:format"},
		{"a number as a string", "POST /tasks", task(`"effort":"1"`), "validation #/effort:type"},
		{"a boolean as a number", "POST /tasks", task(`"effort":true`), "validation #/effort:type"},
		{"an integer beyond 2^53", "POST /meters", `{"name":"m","tally":9007199254740993}`, "validation #/tally:format"},
		{"NaN", "POST /tasks", task(`"ratio":NaN`), "malformed-json"},
		{"a float that overflows", "POST /tasks", task(`"ratio":1e999`), "validation #/ratio:format"},
		{"an id that is a number", "POST /tasks", `{"team":1,"title":"Saw wood"}`, "validation #/team:type"},
		{"an id that is none", "POST /tasks", `{"team":"01","title":"Saw wood"}`, "validation #/team:format"},
		{"a leap second", "POST /tasks", task(`"due":"2026-06-31"`), "validation #/due:format"},
		{"the year 0", "POST /tasks", task(`"due":"0000-01-01"`), "validation #/due:format"},
		{"the year 10000", "POST /tasks", task(`"due":"10000-01-01"`), "validation #/due:format"},
		{"operators in place of values", "POST /tasks", task(`"effort":{"$gt":0},"code":{"$ne":null}`), "validation #/code:type #/effort:type"},

		{"an id of another version", "POST /meters", `{"id":"` + random + `","name":"m"}`, "validation #/id:format"},
		{"an id of the day before yesterday", "POST /meters", `{"id":"` + old + `","name":"m"}`, "validation #/id:format"},
		{"an id that is taken", "POST /meters", `{"id":"` + taken + `","name":"m"}`, "unique-violation #/id:unique"},
		{"a value that is taken", "POST /meters", `{"name":"taken"}`, "unique-violation #/name:unique"},
		{"a value that somebody else's record holds", "POST /tasks", task(`"code":"theirs"`), "unique-violation #/code:unique"},
		{"a reference to what the caller cannot read", "POST /tasks", task(`"parent":"` + hidden + `"`), "validation #/parent:reference"},
		{"a reference to what is not there", "POST /tasks", task(`"parent":"` + random + `"`), "validation #/parent:reference"},
		{"several, in lists too", "POST /tasks", task(`"helpers":["` + w.ann.Caller.ID.String() + `","` + w.cid.Caller.ID.String() + `"],"assignee":"` + random + `"`),
			"validation #/helpers/1:reference #/assignee:reference"},
		{"a check that fails", "POST /tasks", task(`"effort":5`), "check-violation #:check"},
		{"a rule that does not hold", "POST /teams", fmt.Sprintf(`{"name":"n","slug":"s","owner":%q}`, w.bob.Caller.ID), "forbidden"},
		{"a team of others is no reference at all", "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Saw wood"}`, w.rivals), "validation #/team:reference"},
		{"an entity tag that nothing can match", "POST /meters?x=1", `{}`, "unknown-parameter x:unknown-parameter"},
		{"a hidden field like a misspelt one", "POST /teams", `{"name":"n","slug":"s","secret":"x"}`, "unknown-field #/secret:unknown"},
	})
	w.refuses(w.bob, []refusalCase{
		{"a field that its rule keeps from this caller here", "POST /tasks", task(`"price":"1.00"`), "validation #/price:unreadable"},
		{"a field that can be read and not written", "POST /tasks", task(`"note":"x"`), "forbidden #/note:forbidden"},
		{"a falsy value too", "POST /tasks", task(`"note":"","price":"0"`), "validation #/price:unreadable #/note:forbidden"},
	})
	w.refuses(auth.Nobody, []refusalCase{
		{"nobody, before the body is read on", "POST /tasks", `{"nope":1}`, "unauthenticated"},
		{"but not before it is JSON", "POST /tasks", `{`, "malformed-json"},
	})
	t.Run("a resource without access is not there", func(t *testing.T) {
		if got := w.no(w.adi, "POST /sealeds", `{"text":"x"}`); got != "not-found" {
			t.Error(got)
		}
	})
	t.Run("nothing of all this was stored", func(t *testing.T) {
		if got := w.total(w.ann, "Task"); got != `{"total":0}` {
			t.Error(got)
		}
	})
}

func TestCreateSaysRightsBeforeConflicts(t *testing.T) {
	w := openWorkshop(t)
	w.task(`"code":"one"`)
	// Bob may not write the note: that comes before the code that is taken.
	body := fmt.Sprintf(`{"team":%q,"title":"Saw wood","code":"one","note":"x"}`, w.acme)
	_, err := w.do(w.bob, "POST /tasks", body)
	if p := (*problem.Error)(nil); !errors.As(err, &p) || p.Detail != "there is a field that you may not write" {
		t.Errorf("%v", err)
	}
	if got := w.no(w.bob, "POST /tasks", body); got != "forbidden #/note:forbidden" {
		t.Error(got)
	}
	body = fmt.Sprintf(`{"team":%q,"title":"Saw wood","code":"one","effort":1}`, w.acme)
	if got := w.no(w.bob, "POST /tasks", body); got != "check-violation #:check" {
		t.Error(got)
	}
}

func TestCreateWithKeysOfLimitedScope(t *testing.T) {
	w := openWorkshop(t)
	key := func(scopes ...string) *auth.Principal {
		return &auth.Principal{Caller: w.ann.Caller, Scopes: scopes}
	}
	for _, tt := range []struct {
		name, want string
		scopes     []string
	}{
		{"read only", "forbidden", []string{"read"}},
		{"another resource", "forbidden", []string{"tasks:write"}},
		{"none at all", "forbidden", []string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, line := range []string{"POST /meters", "PATCH /meters/x", "PUT /meters/x", "DELETE /meters/x", "POST /meters/batch", "PATCH /meters?filter=true&max_affected=1", "DELETE /meters?filter=true&max_affected=1"} {
				if got := w.no(key(tt.scopes...), line, `{"name":"m"}`); got != tt.want {
					t.Errorf("%s: got %s, want %s", line, got, tt.want)
				}
			}
		})
	}
	t.Run("a filter needs read as well", func(t *testing.T) {
		w.id(w.ann, "POST /meters", `{"name":"read me"}`)
		for _, line := range []string{"PATCH /meters?filter=name > \"a\"&max_affected=9", "DELETE /meters?filter=name > \"a\"&max_affected=9"} {
			if got := w.no(key("meters:write"), line, `{"notes":"n"}`); got != "forbidden" {
				t.Error(got)
			}
		}
		if got := w.no(key("tasks:write", "tasks:read"), "PATCH /tasks?filter=team.name > \"a\"&max_affected=9", `{"urgent":true}`); got != "forbidden" {
			t.Error(got)
		}
	})
	t.Run("write without read has no body", func(t *testing.T) {
		res, err := w.do(key("meters:write"), "POST /meters", `{"name":"m"}`)
		if err != nil || res.Created == "" || res.Body != nil {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// A rule over relations sees the new record among the others, whether or not it
// could be stored.
func TestCreateRuleSeesTheRecordInItsRelations(t *testing.T) {
	w := openEmpty(t, `
mainstay: 1
name: hotel
resources:
  Room:
    fields: {name: string 1..20, guests: many Guest.room}
    access: {all: true}
  Guest:
    fields: {room: Room, name: string 1..20, calm: bool}
    unique: [[room, name]]
    access:
      read:   true
      create: room.guests.all(g, g.calm)
      update: room.guests.all(g, g.calm)
`)
	room := w.id(nil, "POST /rooms", `{"name":"101"}`)
	guest := func(name string, calm bool) string {
		return fmt.Sprintf(`{"room":%q,"name":%q,"calm":%t}`, room, name, calm)
	}
	first := w.id(nil, "POST /guests", guest("ann", true))
	second := w.id(nil, "POST /guests", guest("bob", true))
	w.refuses(nil, []refusalCase{
		{"one that breaks the rule", "POST /guests", guest("cid", false), "unauthenticated"},
		{"even when the name is taken", "POST /guests", guest("ann", false), "unauthenticated"},
		{"one whose name is taken", "POST /guests", guest("ann", true), "unique-violation #/room:unique #/name:unique"},
		{"a change that breaks it", "PATCH /guests/" + first, `{"calm":false}`, "unauthenticated"},
		{"even to a taken name", "PATCH /guests/" + first, `{"calm":false,"name":"bob"}`, "unauthenticated"},
		{"a change to a taken name", "PATCH /guests/" + second, `{"name":"ann"}`, "unique-violation #/name:unique"},
	})
}

// A nested record is no reference, whatever include says of answers.
func TestCreateDoesNotNest(t *testing.T) {
	w := openWorkshop(t)
	w.refuses(w.ann, []refusalCase{
		{"a record in place of a reference", "POST /tasks?include=team", `{"team":{"name":"New","slug":"new"},"title":"abc"}`, "validation #/team:type"},
		{"records in a list", "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"abc","helpers":[{"email":"x@example.org"}]}`, w.acme), "validation #/helpers/0:type"},
		{"children", "POST /teams?include=tasks", `{"name":"New","slug":"new","tasks":[{"title":"abc"}]}`, "validation #/tasks:readonly"},
	})
}

func TestUpdateRuleOverOldRelations(t *testing.T) {
	w := openEmpty(t, `
mainstay: 1
name: shelf
resources:
  Shelf:
    fields: {name: string 1..20, locked: bool = false}
    access: {all: true}
  Book:
    fields: {shelf: Shelf, title: string 1..20}
    access:
      read, create, delete: true
      update: old.shelf.locked == false && shelf.locked == false
`)
	free := w.id(nil, "POST /shelves", `{"name":"free"}`)
	other := w.id(nil, "POST /shelves", `{"name":"other"}`)
	locked := w.id(nil, "POST /shelves", `{"name":"locked","locked":true}`)
	book := w.id(nil, "POST /books", fmt.Sprintf(`{"shelf":%q,"title":"Dune"}`, free))
	w.ok(nil, "PATCH /books/"+book, fmt.Sprintf(`{"shelf":%q}`, other))
	if got := w.no(nil, "PATCH /books/"+book, fmt.Sprintf(`{"shelf":%q}`, locked)); got != "unauthenticated" {
		t.Error(got)
	}
	w.ok(nil, "PATCH /shelves/"+other, `{"locked":true}`)
	if got := w.no(nil, "PATCH /books/"+book, fmt.Sprintf(`{"shelf":%q}`, free)); got != "unauthenticated" {
		t.Error(got)
	}
}
