package storetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

func sorting(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	r := rand.New(rand.NewPCG(3, 3))
	rows := randomRows(r, items, 1, 80, nil)
	fill(t, d, items, rows)
	w := World{"items": rows}
	for _, typ := range scalarTypes {
		for _, desc := range []bool{false, true} {
			key := query.Expr(column(items, 1, "id"))
			for _, c := range items.Columns {
				if c.Type == typ && c.Nullable {
					key = column(items, 1, c.Name)
				}
			}
			q := idsOf(nil)
			q.OrderBy = []query.Order{{Expr: key, Desc: desc}, {Expr: column(items, 1, "id"), NotNull: true, Desc: desc}}
			if diff := cmp.Diff(ids(w.Select(q, nil)), ids(read(t, d, q))); diff != "" {
				t.Errorf("by kind %d, descending %v (-want +got):\n%s", typ.Kind, desc, diff)
			}
		}
	}
}

// paging walks with every combination of directions and nullable keys.
func paging(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	r := rand.New(rand.NewPCG(5, 5))
	rows := randomRows(r, items, 1, 40, nil)
	fill(t, d, items, rows)
	w := World{"items": rows}
	for n := range 16 {
		first, second := n&1 > 0, n&2 > 0
		last := n&4 > 0
		keys := []query.Order{
			{Expr: column(items, 1, []string{"level", "number"}[n>>3]), Desc: first, NotNull: n>>3 == 1},
			{Expr: column(items, 1, "name"), Desc: second},
			{Expr: column(items, 1, "id"), Desc: last, NotNull: true},
		}
		whole := idsOf(nil)
		whole.OrderBy = keys
		want := ids(w.Select(whole, nil))
		if got := walk(t, d, keys, 7); !slices.Equal(got, want) {
			t.Errorf("descending %v %v %v:\n got %v\nwant %v", first, second, last, got, want)
		}
	}
}

// walk reads page after page by cursors.
func walk(t *testing.T, d store.Driver, keys []query.Order, size int) []int {
	t.Helper()
	var all []int
	var cursor []any
	for {
		q := idsOf(nil)
		q.OrderBy = keys
		args := []any{int64(size)}
		q.Limit = query.Param{Slot: 0, Type: intType}
		for _, k := range keys {
			q.Columns = append(q.Columns, query.Column{Expr: k.Expr, Type: k.Expr.(query.Col).Type})
		}
		for i, v := range cursor {
			q.After = append(q.After, query.After{Null: v == nil, Expr: query.Param{Slot: len(args), Type: keys[i].Expr.(query.Col).Type}})
			args = append(args, v)
		}
		rows := read(t, d, q, args...)
		all = append(all, ids(rows)...)
		if len(rows) < size || len(all) > 1000 {
			return all
		}
		cursor = rows[len(rows)-1][1:]
	}
}

func pagePlan(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	insert := &query.Insert{Table: "items"}
	for _, name := range []string{"id", "title", "number"} {
		insert.Columns = append(insert.Columns, query.Named{Name: name, Type: items.Column(name).Type})
	}
	var args []any
	for i := range 3000 {
		args = append(args, id(i), "title", int64(i))
	}
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Insert(ctx, insert, args)
		return err
	})
	q := idsOf(nil)
	q.OrderBy = []query.Order{
		{Expr: column(items, 1, "number"), Desc: true, NotNull: true},
		{Expr: column(items, 1, "id"), Desc: true, NotNull: true},
	}
	q.After = []query.After{{Expr: query.Param{Slot: 0, Type: intType}}, {Expr: query.Param{Slot: 1, Type: idType}}}
	q.Limit = query.Param{Slot: 2, Type: intType}
	plan, err := d.Explain(t.Context(), q, []any{int64(3), id(3), int64(20)})
	if err != nil {
		t.Fatal(err)
	}
	if plan.Sorts || len(plan.Scans) > 0 || !slices.Contains(plan.Indexes, "items__number") {
		t.Errorf("%+v", plan)
	}
	plan, err = d.Explain(t.Context(), &query.Select{From: query.Table{Name: "items", Alias: 1}, Columns: allColumns(items, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(plan.Scans, []string{"items"}) {
		t.Errorf("reading everything: %+v", plan)
	}
}
