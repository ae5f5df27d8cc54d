package mysql

import (
	"context"
	"encoding/json"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// Exec runs a statement by hand.
func (d *Driver) Exec(ctx context.Context, sql string, args ...string) error {
	_, err := d.List(ctx, sql, args...)
	return err
}

// List is the first column of what a statement gives.
func (d *Driver) List(ctx context.Context, sql string, args ...string) ([]string, error) {
	c, err := d.take(ctx, reading)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	return c.list(ctx, sql, args...)
}

// Begun leaves the database as a step does that was cut short: recorded as
// pending, and carried out or not.
func (d *Driver) Begun(ctx context.Context, have *schema.Schema, step schema.Step, done bool) error {
	c, err := d.take(ctx, reading)
	if err != nil {
		return err
	}
	defer d.give(c)
	next, err := json.Marshal(sqlgen.After(have, step))
	if err != nil {
		return err
	}
	if err := c.put(ctx, keyPending, string(next)); err != nil || !done {
		return err
	}
	statement, err := d.flavour.statementOf(have, step)
	if err != nil {
		return err
	}
	return c.unchecked(ctx, statement)
}
