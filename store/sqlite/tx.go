package sqlite

import (
	"context"
	"iter"
	"log/slog"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// tx is a transaction.
type tx struct {
	d    *Driver
	c    *conn // nil when the transaction is over
	mode store.Mode

	// Of a Write:
	batch *batch
	saved bool  // it has a savepoint; the first of a batch and a single write need none
	lost  error // SQLite gave up the whole transaction
}

var _ store.Tx = (*tx)(nil)

var (
	errOver    = problem.Errorf(problem.Internal, "the transaction is over")
	errReading = problem.Errorf(problem.Internal, "this transaction only reads")

	errReadOnly = problem.Errorf(problem.Unavailable, "the database is open for reading only")
)

// Begin starts a transaction; see store.Driver.
func (d *Driver) Begin(ctx context.Context, mode store.Mode) (store.Tx, error) {
	held.used()
	switch mode {
	case store.WriteOne:
		return d.beginOne()
	case store.Write, store.WriteRows:
		t, err := d.beginWrite(ctx, mode)
		if err != nil {
			return nil, err
		}
		return t, nil
	case store.Stream:
		return d.beginStream(ctx)
	}
	c, err := d.reader(ctx, mode)
	if err != nil {
		return nil, err
	}
	return &tx{d: d, c: c, mode: mode}, nil
}

// beginStream begins a read that is costly from the beginning: what it has handed on
// cannot be taken back. It gives up its place among the readers.
func (d *Driver) beginStream(ctx context.Context) (store.Tx, error) {
	if err := d.costly.places.Await(ctx); err != nil {
		return nil, err
	}
	who := store.WhoAsks(ctx)
	c, err := d.reader(ctx, store.Stream)
	if err != nil {
		d.costly.places.Leave(who)
		return nil, err
	}
	c.costly, c.asking, c.looks = true, who, cheapLooks
	d.readers.free <- nil
	return &tx{d: d, c: c, mode: store.Stream}, nil
}

func (d *Driver) beginWrite(ctx context.Context, mode store.Mode) (*tx, error) {
	if d.writer == nil {
		return nil, errReadOnly
	}
	w := d.writer
	if err := w.take(ctx); err != nil {
		return nil, err
	}
	b, saved, err := w.join(mode != store.WriteOne)
	if err != nil {
		w.leave()
		return nil, explained(ctx, err)
	}
	return &tx{d: d, c: w.c, mode: mode, batch: b, saved: saved}, nil
}

// Select streams rows; see store.Tx.
func (t *tx) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := t.usable(ctx); err != nil {
			yield(nil, err)
			return
		}
		c := t.c
		p, err := t.d.statement(c, q)
		if err != nil {
			yield(nil, explained(ctx, err))
			return
		}
		defer c.done(q, p)
		outer := c.reading
		c.reading = ctx
		defer func() { c.reading = outer }()
		p.bindAll(args)
		p.row.err = nil // of one who did not read on
		for {
			more, err := p.step()
			if err != nil {
				yield(nil, t.failed(ctx, err))
				return
			}
			if !more {
				return
			}
			c.pause()
			if !yield(&p.row, nil) {
				return
			}
			if p.row.err != nil {
				yield(nil, problem.Wrap(p.row.err, problem.Internal, "a stored value cannot be read"))
				return
			}
			c.reading = ctx
		}
	}
}

// Insert adds rows; see store.Tx.
func (t *tx) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	if q.Rows(args) == 1 {
		return t.write(ctx, q, args)
	}
	width := len(q.Columns)
	if err := t.usable(ctx); err != nil {
		return 0, err
	}
	// Several rows are added whole or not at all.
	if err := t.c.control("SAVEPOINT rows"); err != nil {
		return 0, t.failed(ctx, err)
	}
	added := 0
	for len(args) > 0 {
		n, err := t.write(ctx, q, args[:width])
		if err != nil {
			return 0, t.undoRows(ctx, err)
		}
		added += n
		args = args[width:]
	}
	return added, t.failed(ctx, t.c.control("RELEASE rows"))
}

func (t *tx) undoRows(ctx context.Context, cause error) error {
	if t.lost != nil {
		return cause
	}
	if err := t.c.control("ROLLBACK TO rows"); err != nil {
		return t.failed(ctx, err)
	}
	if err := t.c.control("RELEASE rows"); err != nil {
		return t.failed(ctx, err)
	}
	return cause
}

// Update changes rows; see store.Tx.
func (t *tx) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	return t.write(ctx, q, args)
}

// Delete removes rows; see store.Tx.
func (t *tx) Delete(ctx context.Context, q *query.Delete, args []any) (int, error) {
	return t.write(ctx, q, args)
}

// write runs an insert, update or delete. It is not interrupted by ctx: SQLite
// would give up the whole transaction, the other members' part with it.
func (t *tx) write(ctx context.Context, q any, args []any) (int, error) {
	if err := t.usable(ctx); err != nil {
		return 0, err
	}
	if t.mode < store.Write {
		return 0, errReading
	}
	n, err := t.d.change(t.c, q, args)
	return n, t.failed(ctx, err)
}

// change runs an insert of one row, an update or a delete, which fails whole.
func (d *Driver) change(c *conn, q any, args []any) (rows int, err error) {
	p, err := d.statement(c, q)
	if err != nil {
		return 0, err
	}
	defer c.done(q, p)
	outer := c.reading
	c.reading = nil
	defer func() { c.reading = outer }()
	p.bindAll(args)
	if _, err := p.step(); err != nil {
		return 0, err
	}
	return c.changes(), nil
}

func (t *tx) usable(ctx context.Context) error {
	switch {
	case t.c == nil:
		return errOver
	case t.lost != nil:
		return t.lost
	case ctx.Err() != nil:
		return store.Interrupted(ctx, ctx.Err())
	}
	return nil
}

// failed explains an error of a statement. Some errors end SQLite's transaction:
// then this member and all before it are undone.
func (t *tx) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if t.c.crowded {
		return store.Crowded()
	}
	if t.mode < store.Write || t.c.inTransaction() {
		return explained(ctx, err)
	}
	if t.lost == nil {
		t.lost = explained(ctx, err)
		if t.batch.members > 1 {
			t.lost = store.ErrAgain
		}
		t.d.log.Warn("a write transaction was undone", slog.Any("error", err))
	}
	return t.lost
}

// Commit ends the transaction; see store.Tx. Of a Write it returns after the
// durable commit, which ctx does not interrupt.
func (t *tx) Commit(ctx context.Context) error {
	if t.c == nil {
		return errOver
	}
	if t.mode < store.Write {
		return t.release()
	}
	c, w, b := t.c, t.d.writer, t.batch
	t.c = nil
	switch {
	case t.lost != nil:
		w.decide(t.lost)
		return t.lost
	case t.saved:
		if err := c.control("RELEASE member"); err != nil {
			w.decide(err)
			return b.err
		}
	}
	w.leave()
	<-b.done
	return b.err
}

// Rollback ends the transaction without a trace; see store.Tx. ErrAgain says that
// what the transaction saw was never committed, so that its refusal means nothing.
func (t *tx) Rollback(ctx context.Context) error {
	if t.c == nil {
		return nil
	}
	if t.mode < store.Write {
		return t.release()
	}
	c, w, b := t.c, t.d.writer, t.batch
	t.c = nil
	switch {
	case t.lost != nil:
		w.decide(t.lost)
		return b.err
	case !t.saved:
		err := c.control("ROLLBACK")
		w.batch = nil
		close(b.done)
		w.pass()
		return explained(ctx, err)
	}
	if err := c.control("ROLLBACK TO member"); err != nil {
		w.decide(err)
		return b.err
	}
	if err := c.control("RELEASE member"); err != nil {
		w.decide(err)
		return b.err
	}
	w.leave()
	<-b.done
	return b.err
}

// release gives a reader back.
func (t *tx) release() error {
	c := t.c
	t.c = nil
	return explained(context.Background(), t.d.giveBack(c))
}
