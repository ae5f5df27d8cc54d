package sqlite

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// one is a transaction of one write. Without a Select before it the write is done by
// whoever has the turn, as a member of their batch: who waits is woken once. With one
// it has the turn from then on, unless it is run by whoever has it: see InTurn. In no
// case it takes a savepoint, with a copy of every page that is changed: a statement that
// fails undoes itself.
//
// Not chosen: to select beside the writer, whose connection has the pages at hand,
// while a reader's are of no use after each commit: a change of one record cost a fifth
// more; a goroutine of the writer's own, for which a single caller then waits twice.
type one struct {
	d  *Driver
	tx *tx // of the turn; nil: it has none
}

var _ store.Tx = (*one)(nil)

var errMany = problem.Errorf(problem.Internal, "this transaction writes one row once")

// change is a single write and what came of it.
type change struct {
	q        any // nil: there is none
	args     []any
	fn       func(store.Tx) error // instead of q: the write with what is selected before
	rows     int
	err      error
	panicked *panicked
}

// panicked is a panic that comes again in the goroutine of whose write it was, where
// nothing else would tell where it began.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

// recovered is what a deferred call recovered, with the stack below it; nil for nothing.
func recovered(p any) *panicked {
	if p == nil {
		return nil
	}
	return &panicked{p, debug.Stack()}
}

// turns are those of single writes.
var turns = sync.Pool{New: func() any { return &turn{given: make(chan struct{}, 1)} }}

func (d *Driver) beginOne() (store.Tx, error) {
	if d.writer == nil {
		return nil, errReadOnly
	}
	return &one{d: d}, nil
}

// Select streams rows; see store.Tx.
func (o *one) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if o.tx == nil {
			var err error
			if o.tx, err = o.d.beginWrite(ctx, store.WriteOne); err != nil {
				yield(nil, err)
				return
			}
		}
		o.tx.Select(ctx, q, args)(yield)
	}
}

// Insert adds a row; see store.Tx.
func (o *one) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	if q.Rows(args) != 1 {
		return 0, errMany
	}
	return o.write(ctx, q, args)
}

// Update changes rows; see store.Tx.
func (o *one) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	return o.write(ctx, q, args)
}

// Delete is refused.
func (o *one) Delete(context.Context, *query.Delete, []any) (int, error) { return 0, errMany }

// Commit gives up the turn; see store.Tx.
func (o *one) Commit(ctx context.Context) error { return o.end(ctx) }

// Rollback gives up the turn. What was written stays: a single write may be durable as
// soon as it has returned.
func (o *one) Rollback(ctx context.Context) error { return o.end(ctx) }

func (o *one) end(ctx context.Context) error {
	if o.tx == nil {
		return nil
	}
	t := o.tx
	o.tx = nil
	return t.Commit(ctx)
}

func (o *one) write(ctx context.Context, q any, args []any) (int, error) {
	if o.tx != nil {
		return o.tx.write(ctx, q, args)
	}
	return o.d.share(ctx, change{q: q, args: args})
}

// InTurn leaves a write and what it selects before to who has the turn; see store.Turns.
func (d *Driver) InTurn(ctx context.Context, fn func(store.Tx) error) error {
	held.used()
	if d.writer == nil {
		return errReadOnly
	}
	_, err := d.share(ctx, change{fn: fn})
	return err
}

// share leaves a write to who has the turn, and returns when it is durable or refused.
// ctx only ends the wait in the queue.
func (d *Driver) share(ctx context.Context, c change) (rows int, err error) {
	if ctx.Err() != nil {
		return 0, store.Interrupted(ctx, ctx.Err())
	}
	t := turns.Get().(*turn)
	t.change = c
	d.writer.wait(ctx, t)
	if t.mine {
		d.writer.lead(ctx, t)
	}
	done := t.change
	t.change, t.mine, t.waiting = change{}, false, nil
	turns.Put(t)
	if done.panicked != nil {
		panic(done.panicked)
	}
	return done.rows, done.err
}

// lead begins a batch with t, which has the turn, and returns when it is decided.
func (w *writer) lead(ctx context.Context, t *turn) {
	if _, _, err := w.join(false); err != nil {
		t.err = explained(ctx, err)
		w.pass()
		return
	}
	w.do(t)
	w.leave()
	<-t.given
}

// do carries out a single write, of a member of the batch, for who waits for it. An
// error that ends SQLite's transaction ends the batch.
func (w *writer) do(t *turn) {
	w.batch.changes = append(w.batch.changes, t)
	carry := w.try
	if t.fn != nil {
		carry = w.run
	}
	if err := carry(t); err != nil && !w.c.inTransaction() {
		w.settle(err)
	}
}

// run notes what came of a write that selects first, by a transaction for it alone.
func (w *writer) run(t *turn) (err error) {
	in := &tx{d: w.d, c: w.c, mode: store.WriteOne, batch: w.batch}
	defer func() {
		t.panicked = recovered(recover())
		in.c, err = nil, in.lost
	}()
	t.err = t.fn(&one{d: w.d, tx: in})
	return nil
}

// try notes what came of t, a panic too: it is not for who has the turn.
func (w *writer) try(t *turn) (err error) {
	defer func() { t.panicked = recovered(recover()) }()
	t.rows, err = w.d.change(w.c, t.q, t.args)
	t.err = explained(context.Background(), err)
	return err
}
