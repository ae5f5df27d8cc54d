package storetest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func sums(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{
		item(1, Row{"big": int64(math.MaxInt64), "count": int64(3), "price": decimal("0.10"), "name": "a", "level": "average"}),
		item(2, Row{"big": int64(1), "count": int64(-1), "price": decimal("0.20"), "name": "B", "level": "high"}),
		item(3, Row{"big": int64(-1), "price": decimal("-9999999999.99")}),
	})
	sum := func(where query.Expr) []any {
		q := &query.Select{From: query.Table{Name: "items", Alias: 1}, Where: where}
		for _, name := range []string{"big", "count", "price"} {
			c := column(items, 1, name)
			q.Columns = append(q.Columns, query.Column{Expr: query.Aggregate{Func: query.Sum, X: c, Type: c.Type}, Type: c.Type})
		}
		level := column(items, 1, "level")
		for _, f := range []query.AggregateFunc{query.Min, query.Max} {
			q.Columns = append(q.Columns, query.Column{Expr: query.Aggregate{Func: f, X: level, Type: levelType}, Type: levelType})
		}
		return read(t, d, q)[0]
	}
	number := func(op query.Op, n int64) query.Expr {
		return query.Cmp{Op: op, L: column(items, 1, "number"), R: query.Const{Value: n, Type: intType}}
	}
	for _, tt := range []struct {
		name  string
		where query.Expr
		want  []any
	}{
		{"over 64 bits on the way", nil, []any{int64(math.MaxInt64), int64(2), decimal("-9999999999.69"), "high", "average"}},
		{"over 64 bits", number(query.Lt, 3), []any{nil, int64(2), decimal("0.30"), "high", "average"}},
		{"of nulls", number(query.Eq, 3), []any{int64(-1), nil, decimal("-9999999999.99"), nil, nil}},
		{"of nothing", number(query.Eq, 99), []any{nil, nil, nil, nil, nil}},
	} {
		if got := sum(tt.where); !slices.EqualFunc(got, tt.want, value.Equal) {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

func decimalSums(t *testing.T, d store.Driver) {
	most := &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: 2}
	ledger := &schema.Table{Name: "ledger", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: idType}, {Name: "amount", Type: most}}}
	create(t, d, ledger)
	nines := strings.Repeat("9", value.MaxPrecision-2)
	amount := column(ledger, 1, "amount")
	sum := query.Aggregate{Func: query.Sum, X: amount, Type: most}
	q := &query.Select{From: query.Table{Name: "ledger", Alias: 1}, Columns: []query.Column{{Expr: sum, Type: most}}}
	for i, step := range []struct {
		add  string
		want any
	}{
		{nines + ".99", decimal(nines + ".99")},
		{nines + ".99", nil},
		{"-" + nines + ".99", decimal(nines + ".99")},
		{"0.01", nil},
		{"-0.02", decimal(nines + ".98")},
	} {
		fill(t, d, ledger, []Row{{"id": id(i), "amount": decimal(step.add)}})
		if got := read(t, d, q)[0][0]; !value.Equal(got, step.want) {
			t.Errorf("with %s: got %v, want %v", step.add, got, step.want)
		}
	}
}

func groups(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{
		item(1, Row{"level": "average", "count": int64(1)}), item(2, Row{"level": "low", "count": int64(5)}),
		item(3, Row{"level": "average"}), item(4, nil), item(5, Row{"count": int64(2)}),
	})
	level, count := column(items, 1, "level"), column(items, 1, "count")
	q := &query.Select{
		From:    query.Table{Name: "items", Alias: 1},
		GroupBy: []query.Expr{level},
		OrderBy: []query.Order{{Expr: level}},
		Columns: []query.Column{
			{Expr: level, Type: levelType},
			{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType},
			{Expr: query.Aggregate{Func: query.Count, X: count, Type: intType}, Type: intType},
			{Expr: query.Aggregate{Func: query.Max, X: count, Type: intType}, Type: intType},
		},
	}
	want := [][]any{{nil, int64(2), int64(1), int64(2)}, {"low", int64(1), int64(1), int64(5)}, {"average", int64(2), int64(1), int64(1)}}
	if diff := cmp.Diff(want, read(t, d, q)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// groupedWays: the limit of a statement that measures is one of groups, not of the
// rows that are found in one of several ways.
func groupedWays(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{
		item(1, Row{"level": "low", "who": id(7)}), item(2, Row{"level": "low", "who": id(7)}), item(3, Row{"level": "low", "who": id(7)}),
		item(4, Row{"level": "low"}), item(5, Row{"level": "low"}), item(6, nil),
	})
	fill(t, d, notes, []Row{{"id": id(11), "item": id(3), "place": int64(1)}, {"id": id(12), "item": id(4), "place": int64(2)}})
	level := column(items, 1, "level")
	theirs := &query.Select{From: query.Table{Name: "notes", Alias: 2}, Columns: []query.Column{{Expr: column(notes, 2, "item"), Type: idType}}}
	ways := query.Or{List: []query.Expr{
		query.Cmp{Op: query.Eq, L: column(items, 1, "who"), R: query.Param{Slot: 0, Type: idType}},
		query.InSelect{X: column(items, 1, "id"), Sub: theirs, Few: true},
	}}
	count := query.Column{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}
	for _, q := range []*query.Select{
		{Columns: []query.Column{{Expr: level, Type: levelType}, count}, GroupBy: []query.Expr{level}, OrderBy: []query.Order{{Expr: level}}},
		{Columns: []query.Column{{Expr: query.Const{Value: "low", Type: levelType}, Type: levelType}, count}},
	} {
		q.From, q.Where, q.Limit = query.Table{Name: "items", Alias: 1}, ways, query.Const{Value: int64(1), Type: intType}
		if diff := cmp.Diff([][]any{{"low", int64(4)}}, read(t, d, q, id(7))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func maskedGroups(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{
		item(1, Row{"count": int64(1), "names": []any{"go"}}), item(2, Row{"count": int64(1), "names": []any{}}),
		item(3, Row{"count": int64(5), "names": []any{"sql", "go"}}), item(4, Row{"count": int64(1)}),
	})
	names := column(items, 1, "names")
	masked := func(name string) query.Expr {
		is := query.Cmp{Op: query.Eq, L: query.Elem{Alias: 9, Type: textType}, R: query.Const{Value: "go", Type: textType}}
		return query.Case{Type: intType, Whens: []query.When{{If: query.Each{List: names, Alias: 9, Where: is}, Then: column(items, 1, name)}}}
	}
	sum := query.Column{Expr: query.Aggregate{Func: query.Sum, X: masked("number"), Type: intType}, Type: intType}
	for _, tt := range []struct {
		name string
		by   query.Expr
		want [][]any
	}{
		{"by a column", column(items, 1, "count"), [][]any{{int64(1), int64(1)}, {int64(5), int64(3)}}},
		{"by what is masked", masked("count"), [][]any{{nil, nil}, {int64(1), int64(1)}, {int64(5), int64(3)}}},
	} {
		q := &query.Select{
			From:    query.Table{Name: "items", Alias: 1},
			GroupBy: []query.Expr{tt.by},
			OrderBy: []query.Order{{Expr: tt.by}},
			Columns: []query.Column{{Expr: tt.by, Type: intType}, sum},
		}
		if diff := cmp.Diff(tt.want, read(t, d, q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
