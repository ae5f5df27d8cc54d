package postgres_test

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
)

// Single writes that wait at the same time are one transaction; one among them that
// is refused takes none with it.
func TestSingleWritesShareACommit(t *testing.T) {
	at := dbtest.PostgresURL(t)
	d, err := postgres.Open(t.Context(), at, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	db := store.New(d)
	add := &query.Insert{Table: meta.Name, Columns: []query.Named{{Name: "name", Type: text}, {Name: "content", Type: text}}}
	put := func(name string) error {
		return db.InTx(t.Context(), store.WriteOne, nil, func(tx store.Tx) error {
			_, err := tx.Insert(t.Context(), add, []any{name, ""})
			return err
		})
	}
	for round := range 3 {
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				if err := put(fmt.Sprint("n", round, "-", i)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	c, err := pgconn.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	counted := c.ExecParams(t.Context(), "SELECT count(*), count(DISTINCT xmin::text) FROM mainstay_meta WHERE name LIKE 'n%-%'", nil, nil, nil, nil).Read()
	if counted.Err != nil {
		t.Fatal(counted.Err)
	}
	row := counted.Rows[0]
	if n, err := strconv.Atoi(string(row[1])); err != nil || string(row[0]) != "120" || n > 60 {
		t.Errorf("%s writes were %s transactions", row[0], row[1])
	}
}

// A group that has waited in vain is none for a while, or who keeps asking for a row that
// is held would stop everybody else.
func TestGroupsThatWaitAreRare(t *testing.T) {
	d := dbtest.Postgres(t)
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	change := &query.Update{Table: meta, Where: query.Cmp{Op: query.Eq, L: name, R: query.Const{Value: "format", Type: text}},
		Set: []query.Assign{{Column: query.Named{Name: "content", Type: text}, Value: query.Const{Value: "x", Type: text}}}}
	write := func(ctx context.Context) (n int, err error) {
		err = store.New(d).InTx(ctx, store.WriteOne, nil, func(tx store.Tx) error {
			n, err = tx.Update(ctx, change, nil)
			return err
		})
		return n, err
	}
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := tx.Update(t.Context(), change, nil); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	began := time.Now()
	written := make(chan error)
	go func() { _, err := write(t.Context()); written <- err }()
	for !d.Rests(began) {
		if time.Since(began) > time.Minute {
			t.Fatal("it does not rest")
		}
		runtime.Gosched()
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if n, err := write(t.Context()); n != 1 || err != nil {
		t.Errorf("afterwards: %d rows, %v", n, err)
	}
}

// A panic is that of the request which writes, never the program's end.
func TestAPanicInAGroupIsThatOfItsRequest(t *testing.T) {
	d := dbtest.Postgres(t)
	if err := d.Apply(t.Context(), schema.CreateTable{Table: schema.System()[0]}); err != nil {
		t.Fatal(err)
	}
	name := query.Col{Alias: 1, Name: "name", Type: text}
	change := &query.Update{Table: query.Table{Name: "mainstay_meta", Alias: 1},
		Where: query.Cmp{Op: query.Eq, L: name, R: query.Param{Slot: 0, Type: text}},
		Set:   []query.Assign{{Column: query.Named{Name: "content", Type: text}, Value: query.Param{Slot: 1, Type: text}}}}
	write := func(args ...any) (n int, err error) {
		err = store.New(d).InTx(t.Context(), store.WriteOne, nil, func(tx store.Tx) error {
			n, err = tx.Update(t.Context(), change, args)
			return err
		})
		return n, err
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("an argument that is missing is no panic")
			}
		}()
		_, _ = write("nothing")
	}()
	if n, err := write("nothing", "at all"); n != 0 || err != nil {
		t.Errorf("after it: %d rows, %v", n, err)
	}
}
