package mongo

import (
	"context"
	"errors"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// tx is a transaction of any mode. A write is a transaction of the server's; what
// only reads is a session that sees one snapshot.
type tx struct {
	d       *Driver
	mode    store.Mode
	session *mongo.Session // nil: none was needed yet
	begun   bool           // a transaction of the server's has begun
	over    bool
	lost    error // the transaction can only be rolled back
	again   error // what was seen in it may never have been true
	turn    bool  // it is its turn to write, see queue
}

var _ store.Tx = (*tx)(nil)

var (
	errOver    = problem.Errorf(problem.Internal, "the transaction is over")
	errReading = problem.Errorf(problem.Internal, "this transaction only reads")
)

// endTimeout is how long the end of a transaction may take.
const endTimeout = 10 * time.Second

// safe is the write concern of everything: on the journals of most members.
var safe = func() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: "majority", Journal: &journal}
}()

// Begin starts a transaction; see store.Driver.
func (d *Driver) Begin(ctx context.Context, mode store.Mode) (store.Tx, error) {
	if ctx.Err() != nil {
		return nil, store.Interrupted(ctx, ctx.Err())
	}
	t := &tx{d: d, mode: min(mode, store.Write)}
	switch t.mode {
	case store.ReadOne, store.Stream:
		return t, nil
	case store.Write:
		t.turn = d.queue.wait(ctx)
	}
	if err := t.open(ctx); err != nil {
		t.leave()
		return nil, err
	}
	return t, nil
}

func (t *tx) leave() {
	if t.turn {
		t.d.queue.leave()
	}
	t.turn = false
}

// open starts the session.
func (t *tx) open(ctx context.Context) error {
	if t.session != nil {
		return nil
	}
	o := options.Session().SetSnapshot(true)
	if t.mode == store.Write {
		o = options.Session().SetCausalConsistency(false)
	}
	s, err := t.d.client.StartSession(o)
	if err != nil {
		return explained(ctx, err)
	}
	if t.mode == store.Write {
		err := s.StartTransaction(options.Transaction().SetReadConcern(readconcern.Snapshot()).SetWriteConcern(safe).SetReadPreference(readpref.Primary()))
		if err != nil {
			s.EndSession(ctx)
			return explained(ctx, err)
		}
	}
	t.session = s
	return nil
}

// inside is ctx with the session.
func (t *tx) inside(ctx context.Context) context.Context {
	if t.session == nil {
		return ctx
	}
	t.begun = t.mode == store.Write
	return mongo.NewSessionContext(ctx, t.session)
}

// Select streams rows; see store.Tx.
func (t *tx) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := t.usable(ctx); err != nil {
			yield(nil, err)
			return
		}
		s, err := t.d.statement(q)
		if err == nil && !(s.single && s.main.pinned) { // one document is the same in any snapshot
			err = t.open(ctx)
		}
		if err != nil {
			yield(nil, t.failed(ctx, err))
			return
		}
		r := t.d.run(t.inside(ctx), s, args)
		if q.Lock == query.ForShare && t.mode == store.Write {
			err = t.shared(r, q, yield)
		} else {
			out := &row{columns: q.Columns}
			err = r.rows(s.main, func(values []any) (bool, error) {
				out.values = values
				return yield(out, nil), nil
			})
		}
		if err != nil {
			yield(nil, t.failed(ctx, err))
		}
	}
}

// shared holds the rows before it hands them over: a snapshot alone would not
// notice that they change meanwhile.
func (t *tx) shared(r *run, q *query.Select, yield func(store.Row, error) bool) error {
	key := len(q.Columns) // see compile
	var ids bson.A
	var rows [][]any
	err := r.rows(r.main, func(values []any) (bool, error) {
		id, err := encode(r.main.src.keyType(), values[key])
		ids, rows = append(ids, id), append(rows, values)
		return true, err
	})
	if err != nil {
		return err
	}
	if len(ids) > 0 {
		filter := bson.D{{Key: keyField, Value: bson.D{{Key: "$in", Value: ids}}}}
		if _, err := t.d.collection(r.main.src.table).UpdateMany(r.ctx, filter, hold); err != nil {
			return err
		}
	}
	out := &row{columns: q.Columns}
	for _, out.values = range rows {
		if !yield(out, nil) {
			return nil
		}
	}
	return nil
}

// hold writes to a document without a change that anybody sees.
var hold = bson.D{{Key: "$inc", Value: bson.D{{Key: heldField, Value: int64(1)}}}}

func (t *tx) usable(ctx context.Context) error {
	switch {
	case t.over:
		return errOver
	case t.lost != nil:
		return t.lost
	case ctx.Err() != nil:
		return store.Interrupted(ctx, ctx.Err())
	}
	return nil
}

// failed explains an error of the server's and keeps it: after any of them the
// transaction is over there.
func (t *tx) failed(ctx context.Context, err error) error {
	err = explained(ctx, err)
	if t.mode != store.Write || err == nil || t.lost != nil {
		return err
	}
	t.lost = err
	var violation *store.ConstraintError
	switch {
	case errors.As(err, &violation): // seen by an index alone; run again, it is found before it is written
		t.lost = store.ErrAgain
	case errors.Is(err, store.ErrAgain):
		t.again = err
		t.d.queue.form()
	}
	return err
}

// Commit ends the transaction; see store.Tx. An ended ctx does not interrupt it.
func (t *tx) Commit(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if t.lost != nil {
		lost := t.lost
		t.Rollback(ctx)
		return lost
	}
	t.over = true
	defer t.leave()
	if t.session == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	defer t.session.EndSession(ctx)
	if t.mode != store.Write {
		return nil
	}
	for {
		err := t.session.CommitTransaction(mongo.NewSessionContext(ctx, t.session))
		var server mongo.ServerError
		if err != nil && ctx.Err() == nil && errors.As(err, &server) && server.HasErrorLabel(labelUnknown) {
			continue // to commit again what is committed does nothing
		}
		return explained(ctx, err)
	}
}

// Rollback ends the transaction without a trace; see store.Tx.
func (t *tx) Rollback(ctx context.Context) error {
	if t.over {
		return nil
	}
	t.over = true
	defer t.leave()
	if t.session == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	defer t.session.EndSession(ctx)
	if t.mode == store.Write && t.begun {
		t.session.AbortTransaction(mongo.NewSessionContext(ctx, t.session)) // if it cannot be told, the server ends it by itself
	}
	return t.again
}

// row is what a select hands over.
type row struct {
	columns []query.Column
	values  []any
}

var _ store.Row = (*row)(nil)

func (r *row) Null(i int) bool { return r.values[i] == nil }

func (r *row) AppendJSON(dst []byte, i int) []byte {
	return r.columns[i].Type.AppendJSON(dst, r.values[i])
}

func (r *row) Value(i int) (any, error) { return r.values[i], nil }
