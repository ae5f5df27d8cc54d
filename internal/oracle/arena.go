package oracle

import (
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/mainstay-run/mainstay/store"
)

// arena is a test on one kind of database.
type arena struct {
	*testing.T
	open    func(testing.TB) store.Driver
	abreast int    // how many stages at once
	whole   bool   // with Mainstay's own tables on every stage
	count   int    // how many requests
	first   uint64 // the seed of the first stage
	seed    uint64 // of the stage that is looked at
}

// stages looks at one stage after the other, each with dice of its own, several at
// once, until enough was asked; look tells how much it asked. Tests that are apart
// throw other dice for the same seed.
func (a *arena) stages(apart uint64, enough int, look func(a *arena, d dice) (asked int)) {
	var begun, asked atomic.Int64
	a.Run("stages", func(t *testing.T) {
		for i := range a.abreast {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for asked.Load() < int64(max(enough, 1)) && !a.Failed() {
					one := *a
					one.T, one.seed = t, a.first+uint64(begun.Add(1)-1)
					asked.Add(int64(look(&one, newDice(one.seed+apart))))
				}
			})
		}
	})
	a.Logf("seeds %d to %d: asked %d", a.first, a.first+uint64(begun.Load())-1, asked.Load())
}

// refute ends a stage that shows a fault.
func (a *arena) refute(fault any) {
	a.Helper()
	a.Fatalf("-oracle.n=1 -oracle.seed=%d: %v", a.seed, fault)
}

// set serves a design with rows; tearDown must be called.
func (a *arena) set(c *design, rows []row) *stage {
	a.Helper()
	s, err := setUp(a, c, rows)
	if err != nil {
		a.refute(fmt.Sprintf("%v\n%s", err, c.text()))
	}
	return s
}

// database is an empty database, and what drops it.
func (a *arena) database() (store.Driver, func()) {
	l := &lifetime{TB: a.T}
	a.Cleanup(l.end) // when the test fails before
	return a.open(l), l.end
}

// lifetime is a part of a test: what was to be done at its end is done at the
// part's end.
type lifetime struct {
	testing.TB
	last []func()
}

func (l *lifetime) Cleanup(f func()) { l.last = append(l.last, f) }

func (l *lifetime) end() {
	for _, f := range slices.Backward(l.last) {
		f()
	}
	l.last = nil
}
