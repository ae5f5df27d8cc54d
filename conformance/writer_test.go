package conformance

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// writer is one account that writes to testdata/crash and keeps what it was told.
// It sends one request after the other, so that at most one is without an answer.
type writer struct {
	name    string
	random  *rand.Rand
	counter *counter
	url     string
	client  *http.Client
	token   string
	made    int            // how many numbers and names it has given out
	rows    map[string]row // as acknowledged, by "resource/tag" or "halves/tag/side"
	flight  *operation     // sent without an answer when the program was killed
	effects []*operation   // acknowledged under a key; none of them is ever deleted
	sum     writerSum
}

type writerSum struct{ unanswered, arrived, repeated int }

// row is one record as far as it matters.
type row struct {
	n        int
	id, etag string // "": not known
}

// gone is the number of a row that is not there.
const gone = -1

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

func (w *writer) connect(url string) {
	if w.client != nil {
		w.client.CloseIdleConnections()
	}
	w.url, w.client = url, &http.Client{Transport: &http.Transport{}}
}

func (w *writer) signUp(url string) error {
	w.connect(url)
	answer, err := w.send(&operation{method: "POST", path: "/auth/signup", body: encode(map[string]string{"email": w.name + "@example.org", "password": password})})
	if err != nil {
		return err
	}
	w.token = answer.Token
	if w.token == "" {
		return fmt.Errorf("signing up answers %s", answer)
	}
	return nil
}

// answer is what matters of an answer.
type answer struct {
	status    int
	replayed  bool
	etag      string
	body      string
	ID, Token string
	N         int
	Total     int
}

func (a *answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// send sends a request. An answer is one as soon as its status has come, whatever
// becomes of its body.
func (w *writer) send(o *operation) (*answer, error) {
	r, err := http.NewRequest(o.method, w.url+"/v1"+o.path, strings.NewReader(o.body))
	if err != nil {
		return nil, err
	}
	if o.body == "" {
		r.Body, r.ContentLength = nil, 0
	}
	for name, setting := range map[string]string{"Authorization": "Bearer " + w.token, "Content-Type": "application/json", "Idempotency-Key": o.key, "If-Match": o.match} {
		if setting != "" && (name != "Authorization" || w.token != "") && (name != "Content-Type" || o.body != "") {
			r.Header.Set(name, setting)
		}
	}
	res, err := w.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	a := &answer{status: res.StatusCode, replayed: res.Header.Get("Idempotent-Replayed") == "true", etag: res.Header.Get("ETag"), body: string(body)}
	if err == nil && strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") {
		err = json.Unmarshal(body, a)
		return a, err
	}
	return a, nil
}

// write writes until there is no answer; the error says why there was none, or
// what was wrong with one.
func (w *writer) write(url string, acknowledge func()) error {
	w.connect(url)
	for {
		var err error
		if w.random.IntN(16) == 0 {
			err = w.counter.add(w, acknowledge)
		} else {
			err = w.writeOne(acknowledge)
		}
		if err != nil {
			return err
		}
	}
}

func (w *writer) writeOne(acknowledge func()) error {
	o := w.choose()
	w.flight = o
	a, err := w.send(o)
	if err != nil {
		return err
	}
	w.flight = nil
	if a.status != o.status || a.replayed {
		return fmt.Errorf("%s\nanswers %s", o, a)
	}
	acknowledge()
	w.happened(o, a)
	if o.key == "" || w.random.IntN(8) > 0 {
		return nil
	}
	return w.repeat(o, a.ID)
}

// repeat sends again what has happened: it is shown, and does not happen twice.
func (w *writer) repeat(o *operation, id string) error {
	a, err := w.send(o)
	if err != nil {
		return err
	}
	w.sum.repeated++
	if a.status != o.status || !a.replayed || a.ID != id && id != "" && a.ID != "" {
		return fmt.Errorf("%s\nrepeated answers %s (replayed: %t), the first time it made %s", o, a, a.replayed, id)
	}
	return nil
}

// happened notes what an operation has made of its rows.
func (w *writer) happened(o *operation, a *answer) {
	for key, n := range o.becomes {
		if n == gone {
			delete(w.rows, key)
			continue
		}
		r := row{n: n, id: w.rows[key].id}
		if id := o.ids[key]; id != "" {
			r.id = id
		}
		if len(o.becomes) == 1 && a != nil {
			r.etag = a.etag
			if a.ID != "" {
				r.id = a.ID
			}
		}
		w.rows[key] = r
	}
	if o.key != "" && strings.HasPrefix(o.path, "/effects") {
		w.effects = append(w.effects, o)
	}
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

// look compares every row of the writer with what it was told. What is there is
// then known; what had no answer and has a key is sent again.
func (w *writer) look() error {
	there, err := w.export()
	if err != nil {
		return err
	}
	flight, happened := w.flight, false
	w.flight = nil
	if flight != nil {
		w.sum.unanswered++
		before := maps.Clone(w.rows)
		if differences(w.rows, there) != nil {
			w.happened(flight, nil)
			happened = true
			w.sum.arrived++
		}
		if different := differences(w.rows, there); different != nil {
			return fmt.Errorf("what is there is neither what was acknowledged nor that and\n%s\nwithout it %w\nwith it %w", flight, differences(before, there), different)
		}
	} else if different := differences(w.rows, there); different != nil {
		return fmt.Errorf("what is there is not what was acknowledged, and nothing was under way: %w", different)
	}
	w.rows = there
	if flight != nil {
		if err := w.searchable(flight); err != nil {
			return err
		}
		if err := w.finish(flight, happened); err != nil {
			return err
		}
	}
	for range min(2, len(w.effects)) {
		if err := w.repeat(w.effects[w.random.IntN(len(w.effects))], ""); err != nil {
			return err
		}
	}
	return nil
}

// finish sends what had no answer again, under its key.
func (w *writer) finish(o *operation, happened bool) error {
	if o.key == "" {
		return nil
	}
	a, err := w.send(o)
	if err != nil {
		return err
	}
	w.sum.repeated++
	if a.status != o.status || a.replayed != happened {
		return fmt.Errorf("%s\nhad happened: %t; sent again it answers %s (replayed: %t)", o, happened, a, a.replayed)
	}
	if !happened {
		w.happened(o, a)
	}
	return nil
}

// searchable fails unless the words of a search are those of the rows.
func (w *writer) searchable(o *operation) error {
	for key, n := range o.becomes {
		tag, isItem := strings.CutPrefix(key, "items/")
		if !isItem || n == gone {
			continue
		}
		want := 0
		if w.rows[key].n == n && w.rows[key].id != "" {
			want = 1
		}
		a, err := w.send(&operation{method: "GET", path: "/items/count?tag=" + url.QueryEscape(tag) + fmt.Sprintf("&search=n%d", n)})
		if err != nil {
			return err
		}
		if a.status != 200 || a.Total != want {
			return fmt.Errorf("searching for n%d finds %s %d times (%s), want %d", n, tag, a.Total, a, want)
		}
	}
	return nil
}

// differences is nil when there are the same rows with the same numbers.
func differences(want, have map[string]row) error {
	var list []error
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got, ok := have[key]; !ok {
			list = append(list, fmt.Errorf("%s is not there, its number is to be %d", key, want[key].n))
		} else if got.n != want[key].n {
			list = append(list, fmt.Errorf("%s has number %d, not %d", key, got.n, want[key].n))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[key]; !ok {
			list = append(list, fmt.Errorf("%s is there, with number %d", key, have[key].n))
		}
	}
	return errors.Join(list[:min(10, len(list))]...)
}

// export reads all rows of the writer.
func (w *writer) export() (map[string]row, error) {
	rows := map[string]row{}
	for path, members := range map[string]string{"items": "id,tag,n", "halves": "id,tag,side,n", "effects": "id,tag,n"} {
		r, err := http.NewRequest("GET", w.url+"/v1/"+path+".ndjson?fields="+members, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+w.token)
		res, err := w.client.Do(r)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if res.StatusCode != 200 {
			return nil, fmt.Errorf("the export of %s answers %s", path, res.Status)
		}
		lines := bufio.NewScanner(res.Body)
		for lines.Scan() {
			var record struct {
				ID, Tag, Side string
				N             int
			}
			if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
				return nil, err
			}
			key := path + "/" + record.Tag
			if record.Side != "" {
				key += "/" + record.Side
			}
			if _, twice := rows[key]; twice {
				return nil, fmt.Errorf("%s is there twice", key)
			}
			rows[key] = row{n: record.N, id: record.ID}
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// counter is a record that all writers add to, each from what it has just read.
type counter struct {
	id           string
	lock         sync.Mutex
	acknowledged int
	unanswered   int
}

func (w *writer) makeCounter() error {
	a, err := w.send(&operation{method: "POST", path: "/counters", body: `{"n":0}`})
	if err == nil && a.ID == "" {
		err = fmt.Errorf("making the counter answers %s", a)
	}
	if err == nil {
		w.counter.id = a.ID
	}
	return err
}

func (c *counter) add(w *writer, acknowledge func()) error {
	read, err := w.send(&operation{method: "GET", path: "/counters/" + c.id})
	if err != nil {
		return err
	}
	if read.status != 200 || read.etag == "" {
		return fmt.Errorf("the counter answers %s", read)
	}
	a, err := w.send(&operation{method: "PATCH", path: "/counters/" + c.id, match: read.etag, body: encode(fields{"n": read.N + 1})})
	c.lock.Lock()
	defer c.lock.Unlock()
	switch {
	case err != nil:
		c.unanswered++
		return err
	case a.status == 200:
		c.acknowledged++
		acknowledge()
	case a.status != 412:
		return fmt.Errorf("adding to the counter answers %s", a)
	}
	return nil
}

// look compares the counter with the additions: none was lost or overwritten.
func (c *counter) look(w *writer) error {
	a, err := w.send(&operation{method: "GET", path: "/counters/" + c.id})
	if err != nil {
		return err
	}
	if a.status != 200 || a.N < c.acknowledged || a.N > c.acknowledged+c.unanswered {
		return fmt.Errorf("the counter answers %s after %d additions and %d without an answer", a, c.acknowledged, c.unanswered)
	}
	c.acknowledged, c.unanswered = a.N, 0
	return nil
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of texts and numbers always encode
	}
	return string(text)
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }
