package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

const shop = `
mainstay: 1
name: shop
resources:
  Order:
    fields:
      note:  string 1..80 search
      state: enum open|paid = open
    access:
      all: state == "open"
`

func compile(t *testing.T, source string) *rule.Set {
	t.Helper()
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(source)})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	set, faults := rule.Compile(c)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return set
}

func open(t *testing.T, path string) *sqlite.Driver {
	t.Helper()
	d, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func mustPlan(t *testing.T, d store.Driver, set *rule.Set) ([]schema.Step, []schema.Refusal) {
	t.Helper()
	steps, refusals, err := migrate.Plan(t.Context(), d, set)
	if err != nil {
		t.Fatal(err)
	}
	return steps, refusals
}

func TestToMakesADatabaseThatNeedsNothingMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	d, set := open(t, path), compile(t, shop)
	var told []string
	taken, err := migrate.To(t.Context(), d, set, func(i, n int, s schema.Step) {
		if i != len(told)+1 || i > n {
			t.Errorf("step %d of %d after %d", i, n, len(told))
		}
		told = append(told, s.String())
	})
	if err != nil || taken == 0 || taken != len(told) {
		t.Fatalf("took %d steps, told %q, error %v", taken, told, err)
	}
	if !strings.Contains(strings.Join(told, "\n"), "create table orders") {
		t.Errorf("no table of orders among %q", told)
	}
	if steps, refusals := mustPlan(t, d, set); len(steps)+len(refusals) > 0 {
		t.Errorf("afterwards there are steps %v and refusals %v", steps, refusals)
	}
	// Nor after a restart: what was made is recorded in the database.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if steps, refusals := mustPlan(t, open(t, path), set); len(steps)+len(refusals) > 0 {
		t.Errorf("after a restart there are steps %v and refusals %v", steps, refusals)
	}
}

func TestDesiredHasTheIndexesThatRulesNeed(t *testing.T) {
	table := migrate.Desired(compile(t, shop)).Table("orders")
	for _, x := range table.Indexes {
		if x.Columns[0].Name == "state" {
			return
		}
	}
	t.Errorf("no index begins with state, which access.read compares: %v", table.Indexes)
}

func TestToAddsToADatabase(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "data.db"))
	if _, err := migrate.To(t.Context(), d, compile(t, shop), nil); err != nil {
		t.Fatal(err)
	}
	more := compile(t, strings.Replace(shop, "      state:", "      amount: int optional index\n      state:", 1))
	steps, refusals := mustPlan(t, d, more)
	if len(refusals) > 0 || len(steps) != 2 {
		t.Fatalf("steps %v, refusals %v; want a column and its index", steps, refusals)
	}
	if taken, err := migrate.To(t.Context(), d, more, nil); err != nil || taken != 2 {
		t.Fatalf("%d steps taken, %v", taken, err)
	}
	if steps, _ := mustPlan(t, d, more); len(steps) > 0 {
		t.Errorf("afterwards there are steps %v", steps)
	}
}

// stepwise is a database that makes one table after the other, and one not at all.
type stepwise struct {
	store.Driver
	refused string
}

var errRefused = errors.New("no room for it")

func (d stepwise) Apply(ctx context.Context, steps ...schema.Step) error {
	for _, step := range steps {
		if create, ok := step.(schema.CreateTable); ok && create.Table.Name == d.refused {
			return errRefused
		}
		if err := d.Driver.Apply(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

func TestToTellsWhichOfSeveralTablesCouldNotBeMade(t *testing.T) {
	d, set := open(t, filepath.Join(t.TempDir(), "data.db")), compile(t, shop)
	_, err := migrate.To(t.Context(), stepwise{d, "orders"}, set, nil)
	if !errors.Is(err, errRefused) || !strings.Contains(err.Error(), "create table orders") {
		t.Errorf("it says %v", err)
	}
	if _, err := migrate.To(t.Context(), d, set, nil); err != nil {
		t.Errorf("the next time it says %v", err)
	}
}

func TestToRefusesAsAWhole(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "data.db"))
	before := compile(t, shop)
	if _, err := migrate.To(t.Context(), d, before, nil); err != nil {
		t.Fatal(err)
	}
	// One column would be dropped, another one added.
	other := compile(t, strings.Replace(shop, "note:  string 1..80 search", "amount: int optional", 1))
	taken, err := migrate.To(t.Context(), d, other, nil)
	var refused migrate.Refused
	if !errors.As(err, &refused) || taken != 0 {
		t.Fatalf("took %d steps, error %v; want Refused", taken, err)
	}
	if !strings.Contains(err.Error(), "note") || !strings.Contains(err.Error(), "lost") {
		t.Errorf("the error does not say what would be lost: %v", err)
	}
	if steps, refusals := mustPlan(t, d, before); len(steps)+len(refusals) > 0 {
		t.Errorf("the database was changed: %v %v", steps, refusals)
	}
}

func TestToWaitsForItsTurn(t *testing.T) {
	d, set := open(t, filepath.Join(t.TempDir(), "data.db")), compile(t, shop)
	results := make(chan int, 2)
	for range 2 {
		go func() {
			taken, err := migrate.To(t.Context(), d, set, nil)
			if err != nil {
				t.Error(err)
			}
			results <- taken
		}()
	}
	if a, b := <-results, <-results; (a == 0) == (b == 0) {
		t.Errorf("two at once took %d and %d steps; one must find nothing left", a, b)
	}
}

// failing is a database on which no more than so many steps are taken.
type failing struct {
	store.Driver
	left int
	// calls counts how often the database recorded what it holds.
	calls int
}

func (f *failing) Apply(ctx context.Context, steps ...schema.Step) error {
	f.calls++
	if f.left < len(steps) {
		return errors.New("disk full")
	}
	f.left -= len(steps)
	return f.Driver.Apply(ctx, steps...)
}

// What a database holds is recorded as a whole, which must not be done for each table.
func TestManyTablesAreMadeTogether(t *testing.T) {
	var text strings.Builder
	text.WriteString("mainstay: 1\nname: many\nresources:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "  Thing%d:\n    fields:\n      peer: Thing%d optional\n    access:\n      read: true\n", i, (i+1)%100)
	}
	d := &failing{Driver: open(t, filepath.Join(t.TempDir(), "data.db")), left: 1000}
	set := compile(t, text.String())
	taken, err := migrate.To(t.Context(), d, set, nil)
	if err != nil || taken < 100 || d.calls > taken/20 {
		t.Errorf("%d steps in %d calls, %v", taken, d.calls, err)
	}
	if steps, refusals := mustPlan(t, d, set); len(steps)+len(refusals) > 0 {
		t.Errorf("afterwards there are steps %v and refusals %v", steps, refusals)
	}
}

func TestToGoesOnWhereAFailureStoppedIt(t *testing.T) {
	d, set := open(t, filepath.Join(t.TempDir(), "data.db")), compile(t, shop)
	all, _ := mustPlan(t, d, set)
	_, err := migrate.To(t.Context(), &failing{Driver: d, left: 2}, set, nil)
	if err == nil || !strings.Contains(err.Error(), "step 3 of") || !strings.Contains(err.Error(), "disk full") {
		t.Fatalf("error %v, want one that names the step and the cause", err)
	}
	rest, _ := mustPlan(t, d, set)
	if len(rest) != len(all)-2 {
		t.Errorf("%d steps are left of %d after 2", len(rest), len(all))
	}
	if _, err := migrate.To(t.Context(), d, set, nil); err != nil {
		t.Error(err)
	}
}

// narrow is a database with limits.
type narrow struct {
	store.Driver
	limits store.Limits
}

func (n narrow) Limits() store.Limits { return n.limits }

func TestPlanRefusesWhatTheDatabaseCannotHold(t *testing.T) {
	set := compile(t, strings.Replace(shop, "string 1..80 search", "string 1..80 unique", 1))
	for _, tt := range []struct {
		name   string
		limits store.Limits
		want   string // of one refusal; "" for none
	}{
		{"no limits", store.Limits{}, ""},
		{"wide enough", store.Limits{MaxIdentifierBytes: 60, MaxIndexedLength: 255}, ""},
		{"a long name", store.Limits{Name: "Narrow 1", MaxIdentifierBytes: 19}, "table mainstay_idempotency has a name of 20"},
		{"a long value in an index", store.Limits{Name: "Narrow 1", MaxIndexedLength: 79}, "column orders.note is indexed and holds up to 80 characters"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := narrow{open(t, filepath.Join(t.TempDir(), "data.db")), tt.limits}
			_, refusals := mustPlan(t, d, set)
			found := false
			for _, r := range refusals {
				found = found || strings.HasPrefix(r.What, tt.want) && strings.HasPrefix(r.Why, "Narrow 1")
			}
			if found != (tt.want != "") {
				t.Errorf("refusals %v, want one beginning with %q", refusals, tt.want)
			}
		})
	}
}
