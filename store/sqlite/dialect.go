package sqlite

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// dialect is SQLite's spelling. Values are kept as package value's brief says:
// integers for numbers, times and booleans, blobs for ids, text for the rest;
// decimals in their sortable form.
var dialect = sqlgen.Dialect{
	Quote:    '"',
	Param:    func(n int, _ *value.Type, _ bool) string { return "?" + strconv.Itoa(n) },
	Reuse:    true,
	Literal:  literal,
	NullsLow: true,
	NoLimit:  "LIMIT -1",

	InParam:  inParam,
	InSelect: "%s IN (%s)",
	// With an order SQLite merges lists that lie in it.
	Intersect: "%s IN (SELECT * FROM (%s ORDER BY 1))",
	Each:      "json_each(%s) AS %s",
	Elem:      func(t *value.Type) string { return fromJSON(t, "%[1]s.value", "%[1]s.value") },
	Member: func(t *value.Type) string {
		return fromJSON(t, `json_extract(%[1]s, '$."%[2]s"')`, `nullif(%[1]s -> '$."%[2]s"', 'null')`)
	},
	Rescale: "rescale(%[1]s, %[2]d)",

	Contains:   "instr(%[1]s, %[2]s) > 0",
	StartsWith: "substr(%[1]s, 1, length(%[2]s)) = %[2]s",
	EndsWith:   "substr(%[1]s, length(%[1]s) - length(%[2]s) + 1) = %[2]s",
	Lower:      "lower(%s)",
	Upper:      "upper(%s)",
	Size:       "length(%s)",
	ListSize:   "json_array_length(%s)",
	ToDecimal: func(_, to *value.Type) string {
		return fmt.Sprintf("to_decimal(%%s, %d, %d)", to.Precision, to.Scale)
	},
	ToFloat:   "CAST(%s AS REAL)",
	Negate:    negate,
	Arith:     arith,
	Aggregate: aggregates,

	OnConflictIgnore: " ON CONFLICT (%s) DO NOTHING",
	Unled:            "+(%s)",
	ColumnType:       columnType,
	TableSuffix:      tableSuffix,
}

// literal is a value of the contract as text.
func literal(v any, t *value.Type) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case value.Decimal:
		return quote(value.SortableDecimal(t, v))
	case string:
		return quote(v)
	case value.Date:
		return quote(v.String())
	case value.Time:
		return strconv.FormatInt(int64(v), 10)
	case value.Timestamp:
		return strconv.FormatInt(int64(v), 10)
	case value.Duration:
		return strconv.FormatInt(int64(v), 10)
	case value.UUID:
		return "x'" + hex.EncodeToString(v[:]) + "'"
	case value.Raw:
		return quote(string(v))
	}
	return quote(string(t.AppendJSON(nil, v)))
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// inParam takes a list in one placeholder, as JSON: see appendList.
func inParam(t *value.Type) string {
	switch t.Kind {
	case value.ID:
		return "%s IN (SELECT unhex(value) FROM json_each(%s))"
	default:
		return "%s IN (SELECT value FROM json_each(%s))"
	}
}

// fromJSON reads a member of JSON text: plain is SQLite's own value of it, raw
// its JSON text where it is a list, a struct or any JSON.
func fromJSON(t *value.Type, plain, raw string) string {
	switch t.Kind {
	case value.BigInt:
		return "CAST(" + plain + " AS INTEGER)"
	case value.Float:
		return "CAST(" + plain + " AS REAL)"
	case value.DecimalKind:
		return "decimal_of(" + plain + ", " + strconv.Itoa(t.Scale) + ")"
	case value.TimeKind:
		return "time_of(" + plain + ")"
	case value.TimestampKind:
		return "timestamp_of(" + plain + ")"
	case value.DurationKind:
		return "duration_of(" + plain + ")"
	case value.ID:
		return "unhex(" + plain + ", '-')"
	case value.List, value.Struct, value.JSON:
		return raw
	}
	return plain
}

func negate(t *value.Type) string {
	if t.Kind == value.DecimalKind {
		return fmt.Sprintf("decimal_neg(%%s, %d)", t.Scale)
	}
	return "number_neg(%s)"
}

var operations = [...]string{query.Add: "add", query.Sub: "sub", query.Mul: "mul", query.Div: "div"}

func arith(op query.ArithOp, l, r, result *value.Type) string {
	name := operations[op]
	switch {
	case result.Kind == value.DecimalKind:
		return fmt.Sprintf("decimal_%s(%%s, %%s, %d)", name, result.Scale)
	case l.Kind == value.TimestampKind && r.Kind == value.TimestampKind:
		return "(%s - %s)"
	case l.Kind == value.TimestampKind:
		return "timestamp_" + name + "(%s, %s)"
	case r.Kind == value.TimestampKind:
		return "timestamp_" + name + "(%[2]s, %[1]s)"
	}
	return "number_" + name + "(%s, %s)"
}

func aggregates(f query.AggregateFunc, x, result *value.Type) string {
	switch f {
	case query.Count:
		return "count(%s)"
	case query.Min:
		return "min(%s)"
	case query.Max:
		return "max(%s)"
	}
	switch x.Kind {
	case value.Float:
		return "float_sum(%s)"
	case value.DecimalKind:
		return fmt.Sprintf("decimal_sum(%%s, %d)", result.Scale)
	}
	return "int_sum(%s)"
}

func columnType(t *value.Type, _ int) string {
	switch t.Kind {
	case value.Bool, value.Int, value.BigInt, value.TimeKind, value.TimestampKind, value.DurationKind:
		return "INTEGER"
	case value.Float:
		return "REAL"
	case value.ID:
		return "BLOB"
	}
	return "TEXT"
}

// tableSuffix keeps a table whose key is most of it (the words of a search) in
// the order of its key. For records of half a kilobyte that made a read by id a
// tenth faster and a list of 20 a tenth slower, longer records overflow its pages,
// and inserts took the same: records stay in the order of their rowid.
func tableSuffix(key []string) string {
	if len(key) > 1 {
		return " STRICT, WITHOUT ROWID"
	}
	return " STRICT"
}
