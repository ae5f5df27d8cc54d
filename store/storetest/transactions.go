package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func isID(alias int, slot int) query.Expr {
	return query.Cmp{Op: query.Eq, L: column(items, alias, "id"), R: query.Param{Slot: slot, Type: idType}}
}

// rename sets the name of the item with an id; args: name, id.
var rename = &query.Update{
	Table: query.Table{Name: "items", Alias: 1},
	Set:   []query.Assign{{Column: query.Named{Name: "name", Type: textType}, Value: query.Param{Slot: 0, Type: textType}}},
	Where: isID(1, 1),
}

func named(name string) *query.Select {
	return idsOf(query.Cmp{Op: query.Eq, L: column(items, 1, "name"), R: query.Const{Value: name, Type: textType}})
}

func counts(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil), item(2, Row{"price": decimal("1.00")}), item(3, nil)})
	raise := &query.Update{
		Table: query.Table{Name: "items", Alias: 1},
		Set: []query.Assign{
			{Column: query.Named{Name: "number", Type: intType}, Value: query.Arith{Op: query.Add, L: column(items, 1, "number"), R: query.Const{Value: int64(10), Type: intType}, Type: intType}},
			{Column: query.Named{Name: "price", Type: priceType}, Value: query.Const{Value: int64(3), Type: intType}},
			{Column: query.Named{Name: "name", Type: textType}, Value: query.Const{Type: textType}},
		},
		Where: query.Cmp{Op: query.Ge, L: column(items, 1, "number"), R: query.Param{Slot: 0, Type: intType}},
	}
	remove := &query.Delete{Table: query.Table{Name: "items", Alias: 1}, Where: query.Cmp{Op: query.Eq, L: column(items, 1, "number"), R: query.Param{Slot: 0, Type: intType}}}
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		if n, err := tx.Update(ctx, raise, []any{int64(2)}); n != 2 || err != nil {
			t.Errorf("update: %d, %v", n, err)
		}
		if n, err := tx.Update(ctx, raise, []any{int64(99)}); n != 0 || err != nil {
			t.Errorf("update of nothing: %d, %v", n, err)
		}
		if n, err := tx.Delete(ctx, remove, []any{int64(12)}); n != 1 || err != nil {
			t.Errorf("delete: %d, %v", n, err)
		}
		return nil
	})
	expectIDs(t, d, "afterwards", idsOf(query.Cmp{Op: query.Eq, L: column(items, 1, "price"), R: query.Const{Value: decimal("3.00"), Type: priceType}}), nil, 3)
}

func wholeInserts(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	q := &query.Insert{Table: "notes", Columns: []query.Named{{Name: "id", Type: idType}, {Name: "place", Type: intType}}}
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		if n, err := tx.Insert(ctx, q, []any{id(1), int64(1), id(2), int64(2)}); n != 2 || err != nil {
			t.Errorf("two: %d, %v", n, err)
		}
		_, err := tx.Insert(ctx, q, []any{id(3), int64(3), id(1), int64(1), id(4), int64(4)})
		var violation *store.ConstraintError
		if !errors.As(err, &violation) {
			t.Errorf("a key that is there: %v", err)
		}
		return nil
	})
	all := &query.Select{From: query.Table{Name: "notes", Alias: 1}, Columns: []query.Column{{Expr: column(notes, 1, "id"), Type: idType}}, OrderBy: []query.Order{{Expr: column(notes, 1, "id")}}}
	expectIDs(t, d, "afterwards", all, nil, 1, 2)
}

// insertsOfAnySize adds large and small numbers of rows by one insertion, again and again.
func insertsOfAnySize(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	q := &query.Insert{Table: "notes", Columns: []query.Named{{Name: "id", Type: idType}, {Name: "place", Type: intType}}}
	next := 0
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		for _, rows := range []int{100, 100, 33, 2, 100, 1, 1200, 33} {
			var args []any
			for range rows {
				args = append(args, id(next), int64(next))
				next++
			}
			if n, err := tx.Insert(ctx, q, args); n != rows || err != nil {
				return fmt.Errorf("%d rows of %d: %w", n, rows, err)
			}
		}
		return nil
	})
	all := &query.Select{From: query.Table{Name: "notes", Alias: 1}, Columns: []query.Column{{Expr: column(notes, 1, "id"), Type: idType}, {Expr: column(notes, 1, "place"), Type: intType}}, OrderBy: []query.Order{{Expr: column(notes, 1, "place")}}}
	got := read(t, d, all)
	if len(got) != next {
		t.Fatalf("%d rows of %d", len(got), next)
	}
	for i, row := range got {
		if row[0] != id(i) || row[1] != int64(i) {
			t.Fatalf("row %d is %v", i, row)
		}
	}
}

// people has a unique column and one over two.
var people = &schema.Table{Name: "people", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
	{Name: "id", Type: idType},
	{Name: "email", Type: textType, MaxLength: 100, Nullable: true},
	{Name: "first", Type: textType, MaxLength: 100, Nullable: true},
	{Name: "last", Type: textType, MaxLength: 100, Nullable: true},
}, Indexes: []*schema.Index{
	{Name: "people__email__unique", Columns: []schema.IndexColumn{{Name: "email"}}, Unique: true},
	{Name: "people__first__last__unique", Columns: []schema.IndexColumn{{Name: "first"}, {Name: "last"}}, Unique: true},
}}

func onConflict(t *testing.T, d store.Driver) {
	create(t, d, people)
	fill(t, d, people, []Row{{"id": id(1), "email": "a"}})
	q := insertInto(people)
	q.OnConflictIgnore = true
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		if n, err := tx.Insert(ctx, q, []any{id(1), "b", nil, nil, id(2), "c", nil, nil}); n != 1 || err != nil {
			t.Errorf("one of two is there: %d, %v", n, err)
		}
		if n, err := tx.Insert(ctx, q, []any{id(4), nil, nil, nil, id(4), "d", nil, nil, id(2), nil, nil, nil}); n != 1 || err != nil {
			t.Errorf("one comes twice, one is there: %d, %v", n, err)
		}
		var violation *store.ConstraintError
		if _, err := tx.Insert(ctx, q, []any{id(3), "a", nil, nil}); !errors.As(err, &violation) {
			t.Errorf("another unique column: %v", err)
		}
		return nil
	})
}

func uniqueViolation(t *testing.T, d store.Driver) {
	create(t, d, people)
	fill(t, d, people, []Row{{"id": id(1), "email": "a", "first": "x", "last": "y"}, {"id": id(2)}, {"id": id(3)}})
	q := insertInto(people)
	everybody := &query.Select{From: query.Table{Name: "people", Alias: 1}, Columns: allColumns(people, 1)}
	for _, tt := range []struct {
		name string
		args []any
		want []string
	}{
		{"one column", []any{id(9), "a", nil, nil}, []string{"email"}},
		{"two columns", []any{id(9), nil, "x", "y"}, []string{"first", "last"}},
		{"the key", []any{id(1), nil, nil, nil}, []string{"id"}},
	} {
		inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
			if _, err := readIn(ctx, tx, everybody, nil); err != nil {
				return err
			}
			_, err := tx.Insert(ctx, q, tt.args)
			var violation *store.ConstraintError
			if !errors.As(err, &violation) || violation.Kind != store.Unique || violation.Table != "people" || !slices.Equal(violation.Columns, tt.want) {
				t.Errorf("%s: %v", tt.name, err)
			}
			_, err = tx.Insert(ctx, q, []any{value.NewID(time.Now()), nil, nil, nil})
			return err
		})
	}
	count := &query.Select{From: query.Table{Name: "people", Alias: 1}, Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}}}
	if n := read(t, d, count)[0][0]; n != int64(6) {
		t.Errorf("%v people", n)
	}
}

// links refers to items in the two other ways.
var links = &schema.Table{Name: "links", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
	{Name: "id", Type: idType},
	{Name: "hard", Type: idType, Nullable: true, References: "items", OnDelete: schema.Refuse},
	{Name: "soft", Type: idType, Nullable: true, References: "items", OnDelete: schema.Clear},
}}

func references(t *testing.T, d store.Driver) {
	create(t, d, items, notes, links)
	fill(t, d, items, []Row{item(1, nil), item(2, nil), item(3, nil)})
	fill(t, d, notes, []Row{{"id": id(100), "item": id(1), "place": int64(0)}, {"id": id(101), "item": id(2), "place": int64(0)}})
	fill(t, d, links, []Row{{"id": id(200), "soft": id(1)}, {"id": id(201), "hard": id(3)}})
	remove := &query.Delete{Table: query.Table{Name: "items", Alias: 1}, Where: isID(1, 0)}
	var violation *store.ConstraintError
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Insert(ctx, insertInto(links), []any{id(202), id(9), nil}); !errors.As(err, &violation) || violation.Kind != store.Reference {
			t.Errorf("a reference to nothing: %v", err)
		}
		if _, err := tx.Delete(ctx, remove, []any{id(3)}); !errors.As(err, &violation) || violation.Kind != store.Reference {
			t.Errorf("deleting what is referred to: %v", err)
		}
		if n, err := tx.Delete(ctx, remove, []any{id(1)}); n != 1 || err != nil {
			t.Errorf("deleting with cascade and clear: %d, %v", n, err)
		}
		return nil
	})
	left := func(table *schema.Table, where query.Expr) []int {
		return ids(read(t, d, &query.Select{From: query.Table{Name: table.Name, Alias: 1}, Where: where, Columns: []query.Column{{Expr: column(table, 1, "id"), Type: idType}}, OrderBy: []query.Order{{Expr: column(table, 1, "id")}}}))
	}
	if got := left(notes, nil); !slices.Equal(got, []int{101}) {
		t.Errorf("notes left: %v", got)
	}
	if got := left(links, query.IsNull{X: column(links, 1, "soft")}); !slices.Equal(got, []int{200, 201}) {
		t.Errorf("links without soft: %v", got)
	}
}

func rollbacks(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil)})
	refused := errors.New("refused")
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		if _, err := tx.Update(t.Context(), rename, []any{"changed", id(1)}); err != nil {
			t.Error(err)
		}
		if rows, err := readIn(t.Context(), tx, named("changed"), nil); err != nil || len(rows) != 1 {
			t.Errorf("its own change: %v, %v", rows, err)
		}
		return refused
	})
	if err != refused {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() {
			if recover() != "panic" {
				t.Error("the panic was lost")
			}
		}()
		store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
			if _, err := tx.Update(t.Context(), rename, []any{"changed", id(1)}); err != nil {
				t.Error(err)
			}
			panic("panic")
		})
	}()
	expectIDs(t, d, "afterwards", named("changed"), nil)
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Errorf("rollback after commit: %v", err)
	}
	if _, err := tx.Update(t.Context(), rename, []any{"late", id(1)}); err == nil {
		t.Error("a transaction that is over still writes")
	}
}

func snapshots(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "before"})})
	inTx(t, d, store.Snapshot, func(ctx context.Context, tx store.Tx) error {
		if rows, err := readIn(ctx, tx, named("before"), nil); err != nil || len(rows) != 1 {
			t.Errorf("%v, %v", rows, err)
		}
		inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Update(ctx, rename, []any{"after", id(1)})
			return err
		})
		if rows, err := readIn(ctx, tx, named("before"), nil); err != nil || len(rows) != 1 {
			t.Errorf("the second read saw another state: %v, %v", rows, err)
		}
		return nil
	})
	expectIDs(t, d, "afterwards", named("after"), nil, 1)
	inTx(t, d, store.Snapshot, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Update(ctx, rename, []any{"sneaked", id(1)}); err == nil {
			t.Error("a snapshot was written to")
		}
		return nil
	})
}

func readersDoNotWait(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "before"})})
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Update(ctx, rename, []any{"after", id(1)}); err != nil {
			return err
		}
		expectIDs(t, d, "during a write", named("before"), nil, 1)
		return nil
	})
	expectIDs(t, d, "after it", named("after"), nil, 1)
}

// noLostUpdates lets many read a number and write it back, one more.
func noLostUpdates(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	for i, mode := range []store.Mode{store.Write, store.WriteRows} {
		countTogether(t, d, mode, id(i+1))
	}
}

func countTogether(t *testing.T, d store.Driver, mode store.Mode, which value.UUID) {
	fill(t, d, items, []Row{item(int(which[15]), Row{"count": int64(0)})})
	look := idsOf(isID(1, 0))
	look.Columns = []query.Column{{Expr: column(items, 1, "count"), Type: intType}}
	look.OrderBy = nil
	look.Lock = query.ForUpdate
	set := &query.Update{
		Table: query.Table{Name: "items", Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: "count", Type: intType}, Value: query.Param{Slot: 0, Type: intType}}},
		Where: isID(1, 1),
	}
	db := store.New(d)
	const workers, rounds = 16, 10
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for range rounds {
				err := db.InTx(t.Context(), mode, nil, func(tx store.Tx) error {
					rows, err := readIn(t.Context(), tx, look, []any{which})
					if err != nil {
						return err
					}
					n, err := tx.Update(t.Context(), set, []any{rows[0][0].(int64) + 1, which})
					if n != 1 && err == nil {
						return fmt.Errorf("%d rows", n)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if n := read(t, d, look, which)[0][0]; n != int64(workers*rounds) {
		t.Errorf("mode %d: %v of %d", mode, n, workers*rounds)
	}
}

// endless would go through 300⁴ rows.
func endless() *query.Select {
	q := &query.Select{From: query.Table{Name: "notes", Alias: 1}, Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}}}
	for a := range 3 {
		q.Joins = append(q.Joins, query.Join{Table: query.Table{Name: "notes", Alias: 2 + a}, On: query.Cmp{Op: query.Ne, L: column(notes, 2+a, "place"), R: column(notes, 1+a, "place")}})
	}
	return q
}

func cancelledRead(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	var rows []Row
	for i := range 300 {
		rows = append(rows, Row{"id": id(i), "place": int64(i)})
	}
	fill(t, d, notes, rows)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := tryRead(ctx, d, endless(), nil) // to its end it would take minutes, and be no error
	if problem.KindOf(err) != problem.Timeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	// The connection serves on.
	for range 8 {
		expectIDs(t, d, "afterwards", idsOf(nil), nil)
	}
}

func cancelledBegin(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, mode := range []store.Mode{store.ReadOne, store.Snapshot, store.Write} {
		err := store.New(d).InTx(ctx, mode, nil, func(tx store.Tx) error {
			if mode == store.Write {
				_, err := tx.Update(ctx, rename, []any{"x", id(1)})
				return err
			}
			_, err := readIn(ctx, tx, idsOf(nil), nil)
			return err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
}
