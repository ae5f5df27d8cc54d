package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// tx is a transaction of any mode.
type tx struct {
	d    *Driver
	c    *conn // nil when the transaction is over
	mode store.Mode
	// begin is the statement that begins the transaction, as long as it has not been
	// sent: it goes with the first statement, so that it costs no round trip.
	begin string
	read  bool  // something was selected
	wrote bool  // something was written
	stale bool  // what was selected does not count any more
	lost  error // the transaction can only be rolled back
}

var _ store.Tx = (*tx)(nil)

var (
	errClosed  = problem.Errorf(problem.Unavailable, "the database is closed")
	errOver    = problem.Errorf(problem.Internal, "the transaction is over")
	errReading = problem.Errorf(problem.Internal, "this transaction only reads")
)

// begins are the first statements by mode. A write is serialisable: a right that
// is taken away while it runs makes it run again. Locked rows do not change, so
// that what depends on them alone needs no more than the locks.
var begins = [...]string{
	store.ReadOne:   "",
	store.Stream:    "",
	store.Snapshot:  "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
	store.Write:     "BEGIN ISOLATION LEVEL SERIALIZABLE",
	store.WriteRows: "BEGIN ISOLATION LEVEL READ COMMITTED",
	store.WriteOne:  "",
}

// Begin starts a transaction; see store.Driver.
func (d *Driver) Begin(ctx context.Context, mode store.Mode) (store.Tx, error) {
	switch mode {
	case store.ReadOne:
		return single{d}, nil
	case store.WriteOne:
		return one{single{d}}, nil
	}
	c, err := d.takeFor(ctx, mode)
	if err != nil {
		return nil, err
	}
	return &tx{d: d, c: c, mode: mode, begin: begins[mode]}, nil
}

// start begins the transaction now.
func (t *tx) start(ctx context.Context) error {
	begin := t.begin
	if begin == "" {
		return nil
	}
	t.begin = ""
	if _, err := t.c.run(ctx, begin); err != nil {
		return t.failed(ctx, err)
	}
	t.c.rested = false
	return nil
}

// Select streams rows; see store.Tx.
func (t *tx) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := t.usable(ctx); err != nil {
			yield(nil, err)
			return
		}
		c := t.c
		p, err := c.statement(ctx, paged(q, args))
		if err != nil {
			yield(nil, t.failed(ctx, err))
			return
		}
		begin, adjust := t.begin, ""
		if t.mode < store.Write {
			adjust = c.adjust(p)
		}
		t.begin, t.read = "", true
		s, err := c.read(ctx, p, args, adjust, begin)
		if err != nil {
			yield(nil, t.failed(ctx, err))
			return
		}
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

func unreadable(cause error) error {
	return problem.Wrap(cause, problem.Internal, "a stored value cannot be read")
}

// Insert adds rows; see store.Tx.
func (t *tx) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	if q.Rows(args) > 1 {
		return t.write(ctx, many{q}, columns(args, len(q.Columns)))
	}
	return t.write(ctx, q, args)
}

// Update changes rows; see store.Tx.
func (t *tx) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	return t.write(ctx, q, args)
}

// Delete removes rows; see store.Tx.
func (t *tx) Delete(ctx context.Context, q *query.Delete, args []any) (int, error) {
	return t.write(ctx, q, args)
}

// write runs a statement in one round trip. An error would end PostgreSQL's
// transaction. Where something was written before, it stands between a savepoint and
// its release; else the transaction is begun anew.
func (t *tx) write(ctx context.Context, q any, args []any) (int, error) {
	if err := t.usable(ctx); err != nil {
		return 0, err
	}
	if t.mode < store.Write {
		return 0, errReading
	}
	if t.stale { // so it must not be begun anew on an error
		t.d.careful.Store(true)
		t.lost = store.ErrAgain
		return 0, t.lost
	}
	c := t.c
	p, err := c.statement(ctx, q)
	if err != nil {
		return 0, t.failed(ctx, err)
	}
	if err := c.settle(); err != nil {
		return 0, t.failed(ctx, err)
	}
	guarded := t.wrote || t.read && t.d.careful.Load()
	var batch pgconn.Batch
	opening := []string{t.begin}
	if guarded {
		opening = append(opening, "SAVEPOINT statement")
	}
	if err := c.queue(ctx, &batch, opening...); err != nil {
		return 0, t.failed(ctx, err)
	}
	values, formats := p.arguments(args)
	p.queueIn(&batch, values, formats)
	if guarded {
		if err := c.queue(ctx, &batch, "RELEASE SAVEPOINT statement"); err != nil {
			return 0, t.failed(ctx, err)
		}
	}
	t.begin = ""
	if t.mode == store.WriteOne {
		c.rested = false // if the connection is lost from here on, it may have been done
	}
	results, err := c.ExecBatch(ctx, &batch).ReadAll()
	if err != nil {
		return 0, t.undo(ctx, guarded, err)
	}
	t.c.rested, t.wrote = false, true
	n := 0
	for _, r := range results {
		n += int(r.CommandTag.RowsAffected())
	}
	return n, nil
}

// undo goes back to before the statement, so that the transaction stays usable.
func (t *tx) undo(ctx context.Context, guarded bool, cause error) error {
	again := t.failed(ctx, cause)
	if t.lost != nil || t.c.IsClosed() {
		return again
	}
	if t.mode == store.WriteOne {
		return t.named(ctx, again)
	}
	sql := "ROLLBACK TO SAVEPOINT statement"
	if !guarded {
		sql, t.begin, t.stale = "ROLLBACK", begins[t.mode], t.read
	}
	if _, err := t.c.run(context.WithoutCancel(ctx), sql); err != nil {
		t.lost = explained(ctx, err)
		return t.lost
	}
	return t.named(ctx, again)
}

// named completes a violation with its columns.
func (t *tx) named(ctx context.Context, err error) error {
	var violation *store.ConstraintError
	var cause *pgconn.PgError
	if !errors.As(err, &violation) || !errors.As(err, &cause) {
		return err
	}
	columns, lookup := t.c.list(ctx, constraintQuery, cause.ConstraintName)
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

// failed explains an error and keeps it when the transaction cannot go on.
func (t *tx) failed(ctx context.Context, err error) error {
	if err != nil && t.c.place.Broken() {
		t.lost = store.Crowded()
		return t.lost
	}
	err = explained(ctx, t.d.again(ctx, t.c, err))
	if t.mode >= store.Write && errors.Is(err, store.ErrAgain) {
		t.lost = err
	}
	return err
}

// Commit ends the transaction; see store.Tx.
func (t *tx) Commit(ctx context.Context) error {
	if t.c == nil {
		return errOver
	}
	if t.lost != nil {
		t.Rollback(ctx)
		return t.lost
	}
	if t.mode >= store.Write && !t.c.place.Keep() {
		t.Rollback(ctx)
		return store.Crowded()
	}
	defer t.release()
	if begins[t.mode] == "" || t.begin != "" {
		return nil
	}
	tag, err := t.c.run(context.WithoutCancel(ctx), "COMMIT")
	if err != nil {
		return explained(ctx, err)
	}
	if tag.String() != "COMMIT" {
		return problem.Wrap(fmt.Errorf("postgres: commit answered %s", tag), problem.Internal, "the change was not made")
	}
	return nil
}

// Rollback ends the transaction without a trace; see store.Tx.
func (t *tx) Rollback(ctx context.Context) error {
	if t.c == nil {
		return nil
	}
	defer t.release()
	if begins[t.mode] == "" || t.begin != "" || t.c.IsClosed() {
		return nil
	}
	t.c.planning = "" // what was set inside is undone
	_, err := t.c.run(context.WithoutCancel(ctx), "ROLLBACK")
	return explained(ctx, err)
}

func (t *tx) release() {
	t.d.give(t.c)
	t.c = nil
}
