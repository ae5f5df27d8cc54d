package store

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// Group is the single writes of different callers that a driver does together, since a
// commit costs a server far more than the row that it makes durable. None waits for
// others to come, and nobody is answered before what it was part of has ended.
type Group struct {
	queue  chan *Change
	closed <-chan struct{}
	rests  atomic.Int64 // until then, in nanoseconds since 1970
}

// Change is a single write on its way through a group.
type Change struct {
	Q    any
	Args []any
	// taken: it is under way, or its caller has given it up.
	taken atomic.Bool
	done  chan changed
}

// changed is what came of it.
type changed struct {
	rows  int
	err   error
	alone bool // nothing: it has to be done by itself
}

var errWaitingToWrite = errors.New("store: waiting to write")

// NewGroup makes a group of at most so many, which is over when closed is.
func NewGroup(most int, closed <-chan struct{}) *Group {
	return &Group{queue: make(chan *Change, most), closed: closed}
}

// Do does a write together with others. It is over when Do returns, even if ctx ends
// before; alone: nothing was done, and it has to be done by itself.
func (g *Group) Do(ctx context.Context, q any, args []any) (n int, alone bool, err error) {
	if g.Resting(time.Now()) {
		return 0, true, nil
	}
	w := &Change{Q: q, Args: args, done: make(chan changed, 1)}
	select {
	case g.queue <- w:
	case <-g.closed:
		return 0, true, nil
	default: // as many as a group holds are waiting already
		return 0, true, nil
	}
	select {
	case r := <-w.done:
		return r.rows, r.alone, r.err
	case <-g.closed:
	case <-ctx.Done():
	}
	if w.taken.CompareAndSwap(false, true) {
		if ctx.Err() == nil {
			return 0, true, nil
		}
		return 0, false, Interrupted(ctx, errWaitingToWrite)
	}
	r := <-w.done
	return r.rows, r.alone, r.err
}

// Run hands the writes that wait to commit, without those that were given up, until the
// group is over.
func (g *Group) Run(commit func([]*Change)) {
	Together(g.queue, g.closed, func(together []*Change) {
		group := together[:0]
		for _, w := range together {
			if w.taken.CompareAndSwap(false, true) {
				group = append(group, w)
			}
		}
		switch {
		case len(group) == 0:
		case g.Resting(time.Now()):
			for _, w := range group {
				w.Alone()
			}
		default:
			commit(group)
		}
	})
}

// Rest has each write done by itself for a while. When a group has waited for what
// somebody else holds, so have all its members, and the next one would meet it again:
// whoever sends writes of a record that is held could stop those of all others.
func (g *Group) Rest(d time.Duration) { g.rests.Store(time.Now().Add(d).UnixNano()) }

// Resting reports whether the group rests at a time.
func (g *Group) Resting(at time.Time) bool { return at.UnixNano() < g.rests.Load() }

// Done answers with what came of a write.
func (w *Change) Done(rows int, err error) { w.done <- changed{rows: rows, err: err} }

// Alone answers that nothing was done.
func (w *Change) Alone() { w.done <- changed{alone: true} }
