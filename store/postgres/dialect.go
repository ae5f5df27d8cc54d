package postgres

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// dialect is PostgreSQL's spelling. Every kind has the type that says what it is
// (timestamptz, numeric, uuid …); lists, structs and JSON are json, not jsonb,
// which would not give their text back as it was. Every placeholder is cast, so
// that its type never depends on where it stands.
var dialect = sqlgen.Dialect{
	Quote:   '"',
	Param:   param,
	Reuse:   true,
	Literal: literal,
	Cast:    func(t *value.Type) string { return "(%s)::" + typeName(t) },

	Locks: [...]string{query.ForShare: "FOR SHARE OF %s", query.ForUpdate: "FOR UPDATE OF %s"},

	InParam: func(*value.Type) string { return "%s = ANY(%s)" },
	// An array is looked up in an index even beside an OR, a plain IN is not.
	InSelect: "%s = ANY(ARRAY(%s))",
	Each:     "json_array_elements(%s) AS %s(value)",
	Elem:     func(t *value.Type) string { return fromJSON(t, "(%[1]s.value #>> '{}')", "%[1]s.value") },
	Member: func(t *value.Type) string {
		return fromJSON(t, "(%[1]s ->> '%[2]s')", "(CASE WHEN json_typeof(%[1]s -> '%[2]s') <> 'null' THEN %[1]s -> '%[2]s' END)")
	},
	Equal: "(%s)::text",

	Contains:   "strpos(%s, %s) > 0",
	StartsWith: "starts_with(%s, %s)",
	EndsWith:   "right(%[1]s, length(%[2]s)) = %[2]s",
	Lower:      `lower(%s COLLATE "C")`,
	Upper:      `upper(%s COLLATE "C")`,
	Size:       "length(%s)::bigint",
	ListSize:   "json_array_length(%s)::bigint",
	ToDecimal:  toDecimal,
	ToFloat:    "(%s)::double precision",
	Negate:     negate,
	Arith:      arith,
	Aggregate:  aggregates,

	OnConflictIgnore: " ON CONFLICT (%s) DO NOTHING",
	ColumnType:       columnType,
	NullsInIndex:     true,
}

func param(n int, t *value.Type, list bool) string {
	text := "$" + strconv.Itoa(n)
	switch {
	case t == nil:
		return text
	case list:
		return text + "::" + typeName(t) + "[]"
	case t.Kind == value.String:
		return `(` + text + `::text COLLATE "C")`
	}
	return text + "::" + typeName(t)
}

func typeName(t *value.Type) string {
	switch t.Kind {
	case value.Bool:
		return "boolean"
	case value.Int, value.BigInt, value.DurationKind:
		return "bigint"
	case value.Float:
		return "double precision"
	case value.DecimalKind:
		return "numeric"
	case value.DateKind:
		return "date"
	case value.TimeKind:
		return "time(3)"
	case value.TimestampKind:
		return "timestamptz(3)"
	case value.ID:
		return "uuid"
	case value.JSON, value.List, value.Struct:
		return "json"
	}
	return "text"
}

func columnType(t *value.Type, _ int) string {
	switch t.Kind {
	case value.DecimalKind:
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case value.String, value.Enum:
		return `text COLLATE "C"`
	}
	return typeName(t)
}

// literal is a value of the contract as text.
func literal(v any, t *value.Type) string {
	switch v := v.(type) {
	case int64:
		if v < 0 { // -9223372036854775808 is no literal, and 1 - -1 begins a comment
			return "('" + strconv.FormatInt(v, 10) + "'::bigint)"
		}
		return strconv.FormatInt(v, 10) + "::bigint"
	case float64:
		return "'" + strconv.FormatFloat(v, 'g', -1, 64) + "'::double precision"
	case value.Decimal:
		return "'" + v.String() + "'::numeric"
	case value.UUID:
		return "'" + hex.EncodeToString(v[:]) + "'::uuid"
	case value.Duration:
		return literal(int64(v), t)
	case string:
		if t.Kind == value.String {
			return "(" + quote(v) + `::text COLLATE "C")`
		}
		return quote(v)
	case value.Raw:
		return quote(string(v)) + "::json"
	}
	text := string(t.AppendJSON(nil, v))
	switch t.Kind {
	case value.DateKind, value.TimeKind, value.TimestampKind:
		text = strings.Trim(text, `"`)
	}
	return quote(text) + "::" + typeName(t)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// fromJSON reads a member of a json value: plain is its text, raw the json itself.
func fromJSON(t *value.Type, plain, raw string) string {
	switch t.Kind {
	case value.List, value.Struct, value.JSON:
		return raw
	case value.String:
		return "(" + plain + ` COLLATE "C")`
	case value.Enum:
		return plain
	case value.DurationKind:
		return fmt.Sprintf(durationFromText, plain)
	}
	return plain + "::" + typeName(t)
}

// durationFromText reads the canonical ISO form, which interval does not: its
// days have 32 bits and it knows no sign before P.
const durationFromText = `(SELECT CASE WHEN m IS NOT NULL THEN ((CASE m[1] WHEN '-' THEN -1 ELSE 1 END) * (coalesce(m[2], '0')::numeric * 86400000 + coalesce(m[3], '0')::numeric * 3600000 + coalesce(m[4], '0')::numeric * 60000 + coalesce(m[5], '0')::numeric * 1000))::bigint END
FROM regexp_match(%s, '^(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$') AS m)`

// checked computes r once and gives it as long as it is in range.
func checked(computed, condition, result string) string {
	return "(SELECT CASE WHEN " + condition + " THEN " + result + " END FROM (SELECT " + computed + " AS r) AS computed)"
}

const within64 = "r BETWEEN -9223372036854775808 AND 9223372036854775807"

// fits is the condition that r has no more digits than a decimal can have.
func fits(t *value.Type) string {
	return fmt.Sprintf("abs(r) < 1e%d::numeric", value.MaxPrecision-t.Scale)
}

func toDecimal(_, to *value.Type) string {
	return checked("(%s)::numeric", fmt.Sprintf("abs(r) < 1e%d::numeric AND r = round(r, %d)", to.Precision-to.Scale, to.Scale), fmt.Sprintf("round(r, %d)", to.Scale))
}

func negate(t *value.Type) string {
	switch t.Kind {
	case value.Float, value.DecimalKind:
		return "(- %s)"
	}
	return checked("- (%s)::numeric", within64, "r::bigint")
}

var operators = [...]string{query.Add: "+", query.Sub: "-", query.Mul: "*"}

func arith(op query.ArithOp, l, r, result *value.Type) string {
	switch {
	case result.Kind == value.Float:
		return floats(op)
	case result.Kind == value.DecimalKind:
		return checked("(%s)::numeric "+operators[op]+" (%s)::numeric", fits(result), "r")
	case l.Kind == value.TimestampKind && r.Kind == value.TimestampKind:
		return "((" + milliseconds("%[1]s") + ") - (" + milliseconds("%[2]s") + "))::bigint"
	case l.Kind == value.TimestampKind:
		return shifted(milliseconds("%[1]s") + " " + operators[op] + " (%[2]s)::numeric")
	case r.Kind == value.TimestampKind:
		return shifted(milliseconds("%[2]s") + " " + operators[op] + " (%[1]s)::numeric")
	case op == query.Div:
		return checked("div((%s)::numeric, nullif(%s, 0)::numeric)", within64, "r::bigint")
	}
	return checked("(%s)::numeric "+operators[op]+" (%s)::numeric", within64, "r::bigint")
}

func milliseconds(timestamp string) string { return "extract(epoch FROM " + timestamp + ") * 1000" }

// shifted is a number of milliseconds as a timestamp of the years 1 to 9999. The
// product is rounded to microseconds only roughly, the type cuts that off.
func shifted(ms string) string {
	return checked(ms, "r BETWEEN -62135596800000 AND 253402300799999",
		"('1970-01-01T00:00:00Z'::timestamptz + r::double precision * interval '1 millisecond')::timestamptz(3)")
}

// floats guards what PostgreSQL refuses with an error: results that are not finite
// or that vanish. The result's size is calculated exactly, from the shortest text
// of each operand, which a plain cast would cut to 15 digits.
func floats(op query.ArithOp) string {
	const huge, tiny = "1.797693134862315808e308", "2.4703282292062328e-324"
	exact := map[query.ArithOp]string{
		query.Add: "l::text::numeric + s::text::numeric", query.Sub: "l::text::numeric - s::text::numeric",
		query.Mul: "l::text::numeric * s::text::numeric", query.Div: "l::text::numeric / nullif(s, 0)::text::numeric",
	}[op]
	symbol := "/"
	if op != query.Div {
		symbol = operators[op]
	}
	return "(SELECT CASE WHEN abs(r) >= " + huge + "::numeric THEN NULL WHEN r IS NULL THEN NULL WHEN abs(r) <= " + tiny +
		"::numeric THEN 0 ELSE l " + symbol + " s END FROM (SELECT l, s, " + exact + " AS r FROM (SELECT (%[1]s)::double precision AS l, (%[2]s)::double precision AS s) AS operands) AS computed)"
}

func aggregates(f query.AggregateFunc, x, result *value.Type) string {
	switch f {
	case query.Count:
		return "count(%s)"
	case query.Min, query.Max:
		return extreme(f, x)
	}
	switch x.Kind {
	case value.Float:
		return "sum(%s)"
	case value.DecimalKind:
		return fmt.Sprintf("(CASE WHEN abs(sum(%%[1]s)) < 1e%d::numeric THEN sum(%%[1]s) END)", value.MaxPrecision-result.Scale)
	}
	return "(CASE WHEN sum(%[1]s) BETWEEN " + strconv.FormatInt(math.MinInt64, 10) + " AND " + strconv.FormatInt(math.MaxInt64, 10) + " THEN sum(%[1]s)::bigint END)"
}

func extreme(f query.AggregateFunc, x *value.Type) string {
	name := map[query.AggregateFunc]string{query.Min: "min", query.Max: "max"}[f]
	switch x.Kind {
	case value.Bool:
		return map[string]string{"min": "bool_and(%s)", "max": "bool_or(%s)"}[name]
	case value.ID:
		return name + `((%s)::text COLLATE "C")::uuid`
	case value.String:
		return name + `(%s COLLATE "C")`
	}
	return name + "(%s)"
}
