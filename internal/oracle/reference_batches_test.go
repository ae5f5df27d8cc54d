package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// G2 for many writes in one request: they do what they do one after the other, or
// nothing when the model refuses one of them.
func TestG2BatchesDoWhatTheModelSays(t *testing.T) { onEach(t, batchesDoWhatTheModelSays) }

func batchesDoWhatTheModelSays(t *arena) {
	const perStage = 10
	var all, admitted, together atomic.Int64
	t.stages(6_000_000, t.count/5, func(t *arena, d dice) (asked int) {
		c := newDesign(d)
		c.addWriteRules(d)
		rows, err := lawfulRows(c, fewRows(d, c))
		if err != nil {
			t.refute(fmt.Sprintf("%v\n%s", err, c.text()))
		}
		s := t.set(c, rows)
		for range perStage {
			list := newBatch(d, s)
			if len(list) == 0 {
				continue
			}
			tr, minimal := trial{design: c, rows: s.rows, writes: list}, d.one(2)
			statements, difference := s.batch(t, list, minimal)
			if difference != "" {
				t.refute(tr.smallest(difference, func(tr trial) string { return tr.g2batch(t, minimal) }))
			}
			if asked++; statements > 0 {
				admitted.Add(1)
			}
			if statements > 0 && statements < len(list) {
				together.Add(1)
			}
		}
		s.tearDown()
		all.Add(int64(asked))
		return asked
	})
	t.Logf("%d of %d batches were admitted, %d of them together", admitted.Load(), all.Load(), together.Load())
	const telling = 300 // of which about seven go together
	if admitted.Load() < all.Load()/10 || together.Load() == 0 && all.Load() >= telling {
		t.Error("the test is blind")
	}
}

// newBatch makes two to six random writes of one resource, most of which create a
// record and are admitted alone; none when chance finds none. Nobody's own account is
// among them.
func newBatch(d dice, s *stage) []write {
	by := newRequest(d, s).caller
	size := d.between(2, 6)
	var list []write
	for range 100 {
		w, ok := newWrite(d, s.design, s.rows, nil)
		switch {
		case len(list) == size:
			return list
		case !ok || w.resource == "Account" || len(list) > 0 && w.resource != list[0].resource:
		case w.kind != engine.Create && !d.one(4):
		case slices.ContainsFunc(list, func(other write) bool { return other.id == w.id }):
		default:
			w.by, w.unnamed = by, w.kind == engine.Create && !d.one(8)
			if _, lawful, err := s.lawful(w); err == nil && (lawful || d.one(20)) {
				list = append(list, w)
			}
		}
	}
	return list
}

// batch asks the engine for writes in one request and compares with the model; minimal:
// records are not shown. It gives how many statements they were, 0 when they were refused.
func (s *stage) batch(t *arena, list []write, minimal bool) (statements int, difference string) {
	list = slices.Clone(list)
	res, err := s.askAll(t, list, minimal)
	if err != nil && problem.KindOf(err) == problem.Internal {
		return 0, fmt.Sprintf("%v: %v", list, err)
	}
	var got struct {
		Items []struct {
			ID   string
			Body json.RawMessage
		}
	}
	if err == nil {
		statements = res.Statements
		if err := json.Unmarshal(res.Body, &got); err != nil || len(got.Items) != len(list) {
			return 0, fmt.Sprintf("%v: %v: %s", list, err, res.Body)
		}
		for i := range list {
			if list[i].unnamed {
				list[i].id, _ = value.ParseID(got.Items[i].ID)
			}
		}
	}
	before := s.rows
	refused := -1
	for i, w := range list {
		after, ok, failed := s.lawful(w)
		if failed != nil {
			return 0, failed.Error()
		}
		if !ok {
			refused = i
			break
		}
		s.become(after)
		if err != nil {
			continue
		}
		want, failed := s.shown(w)
		if failed != nil {
			return 0, failed.Error()
		}
		if minimal {
			want = ""
		}
		if string(got.Items[i].Body) != want || got.Items[i].ID != w.id.String() {
			return 0, fmt.Sprintf("%v: of operation %d the engine answers\n%s\nthe model\n%s", list, i, got.Items[i].Body, want)
		}
	}
	switch {
	case (err == nil) != (refused < 0):
		return 0, fmt.Sprintf("%v: the model refuses operation %d; the engine says: %v", list, refused, err)
	case err != nil && culprit(err) < refused && culprit(err) >= 0:
		return 0, fmt.Sprintf("%v: the model refuses operation %d first; the engine says: %v", list, refused, err)
	case err != nil:
		s.become(before)
	}
	for _, w := range list {
		if err := s.holds(t.Context(), w, s.rows); err != nil {
			return 0, err.Error()
		}
	}
	return statements, ""
}

func (s *stage) become(rows []row) {
	s.rows, s.world, s.models = rows, newWorld(rows), map[string]*model{}
}

// shown is the record of a write as its maker sees it.
func (s *stage) shown(w write) (string, error) {
	m, err := s.model(w.by)
	if err != nil {
		return "", err
	}
	rec, visible := m.world.Lookup(w.resource, w.id)
	if !visible {
		return "", nil
	}
	return string(m.render(nil, w.resource, rec, &everythingOfIt)), nil
}

// culprit is the operation that a refusal names; -1: none.
func culprit(err error) int {
	var p *problem.Error
	if !errors.As(err, &p) {
		return -1
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(p.Detail, "operations/"), ":")
	i, err := strconv.Atoi(number)
	if err != nil {
		return -1
	}
	return i
}

// askAll sends writes of one resource to the engine as one request.
func (s *stage) askAll(t *arena, list []write, minimal bool) (*engine.Result, error) {
	var members []string
	for _, w := range list {
		switch w.kind {
		case engine.Create:
			members = append(members, fmt.Sprintf(`{"create":%s}`, s.body(w)))
		case engine.Delete:
			members = append(members, fmt.Sprintf(`{"delete":{"id":%q}}`, w.id))
		default:
			fields := strings.TrimPrefix(string(s.body(w)), "{")
			if fields != "}" {
				fields = "," + fields
			}
			members = append(members, fmt.Sprintf(`{"update":{"id":%q%s}`, w.id, fields))
		}
	}
	body := fmt.Sprintf(`{"operations":[%s]}`, strings.Join(members, ","))
	op := &engine.Operation{Kind: engine.Bulk, Resource: s.set.Resource(list[0].resource), Body: []byte(body), Minimal: minimal}
	return s.engine.Do(t.Context(), principal(s.caller(list[0].by)), op)
}

// g2batch repeats a trial.
func (tr trial) g2batch(t *arena, minimal bool) string {
	s, err := setUp(t, tr.design, tr.rows)
	if err != nil {
		return ""
	}
	defer s.tearDown()
	if len(tr.writes) == 0 || slices.ContainsFunc(tr.writes, func(w write) bool { return !w.fits(tr.design) }) {
		return ""
	}
	_, difference := s.batch(t, tr.writes, minimal)
	return difference
}
