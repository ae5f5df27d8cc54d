package mysql_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/value"
)

var (
	addBook = &query.Insert{Table: "books", Columns: []query.Named{{Name: "id", Type: idType}, {Name: "title", Type: textType}}}
	shelved = &query.Select{From: shelf, Columns: nameOf.Columns, OrderBy: []query.Order{{Expr: query.Col{Alias: 1, Name: "id", Type: idType}, NotNull: true}}}
)

// wrote is the names of all shelves.
func wrote(t *testing.T, d *mysql.Driver) []string {
	t.Helper()
	found, err := readOne(t.Context(), d, shelved)
	if err != nil {
		t.Error(err)
	}
	return found
}

// Writes that wait together are all done, or none is: then each is done by itself.
func TestSingleWritesAreDoneTogetherOrNotAtAll(t *testing.T) {
	onEach(t, singleWritesAreDoneTogetherOrNotAtAll)
}

func singleWritesAreDoneTogetherOrNotAtAll(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	apply(t, d, schema.CreateTable{Table: books()})
	shelfOf := func(n byte, name string) mysql.Single {
		return mysql.Single{Q: addShelf, Args: []any{value.UUID{15: n}, name}}
	}
	bookOf := func(n byte, title any) mysql.Single {
		return mysql.Single{Q: addBook, Args: []any{value.UUID{15: n}, title}}
	}
	renamed := func(n byte, name string) mysql.Single {
		return mysql.Single{Q: rename, Args: []any{value.UUID{15: n}, name}}
	}
	for _, tt := range []struct {
		name   string
		writes []mysql.Single
		rows   []int // nil: nothing is done
		after  string
	}{
		{"rows of one table", []mysql.Single{shelfOf(3, "c"), shelfOf(4, "d"), shelfOf(5, "e")}, []int{1, 1, 1}, "first second c d e"},
		{"of two tables, and updates", []mysql.Single{shelfOf(6, "f"), renamed(3, "C"), bookOf(1, "a"), renamed(99, "nobody"), shelfOf(7, "g"), bookOf(2, "b")},
			[]int{1, 1, 1, 0, 1, 1}, "first second C d e f g"},
		{"one that is there among them", []mysql.Single{shelfOf(8, "h"), shelfOf(1, "again"), shelfOf(9, "i")}, nil, "first second C d e f g"},
		{"one at the end of several", []mysql.Single{shelfOf(8, "h"), renamed(1, "FIRST"), bookOf(3, "a")}, nil, "first second C d e f g"},
		{"a value that is missing", []mysql.Single{shelfOf(8, "h"), bookOf(3, nil)}, nil, "first second C d e f g"},
		{"an argument that is missing", []mysql.Single{shelfOf(8, "h"), {Q: rename, Args: []any{value.UUID{15: 1}}}}, nil, "first second C d e f g"},
		{"alone", []mysql.Single{renamed(2, "B")}, []int{1}, "first B C d e f g"},
	} {
		rows, err := d.WriteTogether(t.Context(), tt.writes)
		if err != nil || !slices.Equal(rows, tt.rows) {
			t.Errorf("%s: %v, %v", tt.name, rows, err)
		}
		if got := strings.Join(wrote(t, d), " "); got != tt.after {
			t.Errorf("%s: afterwards %q", tt.name, got)
		}
	}
}

func renameOne(ctx context.Context, d *mysql.Driver, n byte, name string) error {
	return store.New(d).InTx(ctx, store.WriteOne, nil, func(tx store.Tx) error {
		_, err := tx.Update(ctx, rename, []any{value.UUID{15: n}, name})
		return err
	})
}

// A row that is held keeps those waiting who want it, and nobody else.
func TestAWriteThatWaitsDoesNotKeepOthers(t *testing.T) { onEach(t, aWriteThatWaitsDoesNotKeepOthers) }

func aWriteThatWaitsDoesNotKeepOthers(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Update(t.Context(), rename, []any{value.UUID{15: 1}, "held"}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			if err := renameOne(ctx, d, 1, "waited"); problem.KindOf(err) != problem.Timeout {
				t.Errorf("a write of what is held: %v", err)
			}
		})
	}
	for n := range 20 {
		callers.Go(func() {
			if err := renameOne(t.Context(), d, 2, fmt.Sprint("n", n)); err != nil {
				t.Errorf("another: %v", err)
			}
		})
	}
	callers.Wait()
}

// A group that has waited in vain is none for a while, or who keeps asking for a row that
// is held would stop everybody else.
func TestGroupsThatWaitAreRare(t *testing.T) { onEach(t, groupsThatWaitAreRare) }

func groupsThatWaitAreRare(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if _, err := tx.Update(t.Context(), rename, []any{value.UUID{15: 1}, "held"}); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	rows, err := d.WriteTogether(t.Context(), []mysql.Single{{Q: addShelf, Args: []any{value.UUID{15: 3}, "c"}}, {Q: rename, Args: []any{value.UUID{15: 1}, "x"}}})
	if rows != nil || err != nil {
		t.Errorf("with a row that is held: %v, %v", rows, err)
	}
	switch {
	case k.Name == "MySQL" && !d.Rests(began):
		t.Error("it does not rest")
	case k.Name == "MariaDB" && d.Rests(time.Now()):
		t.Error("it rests, and has not waited")
	}
	if err := renameOne(t.Context(), d, 2, "meanwhile"); err != nil {
		t.Error(err)
	}
}

func TestSingleWritesSurviveTheLossOfConnectionsAtRest(t *testing.T) {
	onEach(t, singleWritesSurviveTheLossOfConnectionsAtRest)
}

func singleWritesSurviveTheLossOfConnectionsAtRest(t *testing.T, k dbtest.Kind) {
	at := k.URL(t)
	d, err := mysql.Open(t.Context(), at, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	apply(t, d, schema.CreateTable{Table: shelves()})
	add(t, d, 1, "first")
	for round := range 3 {
		var callers sync.WaitGroup
		for n := range 20 {
			callers.Go(func() {
				if err := renameOne(t.Context(), d, 1, fmt.Sprint(round, "-", n)); err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		dbtest.DisconnectMySQL(t, at)
	}
}
