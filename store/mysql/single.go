package mysql

import (
	"context"
	"iter"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// single is a transaction of one Select. It holds nothing, so that all share it.
type single struct{ d *Driver }

var _ store.Tx = single{}

// Select streams rows; see store.Tx.
func (s single) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if l := s.d.look(ctx, q, args); l != nil {
			l.each(yield)
			return
		}
		t, err := s.d.transaction(ctx, store.ReadOne)
		if err != nil {
			yield(nil, err)
			return
		}
		defer t.Rollback(ctx)
		t.Select(ctx, q, args)(yield)
	}
}

// Insert is refused, like every change.
func (single) Insert(context.Context, *query.Insert, []any) (int, error) { return 0, errReading }

// Update is refused.
func (single) Update(context.Context, *query.Update, []any) (int, error) { return 0, errReading }

// Delete is refused.
func (single) Delete(context.Context, *query.Delete, []any) (int, error) { return 0, errReading }

// Commit has nothing to do.
func (single) Commit(context.Context) error { return nil }

// Rollback has nothing to do.
func (single) Rollback(context.Context) error { return nil }

// one is a transaction of one write, which the server commits by itself. It holds
// nothing, so that all share it.
type one struct{ single }

var _ store.Tx = one{}

// Insert adds a row; see store.Tx.
func (o one) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	if q.Rows(args) != 1 {
		return 0, errMany
	}
	if !q.OnConflictIgnore {
		if n, alone, err := o.d.share(ctx, q, args); !alone {
			return n, err
		}
	}
	return o.alone(ctx, func(t *tx) (int, error) { return t.Insert(ctx, q, args) })
}

// Update changes rows; see store.Tx.
func (o one) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	if n, alone, err := o.d.share(ctx, q, args); !alone {
		return n, err
	}
	return o.alone(ctx, func(t *tx) (int, error) { return t.Update(ctx, q, args) })
}

// Delete is refused: it may take several statements.
func (one) Delete(context.Context, *query.Delete, []any) (int, error) { return 0, errMany }

func (o one) alone(ctx context.Context, write func(*tx) (int, error)) (n int, err error) {
	t, err := o.d.transaction(ctx, store.WriteOne)
	if err != nil {
		return 0, err
	}
	if n, err = write(t); err != nil {
		t.Rollback(ctx)
		return 0, err
	}
	return n, t.Commit(ctx)
}
