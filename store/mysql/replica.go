package mysql

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
	c, err := d.take(ctx, reading)
	if err != nil {
		return "", err
	}
	defer d.give(c)
	found, err := c.list(ctx, sql, args...)
	if err != nil || len(found) == 0 {
		return "", explained(ctx, err)
	}
	return found[0], nil
}

// Position is the transactions that the binary log holds; see store.Leader.
func (d *Driver) Position(ctx context.Context) (string, error) {
	return d.one(ctx, d.flavour.position)
}

// Reached compares what was replayed with a position; see store.Follower.
func (d *Driver) Reached(ctx context.Context, position string) (bool, error) {
	if position == "" {
		return false, nil // nothing that was written can be followed
	}
	found, err := d.one(ctx, d.flavour.reached, position)
	return found == "1", err
}

// Follow opens a replica of d; see store.Leader.
func (d *Driver) Follow(ctx context.Context, url string) (store.Follower, error) {
	name, want := d.flavour.followed[0], d.flavour.followed[1]
	found, err := d.one(ctx, "SELECT @@GLOBAL."+name)
	if err != nil {
		return nil, err
	}
	if found != want {
		return nil, refused("nobody can follow the %s server of --database on %s, which has %s = %s; start it with %s", d.flavour.name, d.config.Addr, name, found, name)
	}
	o := d.opts
	o.primary = d
	f, err := Open(ctx, url, o)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// follows refuses a server that does not follow the primary, as far as it says.
func (d *Driver) follows(ctx context.Context, c *conn) error {
	primary := d.opts.primary
	if d.flavour != primary.flavour {
		return refused("the server on %s is %s, which does not follow %s", d.config.Addr, d.flavour.name, primary.flavour.name)
	}
	other, err := primary.one(ctx, "SELECT @@GLOBAL.server_id")
	if err != nil {
		return err
	}
	own, err := c.list(ctx, "SELECT @@GLOBAL.server_id")
	if err != nil {
		return explained(ctx, err)
	}
	if own[0] == other {
		return refused("the %s server on %s has the server_id %s of the primary, so that it is no replica of it; make it one with CHANGE MASTER TO … (CHANGE REPLICATION SOURCE TO … on MySQL)", d.flavour.name, d.config.Addr, other)
	}
	writable, err := c.list(ctx, "SELECT @@GLOBAL.read_only")
	if err != nil {
		return explained(ctx, err)
	}
	if writable[0] == "0" || writable[0] == "OFF" {
		return refused("the %s server on %s can be written to, so that it may differ from the primary; mend it with SET GLOBAL read_only = 1", d.flavour.name, d.config.Addr)
	}
	return nil
}
