package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// ownTable changes and removes rows by what other rows of their table hold.
func ownTable(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"who": id(2)}), item(2, nil), item(3, Row{"who": id(1)})})
	// referred holds for an item that another one names as its who.
	referred := func(alias int) query.Expr {
		return query.InSelect{X: column(items, 1, "id"), Sub: &query.Select{
			From:    query.Table{Name: "items", Alias: alias},
			Columns: []query.Column{{Expr: column(items, alias, "who"), Type: idType}},
			Where:   query.Cmp{Op: query.Gt, L: column(items, alias, "number"), R: query.Param{Slot: 0, Type: intType}},
		}}
	}
	mark := &query.Update{
		Table: query.Table{Name: "items", Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: "name", Type: textType}, Value: query.Param{Slot: 1, Type: textType}}},
		Where: referred(2),
	}
	remove := &query.Delete{Table: query.Table{Name: "items", Alias: 1}, Where: query.Exists{Sub: &query.Select{
		From: query.Table{Name: "items", Alias: 2},
		Where: query.And{List: []query.Expr{
			query.Cmp{Op: query.Eq, L: column(items, 2, "who"), R: column(items, 1, "id")},
			query.Cmp{Op: query.Gt, L: column(items, 2, "number"), R: query.Param{Slot: 0, Type: intType}},
		}},
	}}}
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		if n, err := tx.Update(ctx, mark, []any{int64(0), "referred"}); n != 2 || err != nil {
			t.Errorf("update: %d, %v", n, err)
		}
		if n, err := tx.Delete(ctx, remove, []any{int64(1)}); n != 1 || err != nil {
			t.Errorf("delete: %d, %v", n, err)
		}
		return nil
	})
	expectIDs(t, d, "marked and still there", named("referred"), nil, 2)
	expectIDs(t, d, "still there", idsOf(nil), nil, 2, 3)
}

// asItWas sets columns from each other.
func asItWas(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"count": int64(10), "big": int64(5)})})
	set := func(column string, v query.Expr) query.Assign {
		return query.Assign{Column: query.Named{Name: column, Type: items.Column(column).Type}, Value: v}
	}
	count, number := column(items, 1, "count"), column(items, 1, "number")
	for _, tt := range []struct {
		name string
		set  []query.Assign
		want []any
	}{
		{"one reads the other", []query.Assign{
			set("number", count),
			set("count", query.Arith{Op: query.Add, L: number, R: query.Param{Slot: 1, Type: intType}, Type: intType}),
		}, []any{int64(10), int64(101)}},
		{"each reads the other", []query.Assign{set("number", count), set("count", number)}, []any{int64(101), int64(10)}},
	} {
		change := &query.Update{Table: query.Table{Name: "items", Alias: 1}, Set: tt.set, Where: isID(1, 0)}
		inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
			if n, err := tx.Update(ctx, change, []any{id(1), int64(100)}); n != 1 || err != nil {
				t.Errorf("%s: %d, %v", tt.name, n, err)
			}
			return nil
		})
		q := idsOf(nil)
		q.Columns = []query.Column{{Expr: number, Type: intType}, {Expr: count, Type: intType}}
		if diff := cmp.Diff(tt.want, read(t, d, q)[0]); diff != "" {
			t.Errorf("%s: number and count (-want +got):\n%s", tt.name, diff)
		}
	}
}

// longLists asks for many ids at once, and for those that a page of others holds.
func longLists(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	var rows []Row
	for i := range 40 {
		rows = append(rows, item(i+1, nil))
	}
	fill(t, d, items, rows)
	q := idsOf(query.InParam{X: column(items, 1, "id"), Slot: 0, Type: idType})
	for _, n := range []int{1, 2, 3, 5, 1500} {
		var list []any
		var want []int
		for i := range n {
			list = append(list, id(i+1))
			if i < 40 {
				want = append(want, i+1)
			}
		}
		expectIDs(t, d, "a list", q, []any{list}, want...)
	}
	page := &query.Select{
		From:    query.Table{Name: "items", Alias: 2},
		Columns: []query.Column{{Expr: column(items, 2, "id"), Type: idType}},
		OrderBy: []query.Order{{Expr: column(items, 2, "number"), Desc: true, NotNull: true}},
		Limit:   query.Param{Slot: 0, Type: intType},
	}
	expectIDs(t, d, "those of a page", idsOf(query.InSelect{X: column(items, 1, "id"), Sub: page}), []any{int64(3)}, 38, 39, 40)
}

// leaves go with what they grow on; a twin keeps its twin.
var leaves = &schema.Table{Name: "leaves", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
	{Name: "id", Type: idType},
	{Name: "on", Type: idType, Nullable: true, References: "leaves", OnDelete: schema.Cascade},
	{Name: "twin", Type: idType, Nullable: true, References: "leaves", OnDelete: schema.Refuse},
	{Name: "shade", Type: idType, Nullable: true, References: "leaves", OnDelete: schema.Clear},
}, Indexes: []*schema.Index{
	{Name: "leaves__on", Columns: []schema.IndexColumn{{Name: "on"}, {Name: "id"}}},
	{Name: "leaves__twin", Columns: []schema.IndexColumn{{Name: "twin"}, {Name: "id"}}},
}}

// goTogether removes rows that refer to themselves, and long branches.
func goTogether(t *testing.T, d store.Driver) {
	create(t, d, leaves)
	const deep = 25
	rows := []Row{{"id": id(1)}, {"id": id(2), "shade": id(1)}}
	for i := range deep {
		rows = append(rows, Row{"id": id(100 + i)})
		if i > 0 {
			rows[len(rows)-1]["on"] = id(99 + i)
		}
	}
	fill(t, d, leaves, rows)
	twin := &query.Update{
		Table: query.Table{Name: "leaves", Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: "twin", Type: idType}, Value: query.Param{Slot: 1, Type: idType}}},
		Where: query.Cmp{Op: query.Eq, L: column(leaves, 1, "id"), R: query.Param{Slot: 0, Type: idType}},
	}
	remove := &query.Delete{Table: query.Table{Name: "leaves", Alias: 1}, Where: twin.Where}
	left := &query.Select{From: query.Table{Name: "leaves", Alias: 1}, Columns: []query.Column{{Expr: column(leaves, 1, "id"), Type: idType}}, OrderBy: []query.Order{{Expr: column(leaves, 1, "id"), NotNull: true}}}
	steps := func(what string, refused bool, f func(ctx context.Context, tx store.Tx) (int, error)) {
		inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
			n, err := f(ctx, tx)
			var violation *store.ConstraintError
			if refused && (!errors.As(err, &violation) || violation.Kind != store.Reference) || !refused && (n != 1 || err != nil) {
				t.Errorf("%s: %d, %v", what, n, err)
			}
			return nil
		})
	}
	set := func(a, b int) {
		steps("a twin", false, func(ctx context.Context, tx store.Tx) (int, error) { return tx.Update(ctx, twin, []any{id(a), id(b)}) })
	}
	drop := func(what string, n int, refused bool) {
		steps(what, refused, func(ctx context.Context, tx store.Tx) (int, error) { return tx.Delete(ctx, remove, []any{id(n)}) })
	}
	set(1, 1)
	set(2, 110)
	drop("its own twin", 1, false)
	drop("a long branch, with a twin that stays", 100, true)
	set(2, 2)
	drop("a long branch", 100, false)
	expectIDs(t, d, "left", left, nil, 2)
}
