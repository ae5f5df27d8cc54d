package mongo

import (
	"context"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Try runs a select and tells what it took; see store.Driver. There are no collections
// that only one call sees, so that no index is tried. The command holds values and is
// not shown.
func (d *Driver) Try(ctx context.Context, q *query.Select, args []any, trials []store.Trial) (*store.Plan, error) {
	if len(trials) > 0 {
		return nil, store.ErrNoTrials
	}
	plan, err := d.Explain(ctx, q, args)
	if err != nil {
		return nil, err
	}
	plan.Statement = "find in " + q.From.Name
	tx, err := d.Begin(ctx, store.ReadOne)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	began := time.Now()
	for _, err := range tx.Select(ctx, q, args) {
		if err != nil {
			return nil, err
		}
		plan.Rows++
	}
	plan.Took = time.Since(began)
	return plan, nil
}
