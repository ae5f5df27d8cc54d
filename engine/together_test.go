package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

const library = `
mainstay: 1
name: library
resources:
  Shelf:
    fields: {name: string 1..20, open: bool = true}
    access: {create: true, read: open}
  Book:
    fields:
      shelf: Shelf optional
      title: string 1..40 search
      code:  slug optional unique
      pages: int = 1
      hush:  string 1..5 optional
    check: {it has pages: pages > 0}
    access: {create: true, read: true, set hush: pages > 9}
`

func openLibrary(t *testing.T) (w *workshop, books func(ops ...string) string) {
	return openEmpty(t, library), func(ops ...string) string {
		for i, op := range ops {
			ops[i] = `{"create":` + op + `}`
		}
		return `{"operations":[` + strings.Join(ops, ",") + `]}`
	}
}

func TestCreationsInARowAreOneInsertion(t *testing.T) {
	w, books := openLibrary(t)
	shelf := w.id(nil, "POST /shelves", `{"name":"one"}`)
	other := w.id(nil, "POST /shelves", `{"name":"two"}`)
	on := func(shelf, title string) string { return fmt.Sprintf(`{"shelf":%q,"title":%q}`, shelf, title) }
	for _, tt := range []struct {
		name, line, body, statuses string
		want                       int // statements
	}{
		{"rows and words", "POST /books/batch", books(`{"title":"Dune"}`, `{"title":"Emma","pages":3}`, `{"title":"Ivanhoe"}`), "201 201 201", 2},
		{"what they refer to is looked for at once", "POST /books/batch", books(on(shelf, "a"), on(other, "b"), on(shelf, "c")), "201 201 201", 3},
		{"an id of one's own is looked for", "POST /shelves/batch",
			books(`{"name":"a"}`, `{"name":"b"}`, fmt.Sprintf(`{"id":%q,"name":"c"}`, value.NewID(w.now)), `{"name":"d"}`), "201 201 201 201", 4},
		{"one resource after the other", "POST /batch", `{"operations":[
			{"method":"POST","path":"/shelves","body":{"name":"k"}},
			{"method":"POST","path":"/shelves","name":"l","body":{"name":"l"}},
			{"method":"POST","path":"/books","body":{"title":"m"}},
			{"method":"POST","path":"/books","body":{"title":"n"}},
			{"method":"POST","path":"/shelves","body":{"name":{"$ref":"l#/name"}}}]}`, "201 201 201 201 201", 4},
	} {
		res, err := w.do(nil, tt.line, tt.body)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := statuses(object(w, res.Body)); got != tt.statuses || res.Statements != tt.want {
			t.Errorf("%s: %s with %d statements, want %s with %d", tt.name, got, res.Statements, tt.statuses, tt.want)
		}
	}
	got := w.ok(nil, "GET /books?search=emma", "")
	if items := got["items"].([]any); len(items) != 1 || items[0].(map[string]any)["pages"] != 3.0 {
		t.Errorf("%v", got)
	}
	shown := w.ok(nil, "POST /books/batch", books(`{"title":"first","code":"first"}`, `{"title":"second"}`))["items"].([]any)
	for i, title := range []string{"first", "second"} {
		item := shown[i].(map[string]any)
		if body := item["body"].(map[string]any); body["title"] != title || body["id"] != item["id"] || body["pages"] != 1.0 {
			t.Errorf("%v", item)
		}
	}
}

// Whatever is made at once, the first member at fault is the one that is named, with
// the fault that it has alone.
func TestCreationsInARowAreRefusedAsOneByOne(t *testing.T) {
	w, books := openLibrary(t)
	closed := w.id(nil, "POST /shelves", `{"name":"closed","open":false}`)
	w.id(nil, "POST /books", `{"title":"old","code":"taken"}`)
	const (
		fine   = `{"title":"fine"}`
		taken  = `{"title":"t","code":"taken"}`
		empty  = `{"title":"e","pages":0}`
		hushed = `{"title":"h","hush":"h"}`
	)
	unseen := fmt.Sprintf(`{"title":"u","shelf":%q}`, closed)
	before := w.total(nil, "Book")
	for _, tt := range []struct {
		name, body, want string
	}{
		{"a value is taken", books(fine, taken, empty), "unique-violation #/operations/1/create/code:unique"},
		{"by one of them", books(fine, `{"title":"a","code":"a"}`, fine, `{"title":"b","code":"a"}`), "unique-violation #/operations/3/create/code:unique"},
		{"a check", books(fine, empty, taken), "check-violation #/operations/1/create:check"},
		{"a record that cannot be read", books(fine, unseen, empty), "validation #/operations/1/create/shelf:reference"},
		{"behind a check", books(fine, empty, unseen), "check-violation #/operations/1/create:check"},
		{"a field", books(fine, hushed, taken), "unauthenticated #/operations/1/create/hush:forbidden"},
	} {
		if got := w.no(nil, "POST /books/batch", tt.body); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	if after := w.total(nil, "Book"); after != before {
		t.Errorf("%s books, before %s", after, before)
	}
}

// An answer that grows beyond what may be shown names the member that was too much.
func TestTheCreationThatIsTooMuchToShowIsNamed(t *testing.T) {
	w := openEmpty(t, `
mainstay: 1
name: notes
resources:
  Note:
    fields: {text: text 1..100000, code: slug optional unique}
    access: {create: true, read: true}
`)
	var ops []string
	for i := range 200 {
		ops = append(ops, fmt.Sprintf(`{"create":{"text":%q,"code":"c%d"}}`, strings.Repeat("x", 100000), i))
	}
	_, err := w.do(nil, "POST /notes/batch", `{"operations":[`+strings.Join(ops, ",")+`]}`)
	var p *problem.Error
	if !errors.As(err, &p) || !strings.HasPrefix(p.Detail, "operations/167: ") {
		t.Error(err)
	}
}
