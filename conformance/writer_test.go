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
