package mongo_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/internal/dbtest/standin"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mongo"
)

func TestAServerWithoutTransactionsIsRefused(t *testing.T) {
	s := dbtest.MongoStandIn(t)
	for _, tt := range []struct {
		name string
		kind standin.Kind
		want string
	}{
		{"a single server", standin.Single, "rs.initiate()"},
		{"one that keeps what was given up", standin.Careless, "was given up"},
	} {
		at, stop, err := s.Serve(tt.kind)
		if err != nil {
			t.Fatal(err)
		}
		d, err := mongo.Open(t.Context(), "mongodb://"+at+"/refused?directConnection=true", mongo.Options{})
		if err == nil {
			d.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		stop()
	}
}

// TestALostConnectionInATransaction loses the answer to a command, before or after
// it was carried out: each write is there once, whatever was lost.
func TestALostConnectionInATransaction(t *testing.T) {
	s := dbtest.MongoStandIn(t)
	for _, tt := range []struct {
		name    string
		command string
		fault   standin.Fault
	}{
		{"a write that did not arrive", "insert", standin.LostBefore},
		{"a write whose answer was lost", "insert", standin.LostAfter},
		{"a commit that did not arrive", "commitTransaction", standin.LostBefore},
		{"a commit whose answer was lost", "commitTransaction", standin.LostAfter},
		{"a read that did not arrive", "find", standin.LostBefore},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := dbtest.Mongo(t, nil)
			for _, table := range append(schema.System(), shelves()) {
				if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
					t.Fatal(err)
				}
			}
			var times atomic.Int32
			s.Disturb(func(command string) standin.Fault {
				if command == tt.command && times.Add(1) == 1 {
					return tt.fault
				}
				return standin.None
			})
			defer s.Disturb(nil)
			err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
				if err := carryOutWith(t.Context(), tx, oneShelf(query.NoLock), []any{shelf}); err != nil {
					return err
				}
				_, err := tx.Insert(t.Context(), insertInto(shelves()), []any{shelf, "left", nil})
				return err
			})
			if err != nil {
				t.Error(err)
			}
			if times.Load() == 0 {
				t.Error("nothing was lost")
			}
			n := 0
			for _, err := range read(t.Context(), t, d, allShelves) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != 1 {
				t.Errorf("%d shelves", n)
			}
		})
	}
}

func read(ctx context.Context, t *testing.T, d store.Driver, q *query.Select) func(func(store.Row, error) bool) {
	t.Helper()
	tx, err := d.Begin(ctx, store.ReadOne)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback(context.WithoutCancel(ctx)) })
	return tx.Select(ctx, q, nil)
}

// TestTwoWhoReferToWhatIsRemoved runs a removal between a look at a record and a
// new reference to it.
func TestTwoWhoReferToWhatIsRemoved(t *testing.T) {
	d := dbtest.Mongo(t, nil)
	for _, table := range append(schema.System(), shelves(), books()) {
		if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	db := store.New(d)
	write := func(f func(tx store.Tx) error) error { return db.InTx(t.Context(), store.Write, nil, f) }
	if err := write(func(tx store.Tx) error {
		_, err := tx.Insert(t.Context(), insertInto(shelves()), []any{shelf, "left", nil})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	runs := 0
	err := write(func(tx store.Tx) error {
		runs++
		if err := carryOutWith(t.Context(), tx, oneShelf(query.ForUpdate), []any{shelf}); err != nil {
			return err
		}
		if runs == 1 {
			if err := write(func(other store.Tx) error {
				_, err := other.Delete(t.Context(), removeShelf, []any{shelf})
				return err
			}); err != nil {
				t.Error(err)
			}
		}
		_, err := tx.Insert(t.Context(), insertInto(books()), []any{book, "one", shelf, nil})
		return err
	})
	if runs != 2 || err == nil || !strings.Contains(err.Error(), "reference") {
		t.Errorf("after %d runs: %v", runs, err)
	}
}
