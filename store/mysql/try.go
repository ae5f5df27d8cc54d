package mysql

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Try runs a select and tells what it took; see store.Driver. Copies are temporary
// tables of a connection that is opened for this alone.
func (d *Driver) Try(ctx context.Context, q *query.Select, args []any, trials []store.Trial) (plan *store.Plan, err error) {
	c, err := d.connect(ctx, reading)
	if err != nil {
		return nil, explained(ctx, err)
	}
	defer func() { err = errors.Join(err, c.raw.Close()) }()
	for _, t := range trials {
		if err := c.copyTable(ctx, t); err != nil {
			return nil, explained(ctx, err)
		}
	}
	if plan, err = d.plan(ctx, c, q, args, d.flavour.analyze); err != nil {
		return nil, err
	}
	p, err := c.statement(ctx, q, 0, args)
	if err != nil {
		return nil, explained(ctx, err)
	}
	began := time.Now()
	s, err := c.read(ctx, p, args)
	if err != nil {
		return nil, explained(ctx, err)
	}
	defer c.finish(s)
	for c.next(s) {
		plan.Rows++
	}
	plan.Took = time.Since(began)
	return plan, explained(ctx, s.err)
}

// copyTable makes a temporary table as t's is, with more indexes. It is filled under
// another name, since afterwards its own hides the table.
func (c *conn) copyTable(ctx context.Context, t store.Trial) error {
	name, under := "`"+t.Table.Name+"`", "`mainstay_trial_"+t.Table.Name+"`"
	many, err := c.list(ctx, fmt.Sprintf("SELECT 'many' FROM %s LIMIT 1 OFFSET %d", name, store.MaxTried))
	if err != nil {
		return err
	}
	if len(many) > 0 {
		return store.ErrTooMany
	}
	statements := []string{
		fmt.Sprintf("CREATE TEMPORARY TABLE %s LIKE %s", under, name),
		fmt.Sprintf("INSERT INTO %s SELECT * FROM %s", under, name),
		fmt.Sprintf("ALTER TABLE %s RENAME %s", under, name),
	}
	for _, x := range t.More {
		statements = append(statements, "ALTER TABLE "+name+" ADD "+index(t.Table, x))
	}
	for _, s := range append(statements, "ANALYZE TABLE "+name) {
		if err := c.exec(ctx, s); err != nil {
			return fmt.Errorf("%w in: %s", err, s)
		}
	}
	return nil
}
