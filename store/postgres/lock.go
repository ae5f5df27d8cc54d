package postgres

import (
	"context"
)

// Lock takes a named lock among all processes on this database. It is held by a
// connection, so it ends with its process at the latest; behind a pooler by a
// transaction.
func (d *Driver) Lock(ctx context.Context, name string) (unlock func() error, err error) {
	c, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	held := c.lockKept
	if c.pooled {
		held = c.lockPooled
	}
	end, err := held(ctx, name)
	if err != nil {
		d.give(c)
		return nil, explained(ctx, err)
	}
	return func() error {
		defer d.give(c)
		return explained(ctx, end(context.WithoutCancel(ctx)))
	}, nil
}

// lockKey is a lock's number, by its name.
const lockKey = "hashtextextended('mainstay ' || $1::text, 0)"

// lockKept takes a lock that the session holds.
func (c *conn) lockKept(ctx context.Context, name string) (unlock func(context.Context) error, err error) {
	if _, err := c.list(ctx, "SELECT pg_advisory_lock("+lockKey+")", name); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := c.list(ctx, "SELECT pg_advisory_unlock("+lockKey+")", name)
		return err
	}, nil
}
