package move_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/move"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

// office has references of every sort: forwards, backwards, to itself, in a circle.
const office = `
mainstay: 1
name: office
resources:
  Person:
    fields:
      name:  string 1..80 search
      boss:  Person optional
      twin:  Person
      desk:  Desk optional
      notes: json optional
    access:
      all: true
  Desk:
    fields:
      number: int unique
      owner:  Person
    access:
      all: true
`

func compile(t testing.TB, source string) *rule.Set {
	t.Helper()
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(source)})
	set, more := rule.Compile(c)
	for _, f := range append(faults, more...) {
		if !f.Warning { // nobody can make the first person
			t.Fatal(f)
		}
	}
	return set
}

// id is the n-th id.
func id(n int) value.UUID {
	return value.UUID{6: 0x70, 8: 0x80, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
}

// inTx writes to a database.
func inTx(t testing.TB, d store.Driver, fn func(tx store.Tx) error) {
	t.Helper()
	if err := store.New(d).InTx(t.Context(), store.Write, nil, fn); err != nil {
		t.Fatal(err)
	}
}

func tableOf(set *rule.Set, name string) *schema.Table { return migrate.Desired(set).Table(name) }

// insert adds a row; what values lack is null, times are 0, the revision is 1.
func insert(ctx context.Context, tx store.Tx, t *schema.Table, values map[string]any) error {
	q := &query.Insert{Table: t.Name}
	var args []any
	for _, c := range t.Columns {
		v := values[c.Name]
		switch {
		case v != nil:
		case c.Name == schema.Revision:
			v = int64(1)
		case c.Type.Kind == value.TimestampKind:
			v = value.Timestamp(0)
		}
		q.Columns, args = append(q.Columns, query.Named{Name: c.Name, Type: c.Type}), append(args, v)
	}
	_, err := tx.Insert(ctx, q, args)
	return err
}

// set changes one column of the row with an id.
func set(ctx context.Context, tx store.Tx, table *schema.Table, id value.UUID, column string, to any) error {
	c, key := table.Column(column), table.Column("id")
	q := &query.Update{
		Table: query.Table{Name: table.Name, Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: column, Type: c.Type}, Value: query.Param{Slot: 0, Type: c.Type}}},
		Where: query.Cmp{Op: query.Eq, L: query.Col{Alias: 1, Name: "id", Type: key.Type}, R: query.Param{Slot: 1, Type: key.Type}},
	}
	n, err := tx.Update(ctx, q, []any{to, id})
	if err == nil && n != 1 {
		err = fmt.Errorf("%d rows changed", n)
	}
	return err
}

func change(t *testing.T, d store.Driver, table *schema.Table, id value.UUID, column string, to any) {
	t.Helper()
	inTx(t, d, func(tx store.Tx) error { return set(t.Context(), tx, table, id, column, to) })
}

// staffed is an office of so many people on a new database, with a desk for every
// second. Everybody's twin is somebody else, many have a boss who comes after them,
// some sit at a desk.
func staffed(t *testing.T, d store.Driver, of *rule.Set, people int) {
	t.Helper()
	if _, err := migrate.To(t.Context(), d, of, nil); err != nil {
		t.Fatal(err)
	}
	persons, desks, words := tableOf(of, "people"), tableOf(of, "desks"), tableOf(of, "people_words")
	inTx(t, d, func(tx store.Tx) error {
		var errs []error
		for n := range people {
			row := map[string]any{"id": id(n), "name": fmt.Sprintf("Ann %d é😀", n), "twin": id(n)}
			if n%3 == 0 {
				row["notes"] = value.Raw(`{"n":` + fmt.Sprint(n) + `,"x":null}`)
			}
			errs = append(errs, insert(t.Context(), tx, persons, row),
				insert(t.Context(), tx, words, map[string]any{"word": "ann", "field": "name", "id": id(n)}))
		}
		for n := 0; n < people; n += 2 {
			errs = append(errs, insert(t.Context(), tx, desks, map[string]any{"id": id(n), "number": int64(n), "owner": id(people - 1 - n)}))
		}
		for n := range people {
			errs = append(errs, set(t.Context(), tx, persons, id(n), "twin", id((n+1)%people)))
			if n%5 != 0 {
				errs = append(errs, set(t.Context(), tx, persons, id(n), "boss", id((n*7+3)%people)))
			}
			if n%4 == 0 {
				errs = append(errs, set(t.Context(), tx, persons, id(n), "desk", id(n)))
			}
		}
		return errors.Join(errs...)
	})
}

// each runs a test for a move onto each kind of database.
func each(t *testing.T, test func(t *testing.T, from, to dbtest.Kind)) {
	kinds, absent := dbtest.Kinds()
	for _, reason := range absent {
		t.Log(reason)
	}
	for i, to := range kinds {
		from := kinds[(i+1)%len(kinds)]
		t.Run(from.Name+" to "+to.Name, func(t *testing.T) { test(t, from, to) })
	}
}

func mustMove(t *testing.T, from, to store.Driver, set *rule.Set, o move.Options) *move.Report {
	t.Helper()
	report, err := move.Run(t.Context(), from, to, set, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range report.Tables {
		if r.Differs() {
			t.Fatalf("%+v", r)
		}
	}
	return report
}

func rowsOf(r *move.Report, table string) int64 {
	for _, t := range r.Tables {
		if t.Table == table {
			return t.Rows
		}
	}
	return -1
}

func TestReferencesOfEverySortArrive(t *testing.T) {
	set := compile(t, office)
	each(t, func(t *testing.T, from, to dbtest.Kind) {
		source, target := from.Open(t), to.Open(t)
		staffed(t, source, set, 40)
		report := mustMove(t, source, target, set, move.Options{})
		if rowsOf(report, "people") != 40 || rowsOf(report, "people_words") != 40 || rowsOf(report, "desks") != 20 || report.Copied != 100 {
			t.Errorf("%+v", report)
		}
		if steps, refusals := plan(t, target, set); steps+refusals > 0 {
			t.Errorf("the target needs %d steps, %d refused", steps, refusals)
		}
		again := mustMove(t, source, target, set, move.Options{})
		if again.Before == "" || again.Copied+again.Compared > 0 {
			t.Errorf("a second run does %+v", again)
		}
	})
}

func plan(t *testing.T, d store.Driver, set *rule.Set) (steps, refusals int) {
	t.Helper()
	s, r, err := migrate.Plan(t.Context(), d, set)
	if err != nil {
		t.Fatal(err)
	}
	return len(s), len(r)
}

// errStop ends a run where a test wants it.
var errStop = errors.New("stopped")

// stopped runs a move until a progress that stop tells of, as a kill would end it.
func stopped(t *testing.T, from, to store.Driver, set *rule.Set, stop func(move.Progress) bool) (seen []move.Progress) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := move.Run(ctx, from, to, set, move.Options{From: "there", Progress: func(p move.Progress) {
		if seen = append(seen, p); stop(p) {
			cancel(errStop)
		}
	}})
	if err == nil {
		t.Fatal("it ran to its end")
	}
	return seen
}

func TestABrokenOffMoveGoesOnWhereItWas(t *testing.T) {
	set := compile(t, office)
	const people = 2500 // three pages
	each(t, func(t *testing.T, from, to dbtest.Kind) {
		source, target := from.Open(t), to.Open(t)
		staffed(t, source, set, people)
		for _, part := range []string{"copy", "refer", "compare"} {
			stopped(t, source, target, set, func(p move.Progress) bool { return p.Part == part && p.Table == "people" })
			if there, err := move.Unfinished(t.Context(), target); err != nil || there != "there" {
				t.Fatalf("a move from %q is unfinished (%v), want there", there, err)
			}
		}
		report := mustMove(t, source, target, set, move.Options{})
		if !report.Resumed || report.Copied != 0 || rowsOf(report, "people") != people {
			t.Errorf("the last run did %+v", report)
		}
		if there, err := move.Unfinished(t.Context(), target); err != nil || there != "" {
			t.Errorf("a move from %q is unfinished (%v)", there, err)
		}
	})
}

func TestADifferenceIsFound(t *testing.T) {
	set := compile(t, office)
	people := tableOf(set, "people")
	each(t, func(t *testing.T, from, to dbtest.Kind) {
		source, target := from.Open(t), to.Open(t)
		staffed(t, source, set, 30)
		done := false
		report, err := move.Run(t.Context(), source, target, set, move.Options{Progress: func(p move.Progress) {
			if p.Part == "refer" && !done {
				done = true
				change(t, target, people, id(7), "name", "Ann 7 é😁")
				inTx(t, target, func(tx store.Tx) error {
					return insert(t.Context(), tx, people, map[string]any{"id": id(99), "name": "Eve", "twin": id(99)})
				})
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		want := move.TableReport{Table: "people", Rows: 30, Extra: 1, Different: 1,
			Examples: []string{"differs in name: " + id(7).String(), "is only in the target: " + id(99).String()}}
		i := slices.IndexFunc(report.Tables, func(r move.TableReport) bool { return r.Differs() })
		if i < 0 || report.Differences() != 2 {
			t.Fatalf("%+v", report)
		}
		want.SHA256 = report.Tables[i].SHA256
		if diff := cmp.Diff(want, report.Tables[i]); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if from, err := move.Unfinished(t.Context(), target); err != nil {
			t.Errorf("from %q, %v", from, err)
		}
		// Anew, after it is taken away.
		if r := mustMove(t, source, target, set, move.Options{Fresh: true}); r.Copied != 75 || r.Resumed {
			t.Errorf("anew: %+v", r)
		}
		if _, err := move.Run(t.Context(), source, target, set, move.Options{Fresh: true}); !errors.Is(err, move.ErrFinished) {
			t.Errorf("a finished move is taken away: %v", err)
		}
		change(t, target, people, id(3), "boss", nil)
		report, err = move.Compare(t.Context(), source, target, set, move.Options{})
		if err != nil || report.Differences() != 1 {
			t.Errorf("compared: %+v, %v", report, err)
		}
	})
}

// TestWhatCannotBeReadIsNotTheSame: the value stands where a page ends, in both.
func TestWhatCannotBeReadIsNotTheSame(t *testing.T) {
	of := compile(t, `
mainstay: 1
name: diary
resources:
  Entry:
    fields:
      text: text
      cost: decimal 12,2 optional
    access: {all: true}
`)
	entries := tableOf(of, "entries")
	written := func() store.Driver {
		d := dbtest.SQLite(t)
		if _, err := migrate.To(t.Context(), d, of, nil); err != nil {
			t.Fatal(err)
		}
		inTx(t, d, func(tx store.Tx) error {
			return insert(t.Context(), tx, entries, map[string]any{"id": id(1), "text": strings.Repeat("x", 5<<20)})
		})
		spoilt := *entries
		spoilt.Columns = slices.Clone(entries.Columns)
		cost := slices.IndexFunc(spoilt.Columns, func(c *schema.Column) bool { return c.Name == "cost" })
		spoilt.Columns[cost] = &schema.Column{Name: "cost", Type: entries.Column("text").Type}
		change(t, d, &spoilt, id(1), "cost", "no number")
		return d
	}
	report, err := move.Compare(t.Context(), written(), written(), of, move.Options{})
	if problem.KindOf(err) != problem.Internal {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestAMoveIsRefused(t *testing.T) {
	set := compile(t, office)
	people := tableOf(set, "people")
	fill := func(t *testing.T) store.Driver {
		d := dbtest.SQLite(t)
		staffed(t, d, set, 5)
		return d
	}
	add := func(t *testing.T, d store.Driver) {
		inTx(t, d, func(tx store.Tx) error {
			return insert(t.Context(), tx, people, map[string]any{"id": id(77), "name": "Eve", "twin": id(77)})
		})
	}
	t.Run("into a database that holds records", func(t *testing.T) {
		if _, err := move.Run(t.Context(), fill(t), fill(t), set, move.Options{}); !errors.Is(err, move.ErrNotEmpty) {
			t.Error(err)
		}
	})
	t.Run("from a source that is written to", func(t *testing.T) {
		source := fill(t)
		_, err := move.Run(t.Context(), source, dbtest.SQLite(t), set, move.Options{Progress: func(p move.Progress) {
			if p.Part == "refer" {
				add(t, source)
			}
		}})
		if !errors.Is(err, move.ErrWritten) {
			t.Error(err)
		}
	})
	t.Run("from a source that was written to before it went on", func(t *testing.T) {
		source, target := fill(t), dbtest.SQLite(t)
		stopped(t, source, target, set, func(p move.Progress) bool { return true })
		add(t, source)
		_, err := move.Run(t.Context(), source, target, set, move.Options{})
		if err == nil || !strings.Contains(err.Error(), "there") || !strings.Contains(err.Error(), "--fresh") {
			t.Error(err)
		}
		mustMove(t, source, target, set, move.Options{Fresh: true})
	})
	t.Run("of another contract than the one it was begun with", func(t *testing.T) {
		source, target := fill(t), dbtest.SQLite(t)
		stopped(t, source, target, set, func(p move.Progress) bool { return true })
		wider := compile(t, strings.Replace(office, "1..80", "1..90", 1))
		if _, err := migrate.To(t.Context(), source, wider, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := move.Run(t.Context(), source, target, wider, move.Options{}); !errors.Is(err, move.ErrChanged) {
			t.Error(err)
		}
	})
	t.Run("in a circle of required references", func(t *testing.T) {
		circle := compile(t, strings.Replace(office, "desk:  Desk optional", "desk:  Desk", 1))
		_, err := move.Run(t.Context(), dbtest.SQLite(t), dbtest.SQLite(t), circle, move.Options{})
		if err == nil || !strings.Contains(err.Error(), "people, desks") && !strings.Contains(err.Error(), "desks, people") {
			t.Error(err)
		}
	})
}
