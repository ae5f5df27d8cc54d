package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Single writes of different callers share trips and a commit: one connection does
// whatever is waiting, new rows of one table as one INSERT, and what that makes more
// than one statement as one transaction. When the server refuses any of it, nothing has
// happened, and each write is done again on a connection of its own, where its own fault
// shows.
const (
	maxGroup = 32
	// maxShared is how many bytes a write may have that goes with others: together they
	// have to be less than any server's max_allowed_packet, by which it would end the
	// connection.
	maxShared = 16 << 10
	// groupTimeout is how long a commit may take, on a disk that hesitates: who is told
	// that it took too long does not know whether it was done.
	groupTimeout = 30 * time.Second
)

// share does a write together with others; alone: nothing was done.
func (d *Driver) share(ctx context.Context, q any, args []any) (n int, alone bool, err error) {
	if d.group == nil || weight(args) > maxShared {
		return 0, true, nil
	}
	if ctx.Err() != nil {
		return 0, false, store.Interrupted(ctx, ctx.Err())
	}
	return d.group.Do(ctx, q, args)
}

// weight is about how many bytes values have as they are sent.
func weight(args []any) (n int) {
	for _, a := range args {
		switch a := a.(type) {
		case string:
			n += len(a)
		case value.Raw:
			n += len(a)
		case nil, bool, int64, float64, value.Decimal, value.Date, value.Time, value.Timestamp, value.Duration, value.UUID:
			n += 16
		case []any:
			n += weight(a)
		default: // it is not looked into
			n += maxShared + 1
		}
	}
	return n
}

// writeTogether carries groups until the driver closes.
func (d *Driver) writeTogether() {
	var c *conn
	d.group.Run(func(group []*store.Change) { c = d.commit(c, group) })
	if c != nil {
		c.raw.Close()
	}
}

// commit does the writes of a group on c, or on a new connection when c is of no more
// use, and returns the connection for the next group, nil when it failed.
func (d *Driver) commit(c *conn, group []*store.Change) *conn {
	ctx, cancel := context.WithTimeout(context.Background(), groupTimeout)
	defer cancel()
	if c != nil && c.raw.(driver.SessionResetter).ResetSession(ctx) != nil {
		c.raw.Close()
		c = nil
	}
	var err error
	if c == nil {
		if c, err = d.connect(ctx, reading); err == nil {
			err = c.exec(ctx, d.flavour.groupLocks)
		}
	}
	sent, done := false, []int(nil)
	if err == nil {
		done, sent, err = c.writeAll(ctx, group)
	}
	if waited(err) {
		d.group.Rest(d.flavour.groupRest)
	}
	for i, w := range group {
		switch {
		case err == nil:
			w.Done(done[i], nil)
		case !sent || undone(err):
			w.Alone()
		default:
			w.Done(0, explained(ctx, err))
		}
	}
	if c != nil && err != nil && (c.broken || !undone(err)) {
		c.raw.Close()
		return nil
	}
	return c
}

// undone reports whether an error is the server's word that it did nothing. When it ends
// the connection, that may have been after the commit.
func undone(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number != errDuringCommit && !lastWord(e)
}

// waited reports whether an error is that of a group which met a lock.
func waited(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number == errLockWait
}

// unit is what one statement does: rows of one table, or one update.
type unit struct {
	q    any
	rows int // of an insert
	args []any
}

// units are the statements of a group, and which of them each write is a part of.
func units(group []*store.Change) (list []unit, of []int) {
	for _, w := range group {
		insert, is := w.Q.(*query.Insert)
		is = is && insert.If == nil
		at := -1
		for i := range list {
			if is && list[i].q == any(insert) {
				at = i
			}
		}
		if at < 0 {
			at = len(list)
			list = append(list, unit{q: w.Q})
		}
		if is {
			list[at].rows++
		}
		list[at].args = append(list[at].args, w.Args...)
		of = append(of, at)
	}
	return list, of
}

// writeAll does the writes of a group, all or none, and tells what each has done.
// sent: it has reached the server, as far as anybody knows.
func (c *conn) writeAll(ctx context.Context, group []*store.Change) (done []int, sent bool, err error) {
	committing := false
	defer func() {
		if p := recover(); p != nil { // it comes again where the write is done alone, in its own request
			c.broken, sent, err = true, committing, fmt.Errorf("mysql: a group of writes panicked: %v", p)
		}
	}()
	list, of := units(group)
	counts := make([]int, len(list))
	several := len(list) > 1
	if several {
		if err := c.exec(ctx, "START TRANSACTION"); err != nil {
			return nil, false, err
		}
	}
	for i, u := range list {
		p, err := c.statement(ctx, u.q, u.rows, u.args)
		if err == nil {
			committing = !several
			counts[i], err = c.write(ctx, p, u.args)
		}
		if err != nil {
			if several {
				undo := c.exec(ctx, "ROLLBACK")
				c.broken = c.broken || undo != nil // the next START TRANSACTION would commit
				return nil, false, errors.Join(err, undo)
			}
			return nil, committing, err
		}
	}
	if several {
		committing = true
		if err := c.exec(ctx, "COMMIT"); err != nil {
			return nil, true, err
		}
	}
	for _, at := range of {
		n := counts[at]
		if list[at].rows > 0 {
			n = 1
		}
		done = append(done, n)
	}
	return done, true, nil
}

// write runs a prepared insert or update.
func (c *conn) write(ctx context.Context, p *prepared, args []any) (int, error) {
	defer p.done()
	result, err := p.stmt.(driver.StmtExecContext).ExecContext(ctx, p.values(args))
	if err != nil {
		return 0, p.failed(c.failed(ctx, err))
	}
	n, err := result.RowsAffected()
	return int(n), err
}
