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
