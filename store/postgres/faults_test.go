package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/value"
)

var (
	text = &value.Type{Kind: value.String}
	meta = query.Table{Name: "mainstay_meta", Alias: 1}
	name = query.Col{Alias: 1, Name: "name", Type: text}
)

func TestServerThatIsNotThere(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := postgres.Open(ctx, "host=127.0.0.1 port=1 user=x dbname=shop sslmode=disable", postgres.Options{})
	if problem.KindOf(err) != problem.Unavailable || !strings.Contains(err.Error(), "shop on 127.0.0.1:1: connection refused") {
		t.Errorf("%v", err)
	}
}

func TestInspectRefusesANewerVersion(t *testing.T) {
	d := dbtest.Postgres(t)
	for _, table := range schema.System() {
		if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	newer := &query.Update{
		Table: meta,
		Set:   []query.Assign{{Column: query.Named{Name: "content", Type: text}, Value: query.Const{Value: "2", Type: text}}},
		Where: query.Cmp{Op: query.Eq, L: name, R: query.Const{Value: "format", Type: text}},
	}
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Update(t.Context(), newer, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Inspect(t.Context()); problem.KindOf(err) != problem.Unavailable || !strings.Contains(err.Error(), "newer version of mainstay") {
		t.Errorf("%v", err)
	}
}

func TestConnectionsThatWereLostAtRestAreNotFelt(t *testing.T) {
	d := dbtest.Postgres(t)
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	db := store.New(d)
	made := 0
	reads := func(tx store.Tx) error {
		for _, err := range tx.Select(t.Context(), &query.Select{From: meta, Columns: []query.Column{{Expr: name, Type: text}}}, nil) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	add := &query.Insert{Table: meta.Name, Columns: []query.Named{{Name: "name", Type: text}, {Name: "content", Type: text}}}
	writes := func(tx store.Tx) error {
		made++
		_, err := tx.Insert(t.Context(), add, []any{fmt.Sprint("n", made), ""})
		return err
	}
	modes := []store.Mode{store.ReadOne, store.Snapshot, store.Write, store.Write}
	for i, mode := range modes {
		single := i == len(modes)-1
		const many = 10
		var together, waiting sync.WaitGroup
		together.Add(many)
		for range many { // each has a connection of its own, which then lies at rest
			waiting.Go(func() {
				err := db.InTx(t.Context(), mode, nil, func(tx store.Tx) error {
					together.Done()
					together.Wait()
					return reads(tx)
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		waiting.Wait()
		dbtest.Disconnect(t)
		for range 2 * many {
			var err error
			if single {
				err = db.InTx(t.Context(), store.WriteOne, nil, writes)
			} else {
				err = db.InTx(t.Context(), mode, nil, reads)
			}
			if err != nil {
				t.Errorf("mode %d, single write %t: %v", mode, single, err)
			}
		}
	}
}
