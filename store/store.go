// Package store reads and writes records on any database: DB is what the rooms
// above hold; Driver, Tx and Row are what a database implements. What a query
// means is fixed by package query and proven by store/storetest; how it is
// spelt is each driver's own affair.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
)

// Mode is what a transaction is for.
type Mode uint8

// The modes.
const (
	ReadOne  Mode = iota // one Select, no transaction needed
	Snapshot             // several Selects that see one state
	// Stream is one Select whose rows are handed on as they come, so that it must not
	// be broken off as too costly once it has begun: it waits for a place before.
	Stream
	Write // reads and writes, whole or not at all
	// WriteRows is a Write that depends on nothing but the rows that it selects
	// with a Lock, so that a database may do with less than for a Write.
	WriteRows
	// WriteOne is an Insert of one row or an Update, a single one, which may be durable
	// as soon as it returns. What is selected before is not held: the write has to say
	// by its Where what it relies on.
	WriteOne
)

// Asking is the key under which a context may say on whose behalf it asks, as any
// comparable value; nil is nobody in particular. A driver that shares out what is
// scarce shares it out among these.
type Asking struct{}

// Driver is a database. All methods may be called concurrently.
type Driver interface {
	// Begin waits for a connection (to write on SQLite: for its turn as the writer)
	// until ctx ends. The Tx must be ended by Commit or Rollback. Where WriteRows and
	// WriteOne cost no less than a Write, they are one.
	Begin(ctx context.Context, mode Mode) (Tx, error)
	// Inspect reads what the database holds of ours; an empty schema for a new one.
	// A database written by a newer Mainstay, or whose tables differ from what was
	// recorded, is an error that names the difference.
	Inspect(ctx context.Context) (*schema.Schema, error)
	// Apply carries out steps of a plan and records them: all or none, where the
	// database can do so, else one after the other, each whole or not at all.
	Apply(ctx context.Context, steps ...schema.Step) error
	// Explain runs q with args and tells the database's plan for it.
	Explain(ctx context.Context, q *query.Select, args []any) (*Plan, error)
	// Try runs q with args to its end and tells the plan with what it really took.
	// With trials it runs on copies of their tables that have more indexes, which
	// nobody else sees and which are gone afterwards. ErrTooMany: a table has too many
	// rows to be copied.
	Try(ctx context.Context, q *query.Select, args []any, trials []Trial) (*Plan, error)
	// Lock takes a named lock among all processes on this database.
	Lock(ctx context.Context, name string) (unlock func() error, err error)
	Limits() Limits
	Close() error
}

// Turns is a Driver whose writes take turns.
type Turns interface {
	// InTurn is Begin with WriteOne, fn and Commit in one. fn is run when its turn has
	// come, by whoever has it then, so that its caller is woken once, when all is durable;
	// a panic is the caller's.
	InTurn(ctx context.Context, fn func(Tx) error) error
}

// Tx is a transaction; it is used by one goroutine at a time.
type Tx interface {
	// Select streams the rows that match q, in q's order. A Row is valid until the
	// next. The sequence ends after its first error. Breaking off early is allowed.
	Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[Row, error]
	// Insert adds len(args)/len(q.Columns) rows and tells how many were added.
	// A violated constraint is a *ConstraintError; the transaction stays usable.
	Insert(ctx context.Context, q *query.Insert, args []any) (int, error)
	// Update and Delete tell how many rows they changed.
	Update(ctx context.Context, q *query.Update, args []any) (int, error)
	Delete(ctx context.Context, q *query.Delete, args []any) (int, error)
	// Commit returns when the writes are durable. ErrAgain: nothing was written,
	// the whole transaction may be run again.
	Commit(ctx context.Context) error
	// Rollback undoes what was written; after Commit it does nothing.
	Rollback(ctx context.Context) error
}

// Row is the raw columns of one row, in the order of the Select's Columns.
type Row interface {
	// Null reports whether column i is null.
	Null(i int) bool
	// AppendJSON appends column i in its canonical JSON form, "null" for null. It is null
	// too for a stored value that cannot be read, which is the sequence's error as soon
	// as one reads on: who shows a row must not break off in it.
	AppendJSON(dst []byte, i int) []byte
	// Value is column i as package value describes; slices in it are the caller's.
	Value(i int) (any, error)
}

// Limits is what a database cannot do; it is checked against the contract when it loads.
type Limits struct {
	Name               string // "SQLite 3.54.1", for people
	MaxIndexedLength   int    // longest string in code points that can be unique, indexed or sorted by; 0: no limit
	MaxParams          int    // arguments of one statement
	MaxIdentifierBytes int    // 0: no limit
	OneWriter          bool   // writes wait for each other, whatever they write
}

// Trial is a table with indexes that it does not have.
type Trial struct {
	Table *schema.Table
	More  []*schema.Index
}

// MaxTried is how many rows a table may have to be copied for a trial.
const MaxTried = 200_000

// ErrTooMany is the refusal to copy a table for a trial, ErrNoTrials that of a database
// that has no tables which only one call sees.
var (
	ErrTooMany  = errors.New("store: the table has too many rows for a trial")
	ErrNoTrials = errors.New("store: this database tries no indexes")
)

// Plan is a database's own account of how it runs a statement. It holds no value of
// the arguments.
type Plan struct {
	Statement string
	Slots     []int    // the arguments that the placeholders of Statement take, in their order
	Lines     []string // the database's words, one step each
	Scans     []string // tables read whole
	Walks     []string // tables gone through in an index's order, until enough is found
	Indexes   []string // indexes used
	Sorts     bool     // sorted outside an index
	// Of Try only: how many rows came, and how long that took without preparing it.
	Rows int
	Took time.Duration
}

// ConstraintError says which constraint a write violated. Columns are column
// names, for the engine to translate to fields; they are never shown.
type ConstraintError struct {
	Kind    Constraint
	Table   string
	Columns []string // may be empty when the database does not say
	Cause   error
}

// Constraint is the class of a ConstraintError.
type Constraint uint8

// The classes.
const (
	Unique Constraint = iota
	Reference
)

func (e *ConstraintError) Error() string {
	kind := "unique"
	if e.Kind == Reference {
		kind = "reference"
	}
	return fmt.Sprintf("store: %s constraint on %s %v: %v", kind, e.Table, e.Columns, e.Cause)
}

func (e *ConstraintError) Unwrap() error { return e.Cause }
