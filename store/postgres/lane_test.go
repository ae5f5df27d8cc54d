package postgres_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
)

// byName reads a row of one of the two tables by its key.
func byName(table, column string) *query.Select {
	c := query.Col{Alias: 1, Name: column, Type: text}
	return &query.Select{
		From: query.Table{Name: table, Alias: 1}, Columns: []query.Column{{Expr: c, Type: text}},
		Where: query.Cmp{Op: query.Eq, L: c, R: query.Param{Slot: 0, Type: text}}, ByKey: true,
	}
}

func found(ctx context.Context, db *store.DB, q *query.Select, key string) (n int, err error) {
	err = db.InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		n = 0
		for _, err := range tx.Select(ctx, q, []any{key}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

func TestAReadThatWaitsDoesNotKeepOthersByKey(t *testing.T) {
	url := dbtest.PostgresURL(t)
	d, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, table := range schema.System() {
		if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	db := store.New(d)
	open, locked := byName("mainstay_meta", "name"), byName("mainstay_sessions", "hash")
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	if _, err := other.Exec(t.Context(), "BEGIN; LOCK TABLE mainstay_sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	waiting := make(chan error)
	for range 8 { // more than there are lanes
		go func() {
			_, err := found(ctx, db, locked, "x")
			waiting <- err
		}()
	}
	for range 8 {
		if err := <-waiting; problem.KindOf(err) != problem.Timeout {
			t.Errorf("a read of the locked table: %v", err)
		}
	}
	for range 8 {
		if n, err := found(t.Context(), db, open, "format"); n != 1 || err != nil {
			t.Errorf("beside a locked table: %d rows, %v", n, err)
		}
	}
	if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if n, err := found(t.Context(), db, locked, "x"); n != 0 || err != nil {
		t.Errorf("after the lock: %d rows, %v", n, err)
	}
}

func TestReadsByKeySurviveTheLossOfConnectionsAtRest(t *testing.T) {
	d := dbtest.Postgres(t)
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	db, q := store.New(d), byName("mainstay_meta", "name")
	for range 3 {
		for range 10 {
			if n, err := found(t.Context(), db, q, "format"); n != 1 || err != nil {
				t.Fatalf("%d rows, %v", n, err)
			}
		}
		dbtest.Disconnect(t)
	}
}

// A statement that waits to be sent in a batch is not what makes room for the next:
// however many are asked, lanes keep their connections.
func TestLanesKeepTheirConnectionsWhateverIsAsked(t *testing.T) {
	url := dbtest.PostgresURL(t)
	d, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	db := store.New(d)
	ask := func(shapes int) {
		var callers sync.WaitGroup
		for range 24 {
			callers.Go(func() {
				for range shapes {
					if n, err := found(t.Context(), db, byName("mainstay_meta", "name"), "format"); n != 1 || err != nil {
						t.Errorf("%d rows, %v", n, err)
					}
				}
			})
		}
		callers.Wait()
	}
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	sessions := func() (pids []int32) {
		err := other.QueryRow(t.Context(), "SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()").Scan(&pids)
		if err != nil {
			t.Fatal(err)
		}
		return pids
	}
	ask(1)
	before := sessions()
	ask(45)
	after := sessions()
	for _, pid := range before {
		if !slices.Contains(after, pid) {
			t.Errorf("a connection was given up: %v before, %v after", before, after)
		}
	}
}

func TestAReadByKeyOfAClosedDatabaseIsRefused(t *testing.T) {
	d, err := postgres.Open(t.Context(), dbtest.PostgresURL(t), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := found(ctx, store.New(d), byName("mainstay_meta", "name"), "x"); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("it answers %v", err)
	}
}

// A panic is that of the request which asks, never the program's end.
func TestAPanicInALaneIsThatOfItsRequest(t *testing.T) {
	d := dbtest.Postgres(t)
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	db, q := store.New(d), byName("mainstay_meta", "name")
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an argument that is missing is no panic")
			}
		}()
		_ = db.InTx(t.Context(), store.ReadOne, nil, func(tx store.Tx) error {
			for range tx.Select(t.Context(), q, nil) {
			}
			return nil
		})
	}()
	if n, err := found(t.Context(), db, q, "format"); n != 1 || err != nil {
		t.Errorf("after it: %d rows, %v", n, err)
	}
}
