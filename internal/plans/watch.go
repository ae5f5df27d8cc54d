package plans

import (
	"context"
	"iter"
	"slices"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// watched is a driver that notes what is selected.
type watched struct {
	store.Driver
	selects []selected
}

// selected is a query as it was run.
type selected struct {
	q    *query.Select
	args []any
}

func (w *watched) Begin(ctx context.Context, mode store.Mode) (store.Tx, error) {
	tx, err := w.Driver.Begin(ctx, mode)
	return &watchedTx{tx, w}, err
}

type watchedTx struct {
	store.Tx
	w *watched
}

func (t *watchedTx) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	t.w.selects = append(t.w.selects, selected{q, slices.Clone(args)})
	return t.Tx.Select(ctx, q, args)
}
