package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"iter"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// tx is a transaction of any mode.
type tx struct {
	d     *Driver
	c     *conn // nil when the transaction is over
	mode  store.Mode
	begun bool  // there is something to commit or roll back
	lost  error // the transaction can only be rolled back
}

var _ store.Tx = (*tx)(nil)

var (
	errOver    = problem.Errorf(problem.Internal, "the transaction is over")
	errMany    = problem.Errorf(problem.Internal, "this transaction writes once")
	errReading = problem.Errorf(problem.Internal, "this transaction only reads")
)

// Begin starts a transaction; see store.Driver.
func (d *Driver) Begin(ctx context.Context, mode store.Mode) (store.Tx, error) {
	switch mode {
	case store.ReadOne:
		return single{d}, nil
	case store.WriteOne:
		return one{single{d}}, nil
	}
	t, err := d.transaction(ctx, mode)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// transaction takes a connection for a transaction.
func (d *Driver) transaction(ctx context.Context, mode store.Mode) (*tx, error) {
	u := reading
	if mode == store.Write || mode == store.WriteRows {
		mode, u = store.Write, writing
	}
	c, err := d.takeFor(ctx, u, mode)
	if err != nil {
		return nil, err
	}
	t := &tx{d: d, c: c, mode: mode}
	if mode == store.Snapshot {
		t.begun = true
		if err := c.exec(ctx, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"); err != nil {
			err = explained(ctx, c.again(ctx, err))
			d.give(c)
			return nil, err
		}
		c.rested = false
	}
	return t, nil
}

// Select streams rows; see store.Tx.
func (t *tx) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := t.usable(ctx); err != nil {
			yield(nil, err)
			return
		}
		c := t.c
		p, err := c.statement(ctx, q, 0, args)
		if err != nil {
			yield(nil, t.failed(ctx, err))
			return
		}
		s, err := c.read(ctx, p, args)
		if err != nil {
			yield(nil, t.failed(ctx, err))
			return
		}
		t.begun = t.begun || t.mode == store.Write
		defer c.finish(s)
		for c.next(s) {
			c.rested = false
			if !yield(&s.row, nil) {
				return
			}
			if s.row.err != nil {
				yield(nil, unreadable(s.row.err))
				return
			}
		}
		if s.err != nil {
			yield(nil, t.failed(ctx, s.err))
			return
		}
		c.rested = false
	}
}

func unreadable(err error) error {
	return problem.Wrap(err, problem.Internal, "a stored value cannot be read")
}

// Insert adds rows; see store.Tx. MySQL has no way to ignore one violation alone,
// so a key that is there is an error of the statement, which undoes just that.
func (t *tx) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	rows := q.Rows(args)
	if q.If != nil {
		return t.write(ctx, q, rows, args)
	}
	width := len(q.Columns)
	step := maxParams / width
	if rows <= step {
		n, err := t.write(ctx, q, rows, args)
		if err == nil || !q.OnConflictIgnore || !primaryViolated(err) {
			return n, err
		}
		if rows == 1 {
			return 0, nil
		}
		step = 1
	}
	if err := t.control(ctx, "SAVEPOINT several"); err != nil {
		return 0, err
	}
	added := 0
	for len(args) > 0 {
		some := min(step, len(args)/width)
		n, err := t.write(ctx, q, some, args[:some*width])
		ignored := q.OnConflictIgnore && primaryViolated(err)
		if ignored && some > 1 { // which are there is found one by one
			step = 1
			continue
		}
		if err != nil && !ignored {
			if undo := t.control(ctx, "ROLLBACK TO SAVEPOINT several"); undo != nil {
				return 0, undo
			}
			return 0, err
		}
		added += n
		args = args[some*width:]
	}
	return added, t.control(ctx, "RELEASE SAVEPOINT several")
}

func primaryViolated(err error) bool {
	index, ok := violatedIndex(err)
	return ok && index == primary
}

// Update changes rows; see store.Tx.
func (t *tx) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	return t.write(ctx, q, 0, args)
}

// Delete removes rows; see store.Tx.
func (t *tx) Delete(ctx context.Context, q *query.Delete, args []any) (int, error) {
	n, err := t.write(ctx, q, 0, args)
	if needed(err) {
		return t.removeTogether(ctx, q, args, err)
	}
	return n, err
}

// write runs an insert of so many rows, an update or a delete.
func (t *tx) write(ctx context.Context, q any, rows int, args []any) (int, error) {
	if err := t.usable(ctx); err != nil {
		return 0, err
	}
	if t.mode < store.Write {
		return 0, errReading
	}
	p, err := t.c.statement(ctx, q, rows, args)
	if err != nil {
		return 0, t.failed(ctx, err)
	}
	if err := t.c.settle(); err != nil {
		p.done()
		return 0, t.failed(ctx, err)
	}
	if t.mode == store.Write {
		t.begun = true
	} else {
		t.c.rested = false // if the connection is lost from here on, it may have been done
	}
	n, err := t.c.write(ctx, p, args)
	if err != nil {
		return 0, t.named(ctx, q, t.failed(ctx, err))
	}
	t.c.rested = false
	return n, nil
}

// control runs SAVEPOINT and the like.
func (t *tx) control(ctx context.Context, sql string) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	t.begun = true
	return t.failed(ctx, t.c.exec(ctx, sql))
}

// named completes a violation with its table and columns.
func (t *tx) named(ctx context.Context, q any, err error) error {
	var violation *store.ConstraintError
	if !errors.As(err, &violation) {
		return err
	}
	switch q := q.(type) {
	case *query.Insert:
		violation.Table = q.Table
	case *query.Update:
		violation.Table = q.Table.Name
	case *query.Delete:
		violation.Table = q.Table.Name
	}
	if violation.Kind == store.Reference {
		violation.Columns = violatedReference(err)
		return err
	}
	index, ok := violatedIndex(err)
	if !ok {
		return err
	}
	columns, lookup := t.c.list(ctx, indexColumnsQuery, violation.Table, index)
	if lookup != nil {
		return t.failed(ctx, lookup)
	}
	violation.Columns = columns
	return err
}

func (t *tx) usable(ctx context.Context) error {
	switch {
	case t.c == nil:
		return errOver
	case t.lost != nil:
		return t.lost
	case ctx.Err() != nil:
		return store.Interrupted(ctx, ctx.Err())
	case t.c.place.Broken():
		return store.Crowded()
	}
	return nil
}

// failed explains an error and keeps it when the transaction cannot go on: after
// a deadlock the server has rolled it back, and the next statement would begin
// another one.
func (t *tx) failed(ctx context.Context, err error) error {
	if err != nil && t.c.place.Broken() {
		t.lost = store.Crowded()
		return t.lost
	}
	err = explained(ctx, t.c.again(ctx, err))
	if t.mode == store.Write && (errors.Is(err, store.ErrAgain) || t.c.broken && err != nil) {
		t.lost = err
	}
	return err
}

// Commit ends the transaction; see store.Tx. An ended ctx does not interrupt it.
func (t *tx) Commit(ctx context.Context) error {
	if t.c == nil {
		return errOver
	}
	if t.lost != nil {
		t.Rollback(ctx)
		return t.lost
	}
	if t.mode == store.Write && t.begun && t.c.broken { // where nobody looked: behind a Select that was broken off
		t.Rollback(ctx)
		return explained(ctx, driver.ErrBadConn)
	}
	if t.mode == store.Write && !t.c.place.Keep() {
		t.Rollback(ctx)
		return store.Crowded()
	}
	return t.end(ctx, "COMMIT")
}

// Rollback ends the transaction without a trace; see store.Tx. ErrAgain says that
// the server had given it up before, so that a refusal by what it saw means nothing.
func (t *tx) Rollback(ctx context.Context) error {
	if t.c == nil {
		return nil
	}
	if err := t.end(ctx, "ROLLBACK"); err != nil || !errors.Is(t.lost, store.ErrAgain) {
		return err
	}
	return t.lost
}

func (t *tx) end(ctx context.Context, sql string) error {
	c := t.c
	t.c = nil
	defer t.d.give(c)
	if !t.begun || c.broken {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	err := c.exec(ctx, sql)
	if err != nil {
		c.broken = true
	}
	return explained(ctx, err)
}
