// Package storetest is what every driver must do: Behaviour on a live database,
// Random against a naive evaluator (World), Statements as golden text.
package storetest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Unproven is what a server that stands in for a database cannot show: cases by
// name, with the reason.
type Unproven map[string]string

// Behaviour runs the suite. open gives an empty database; unproven is nil for a
// real one.
func Behaviour(t *testing.T, open func(t testing.TB) store.Driver, unproven Unproven) {
	met := 0
	for _, tt := range []struct {
		name string
		test func(*testing.T, store.Driver)
	}{
		{"every value is read as it was written", everyValue},
		{"null sorts lowest and values sort by kind", sorting},
		{"pages in any direction meet every row once", paging},
		{"a page on unique keys needs no sort", pagePlan},
		{"text compares by code point and has no wildcards", texts},
		{"in an empty list nothing is found", emptyLists},
		{"integers are exact and overflow to null", integers},
		{"decimals are exact across scales", decimals},
		{"floats are those of IEEE 754, finite or null", floats},
		{"sums of floats are finite or null", floatSums},
		{"the outermost values of each kind make nothing fail", extremes},
		{"sums are exact or null", sums},
		{"sums of decimals count at their end", decimalSums},
		{"measures by group", groups},
		{"what is found in one of several ways is measured whole", groupedWays},
		{"what a list decides is grouped and measured", maskedGroups},
		{"lists and structs are looked into", nested},
		{"at most so many rows for each parent", perParent},
		{"a missing relation is null", joins},
		{"what is not there has no relations", joinOfNothing},
		{"a relation is there when its condition holds", conditionalJoin},
		{"a related record is found through a sub-select", throughRelations},
		{"writes tell how many rows they touched", counts},
		{"a change may depend on the table that it changes", ownTable},
		{"values are set from the row as it was", asItWas},
		{"a list may be long, and a page of others", longLists},
		{"several rows are added whole or not at all", wholeInserts},
		{"an existing key is left out, another violation is not", onConflict},
		{"a unique violation names its columns and harms nothing else", uniqueViolation},
		{"references are kept", references},
		{"what refers to itself may go, and a long branch goes whole", goTogether},
		{"what is rolled back never was", rollbacks},
		{"a snapshot sees one state", snapshots},
		{"readers do not wait for the writer", readersDoNotWait},
		{"concurrent changes are not lost", noLostUpdates},
		{"a single write stands by itself", singleWrites},
		{"what is empty is read by key as it is", emptyByKey},
		{"reads by key of many callers get their own answers", readsByKey},
		{"an ended context ends a read", cancelledRead},
		{"an ended context does not begin anything", cancelledBegin},
		{"a read may be broken off and nested in itself", brokenOff},
		{"the schema is recorded and read back", schemas},
		{"a named lock is held once", locks},
		{"an index is tried where nobody sees it", trials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if reason := unproven[tt.name]; reason != "" {
				met++
				t.Skip("not proven here: " + reason)
			}
			tt.test(t, open(t))
		})
	}
	if met != len(unproven) {
		t.Errorf("%d of the cases that are not proven do not exist", len(unproven)-met)
	}
}

func ids(rows [][]any) []int {
	var list []int
	for _, row := range rows {
		u := row[0].(value.UUID)
		list = append(list, int(u[14])<<8|int(u[15]))
	}
	return list
}

// idsOf selects the ids of items for which where holds, in the order of ids.
func idsOf(where query.Expr) *query.Select {
	return &query.Select{
		From:    query.Table{Name: "items", Alias: 1},
		Columns: []query.Column{{Expr: column(items, 1, "id"), Type: idType}},
		Where:   where,
		OrderBy: []query.Order{{Expr: column(items, 1, "id"), NotNull: true}},
	}
}

// item is a row of items with what is required.
func item(n int, more Row) Row {
	row := Row{"id": id(n), "title": fmt.Sprint("item ", n), "number": int64(n)}
	for k, v := range more {
		row[k] = v
	}
	return row
}

func expectIDs(t *testing.T, d store.Driver, what string, q *query.Select, args []any, want ...int) {
	t.Helper()
	if got := ids(read(t, d, q, args...)); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func everyValue(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
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
	fill(t, d, items, rows)
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

func nested(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	part := func(more map[string]any) map[string]any {
		members := map[string]any{}
		for _, m := range partType.Members {
			members[m.Name] = more[m.Name]
		}
		return members
	}
	fill(t, d, items, []Row{
		item(1, Row{"names": []any{"go", "sql"}, "part": part(map[string]any{"price": decimal("9.50"), "name": "x"})}),
		item(2, Row{"names": []any{}, "parts": []any{part(map[string]any{"price": decimal("10.00"), "at": timestamp("2026-01-01T00:00:00Z")}), part(nil)}}),
		item(3, Row{"prices": []any{decimal("9.00"), decimal("10.00")}, "part": part(map[string]any{"price": decimal("10.00"), "span": value.Duration(5)})}),
		item(4, nil),
	})
	part1 := column(items, 1, "part")
	member := func(x query.Expr, name string) query.Expr {
		for _, m := range partType.Members {
			if m.Name == name {
				return query.Member{X: x, Name: name, Type: m.Type}
			}
		}
		panic(name)
	}
	text := func(s string) query.Expr { return query.Const{Value: s, Type: textType} }
	price := func(s string) query.Expr { return query.Const{Value: decimal(s), Type: priceType} }
	has := func(list string, where func(e query.Expr) query.Expr) query.Expr {
		c := column(items, 1, list)
		return query.Each{List: c, Alias: 9, Where: where(query.Elem{Alias: 9, Type: c.Type.Elem})}
	}
	for _, tt := range []struct {
		name  string
		where query.Expr
		want  []int
	}{
		{"an element", has("names", func(e query.Expr) query.Expr { return query.Cmp{Op: query.Eq, L: e, R: text("sql")} }), []int{1}},
		{"a decimal element as a number", has("prices", func(e query.Expr) query.Expr { return query.Cmp{Op: query.Gt, L: e, R: price("9.50")} }), []int{3}},
		{"a member of an element", has("parts", func(e query.Expr) query.Expr {
			return query.Cmp{Op: query.Ge, L: member(e, "price"), R: price("10")}
		}), []int{2}},
		{"a time in an element", has("parts", func(e query.Expr) query.Expr {
			return query.Cmp{Op: query.Lt, L: member(e, "at"), R: query.Const{Value: timestamp("2026-01-01T00:00:00.001Z"), Type: timestampType}}
		}), []int{2}},
		{"a member as a number", query.Cmp{Op: query.Lt, L: member(part1, "price"), R: price("10.00")}, []int{1}},
		{"a member that is null", query.IsNull{X: member(part1, "name")}, []int{2, 3, 4}},
		{"a duration", query.Cmp{Op: query.Eq, L: member(part1, "span"), R: query.Const{Value: value.Duration(5), Type: durationType}}, []int{3}},
		{"the size of a list", query.Cmp{Op: query.Eq, L: query.Call{Func: query.Size, Args: []query.Expr{column(items, 1, "names")}, Type: intType}, R: query.Const{Value: int64(0), Type: intType}}, []int{2}},
		{"an equal list", query.Cmp{Op: query.Eq, L: column(items, 1, "names"), R: query.Const{Value: []any{"go", "sql"}, Type: listOf(textType)}}, []int{1}},
		{"another order is another list", query.Cmp{Op: query.Eq, L: column(items, 1, "names"), R: query.Const{Value: []any{"sql", "go"}, Type: listOf(textType)}}, nil},
		{"an equal struct", query.Cmp{Op: query.Eq, L: part1, R: query.Const{Value: part(map[string]any{"price": decimal("9.50"), "name": "x"}), Type: partType}}, []int{1}},
	} {
		expectIDs(t, d, tt.name, idsOf(tt.where), nil, tt.want...)
	}
}

func perParent(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil), item(2, nil), item(3, nil)})
	var rows []Row
	for i := range 10 {
		rows = append(rows, Row{"id": id(100 + i), "item": id(1 + i%2), "place": int64(-i)})
	}
	fill(t, d, notes, append(rows, Row{"id": id(200), "place": int64(0)}))
	q := &query.Select{
		From:      query.Table{Name: "notes", Alias: 1},
		Columns:   []query.Column{{Expr: column(notes, 1, "id"), Type: idType}, {Expr: column(notes, 1, "item"), Type: idType}},
		Where:     query.InParam{X: column(notes, 1, "item"), Slot: 0, Type: idType},
		OrderBy:   []query.Order{{Expr: column(notes, 1, "place"), NotNull: true}, {Expr: column(notes, 1, "id"), NotNull: true}},
		PerParent: column(notes, 1, "item"),
		Limit:     query.Param{Slot: 1, Type: intType},
	}
	expectIDs(t, d, "three of each", q, []any{[]any{id(2), id(1), id(3)}, int64(3)}, 108, 106, 104, 109, 107, 105)
}

func joins(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "here"}), item(2, nil)})
	fill(t, d, notes, []Row{
		{"id": id(100), "item": id(1), "place": int64(1)},
		{"id": id(101), "item": id(2), "place": int64(2)},
		{"id": id(102), "place": int64(3)},
	})
	q := &query.Select{
		From:  query.Table{Name: "notes", Alias: 1},
		Joins: []query.Join{{Table: query.Table{Name: "items", Alias: 2}, On: query.Cmp{Op: query.Eq, L: column(notes, 1, "item"), R: column(items, 2, "id")}}},
		Columns: []query.Column{
			{Expr: column(notes, 1, "id"), Type: idType},
			{Expr: column(items, 2, "id"), Type: idType},
			{Expr: column(items, 2, "name"), Type: textType},
		},
		OrderBy: []query.Order{{Expr: column(notes, 1, "place")}},
	}
	want := [][]any{{id(100), id(1), "here"}, {id(101), id(2), nil}, {id(102), nil, nil}}
	if diff := cmp.Diff(want, read(t, d, q)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// joinOfNothing joins to a record that is not there, whose list would say whether
// the relation is seen.
func joinOfNothing(t *testing.T, d store.Driver) {
	tagged := &schema.Table{Name: "tagged", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType}, {Name: "names", Type: listOf(textType)}, {Name: "who", Type: idType, Nullable: true}}}
	create(t, d, tagged)
	fill(t, d, tagged, []Row{{"id": id(1), "names": []any{"go"}, "who": id(2)}, {"id": id(2), "names": []any{}}})
	has := query.Each{List: column(tagged, 1, "names"), Alias: 9, Where: query.Cmp{Op: query.Eq, L: query.Elem{Alias: 9, Type: textType}, R: query.Const{Value: "go", Type: textType}}}
	masked := query.Case{Type: idType, Whens: []query.When{{If: has, Then: column(tagged, 1, "who")}}}
	q := &query.Select{
		From:    query.Table{Name: "tagged", Alias: 1},
		Joins:   []query.Join{{Table: query.Table{Name: "tagged", Alias: 2}, On: query.Cmp{Op: query.Eq, L: column(tagged, 2, "id"), R: masked}}},
		Columns: []query.Column{{Expr: column(tagged, 1, "id"), Type: idType}, {Expr: column(tagged, 2, "id"), Type: idType}},
		Where:   query.Cmp{Op: query.Eq, L: column(tagged, 1, "id"), R: query.Param{Slot: 0, Type: idType}},
	}
	for n, want := range map[int][][]any{1: {{id(1), id(2)}}, 2: {{id(2), nil}}, 3: nil} {
		if diff := cmp.Diff(want, read(t, d, q, id(n))); diff != "" {
			t.Errorf("%d (-want +got):\n%s", n, diff)
		}
	}
}

// conditionalJoin joins to items of which some note is at one of two places.
func conditionalJoin(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil), item(2, nil), item(3, nil)})
	fill(t, d, notes, []Row{
		{"id": id(100), "item": id(1), "place": int64(7)}, {"id": id(101), "place": int64(3)}, {"id": id(102), "item": id(2), "place": int64(4)},
		{"id": id(103), "item": id(3), "place": int64(5)}, {"id": id(104), "item": id(3), "place": int64(8)},
	})
	at := func(n int64) query.Expr {
		return query.Cmp{Op: query.Eq, L: column(notes, 3, "place"), R: query.Const{Value: n, Type: intType}}
	}
	either := query.Or{List: []query.Expr{at(7), at(8)}}
	its := query.Cmp{Op: query.Eq, L: column(notes, 3, "item"), R: column(items, 2, "id")}
	from := query.Table{Name: "notes", Alias: 3}
	for name, holds := range map[string]query.Expr{
		"some": query.Exists{Sub: &query.Select{From: from, Where: query.And{List: []query.Expr{its, either}}}},
		"one of": query.InSelect{X: column(items, 2, "id"), Sub: &query.Select{From: from, Where: either,
			Columns: []query.Column{{Expr: column(notes, 3, "item"), Type: idType}}}},
	} {
		on := query.Cmp{Op: query.Eq, L: column(items, 2, "id"), R: column(notes, 1, "item")}
		q := &query.Select{
			From:    query.Table{Name: "notes", Alias: 1},
			Joins:   []query.Join{{Table: query.Table{Name: "items", Alias: 2}, On: query.And{List: []query.Expr{on, holds}}}},
			Columns: []query.Column{{Expr: column(notes, 1, "id"), Type: idType}, {Expr: column(items, 2, "id"), Type: idType}},
			OrderBy: []query.Order{{Expr: column(notes, 1, "id"), NotNull: true}},
		}
		want := [][]any{{id(100), id(1)}, {id(101), nil}, {id(102), nil}, {id(103), id(3)}, {id(104), id(3)}}
		if diff := cmp.Diff(want, read(t, d, q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func brokenOff(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	for i := range 20 {
		fill(t, d, items, []Row{item(i+1, nil)})
	}
	q := idsOf(nil)
	inTx(t, d, store.Snapshot, func(ctx context.Context, tx store.Tx) error {
		for range 3 {
			n := 0
			for _, err := range tx.Select(ctx, q, nil) {
				if err != nil {
					return err
				}
				inner, err := readIn(ctx, tx, q, nil)
				if err != nil || len(inner) != 20 {
					t.Errorf("inside: %d rows, %v", len(inner), err)
				}
				if n++; n == 5 {
					break
				}
			}
		}
		return nil
	})
}

func schemas(t *testing.T, d store.Driver) {
	ctx := t.Context()
	s, err := d.Inspect(ctx)
	if err != nil || len(s.Tables) != 0 {
		t.Fatalf("new: %v, %v", s, err)
	}
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "x"})})
	steps := []schema.Step{
		schema.AddColumn{Table: "items", Column: &schema.Column{Name: "added", Type: levelType, Default: "high"}, Default: "high"},
		schema.AddColumn{Table: "items", Column: &schema.Column{Name: "other", Type: priceType, Nullable: true}},
		schema.AddColumn{Table: "items", Column: &schema.Column{Name: "note", Type: idType, Nullable: true, References: "notes", OnDelete: schema.Clear}},
		schema.WidenColumn{Table: "items", Column: &schema.Column{Name: "other", Type: &value.Type{Kind: value.DecimalKind, Precision: 20, Scale: 2}, Nullable: true}},
		schema.CreateIndex{Table: "items", Index: &schema.Index{Name: "items__other", Columns: []schema.IndexColumn{{Name: "other", Desc: true}, {Name: "id"}}}},
		schema.CreateIndex{Table: "items", Index: &schema.Index{Name: "items__added__unique", Columns: []schema.IndexColumn{{Name: "added"}, {Name: "name"}}, Unique: true}},
		schema.DropIndex{Table: "items", Index: items.Indexes[0]},
		schema.Hold{Table: "items", Law: &schema.Law{Text: "number <= 5"}},
		schema.Hold{Table: "items", Law: &schema.Law{Text: "number >= 1"}},
		schema.Release{Table: "items", Law: &schema.Law{Text: "number <= 5"}},
	}
	for _, step := range steps {
		if err := d.Apply(ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	s, err = d.Inspect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	table := s.Table("items")
	if table.Column("added") == nil || table.Column("other").Type.Precision != 20 || table.Index("items__other") == nil || table.Index("items__number") != nil {
		t.Errorf("%+v", table)
	}
	if len(table.Laws) != 1 || table.Laws[0].Text != "number >= 1" {
		t.Errorf("held against %v", table.Laws)
	}
	added := query.Col{Alias: 1, Name: "added", Type: levelType}
	expectIDs(t, d, "the default", idsOf(query.Cmp{Op: query.Eq, L: added, R: query.Const{Value: "high", Type: levelType}}), nil, 1)
	if err := d.Apply(ctx, schema.CreateTable{Table: items}); err == nil {
		t.Error("a table was created twice")
	}
	if _, err := d.Inspect(ctx); err != nil {
		t.Errorf("after a step that was refused: %v", err)
	}
}

func locks(t *testing.T, d store.Driver) {
	unlock, err := d.Lock(t.Context(), "migrate")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Lock(ctx, "migrate"); err == nil {
		t.Error("the lock was given twice")
	}
	other, err := d.Lock(t.Context(), "else")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []func() error{other, unlock} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
	again, err := d.Lock(t.Context(), "migrate")
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
