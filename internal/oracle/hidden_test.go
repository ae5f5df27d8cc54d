package oracle

import (
	"bytes"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/mainstay-run/mainstay/engine"
)

// G1, two worlds: world B is world A with writes that the caller cannot see.
// Every answer is the same, byte for byte: body, counts, cursors, entity tags,
// errors, and the number of statements.
func TestG1HiddenWritesChangeNoAnswer(t *testing.T) { onEach(t, hiddenWritesChangeNoAnswer) }

func hiddenWritesChangeNoAnswer(t *arena) {
	const requests = 30
	var pairs, hidden atomic.Int64
	t.stages(1_000_000, t.count/5, func(t *arena, d dice) int {
		c := newDesign(d)
		c.everybodyWrites()
		tr := trial{design: c, rows: newRows(d, c)}
		a, b, err := tr.worlds(t)
		if err != nil {
			t.refute(fmt.Sprintf("%v\n%s", err, c.text()))
		}
		caller := newRequest(d, a).caller
		for range 30 {
			w, ok := newWrite(d, c, b.rows, a.caller(caller))
			if !ok {
				continue
			}
			done, err := b.hide(t, a, caller, w)
			if err != nil {
				t.refute(fmt.Sprintf("%v\n%s", err, tr))
			}
			if done {
				tr.writes = append(tr.writes, w)
			}
		}
		hidden.Add(int64(len(tr.writes)))
		for range requests {
			tr.request = newRequest(d, a)
			tr.request.caller = caller
			if len(tr.writes) > 0 && d.one(4) {
				w := pick(d, tr.writes) // what was written itself
				tr.request = request{caller: caller, kind: engine.Get, resource: w.resource, id: w.id.String()}
			}
			if difference := apart(t, a, b, tr.request); difference != "" {
				t.refute(tr.smallest(difference, func(tr trial) string { return tr.g1(t) }))
			}
		}
		a.tearDown()
		b.tearDown()
		pairs.Add(requests)
		return requests
	})
	if pairs, hidden := pairs.Load(), hidden.Load(); hidden < pairs/requests {
		t.Errorf("only %d hidden writes for %d pairs: the test is blind", hidden, pairs)
	}
}

// worlds sets up two equal worlds.
func (tr trial) worlds(t *arena) (a, b *stage, err error) {
	if a, err = setUp(t, tr.design, tr.rows); err != nil {
		return nil, nil, err
	}
	if b, err = setUp(t, tr.design, tr.rows); err != nil {
		a.tearDown()
		return nil, nil, err
	}
	b.shadows = a.shadows
	return a, b, nil
}

// g1 repeats a trial; "" too when a write of it is no longer possible or no longer hidden.
func (tr trial) g1(t *arena) string {
	a, b, err := tr.worlds(t)
	if err != nil {
		return ""
	}
	defer a.tearDown()
	defer b.tearDown()
	for _, w := range tr.writes {
		if !w.fits(tr.design) {
			return ""
		}
		if done, err := b.hide(t, a, tr.request.caller, w); !done || err != nil {
			return ""
		}
	}
	return apart(t, a, b, tr.request)
}

// hide performs a write on b if the caller sees nothing of it: the caller's
// model of b is the same before and after.
func (b *stage) hide(t *arena, a *stage, caller string, w write) (bool, error) {
	after := &stage{design: b.design, rows: w.on(b.design, b.rows), set: b.set, models: map[string]*model{}, shadows: a.shadows}
	after.world = newWorld(after.rows)
	seen, err := after.model(caller)
	if err != nil {
		return false, err
	}
	before, err := a.model(caller)
	if err != nil {
		return false, err
	}
	if !reflect.DeepEqual(before.world.order, seen.world.order) {
		return false, nil
	}
	done, err := b.perform(t.Context(), w)
	if done {
		b.rows, b.world, b.models = after.rows, after.world, map[string]*model{}
	}
	return done, err
}

// apart asks both worlds the same; "" when their answers are equal.
func apart(t *arena, a, b *stage, q request) string {
	cursor := ""
	for page := 1; ; page++ {
		got, err := a.do(t.Context(), q, cursor)
		other, otherErr := b.do(t.Context(), q, cursor)
		if one, two := tell(got, err), tell(other, otherErr); one != two {
			return fmt.Sprintf("page %d: world A answers\n%s\nworld B\n%s", page, one, two)
		}
		if err != nil || !q.walk || got.Next == "" || page == 5 {
			return ""
		}
		cursor = got.Next
	}
}

// tell is everything that an answer tells.
func tell(res *engine.Result, err error) string {
	if err != nil {
		return fmt.Sprintf("%#v %v", err, err)
	}
	body := res.Body
	if res.Stream != nil {
		var b bytes.Buffer
		if err := res.Stream(&b); err != nil {
			return err.Error()
		}
		body = b.Bytes()
	}
	return fmt.Sprintf("%s\nETag %s, next %s, prev %s, %d statements", body, res.ETag, res.Next, res.Prev, res.Statements)
}
