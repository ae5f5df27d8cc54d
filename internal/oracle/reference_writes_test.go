package oracle

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
)

// G2 for writes: a write is admitted when the model admits it, the record is
// afterwards what the model says, the answer shows what its maker may see, and
// what is read next is right.
func TestG2WritesDoWhatTheModelSays(t *testing.T) { onEach(t, writesDoWhatTheModelSays) }

func writesDoWhatTheModelSays(t *arena) {
	const writes, reads = 30, 10
	var all, admitted atomic.Int64
	t.stages(4_000_000, t.count, func(t *arena, d dice) (asked int) {
		c := newDesign(d)
		c.addWriteRules(d)
		rows, err := lawfulRows(c, fewRows(d, c))
		if err != nil {
			t.refute(fmt.Sprintf("%v\n%s", err, c.text()))
		}
		tr := trial{design: c, rows: rows}
		s := t.set(c, tr.rows)
		fail := func(difference string) {
			t.refute(tr.smallest(difference, func(tr trial) string { return tr.g2writes(t) }))
		}
		for range writes {
			w, ok := newWrite(d, c, s.rows, nil)
			if !ok {
				continue
			}
			w.by = newRequest(d, s).caller
			tr.writes = append(tr.writes, w)
			ok, difference := s.write(t, w)
			if difference != "" {
				fail(difference)
			}
			if asked++; ok {
				admitted.Add(1)
			}
		}
		for range reads {
			tr.request = newRequest(d, s)
			if difference := s.check(t, tr.request); difference != "" {
				fail(difference)
			}
		}
		s.tearDown()
		all.Add(int64(asked))
		return asked
	})
	if asked, admitted := all.Load(), admitted.Load(); admitted < asked/10 {
		t.Errorf("only %d of %d writes were admitted: the test is blind", admitted, asked)
	}
}

// write asks the engine for a write and compares with the model.
func (s *stage) write(t *arena, w write) (admitted bool, difference string) {
	after, ok, err := s.lawful(w)
	if err != nil {
		return false, err.Error()
	}
	res, err := s.ask(t.Context(), w)
	switch {
	case err != nil && problem.KindOf(err) == problem.Internal:
		return false, fmt.Sprintf("%s: %v", w, err)
	case (err == nil) != ok:
		return false, fmt.Sprintf("%s: the model admits it: %t; the engine says: %v", w, ok, err)
	}
	if !ok {
		after = s.rows
	}
	if err := s.holds(t.Context(), w, after); err != nil {
		return false, err.Error()
	}
	caller := s.caller(w.by) // who they were when they asked, whatever they changed of themselves
	s.rows, s.world, s.models = after, newWorld(after), map[string]*model{}
	if !ok {
		return false, ""
	}
	m, err := s.modelOf(caller)
	if err != nil {
		return false, err.Error()
	}
	want := ""
	if rec, visible := m.world.Lookup(w.resource, w.id); visible {
		want = string(m.render(nil, w.resource, rec, &everythingOfIt))
	}
	if string(res.Body) != want {
		return false, fmt.Sprintf("%s: the engine answers\n%s\nthe model\n%s", w, res.Body, want)
	}
	return true, ""
}

// everythingOfIt is a record with nothing trimmed and nothing included.
var everythingOfIt = want{kids: map[string]*want{}}

// g2writes repeats a trial.
func (tr trial) g2writes(t *arena) string {
	rows, err := lawfulRows(tr.design, tr.rows)
	if err != nil {
		return ""
	}
	s, err := setUp(t, tr.design, rows)
	if err != nil {
		return ""
	}
	defer s.tearDown()
	for _, w := range tr.writes {
		if !w.fits(tr.design) {
			return ""
		}
		if _, difference := s.write(t, w); difference != "" {
			return difference
		}
	}
	if tr.request.resource == "" {
		return ""
	}
	return s.check(t, tr.request)
}
