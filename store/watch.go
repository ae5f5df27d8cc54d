package store

import (
	"context"
	"iter"

	"github.com/mainstay-run/mainstay/query"
)

// Watch is d, telling seen of every Select before it runs.
func Watch(d Driver, seen func(q *query.Select, args []any)) Driver {
	return watched{d, seen}
}

type watched struct {
	Driver
	seen func(*query.Select, []any)
}

func (w watched) Begin(ctx context.Context, mode Mode) (Tx, error) {
	tx, err := w.Driver.Begin(ctx, mode)
	if err != nil {
		return nil, err
	}
	return watchedTx{tx, w.seen}, nil
}

type watchedTx struct {
	Tx
	seen func(*query.Select, []any)
}

func (t watchedTx) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[Row, error] {
	t.seen(q, args)
	return t.Tx.Select(ctx, q, args)
}
