// Package engine carries out one operation for one principal: it plans the
// statement with the caller's rules in it, checks input, runs the transaction
// and renders what the caller may see. Everything that touches data for
// somebody comes through Do; HTTP is api's, SQL is the drivers'.
//
// Files: read path in ask.go parameter.go equal.go search.go where.go sort.go
// include.go project.go plan.go page.go cursor.go get.go list.go aggregate.go
// export.go etag.go; write path in write.go, input in body.go pointer.go, what
// is allowed in guard.go world.go caller.go, statements in table.go, operations in
// create.go update.go delete.go action.go bulk.go matching.go batch.go, what goes
// with a deletion in follow.go gone.go, their repetition in idempotency.go;
// accounts in accounts.go password.go keys.go.
// How a read goes, for operators: explain.go drawn.go advice.go.
package engine

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// Engine serves one contract on one database. It is safe for concurrent use.
type Engine struct {
	set  *rule.Set
	db   *store.DB
	keys *keyring.Ring
	auth *auth.Authenticator
	opts Options
	// searching holds one while a change by filter has, or waits for, the turn of
	// the only writer. See searchTurn.
	searching chan struct{}
	tables    func() *schema.Schema // with the indexes that the contract plans
	readPlans
	writePlans
}

// Options are the engine's settings; the zero value is useful.
type Options struct {
	Log *slog.Logger     // nil: discarded
	Now func() time.Time // nil: time.Now
	// MaxGroups is how many groups an aggregate may make before it is refused; 0: 10,000.
	MaxGroups int
	// Replicas are read from where an operation allows it; nil: there are none.
	Replicas *store.Replicas
	// Auth is the authenticator whose memory of callers has to follow what is
	// written; nil: one of the engine's own.
	Auth *auth.Authenticator
}

// Kind is which operation.
type Kind uint8

// The operations.
const (
	List        Kind = iota // GET /postings
	Get                     // GET /postings/{id}
	Create                  // POST /postings
	Update                  // PATCH /postings/{id}
	Replace                 // PUT /postings/{id}
	Delete                  // DELETE /postings/{id}
	Act                     // POST /postings/{id}/close
	Aggregate               // GET /postings/aggregate
	Count                   // GET /postings/count
	Export                  // GET /postings.ndjson, .csv
	Bulk                    // POST /postings/batch
	UpdateWhere             // PATCH /postings?filter=…&max_affected=…
	DeleteWhere             // DELETE /postings?filter=…&max_affected=…
	Transact                // POST /batch
)

// Operation is what is asked, as api found it in the request: texts are decoded
// from the wire but not yet understood.
type Operation struct {
	Kind     Kind
	Resource *rule.Resource // nil only for Transact
	// ID addresses one record: its id, or the value of the resource's key field.
	ID string
	// Parent is set for /postings/{id}/applications: only the records of its Many
	// field; the parent itself must be readable, else NotFound.
	Parent *Parent
	Query  Query
	// Body is the JSON body; api has bounded its size and checked its media type.
	Body   []byte
	Action string
	// IfMatch and IfNoneMatch are entity tags as sent, quotes included; "*" stands alone.
	IfMatch, IfNoneMatch []string
	// IdempotencyKey is the header's value, "" for none; Fingerprint is the
	// SHA-256 of method, path, query and body.
	IdempotencyKey string
	Fingerprint    [32]byte
	// Minimal asks for no body (Prefer: return=minimal).
	Minimal bool
	// MaxAffected bounds UpdateWhere and DeleteWhere; 0 when not given.
	MaxAffected int
	// NotAtomic is ?atomic=false of Bulk.
	NotAtomic bool
	// Format of an Export: "ndjson" or "csv".
	Format string
	// Replica lets a read be answered by a replica, as of a moment ago.
	Replica bool
}

// Parent is the record a nested collection hangs on.
type Parent struct {
	Resource *rule.Resource
	ID       string
	Many     string // name of the parent's many field
}

// Query is the parameters of a read. An empty string is a parameter that was not given.
type Query struct {
	// Equal are ?field=value pairs and declared filters, in the order sent; the
	// values of a repeated name are together.
	Equal    []Equal
	Filter   string
	Sort     string
	Fields   string
	Include  string
	Limit    string
	Cursor   string
	Offset   string
	Count    string
	Search   string
	By       string
	Measures string
}

// Equal is one name with the values it may have.
type Equal struct {
	Name   string
	Values []string
}

// Result is an operation's answer.
type Result struct {
	// Body is the JSON answer, nil for none. It belongs to the caller until Release.
	Body []byte
	// Created is the id of a made record (for Location), "" otherwise.
	Created string
	// ETag with its quotes, weak ones with W/; "" for none.
	ETag string
	// NotModified: If-None-Match matched, Body is nil.
	NotModified bool
	// Next and Prev are cursors of a page, "" for none.
	Next, Prev string
	// Replayed: an Idempotency-Key was seen before, nothing was done again.
	Replayed bool
	// Partial: some members of a non-atomic Bulk failed (207).
	Partial bool
	// Items are the members of a non-atomic Bulk, in order; Body is nil then.
	Items []Item
	// Stream writes an Export's rows; nil for everything else. It must be called
	// once, and it holds a database connection until it returns.
	Stream func(w io.Writer) error
	// Statements is how many statements ran, credentials apart.
	Statements int
	// Replica: the answer comes from a replica that was at most Lag late.
	Replica bool
	Lag     time.Duration

	room   []byte // what Body was made in
	pooled bool
}

// results are those of reads that were released; their room is used again.
var results = sync.Pool{New: func() any { return &Result{pooled: true} }}

// maxRoom is the largest room that is kept.
const maxRoom = 64 << 10

// Release gives a result back, Body with it, once the answer has been sent. A
// result that is never released is only a little work for the collector.
func (r *Result) Release() {
	if !r.pooled {
		return
	}
	if cap(r.room) > maxRoom {
		r.room = nil
	}
	*r = Result{room: r.room[:0], pooled: true}
	results.Put(r)
}

// New makes an engine for one contract on one database.
func New(set *rule.Set, db *store.DB, keys *keyring.Ring, o Options) *Engine {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxGroups == 0 {
		o.MaxGroups = 10_000
	}
	if o.Auth == nil {
		o.Auth = auth.New(db, set, auth.Options{Now: o.Now})
	}
	return &Engine{set: set, db: db, keys: keys, auth: o.Auth, opts: o, searching: make(chan struct{}, 1),
		tables: sync.OnceValue(func() *schema.Schema { return migrate.Desired(set) })}
}

// Do carries out op for who. Reads refuse with NotFound, UnknownParameter,
// InvalidParameter, InvalidFilter, CursorInvalid and, for a key whose scopes do
// not reach, Forbidden.
func (e *Engine) Do(ctx context.Context, who *auth.Principal, op *Operation) (*Result, error) {
	c := e.begin(who)
	switch {
	case !op.Kind.Reads():
		return e.write(ctx, c, op)
	case op.Replica:
		return e.readLate(ctx, c, op)
	}
	return e.readNow(ctx, c, op)
}

// Reads reports whether an operation changes nothing.
func (k Kind) Reads() bool {
	switch k {
	case List, Get, Count, Aggregate, Export:
		return true
	}
	return false
}

// readNow carries out a read on c's database.
func (e *Engine) readNow(ctx context.Context, c *call, op *Operation) (*Result, error) {
	switch op.Kind {
	case Get:
		return e.get(ctx, c, op)
	case Count:
		return e.count(ctx, c, op)
	case Aggregate:
		return e.aggregate(ctx, c, op)
	case Export:
		return e.export(ctx, c, op)
	}
	return e.list(ctx, c, op)
}

// readLate carries out a read on a replica, as a whole; where there is none that
// will do, on the database itself. Who calls is always known from there: a session
// that has ended is not found again, however late a replica is.
func (e *Engine) readLate(ctx context.Context, c *call, op *Operation) (*Result, error) {
	r := e.opts.Replicas.Pick()
	if r == nil {
		return e.readNow(ctx, c, op)
	}
	lag := r.Lag()
	c.db = r.DB()
	res, err := e.readNow(ctx, c, op)
	if r.Failed(ctx, err) {
		return e.readNow(ctx, e.begin(c.who), op)
	}
	if err != nil {
		return nil, err
	}
	res.Replica, res.Lag = true, lag
	return res, nil
}

// NotFound is the one answer for a path, a record or a relation that is not
// there or not the caller's to see; the two must not be told apart.
func NotFound() error {
	return problem.Errorf(problem.NotFound, "there is nothing here that you can read")
}
