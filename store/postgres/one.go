package postgres

import (
	"context"
	"net"
	"syscall"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// one is a transaction of one write, which the server commits by itself: no BEGIN, no
// COMMIT, one round trip. It holds nothing, so that all share it.
type one struct{ single }

var _ store.Tx = one{}

var errMany = problem.Errorf(problem.Internal, "this transaction writes once")

// Insert adds a row; see store.Tx.
func (o one) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	if q.Rows(args) != 1 {
		return 0, errMany
	}
	return o.write(ctx, q, args)
}

// Update changes rows; see store.Tx.
func (o one) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	return o.write(ctx, q, args)
}

func (o one) write(ctx context.Context, q any, args []any) (int, error) {
	if o.d.group != nil && !o.d.pooled { // a pooler would hand what the group sets to others
		if n, alone, err := o.d.group.Do(ctx, q, args); !alone {
			return n, err
		}
	}
	c, err := o.d.takeLiving(ctx)
	if err != nil {
		return 0, err
	}
	t := &tx{d: o.d, c: c, mode: store.WriteOne}
	defer t.release()
	return t.write(ctx, q, args)
}

// takeLiving takes a connection that its server has not given up: of a write that is
// sent on a dead one nobody could tell whether it was done.
func (d *Driver) takeLiving(ctx context.Context) (*conn, error) {
	for {
		c, err := d.take(ctx)
		if err != nil || !c.rested || c.lives() {
			return c, err
		}
		c.Conn().Close()
		d.epoch.CompareAndSwap(c.epoch, c.epoch+1) // those that are as old are not tried
		d.conns <- nil
		c.place.Give()
	}
}

// lives reports whether a connection at rest is still open and silent, without a
// round trip.
func (c *conn) lives() bool {
	raw := c.Conn()
	if inner, ok := raw.(interface{ NetConn() net.Conn }); ok { // TLS
		raw = inner.NetConn()
	}
	socket, ok := raw.(syscall.Conn)
	if !ok {
		return true
	}
	open, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	silent := false
	err = open.Control(func(fd uintptr) { silent = quiet(fd) })
	return err == nil && silent
}
