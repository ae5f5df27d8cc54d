package postgres

import (
	"context"
)

// Lock takes a named lock among all processes on this database. It is held by a
// connection, so it ends with its process at the latest.
func (d *Driver) Lock(ctx context.Context, name string) (unlock func() error, err error) {
	c, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.list(ctx, "SELECT pg_advisory_lock(hashtextextended('mainstay ' || $1::text, 0))", name); err != nil {
		d.give(c)
		return nil, explained(ctx, err)
	}
	return func() error {
		defer d.give(c)
		ctx := context.WithoutCancel(ctx)
		_, err := c.list(ctx, "SELECT pg_advisory_unlock(hashtextextended('mainstay ' || $1::text, 0))", name)
		return explained(ctx, err)
	}, nil
}
