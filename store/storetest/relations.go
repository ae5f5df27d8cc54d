package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// throughRelations looks for records whose related ones are told apart by what a
// sub-select finds and by the record itself, in every order of the two.
func throughRelations(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "a"}), item(2, Row{"name": "b"}), item(3, Row{"name": "c"})})
	fill(t, d, notes, []Row{
		{"id": id(100), "item": id(1), "place": int64(1), "name": "a"},
		{"id": id(101), "item": id(2), "place": int64(2), "name": "a"},
		{"id": id(102), "place": int64(3), "name": "c"},
	})
	eq := func(l, r query.Expr) query.Expr { return query.Cmp{Op: query.Eq, L: l, R: r} }
	itself := query.Scalar{Sub: &query.Select{
		From:    query.Table{Name: "items", Alias: 3},
		Columns: []query.Column{{Expr: column(items, 3, "id"), Type: idType}},
		Where:   query.And{List: []query.Expr{eq(column(items, 3, "id"), column(items, 1, "id")), query.IsNull{X: column(items, 3, "name"), Not: true}}},
	}}
	selected := eq(column(notes, 2, "item"), itself)
	correlated := eq(column(notes, 2, "name"), column(items, 1, "name"))
	for _, where := range [][]query.Expr{{selected, correlated}, {correlated, selected}} {
		q := idsOf(query.Exists{Sub: &query.Select{From: query.Table{Name: "notes", Alias: 2}, Where: query.And{List: where}}})
		if diff := cmp.Diff([]int{1}, ids(read(t, d, q))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
