package storetest

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// The types of the suite's columns.
var (
	boolType      = &value.Type{Kind: value.Bool}
	intType       = &value.Type{Kind: value.Int}
	bigType       = &value.Type{Kind: value.BigInt}
	floatType     = &value.Type{Kind: value.Float}
	priceType     = &value.Type{Kind: value.DecimalKind, Precision: 12, Scale: 2}
	rateType      = &value.Type{Kind: value.DecimalKind, Precision: 10, Scale: 4}
	textType      = &value.Type{Kind: value.String}
	levelType     = &value.Type{Kind: value.Enum, Enum: []string{"low", "high", "average"}}
	dateType      = &value.Type{Kind: value.DateKind}
	timeType      = &value.Type{Kind: value.TimeKind}
	timestampType = &value.Type{Kind: value.TimestampKind}
	durationType  = &value.Type{Kind: value.DurationKind}
	idType        = &value.Type{Kind: value.ID}
	jsonType      = &value.Type{Kind: value.JSON}
	partType      = &value.Type{Kind: value.Struct, Members: []value.Member{
		{Name: "ok", Type: boolType, Optional: true},
		{Name: "count", Type: intType, Optional: true},
		{Name: "big", Type: bigType, Optional: true},
		{Name: "ratio", Type: floatType, Optional: true},
		{Name: "price", Type: priceType, Optional: true},
		{Name: "name", Type: textType, Optional: true},
		{Name: "level", Type: levelType, Optional: true},
		{Name: "day", Type: dateType, Optional: true},
		{Name: "hour", Type: timeType, Optional: true},
		{Name: "at", Type: timestampType, Optional: true},
		{Name: "span", Type: durationType, Optional: true},
		{Name: "who", Type: idType, Optional: true},
	}}
	// scalarTypes have an order.
	scalarTypes = []*value.Type{
		boolType, intType, bigType, floatType, priceType, rateType, textType, levelType,
		dateType, timeType, timestampType, durationType, idType,
	}
)

func listOf(t *value.Type) *value.Type { return &value.Type{Kind: value.List, Elem: t} }

// items is the table with a nullable column of every kind; its children are notes.
var (
	items = &schema.Table{Name: "items", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType},
		{Name: "title", Type: textType, MaxLength: 100},
		{Name: "number", Type: intType},
		{Name: "ok", Type: boolType, Nullable: true},
		{Name: "count", Type: intType, Nullable: true},
		{Name: "big", Type: bigType, Nullable: true},
		{Name: "ratio", Type: floatType, Nullable: true},
		{Name: "price", Type: priceType, Nullable: true},
		{Name: "rate", Type: rateType, Nullable: true},
		{Name: "name", Type: textType, MaxLength: 100, Nullable: true},
		{Name: "level", Type: levelType, Nullable: true},
		{Name: "day", Type: dateType, Nullable: true},
		{Name: "hour", Type: timeType, Nullable: true},
		{Name: "at", Type: timestampType, Nullable: true},
		{Name: "span", Type: durationType, Nullable: true},
		{Name: "who", Type: idType, Nullable: true},
		{Name: "anything", Type: jsonType, Nullable: true},
		{Name: "part", Type: partType, Nullable: true},
		{Name: "parts", Type: listOf(partType), Nullable: true},
		{Name: "names", Type: listOf(textType), Nullable: true},
		{Name: "counts", Type: listOf(intType), Nullable: true},
		{Name: "prices", Type: listOf(priceType), Nullable: true},
		{Name: "times", Type: listOf(timestampType), Nullable: true},
		{Name: "ids", Type: listOf(idType), Nullable: true},
	}, Indexes: []*schema.Index{
		{Name: "items__number", Columns: []schema.IndexColumn{{Name: "number", Desc: true}, {Name: "id", Desc: true}}},
		{Name: "items__name", Columns: []schema.IndexColumn{{Name: "name"}, {Name: "id"}}},
	}}
	notes = &schema.Table{Name: "notes", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType},
		{Name: "item", Type: idType, Nullable: true, References: "items", OnDelete: schema.Cascade},
		{Name: "place", Type: intType},
		{Name: "name", Type: textType, Nullable: true},
		{Name: "level", Type: levelType, Nullable: true},
	}, Indexes: []*schema.Index{
		{Name: "notes__item", Columns: []schema.IndexColumn{{Name: "item"}, {Name: "place"}, {Name: "id"}}},
	}}
)

func column(t *schema.Table, alias int, name string) query.Col {
	return query.Col{Alias: alias, Name: name, Type: t.Column(name).Type}
}

// allColumns is every column of a table.
func allColumns(t *schema.Table, alias int) []query.Column {
	var list []query.Column
	for _, c := range t.Columns {
		list = append(list, query.Column{Expr: column(t, alias, c.Name), Type: c.Type})
	}
	return list
}

func insertInto(t *schema.Table) *query.Insert {
	q := &query.Insert{Table: t.Name}
	for _, c := range t.Columns {
		q.Columns = append(q.Columns, query.Named{Name: c.Name, Type: c.Type})
	}
	return q
}

// create makes the tables, as a plan of migrate would.
func create(t testing.TB, d store.Driver, tables ...*schema.Table) {
	t.Helper()
	for _, table := range append(schema.System(), tables...) {
		if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
}

// Create makes the tables that Statements asks of.
func Create(t testing.TB, d store.Driver) { create(t, d, items, notes, people) }

// fill inserts rows; a column that a row does not name is null.
func fill(t testing.TB, d store.Driver, table *schema.Table, rows []Row) {
	t.Helper()
	q := insertInto(table)
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		for _, row := range rows {
			var args []any
			for _, c := range table.Columns {
				args = append(args, row[c.Name])
			}
			if n, err := tx.Insert(ctx, q, args); err != nil || n != 1 {
				return fmt.Errorf("inserting %v: %d rows, %w", row, n, err)
			}
		}
		return nil
	})
}

func inTx(t testing.TB, d store.Driver, mode store.Mode, f func(context.Context, store.Tx) error) {
	t.Helper()
	ctx := t.Context()
	err := store.New(d).InTx(ctx, mode, nil, func(tx store.Tx) error { return f(ctx, tx) })
	if err != nil {
		t.Fatal(err)
	}
}

// read runs q by itself and checks that each column's JSON agrees with its value.
func read(t testing.TB, d store.Driver, q *query.Select, args ...any) [][]any {
	t.Helper()
	rows, err := tryRead(t.Context(), d, q, args)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func tryRead(ctx context.Context, d store.Driver, q *query.Select, args []any) (rows [][]any, err error) {
	err = store.New(d).InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		rows, err = readIn(ctx, tx, q, args)
		return err
	})
	return rows, err
}

func readIn(ctx context.Context, tx store.Tx, q *query.Select, args []any) ([][]any, error) {
	var rows [][]any
	for r, err := range tx.Select(ctx, q, args) {
		if err != nil {
			return nil, err
		}
		out := make([]any, len(q.Columns))
		for i, c := range q.Columns {
			if out[i], err = r.Value(i); err != nil {
				return nil, err
			}
			text, want := string(r.AppendJSON(nil, i)), string(c.Type.AppendJSON(nil, out[i]))
			if text != want {
				return nil, fmt.Errorf("column %d: its JSON is %s, its value's %s", i, text, want)
			}
			if r.Null(i) != (out[i] == nil) {
				return nil, fmt.Errorf("column %d: Null says %v, its value is %v", i, r.Null(i), out[i])
			}
		}
		rows = append(rows, out)
	}
	return rows, nil
}

// id makes ids that sort by n.
func id(n int) value.UUID {
	return value.UUID{0: 1, 6: 0x70, 8: 0x80, 14: byte(n >> 8), 15: byte(n)}
}

func decimal(s string) value.Decimal {
	d, err := value.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

func timestamp(s string) value.Timestamp {
	t, err := value.ParseTimestamp(s)
	if err != nil {
		panic(err)
	}
	return t
}

// samples are values that databases are known to treat in ways of their own.
var samples = map[value.Kind][]any{
	value.Bool:   {false, true},
	value.Int:    {int64(0), int64(1), int64(-1), int64(2), int64(7), int64(1)<<53 - 1, -(int64(1)<<53 - 1)},
	value.BigInt: {int64(0), int64(3), int64(1) << 53, int64(1)<<53 + 1, int64(math.MaxInt64), int64(math.MinInt64)},
	value.Float:  {0.0, 0.1, -2.5, 1e300, 1e-300, 3.0, 1.7976931348623157e308, -1.7976931348623157e308, 1e308, 5e-324, -5e-324, 1.5e-323, 2.2250738585072014e-308, 2.225073858507201e-308, 123456789.123456789},
	value.String: {"", "a", "A", "ab", "b", "Ab%", "%", "_", `\`, "a'b", `a"b`, "é", "e\u0301", "ß", "z", "\U0001F600", "\uE000", "\uFFFD", "a\nb", "10", "9"},
	value.Enum:   {"low", "high", "average"},
	value.DateKind: {
		value.Date(0), value.Date(-719162), value.Date(2932896), value.Date(20000), value.Date(-1),
	},
	value.TimeKind: {value.Time(0), value.Time(86399999), value.Time(3600000)},
	value.TimestampKind: {
		timestamp("1970-01-01T00:00:00.000Z"), timestamp("2026-11-22T10:00:00.123Z"), timestamp("2026-11-22T10:00:00.124Z"),
		timestamp("0001-01-01T00:00:00.000Z"), timestamp("9999-12-31T23:59:59.999Z"), timestamp("1969-12-31T23:59:59.999Z"),
	},
	value.DurationKind: {value.Duration(0), value.Duration(1), value.Duration(-1), value.Duration(90 * 86400000), value.Duration(math.MaxInt64)},
	value.ID:           {id(1), id(2), id(3), id(300), value.UUID{}, value.UUID{0: 255}},
	value.JSON:         {value.Raw(`{"a":[1,2,{"b":null}]}`), value.Raw(`"x"`), value.Raw(`1e21`), value.Raw(`[]`)},
}

var decimalSamples = map[int][]any{
	2: {decimal("0.00"), decimal("0.01"), decimal("-0.01"), decimal("1.00"), decimal("9.99"), decimal("10.00"), decimal("-10.00"), decimal("9999999999.99"), decimal("-9999999999.99"), decimal("2.50")},
	4: {decimal("0.0000"), decimal("0.0100"), decimal("1.0000"), decimal("2.5000"), decimal("2.5001"), decimal("-0.0100"), decimal("999999.9999")},
}

// sample is a random value of t, never null.
func sample(r *rand.Rand, t *value.Type) any {
	switch t.Kind {
	case value.DecimalKind:
		if list := decimalSamples[t.Scale]; list != nil {
			return list[r.IntN(len(list))]
		}
		d, _ := decimal("1.5").Rescale(value.MaxPrecision, max(1, t.Scale))
		return d
	case value.List:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = sample(r, t.Elem)
		}
		return list
	case value.Struct:
		members := map[string]any{}
		for _, m := range t.Members {
			members[m.Name] = nil
			if !m.Optional || r.IntN(3) > 0 {
				members[m.Name] = sample(r, m.Type)
			}
		}
		return members
	}
	list := samples[t.Kind]
	return list[r.IntN(len(list))]
}

// randomRows makes n rows of a table; ids start at first.
func randomRows(r *rand.Rand, t *schema.Table, first, n int, targets []Row) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{}
		for _, c := range t.Columns {
			switch {
			case c.Name == "id":
				rows[i][c.Name] = id(first + i)
			case c.Nullable && r.IntN(4) == 0:
				rows[i][c.Name] = nil
			case c.References != "":
				rows[i][c.Name] = targets[r.IntN(len(targets))]["id"]
			default:
				rows[i][c.Name] = sample(r, c.Type)
			}
		}
	}
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return slices.Clip(rows)
}
