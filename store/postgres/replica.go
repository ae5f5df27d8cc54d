package postgres

import (
	"context"

	"github.com/mainstay-run/mainstay/store"
)

var (
	_ store.Leader   = (*Driver)(nil)
	_ store.Follower = (*Driver)(nil)
)

// one asks for a single text.
func (d *Driver) one(ctx context.Context, sql string, args ...string) (string, error) {
	for {
		c, err := d.take(ctx)
		if err != nil {
			return "", err
		}
		found, err := c.list(ctx, sql, args...)
		again := err != nil && c.rested && c.IsClosed() && ctx.Err() == nil // see conn.again
		d.give(c)
		switch {
		case again:
		case err != nil:
			return "", explained(ctx, err)
		case len(found) == 0:
			return "", nil
		default:
			return found[0], nil
		}
	}
}

// Position is how far the log has been made durable; see store.Leader.
func (d *Driver) Position(ctx context.Context) (string, error) {
	return d.one(ctx, "SELECT pg_current_wal_flush_lsn()::text")
}

// Reached compares what was replayed with a position; see store.Follower. A standby
// that has become a primary follows no more.
func (d *Driver) Reached(ctx context.Context, position string) (bool, error) {
	found, err := d.one(ctx, "SELECT (pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= $1::text::pg_lsn)::text", position)
	return found == "true", err
}

// clusterQuery asks which cluster this is; a standby is the same one.
const clusterQuery = "SELECT system_identifier::text FROM pg_control_system()"

// Follow opens a standby of d; see store.Leader.
func (d *Driver) Follow(ctx context.Context, url string) (store.Follower, error) {
	o := d.opts
	o.primary = d
	f, err := Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// follows refuses a server that does not follow the primary.
func (d *Driver) follows(ctx context.Context, c *conn, standby bool) error {
	if !standby {
		return refused("the PostgreSQL server on %s is no standby, so that it may hold anything; make one of the primary with pg_basebackup -R", d.address())
	}
	own, err := c.list(ctx, clusterQuery)
	if err != nil {
		return explained(ctx, err)
	}
	primary, err := d.opts.primary.one(ctx, clusterQuery)
	if err != nil {
		return err
	}
	if own[0] != primary {
		return refused("the PostgreSQL server on %s is a standby of another primary than %s; make one of this with pg_basebackup -R", d.address(), d.opts.primary.address())
	}
	return nil
}
