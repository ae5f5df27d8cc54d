package storetest

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// extremes calculates with every pair of the outermost values of each kind: no row
// makes a statement fail, and the results are package value's.
func extremes(t *testing.T, d store.Driver) {
	most := func(scale int) *value.Type {
		return &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: scale}
	}
	nines := strings.Repeat("9", value.MaxPrecision)
	amounts := []any{decimal("0.00"), decimal("0.01"), decimal("1.00"), decimal("-1.00"), decimal(nines[2:] + ".99"), decimal("-" + nines[2:] + ".99"), nil}
	rates := []any{decimal("0." + strings.Repeat("0", 19) + "1"), decimal(nines[20:] + "." + nines[:20]), decimal("-" + nines[20:] + "." + nines[:20]), decimal("1." + strings.Repeat("0", 20))}
	bigs := []any{int64(0), int64(1), int64(-1), int64(2), int64(math.MaxInt64), int64(math.MinInt64), int64(math.MinInt64 + 1), nil}
	spans := []any{value.Duration(0), value.Duration(1), value.Duration(-1), value.Duration(math.MaxInt64), value.Duration(math.MinInt64), value.Duration(315537897599999), value.Duration(-315537897599999), nil}
	times := []any{timestamp("0001-01-01T00:00:00.000Z"), timestamp("1970-01-01T00:00:00.000Z"), timestamp("1969-12-31T23:59:59.999Z"), timestamp("9999-12-31T23:59:59.999Z"), nil}
	sides := map[string]struct {
		t    *value.Type
		list []any
	}{"big": {bigType, bigs}, "amount": {most(2), amounts}, "rate": {most(20), rates}, "span": {durationType, spans}, "at": {timestampType, times}}

	edges := &schema.Table{Name: "edges", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: idType}}}
	rows := []Row{}
	for _, name := range []string{"big", "amount", "rate", "span", "at"} {
		edges.Columns = append(edges.Columns, &schema.Column{Name: name, Type: sides[name].t, Nullable: true})
	}
	for i := range bigs {
		row := Row{"id": id(i)}
		for name, side := range sides {
			row[name] = side.list[i%len(side.list)]
		}
		rows = append(rows, row)
	}
	create(t, d, edges)
	fill(t, d, edges, rows)
	w := World{"edges": rows}
	for _, tt := range []struct {
		l, r   string
		ops    []query.ArithOp
		result *value.Type
	}{
		{"big", "big", []query.ArithOp{query.Add, query.Sub, query.Mul, query.Div}, bigType},
		{"amount", "amount", []query.ArithOp{query.Add, query.Sub}, most(2)},
		{"amount", "rate", []query.ArithOp{query.Add, query.Sub}, most(20)},
		{"amount", "amount", []query.ArithOp{query.Mul}, most(4)},
		{"amount", "rate", []query.ArithOp{query.Mul}, most(22)},
		{"rate", "rate", []query.ArithOp{query.Mul}, most(34)},
		{"span", "span", []query.ArithOp{query.Add, query.Sub}, durationType},
		{"at", "span", []query.ArithOp{query.Add, query.Sub}, timestampType},
		{"span", "at", []query.ArithOp{query.Add}, timestampType},
		{"at", "at", []query.ArithOp{query.Sub}, durationType},
	} {
		x, p := column(edges, 1, tt.l), query.Param{Slot: 0, Type: sides[tt.r].t}
		q := &query.Select{From: query.Table{Name: "edges", Alias: 1}, OrderBy: []query.Order{{Expr: column(edges, 1, "id"), NotNull: true}}}
		for _, op := range tt.ops {
			q.Columns = append(q.Columns, query.Column{Expr: query.Arith{Op: op, L: x, R: p, Type: tt.result}, Type: tt.result})
		}
		for _, v := range sides[tt.r].list {
			got, err := tryRead(t.Context(), d, q, []any{v})
			if err != nil {
				t.Errorf("%s and %s, %v: %v", tt.l, tt.r, v, err)
				continue
			}
			if diff := cmp.Diff(inJSON(q, w.Select(q, []any{v})), inJSON(q, got)); diff != "" {
				t.Errorf("%s and %s, %v (-want +got):\n%s", tt.l, tt.r, v, diff)
			}
		}
	}
}
