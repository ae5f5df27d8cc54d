package postgres

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/store"
)

// A commit costs the server far more than the row that it makes durable. So the single
// writes of different callers share a trip and a commit: one connection sends whatever
// is waiting as one transaction, and nobody is answered before that has ended. None
// waits for others to come. When the server refuses it, nothing has happened, and each
// write is done again on a connection of its own, where its own fault shows.
const (
	maxGroup = 64
	// groupLocks is how long a group waits for a lock, which one of its members met.
	groupLocks = "SET lock_timeout = '50ms'"
	// groupTimeout is how long its commit may take, on a disk that hesitates: who is
	// told that it took too long does not know whether it was done.
	groupTimeout = 30 * time.Second
)

// change is a single write on its way through the group.
type change struct {
	q    any
	args []any
	// taken: it is under way, or its caller has given it up.
	taken atomic.Bool
	done  chan changed
}

// changed is what came of it.
type changed struct {
	rows  int
	err   error
	alone bool // nothing: it has to be done by itself
}

// share does a write together with others. It is over when share returns, even if ctx
// ends before; alone: nothing was done.
func (d *Driver) share(ctx context.Context, q any, args []any) (n int, alone bool, err error) {
	w := &change{q: q, args: args, done: make(chan changed, 1)}
	select {
	case d.group <- w:
	case <-d.closed:
		return 0, true, nil
	default: // as many as a group holds are waiting already
		return 0, true, nil
	}
	select {
	case r := <-w.done:
		return r.rows, r.alone, r.err
	case <-d.closed:
	case <-ctx.Done():
	}
	if w.taken.CompareAndSwap(false, true) {
		if ctx.Err() == nil {
			return 0, true, nil
		}
		return 0, false, store.Interrupted(ctx, errors.New("postgres: waiting to write"))
	}
	r := <-w.done
	return r.rows, r.alone, r.err
}

// writeTogether carries groups until the driver closes.
func (d *Driver) writeTogether() {
	defer d.driving.Done()
	var c *conn
	var together []*change
	for {
		if together = store.Waiting(d.group, d.closed, together[:0]); len(together) == 0 {
			if c != nil {
				c.PgConn.Close(context.Background())
			}
			return
		}
		wanted := together[:0]
		for _, w := range together {
			if w.taken.CompareAndSwap(false, true) {
				wanted = append(wanted, w)
			}
		}
		c = d.commit(c, wanted)
		clear(together)
	}
}

// commit does the writes of a group on c, or on a new connection when c is of no more
// use, and returns the connection for the next group, nil when it failed.
func (d *Driver) commit(c *conn, group []*change) *conn {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
	if c != nil && (c.epoch != d.epoch.Load() || !c.lives()) {
		c.Conn().Close()
		c = nil
	}
	results, sent, err := []*pgconn.Result(nil), false, error(nil)
	if c == nil {
		if c, err = d.connect(ctx); err == nil {
			_, err = c.exec(ctx, groupLocks)
		}
	}
	if err == nil {
		results, sent, err = c.writeAll(ctx, group)
	}
	for i, w := range group {
		switch {
		case err == nil:
			w.done <- changed{rows: int(results[i].CommandTag.RowsAffected())}
		case !sent || undone(err):
			w.done <- changed{alone: true}
		default:
			w.done <- changed{err: explained(ctx, err)}
		}
	}
	if c != nil && (c.IsClosed() || err != nil && !undone(err)) {
		c.Conn().Close()
		return nil
	}
	return c
}

// undone reports whether an error is the server's word that it did nothing. When it
// ends the connection, that may have been after the commit.
func undone(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR"
}

// writeAll sends writes as one transaction, which ends with it.
func (c *conn) writeAll(ctx context.Context, group []*change) (results []*pgconn.Result, sent bool, err error) {
	var batch pgconn.Batch
	for _, w := range group {
		p, err := c.statement(ctx, w.q)
		if err != nil {
			return nil, false, err
		}
		values, formats := p.arguments(w.args)
		p.queueIn(&batch, values, formats)
	}
	results, err = c.ExecBatch(ctx, &batch).ReadAll()
	return results, true, err
}
