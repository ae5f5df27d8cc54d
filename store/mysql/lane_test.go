package mysql_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/value"
)

// These read one record each.
var (
	shelfByKey        = &query.Select{From: shelf, Where: byID, Columns: nameOf.Columns, ByKey: true}
	shelfByKeyAndName = &query.Select{From: shelf, Columns: nameOf.Columns, ByKey: true,
		Where: query.And{List: []query.Expr{byID, query.Cmp{Op: query.Eq, L: name, R: query.Param{Slot: 1, Type: textType}}}}}
	bookByKey = &query.Select{From: query.Table{Name: "books", Alias: 1}, Where: byID, ByKey: true,
		Columns: []query.Column{{Expr: query.Col{Alias: 1, Name: "title", Type: textType}, Type: textType}}}
)

func readOne(ctx context.Context, d *mysql.Driver, q *query.Select, args ...any) (found []string, err error) {
	err = store.New(d).InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		found, err = texts(ctx, tx, q, args...)
		return err
	})
	return found, err
}

// many reads the first shelf for many callers at once.
func many(t *testing.T, d *mysql.Driver) {
	t.Helper()
	var callers sync.WaitGroup
	for range 40 {
		callers.Go(func() {
			if got, err := readOne(t.Context(), d, shelfByKey, value.UUID{15: 1}); err != nil || !slices.Equal(got, []string{"first"}) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	callers.Wait()
}

func TestAReadThatWaitsDoesNotKeepOthersByKey(t *testing.T) {
	onEach(t, aReadThatWaitsDoesNotKeepOthersByKey)
}

func aReadThatWaitsDoesNotKeepOthersByKey(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	apply(t, d, schema.CreateTable{Table: books()})
	unlock := d.LockTable(t, "books")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	waiting := make(chan error)
	for range 8 { // more than there are lanes
		go func() {
			_, err := readOne(ctx, d, bookByKey, value.UUID{15: 1})
			waiting <- err
		}()
	}
	for range 8 {
		if err := <-waiting; problem.KindOf(err) != problem.Timeout {
			t.Errorf("a read of the locked table: %v", err)
		}
	}
	many(t, d)
	unlock()
	if got, err := readOne(t.Context(), d, bookByKey, value.UUID{15: 1}); err != nil || len(got) != 0 {
		t.Errorf("after the lock: %q, %v", got, err)
	}
}

func TestReadsByKeySurviveTheLossOfConnectionsAtRest(t *testing.T) {
	onEach(t, readsByKeySurviveTheLossOfConnectionsAtRest)
}

func readsByKeySurviveTheLossOfConnectionsAtRest(t *testing.T, k dbtest.Kind) {
	at := k.URL(t)
	d, err := mysql.Open(t.Context(), at, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	apply(t, d, schema.CreateTable{Table: shelves()})
	add(t, d, 1, "first")
	for range 3 {
		many(t, d)
		dbtest.DisconnectMySQL(t, at)
	}
}

// Reads that wait together are one statement for all that differ in their key alone.
func TestReadsByKeyShareStatements(t *testing.T) { onEach(t, readsByKeyShareStatements) }

func readsByKeyShareStatements(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	first, second, none := value.UUID{15: 1}, value.UUID{15: 2}, value.UUID{15: 3}
	for _, tt := range []struct {
		name       string
		q          *query.Select
		asked      [][]any
		found      [][]string
		statements int
	}{
		{"one", shelfByKey, [][]any{{first}}, [][]string{{"first"}}, 1},
		{"several, some the same, one of nothing", shelfByKey,
			[][]any{{second}, {first}, {none}, {first}, {second}}, [][]string{{"second"}, {"first"}, nil, {"first"}, {"second"}}, 1},
		{"each with what else it asks", shelfByKeyAndName,
			[][]any{{first, "first"}, {first, "second"}, {second, "second"}, {second, "first"}}, [][]string{{"first"}, nil, {"second"}, nil}, 2},
	} {
		found, statements, err := d.LookUp(t.Context(), tt.q, tt.asked)
		if err != nil || statements != tt.statements || !cmp.Equal(found, tt.found) {
			t.Errorf("%s: %q in %d statements, %v", tt.name, found, statements, err)
		}
	}
}

// Reads of several kinds wait together; whoever is answered may ask the next at once,
// while the lane is still at those of other kinds.
func TestReadsByKeyOfManyKindsAreEachAnsweredOnce(t *testing.T) {
	onEach(t, readsByKeyOfManyKindsAreEachAnsweredOnce)
}

func readsByKeyOfManyKindsAreEachAnsweredOnce(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	names := map[byte]string{1: "first", 2: "second"}
	var callers sync.WaitGroup
	for caller := range 48 {
		callers.Go(func() {
			for round := range 60 {
				n := byte(1 + (caller+round)%2)
				q, args := shelfByKey, []any{value.UUID{15: n}}
				if (caller/2+round)%2 == 0 {
					q, args = shelfByKeyAndName, append(args, names[n])
				}
				if got, err := readOne(t.Context(), d, q, args...); err != nil || !slices.Equal(got, []string{names[n]}) {
					t.Errorf("%s: %q, %v", names[n], got, err)
				}
			}
		})
	}
	callers.Wait()
}

func TestAReadByKeyOfAClosedDatabaseIsRefused(t *testing.T) {
	onEach(t, aReadByKeyOfAClosedDatabaseIsRefused)
}

func aReadByKeyOfAClosedDatabaseIsRefused(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readOne(t.Context(), d, shelfByKey, value.UUID{15: 1}); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("it answers %v", err)
	}
}

// A panic is that of the request which asks, never the program's end.
func TestAPanicInALaneIsThatOfItsRequest(t *testing.T) { onEach(t, aPanicInALaneIsThatOfItsRequest) }

func aPanicInALaneIsThatOfItsRequest(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an argument that is missing is no panic")
			}
		}()
		_, _ = readOne(t.Context(), d, shelfByKeyAndName, value.UUID{15: 1})
	}()
	many(t, d)
}
