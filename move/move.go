// Package move carries a contract's data from one database to another, of the
// same kind or of another one: records, revisions, accounts, sessions, keys, search
// words. It reads and writes through store.Driver only, one page after the other;
// how far it has come is kept in the target, so that a move which was cut short
// goes on from there. At the end every row of both is compared. It knows no
// database by name, and how tables are made is migrate's.
package move

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
)

// Options are the settings of a move; the zero value is useful.
type Options struct {
	// From is the source as people write it, without a password; it is kept in the
	// target, to be told when a move is found half done.
	From string
	// Fresh takes away what an earlier move, begun and not finished, has brought.
	Fresh bool
	// Progress is told after each page; nil: nobody is.
	Progress func(Progress)
}

// Progress is how far one part of a move has come.
type Progress struct {
	Part  string // "copy", "refer" or "compare"
	Table string
	Done  int64 // rows
	Of    int64
}

// Report is what a move did.
type Report struct {
	Source   string        `json:"source"` // "PostgreSQL 15.1"
	Target   string        `json:"target"`
	Resumed  bool          `json:"resumed"`  // an earlier run had begun it
	Before   string        `json:"before"`   // when an earlier run had finished it, RFC 3339; nothing was done then
	Copied   int64         `json:"copied"`   // rows, by this run
	Compared int64         `json:"compared"` // rows of the source, by this run
	Tables   []TableReport `json:"tables"`   // as compared
}

// TableReport is how one table compares.
type TableReport struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"` // of the source
	// SHA256 is that of the source's rows in the order of their keys, each a line of
	// its values in canonical JSON, with commas between.
	SHA256    string `json:"sha256"`
	Missing   int64  `json:"missing"`   // rows that the target lacks
	Extra     int64  `json:"extra"`     // rows that only the target has
	Different int64  `json:"different"` // rows with other values in the target
	// Examples are the first differences: "is missing: 0198…".
	Examples []string `json:"examples,omitempty"`
}

// Differs reports whether the target holds something else.
func (t *TableReport) Differs() bool { return t.Missing+t.Extra+t.Different > 0 }

// Differences counts the rows that are not the same in both.
func (r *Report) Differences() (n int64) {
	for _, t := range r.Tables {
		n += t.Missing + t.Extra + t.Different
	}
	return n
}

// The refusals that a caller may want to tell apart; each comes with a sentence.
var (
	ErrNotEmpty = errors.New("the target holds records already; a move needs an empty database, or one that a move was begun into")
	ErrWritten  = errors.New("the source was written to while it was moved: stop whoever writes, and begin the move anew with --fresh")
	ErrChanged  = errors.New("the contract has changed since the move was begun: use the one from then, or begin anew with --fresh")
	ErrFinished = errors.New("a move into the target was finished before, and it may have been in use since; its records are not taken away")
)

// lock is the name under which moves into one database take turns.
const lock = "mainstay-move"

// Run moves all that from holds for the contract into to, and compares the two.
// from must fit the contract; the tables of to are made. Where to differs at the
// end, the report says so, and the move is not finished. A run that was broken off
// is taken up by the next.
func Run(ctx context.Context, from, to store.Driver, set *rule.Set, o Options) (*Report, error) {
	unlock, err := to.Lock(ctx, lock)
	if err != nil {
		return nil, fmt.Errorf("move: %w", err)
	}
	report, err := run(ctx, from, to, set, o)
	return report, errors.Join(err, unlock())
}

func run(ctx context.Context, from, to store.Driver, set *rule.Set, o Options) (*Report, error) {
	m, err := newMove(from, to, set, o)
	if err != nil {
		return nil, err
	}
	if err := m.target(ctx); err != nil {
		return nil, err
	}
	source, err := open(ctx, from, m.tables)
	if err != nil {
		return nil, err
	}
	defer source.close()
	if err := m.begin(ctx, source.pulse); err != nil {
		return nil, err
	}
	if m.state.Finished != "" {
		m.report.Before = m.state.Finished
		return m.report, nil
	}
	if err := m.copy(ctx, source); err != nil {
		return nil, err
	}
	if err := m.compare(ctx, source); err != nil {
		return nil, err
	}
	if m.report.Differences() > 0 {
		return m.report, nil
	}
	if err := m.stillSame(ctx); err != nil {
		return nil, err
	}
	m.state.Finished = time.Now().UTC().Format(time.RFC3339)
	return m.report, m.state.save(ctx, m.to)
}

// Compare compares the two databases as Run does at its end, and changes neither.
func Compare(ctx context.Context, from, to store.Driver, set *rule.Set, o Options) (*Report, error) {
	m, err := newMove(from, to, set, o)
	if err != nil {
		return nil, err
	}
	source, err := open(ctx, from, m.tables)
	if err != nil {
		return nil, err
	}
	defer source.close()
	return m.report, m.compare(ctx, source)
}

// move is one run.
type move struct {
	from, to *store.DB
	set      *rule.Set
	tables   []*table
	state    *state
	report   *Report
	fresh    bool
	progress func(Progress)
}

func newMove(from, to store.Driver, set *rule.Set, o Options) (*move, error) {
	want := migrate.Desired(set)
	tables, err := inOrder(want)
	if err != nil {
		return nil, err
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	hash, err := hash(want)
	if err != nil {
		return nil, err
	}
	return &move{
		from: store.New(from), to: store.New(to), set: set, tables: tables, fresh: o.Fresh, progress: o.Progress,
		state:  &state{From: o.From, Contract: hash},
		report: &Report{Source: from.Limits().Name, Target: to.Limits().Name, Tables: []TableReport{}},
	}, nil
}

// target makes the tables, which is also where a contract is refused that the
// target cannot hold.
func (m *move) target(ctx context.Context) error {
	_, err := migrate.To(ctx, m.to.Driver(), m.set, nil)
	return err
}

// begin finds out what an earlier run has done, or that there was none.
func (m *move) begin(ctx context.Context, now pulse) error {
	before, err := stored(ctx, m.to)
	if err != nil {
		return err
	}
	if before != nil && m.fresh {
		if before.Finished != "" {
			return ErrFinished
		}
		if err := m.clear(ctx, before); err != nil {
			return err
		}
		before = nil
	}
	if before != nil {
		switch {
		case before.Finished != "":
		case before.Contract != m.state.Contract:
			return ErrChanged
		case !slices.Equal(before.Pulse, now):
			return fmt.Errorf("the source is not as it was when the move was begun (from %s): stop whoever writes to it, and begin anew with --fresh", before.From)
		}
		m.state, m.report.Resumed = before, true
		return nil
	}
	there, err := open(ctx, m.to.Driver(), m.tables)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(there.pulse, func(b beat) bool { return b.Rows > 0 }) {
		return errors.Join(ErrNotEmpty, there.close())
	}
	m.state.Pulse = now
	return errors.Join(there.close(), m.state.save(ctx, m.to))
}

// stillSame refuses a source that was written to, which a snapshot does not show.
func (m *move) stillSame(ctx context.Context) error {
	again, err := open(ctx, m.from.Driver(), m.tables)
	if err != nil {
		return err
	}
	defer again.close()
	if !slices.Equal(again.pulse, m.state.Pulse) {
		return ErrWritten
	}
	return nil
}

// Unfinished tells from where a move into a database was begun that is not
// finished; "" when there is none. The database must have Mainstay's tables.
func Unfinished(ctx context.Context, d store.Driver) (string, error) {
	s, err := stored(ctx, store.New(d))
	if err != nil || s == nil || s.Finished != "" {
		return "", err
	}
	return s.From, nil
}
