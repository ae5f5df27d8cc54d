package storetest

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func everyValue(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	rows := rowsOfEveryValue()
	fill(t, d, items, rows)
	stored(t, d, rows)
}

// everyValueTogether adds the same rows as one insertion.
func everyValueTogether(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	rows := rowsOfEveryValue()
	var args []any
	for _, row := range rows {
		for _, c := range items.Columns {
			args = append(args, row[c.Name])
		}
	}
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.Insert(ctx, insertInto(items), args)
		if err == nil && n != len(rows) {
			t.Errorf("%d rows of %d", n, len(rows))
		}
		return err
	})
	stored(t, d, rows)
}

// rowsOfEveryValue are items that have each of the samples in its columns.
func rowsOfEveryValue() []Row {
	r := rand.New(rand.NewPCG(7, 7))
	rows := randomRows(r, items, 1, 60, nil)
	n := 100
	for _, c := range items.Columns {
		list := samples[c.Type.Kind]
		if c.Type.Kind == value.DecimalKind {
			list = decimalSamples[c.Type.Scale]
		}
		for _, v := range list {
			if c.Name != "id" {
				rows = append(rows, item(n, Row{c.Name: v}))
				n++
			}
		}
	}
	return rows
}

// stored refuses items that differ from rows.
func stored(t *testing.T, d store.Driver, rows []Row) {
	t.Helper()
	q := &query.Select{From: query.Table{Name: "items", Alias: 1}, Columns: allColumns(items, 1)}
	byID := map[any]Row{}
	for _, row := range rows {
		byID[row["id"]] = row
	}
	got := read(t, d, q)
	if len(got) != len(rows) {
		t.Fatalf("%d rows of %d", len(got), len(rows))
	}
	for _, values := range got {
		for i, c := range items.Columns {
			if want := byID[values[0]][c.Name]; !value.Equal(values[i], want) {
				t.Errorf("%s: wrote %#v, read %#v", c.Name, want, values[i])
			}
		}
	}
}

func texts(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	for i, s := range []string{"a", "A", "100%", "100x", `back\slash`, "under_score", "underXscore", "\U0001F600", "\uFFFD", "", "é", "e\u0301"} {
		fill(t, d, items, []Row{item(i+1, Row{"name": s})})
	}
	name := column(items, 1, "name")
	text := func(s string) query.Expr { return query.Const{Value: s, Type: textType} }
	call := func(f query.Func, s string) query.Expr {
		return query.Call{Func: f, Args: []query.Expr{name, text(s)}, Type: boolType}
	}
	for _, tt := range []struct {
		name  string
		where query.Expr
		want  []int
	}{
		{"equality knows case", query.Cmp{Op: query.Eq, L: name, R: text("a")}, []int{1}},
		{"percent is a character", call(query.Contains, "%"), []int{3}},
		{"underscore is a character", call(query.Contains, "_"), []int{6}},
		{"backslash is a character", call(query.StartsWith, `back\`), []int{5}},
		{"the empty text is in every text", call(query.Contains, ""), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"and at every end", call(query.EndsWith, ""), []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
		{"longer than the text", call(query.EndsWith, "aaaa"), nil},
		{"ends", call(query.EndsWith, "score"), []int{6, 7}},
		{"an emoji is above what UTF-16 puts above it", query.Cmp{Op: query.Gt, L: name, R: text("\uFFFD")}, []int{8}},
		{"an emoji has one code point", query.Cmp{Op: query.Eq, L: query.Call{Func: query.Size, Args: []query.Expr{name}, Type: intType}, R: query.Const{Value: int64(2), Type: intType}}, []int{12}},
		{"composed is not decomposed", query.Cmp{Op: query.Eq, L: name, R: text("é")}, []int{11}},
		{"upper is for ASCII", query.Cmp{Op: query.Eq, L: query.Call{Func: query.Upper, Args: []query.Expr{name}, Type: textType}, R: text("É")}, nil},
		{"lower", query.Cmp{Op: query.Eq, L: query.Call{Func: query.Lower, Args: []query.Expr{name}, Type: textType}, R: text("a")}, []int{1, 2}},
	} {
		expectIDs(t, d, tt.name, idsOf(tt.where), nil, tt.want...)
	}
}

func emptyLists(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "a"}), item(2, nil)})
	name := column(items, 1, "name")
	param := query.InParam{X: name, Slot: 0, Type: textType}
	expectIDs(t, d, "in ()", idsOf(query.In{X: name}), nil)
	expectIDs(t, d, "not in ()", idsOf(query.NotTrue{X: query.In{X: name}}), nil, 1, 2)
	expectIDs(t, d, "in no argument", idsOf(param), []any{[]any{}})
	expectIDs(t, d, "not in no argument", idsOf(query.NotTrue{X: param}), []any{[]any{}}, 1, 2)
	expectIDs(t, d, "in two arguments", idsOf(param), []any{[]any{"b", "a"}}, 1)
	byID := query.InParam{X: column(items, 1, "id"), Slot: 0, Type: idType}
	expectIDs(t, d, "ids", idsOf(byID), []any{[]any{id(2), id(9)}}, 2)
	expectIDs(t, d, "and of nothing", idsOf(query.And{}), nil, 1, 2)
	expectIDs(t, d, "or of nothing", idsOf(query.Or{}), nil)
	expectIDs(t, d, "null is not unequal", idsOf(query.Cmp{Op: query.Ne, L: name, R: query.Const{Value: "b", Type: textType}}), nil, 1)
}

func integers(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	const exact = int64(1) << 53
	for i, n := range []int64{exact - 1, exact, exact + 1, math.MaxInt64, math.MinInt64} {
		fill(t, d, items, []Row{item(i+1, Row{"big": n})})
	}
	big := column(items, 1, "big")
	num := func(n int64) query.Expr { return query.Const{Value: n, Type: bigType} }
	calc := func(op query.ArithOp, l, r query.Expr) query.Expr {
		return query.Arith{Op: op, L: l, R: r, Type: bigType}
	}
	expectIDs(t, d, "equal", idsOf(query.Cmp{Op: query.Eq, L: big, R: num(exact + 1)}), nil, 3)
	expectIDs(t, d, "greater", idsOf(query.Cmp{Op: query.Gt, L: big, R: num(exact)}), nil, 3, 4)
	for _, tt := range []struct {
		name string
		expr query.Expr
		want []any
	}{
		{"+", calc(query.Add, big, num(1)), []any{exact, exact + 1, exact + 2, nil, math.MinInt64 + int64(1)}},
		{"-", calc(query.Sub, big, num(1)), []any{exact - 2, exact - 1, exact, math.MaxInt64 - int64(1), nil}},
		{"*", calc(query.Mul, big, num(-1)), []any{1 - exact, -exact, -exact - 1, int64(-math.MaxInt64), nil}},
		{"/", calc(query.Div, big, num(-1)), []any{1 - exact, -exact, -exact - 1, int64(-math.MaxInt64), nil}},
		{"/ cuts towards zero", calc(query.Div, calc(query.Sub, num(0), num(7)), num(2)), []any{int64(-3), int64(-3), int64(-3), int64(-3), int64(-3)}},
		{"/ 0", calc(query.Div, big, num(0)), []any{nil, nil, nil, nil, nil}},
		{"back and forth", calc(query.Sub, calc(query.Add, big, num(1)), num(1)), []any{exact - 1, exact, exact + 1, nil, int64(math.MinInt64)}},
	} {
		q := idsOf(nil)
		q.Columns = []query.Column{{Expr: tt.expr, Type: bigType}}
		var got []any
		for _, row := range read(t, d, q) {
			got = append(got, row[0])
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func decimals(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{
		item(1, Row{"price": decimal("2.50"), "rate": decimal("2.5000")}),
		item(2, Row{"price": decimal("2.50"), "rate": decimal("2.5001")}),
		item(3, Row{"price": decimal("-0.01"), "rate": decimal("-0.0100")}),
		item(4, Row{"price": decimal("9999999999.99"), "rate": decimal("0.0001")}),
		item(5, Row{"price": decimal("10.00"), "rate": decimal("9.0000")}),
	})
	price, rate := column(items, 1, "price"), column(items, 1, "rate")
	literal := func(s string, scale int) query.Expr {
		return query.Const{Value: decimal(s), Type: &value.Type{Kind: value.DecimalKind, Precision: 20, Scale: scale}}
	}
	for _, tt := range []struct {
		name  string
		where query.Expr
		want  []int
	}{
		{"columns of two scales", query.Cmp{Op: query.Eq, L: price, R: rate}, []int{1, 3}},
		{"less", query.Cmp{Op: query.Lt, L: price, R: rate}, []int{2}},
		{"a finer constant", query.Cmp{Op: query.Gt, L: price, R: literal("2.499", 3)}, []int{1, 2, 4, 5}},
		{"a coarser constant", query.Cmp{Op: query.Eq, L: rate, R: literal("9", 0)}, []int{5}},
		{"an integer", query.Cmp{Op: query.Ge, L: price, R: query.Const{Value: int64(10), Type: intType}}, []int{4, 5}},
		{"one of", query.In{X: price, List: []query.Expr{literal("2.5", 1), literal("10", 0)}}, []int{1, 2, 5}},
		{"a sum", query.Cmp{Op: query.Eq, L: query.Arith{Op: query.Add, L: price, R: rate, Type: rateType}, R: literal("5", 0)}, []int{1}},
	} {
		expectIDs(t, d, tt.name, idsOf(tt.where), nil, tt.want...)
	}
	param := query.Cmp{Op: query.Le, L: price, R: query.Param{Slot: 0, Type: &value.Type{Kind: value.DecimalKind, Precision: 34, Scale: 6}}}
	expectIDs(t, d, "an argument of another scale", idsOf(param), []any{decimal("2.500000")}, 1, 2, 3)
}
