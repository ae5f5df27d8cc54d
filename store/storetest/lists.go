package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// inSeveralLists: a row that stands in each of several lists comes once, however often it
// stands in one of them, and is counted once.
func inSeveralLists(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil), item(2, nil), item(3, Row{"level": "low"}), item(4, nil)})
	var rows []Row
	for i, n := range []struct {
		item  int
		level string
	}{{1, "low"}, {1, "high"}, {1, "low"}, {1, "high"}, {2, "low"}, {3, "high"}, {3, "low"}, {4, "high"}} {
		rows = append(rows, Row{"id": id(11 + i), "item": id(n.item), "place": int64(i), "level": n.level})
	}
	fill(t, d, notes, append(rows, Row{"id": id(30), "place": int64(30), "level": "low"}))
	list := func(alias, slot int) query.Expr {
		return query.InSelect{X: column(items, 1, "id"), Listed: true, Sub: &query.Select{
			From:    query.Table{Name: "notes", Alias: alias},
			Columns: []query.Column{{Expr: column(notes, alias, "item"), Type: idType}},
			Where:   query.Cmp{Op: query.Eq, L: column(notes, alias, "level"), R: query.Param{Slot: slot, Type: levelType}},
		}}
	}
	both := query.And{List: []query.Expr{list(2, 0), list(3, 1)}}
	self := column(items, 1, "id")
	page := &query.Select{
		From: query.Table{Name: "items", Alias: 1}, Columns: []query.Column{{Expr: self, Type: idType}},
		Where: both, OrderBy: []query.Order{{Expr: self, NotNull: true}},
	}
	count := &query.Select{
		From: query.Table{Name: "items", Alias: 1}, Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}},
		Where: query.And{List: []query.Expr{both, query.IsNull{X: column(items, 1, "level")}}},
	}
	for _, tt := range []struct {
		q    *query.Select
		want [][]any
	}{
		{page, [][]any{{id(1)}, {id(3)}}},
		{count, [][]any{{int64(1)}}},
	} {
		if diff := cmp.Diff(tt.want, read(t, d, tt.q, "low", "high")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
