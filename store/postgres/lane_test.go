package postgres_test

import (
	"context"
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
