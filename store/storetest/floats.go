package storetest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// borders are floats whose sums, products and quotients overflow, vanish or are
// denormal, or only just not.
func borders(r *rand.Rand) []float64 {
	const least = 0x1p-1022 // that is not denormal
	list := []float64{
		0, 1, 0.5, math.Nextafter(0.5, 1), 3, 1e308, math.MaxFloat64, 0x1p1023, 0x1p970, 0x1p-537, 0x1p-538, 0x1p512,
		least, math.Nextafter(least, 0), math.Nextafter(least, 1), math.SmallestNonzeroFloat64, 3 * math.SmallestNonzeroFloat64,
	}
	for range 6 { // x and y with x·y beside half of the smallest float, x and z with x·z beside the largest
		x := 1 + r.Float64()
		y := 1 / x
		list = append(list, math.Ldexp(x, -530), math.Ldexp(y, -545), math.Ldexp(math.Nextafter(y, 2), -545), math.Ldexp(x, 500), math.Ldexp(y, 524), math.Ldexp(y, -524))
	}
	for range 8 {
		list = append(list, math.Ldexp(r.Float64(), r.IntN(2098)-1074))
	}
	for _, f := range list {
		list = append(list, -f)
	}
	return list
}

// floats calculates with every pair of borders: no row makes a statement fail, and
// the results are package value's. What a row rule hides is
// not seen in a failure either.
func floats(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	list := borders(rand.New(rand.NewPCG(11, 11)))
	var rows []Row
	for i, f := range list {
		rows = append(rows, item(i+1, Row{"ratio": f + 0}))
	}
	rows = append(rows, item(len(list)+1, nil))
	fill(t, d, items, rows)
	w := World{"items": rows}
	ratio := column(items, 1, "ratio")
	half := query.Const{Value: 0.5, Type: floatType}
	calc := func(op query.ArithOp, l, r query.Expr) query.Expr {
		return query.Arith{Op: op, L: l, R: r, Type: floatType}
	}
	q := idsOf(nil)
	p := query.Param{Slot: 0, Type: floatType}
	for _, op := range []query.ArithOp{query.Add, query.Sub, query.Mul, query.Div} {
		for _, e := range []query.Expr{calc(op, ratio, p), calc(op, p, ratio), calc(query.Mul, calc(op, ratio, p), half), calc(op, half, p)} {
			q.Columns = append(q.Columns, query.Column{Expr: e, Type: floatType})
		}
	}
	for _, f := range list {
		got := read(t, d, q, f)
		for i, want := range w.Select(q, []any{f}) {
			if diff := cmp.Diff(want, got[i]); diff != "" {
				t.Fatalf("%g and %g (-want +got):\n%s", rows[i]["ratio"], f, diff)
			}
		}
	}
	least := query.Const{Value: math.SmallestNonzeroFloat64, Type: floatType}
	asked := query.Cmp{Op: query.Eq, L: calc(query.Mul, calc(query.Mul, ratio, least), half), R: query.Const{Value: 0.0, Type: floatType}}
	rule := query.InSelect{X: column(items, 1, "id"), Sub: &query.Select{
		From:    query.Table{Name: "notes", Alias: 2},
		Columns: []query.Column{{Expr: column(notes, 2, "item"), Type: idType}},
	}}
	expectIDs(t, d, "of no row that may be seen", idsOf(query.And{List: []query.Expr{rule, asked}}), nil)
}

func floatSums(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	const most, least = math.MaxFloat64, math.SmallestNonzeroFloat64
	ratio := column(items, 1, "ratio")
	q := idsOf(query.Cmp{Op: query.Eq, L: column(items, 1, "count"), R: query.Param{Slot: 0, Type: intType}})
	q.OrderBy = nil
	q.Columns = []query.Column{{Expr: query.Aggregate{Func: query.Sum, X: ratio, Type: floatType}, Type: floatType}}
	byGroup := *q
	count := column(items, 1, "count")
	byGroup.Where, byGroup.GroupBy = nil, []query.Expr{count}
	byGroup.OrderBy = []query.Order{{Expr: count}}
	var all [][]any
	for i, tt := range []struct {
		of   []float64
		want any
	}{
		{nil, nil},
		{[]float64{0.5}, 0.5},
		{[]float64{least, least}, 2 * least},
		{[]float64{least, -least}, 0.0},
		{[]float64{most}, most},
		{[]float64{most, 1}, most},
		{[]float64{most, least}, most},
		{[]float64{-most, -least}, -most},
		{[]float64{most, -most}, 0.0},
		{[]float64{most, -1e292}, most - 1e292},
		{[]float64{most, 0x1p969}, most},
		{[]float64{most, 0x1p970}, nil},
		{[]float64{1e308, 1e308}, nil},
		{[]float64{-1e308, -1e308}, nil},
		{[]float64{1e308, 1e308, 1e308}, nil},
		{[]float64{8e307, 1e292, 1}, 8e307 + 1e292},
	} {
		rows := []Row{item(100*i, Row{"count": int64(i)})}
		for j, f := range tt.of {
			rows = append(rows, item(100*i+j+1, Row{"count": int64(i), "ratio": f}))
		}
		fill(t, d, items, rows)
		got := read(t, d, q, int64(i))[0][0]
		if !value.Equal(got, tt.want) {
			t.Errorf("of %v: got %v, want %v", tt.of, got, tt.want)
		}
		all = append(all, []any{tt.want})
	}
	if diff := cmp.Diff(all, read(t, d, &byGroup)); diff != "" {
		t.Errorf("by group (-want +got):\n%s", diff)
	}
}
