package postgres

import (
	"context"
	"errors"
	"fmt"
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
	// groupRest is how long there is no group after it has waited in vain.
	groupRest = 500 * time.Millisecond
	// groupTimeout is how long its commit may take, on a disk that hesitates: who is
	// told that it took too long does not know whether it was done.
	groupTimeout = 30 * time.Second
)

// writeTogether carries groups until the driver closes.
func (d *Driver) writeTogether() {
	defer d.driving.Done()
	var c *conn
	d.group.Run(func(group []*store.Change) { c = d.commit(c, group) })
	if c != nil {
		c.PgConn.Close(context.Background())
	}
}

// commit does the writes of a group on c, or on a new connection when c is of no more
// use, and returns the connection for the next group, nil when it failed.
func (d *Driver) commit(c *conn, group []*store.Change) *conn {
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
	if waited(err) {
		d.group.Rest(groupRest)
	}
	for i, w := range group {
		switch {
		case err == nil:
			w.Done(int(results[i].CommandTag.RowsAffected()), nil)
		case !sent || undone(err):
			w.Alone()
		default:
			w.Done(0, explained(ctx, err))
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

// waited reports whether an error is that of a group which met a lock.
func waited(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "55P03"
}

// writeAll sends writes as one transaction, which ends with it.
func (c *conn) writeAll(ctx context.Context, group []*store.Change) (results []*pgconn.Result, sent bool, err error) {
	defer func() {
		if p := recover(); p != nil { // it comes again where the write is done alone, in its own request
			err = fmt.Errorf("postgres: a group of writes panicked: %v", p)
		}
	}()
	var batch pgconn.Batch
	for _, w := range group {
		p, err := c.statement(ctx, w.Q)
		if err != nil {
			return nil, false, err
		}
		values, formats := p.arguments(w.Args)
		p.queueIn(&batch, values, formats)
	}
	sent = true
	results, err = c.ExecBatch(ctx, &batch).ReadAll()
	return results, sent, err
}
