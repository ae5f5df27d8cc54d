package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// operation is one request that writes, and what it makes of which rows.
type operation struct {
	method, path, body string
	key, match         string // Idempotency-Key, If-Match
	status             int    // of its success
	becomes            map[string]int
	ids                map[string]string // as far as the writer chose them
}

func (o *operation) String() string {
	return fmt.Sprintf("%s %s (Idempotency-Key %q, If-Match %q) %.300s", o.method, o.path, o.key, o.match, o.body)
}

// fresh makes a name that nothing else has.
func (w *writer) fresh() string {
	w.made++
	return fmt.Sprintf("%s-%d", w.name, w.made)
}

// pick is a random row of a resource that was acknowledged with its id; "" when
// there is none.
func (w *writer) pick(resource string) string {
	var keys []string
	for key, r := range w.rows {
		if r.id != "" && strings.HasPrefix(key, resource+"/") {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return ""
	}
	slices.Sort(keys) // so that the seed decides
	return keys[w.random.IntN(len(keys))]
}

// choose makes up the next operation. There are about as many ways to make a row
// as to delete one, so that the database does not only grow.
func (w *writer) choose() *operation {
	w.made++
	n := w.made // a number that no row has had
	item, half := w.pick("items"), w.pick("halves")
	switch kind := w.random.IntN(16); {
	case kind < 4 && item != "":
		return w.change(item, n)
	case kind < 6 && item != "":
		return &operation{method: "DELETE", path: "/items/" + w.rows[item].id, status: 204, becomes: map[string]int{item: gone}}
	case kind < 9 && half != "":
		return w.changePair(half, n)
	case kind < 10 && half != "":
		return w.deletePair(half)
	case kind < 12:
		return w.makePair(n)
	case kind < 13:
		tag := w.fresh()
		return &operation{method: "POST", path: "/effects", key: "key-" + tag, status: 201, body: encode(fields{"tag": tag, "n": n}), becomes: map[string]int{"effects/" + tag: n}}
	case kind < 14:
		return w.makeMany(n)
	}
	tag := w.fresh()
	return &operation{method: "POST", path: "/items", key: w.maybe("key-" + tag), status: 201, body: encode(w.item(tag, n)), becomes: map[string]int{"items/" + tag: n}}
}

type fields map[string]any

// item is the fields of an Item; some are so long that they need pages of their own.
func (w *writer) item(tag string, n int) fields {
	f := fields{"n": n, "word": fmt.Sprintf("n%d", n), "fill": strings.Repeat("x", w.random.IntN(1+w.random.IntN(12_000)))}
	if tag != "" {
		f["tag"] = tag
	}
	return f
}

func (w *writer) change(key string, n int) *operation {
	r := w.rows[key]
	return &operation{method: "PATCH", path: "/items/" + r.id, match: r.etag, key: w.maybe("change-" + w.fresh()), status: 200, body: encode(w.item("", n)), becomes: map[string]int{key: n}}
}

// maybe is s every other time.
func (w *writer) maybe(s string) string {
	if w.random.IntN(2) == 0 {
		return ""
	}
	return s
}

// member is one operation of POST /batch.
func member(method, path string, body fields) fields {
	s := fields{"method": method, "path": path}
	if body != nil {
		s["body"] = body
	}
	return s
}

func (w *writer) makePair(n int) *operation {
	tag := w.fresh()
	left, right := newID(), newID()
	key := "halves/" + tag + "/"
	return &operation{method: "POST", path: "/batch", key: w.maybe("key-" + tag), status: 200,
		body: encode(fields{"operations": []fields{
			member("POST", "/halves", fields{"id": left, "tag": tag, "side": "left", "n": n}),
			member("POST", "/halves", fields{"id": right, "tag": tag, "side": "right", "n": n}),
		}}),
		becomes: map[string]int{key + "left": n, key + "right": n},
		ids:     map[string]string{key + "left": left, key + "right": right},
	}
}

// pair is the keys of both halves.
func pair(half string) (left, right string) {
	key := half[:strings.LastIndexByte(half, '/')+1]
	return key + "left", key + "right"
}

func (w *writer) changePair(half string, n int) *operation {
	left, right := pair(half)
	return &operation{method: "POST", path: "/halves/batch", key: w.maybe("change-" + w.fresh()), status: 200,
		body: encode(fields{"operations": []fields{
			{"update": fields{"id": w.rows[left].id, "n": n}},
			{"update": fields{"id": w.rows[right].id, "n": n}},
		}}),
		becomes: map[string]int{left: n, right: n},
	}
}

func (w *writer) deletePair(half string) *operation {
	left, right := pair(half)
	return &operation{method: "POST", path: "/batch", status: 200,
		body: encode(fields{"operations": []fields{
			member("DELETE", "/halves/"+w.rows[left].id, nil), member("DELETE", "/halves/"+w.rows[right].id, nil),
		}}),
		becomes: map[string]int{left: gone, right: gone},
	}
}

// makeMany makes several effects at once.
func (w *writer) makeMany(n int) *operation {
	o := &operation{method: "POST", path: "/effects/batch", status: 200, becomes: map[string]int{}}
	var operations []fields
	for range 2 + w.random.IntN(20) {
		tag := w.fresh()
		operations = append(operations, fields{"create": fields{"tag": tag, "n": n}})
		o.becomes["effects/"+tag] = n
		o.key = "key-" + tag
	}
	o.body = encode(fields{"operations": operations})
	return o
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers always encode
	}
	return string(text)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
