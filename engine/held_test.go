package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/store"
)

const everyKind = `
mainstay: 1
name: kinds
accounts:
  resource: User
resources:
  User:
    fields:
      email: email unique
    access:
      read: id == caller.id
  Shelf:
    fields:
      name: string 1..50
    access:
      read: true
      create: true
  Label:
    fields:
      shelf: Shelf
      text:  string 1..50
    access:
      read:   caller == null || shelf.name == "s"
      create: true
  Thing:
    fields:
      shelf:  Shelf optional
      name:   string 1..50 unique
      number: int = 7
      big:    bigint optional
      share:  float = 3.0
      price:  decimal 9,2 = decimal("5")
      done:   bool = false
      day:    date optional
      hour:   time optional
      at:     timestamp optional
      span:   duration optional
      state:  enum fresh|worn = fresh
      tags:   [string 1..20]
      prices: ["decimal 9,2"]
      extra:  json optional
      size:   {type: {wide: int, high: int optional}, optional: true}
      ours:   text optional
      unseen: text optional hidden
    access:
      read: number != 13
      create: true
      update: true
      field ours: state == "worn"
`

// What a write answers without reading is what reading the record gives, however the
// database stores it.
func TestTheAnswerOfAWriteIsWhatReadingGives(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) { answersAsReading(t, kind.Open(t)) })
	}
	t.Log(absent)
}

func answersAsReading(t *testing.T, driver store.Driver) {
	_, set := compile(t, everyKind)
	if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
		t.Fatal(err)
	}
	w := &workshop{TB: t, set: set, now: noon, db: store.New(driver)}
	w.e = New(set, w.db, testKeys(t), Options{Now: func() time.Time { return w.now }})
	shelf := w.id(nil, "POST /shelves", `{"name":"s"}`)
	full := `{"shelf":"` + shelf + `","name":"b","number":-1,"big":"9007199254740993","share":-0.0,"price":"1.5","done":true,"day":"2026-02-28",
		"hour":"09:30:00","at":"2026-11-22T10:00:00+02:00","span":"PT150M","state":"worn","tags":["a\"\u2028",""],"prices":["1"],"extra":{"b":1,"a":[1.50]},"ours":"o"}`
	for _, tt := range []struct{ name, line, body, change string }{
		{"defaults", "POST /things", `{"name":"a"}`, `{"number":1}`},
		{"every kind", "POST /things", strings.Replace(full, `["a\"\u2028",""]`, `["a\"\u2028"]`, 1), `{"state":"fresh","price":"7"}`},
		{"edges", "POST /things", `{"name":"é ẞ ","number":9007199254740991,"big":"-9223372036854775808","share":1e-7,"price":"-9999999.99","day":"0001-01-01",
			"hour":"23:59:59.999","at":"1969-12-31T23:59:59.999Z","span":"-PT0.001S","tags":[],"prices":["-0.01","0"],"extra":{"é":null,"a":"\ud83d\ude00","n":-0.0,"e":1E2},"state":"worn","ours":""}`, `{"share":1e300,"extra":null,"big":null}`},
		{"a struct", "POST /things", `{"name":"c","size":{"wide":1}}`, `{"size":{"high":2}}`},
		{"some fields", "POST /things?fields=name,price,ours", `{"name":"d","ours":"x","state":"worn"}`, `{"ours":"y","price":"0.5"}`},
		{"a reference", "POST /things?include=shelf", `{"name":"e","shelf":"` + shelf + `"}`, `{"name":"f"}`},
	} {
		same := func(line, body string) string {
			t.Helper()
			res, err := w.do(nil, line, body)
			if err != nil {
				t.Fatalf("%s: %s: %v", tt.name, line, err)
			}
			id := res.Created
			if id == "" {
				_, id, _ = strings.Cut(line, "/things/")
				id, _, _ = strings.Cut(id, "?")
			}
			_, query, _ := strings.Cut(line, "?")
			read, err := w.do(nil, "GET /things/"+id+"?"+query, "")
			if err != nil || string(read.Body) != string(res.Body) || read.ETag != res.ETag {
				t.Errorf("%s: the write answers\n%s %s\nreading gives\n%s %s (%v)", tt.name, res.Body, res.ETag, read.Body, read.ETag, err)
			}
			return id
		}
		id := same(tt.line, tt.body)
		_, query, _ := strings.Cut(tt.line, "?")
		same("PATCH /things/"+id+"?"+query, tt.change)
		same("PATCH /things/"+id+"?"+query, tt.change)
	}
	if res, err := w.do(nil, "POST /things", `{"name":"g","number":13}`); err != nil || res.Body != nil || res.ETag != "" {
		t.Errorf("a record that its maker cannot read is answered: %s, %v", res.Body, err)
	}
}

// A reference that only the database refuses is refused in the same words, and
// before anything else, as one that was looked for.
func TestAReferenceThatIsNotThereComesFirst(t *testing.T) {
	w := openEmpty(t, everyKind)
	w.id(nil, "POST /things", `{"name":"taken"}`)
	id := w.id(nil, "POST /things", `{"name":"mine"}`)
	const nowhere = `"shelf":"019aa000-0000-7000-8000-000000000000"`
	w.refuses(nil, []refusalCase{
		{"create", "POST /things", `{"name":"new",` + nowhere + `}`, "validation #/shelf:reference"},
		{"create, a value taken", "POST /things", `{"name":"taken",` + nowhere + `}`, "validation #/shelf:reference"},
		{"update", "PATCH /things/" + id, `{` + nowhere + `}`, "validation #/shelf:reference"},
		{"update, a value taken", "PATCH /things/" + id, `{"name":"taken",` + nowhere + `}`, "validation #/shelf:reference"},
	})
}
