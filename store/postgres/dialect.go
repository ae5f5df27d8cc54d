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

	InParam:  func(*value.Type) string { return "%s = ANY(%s)" },
	InSelect: "%s IN (%s)",
	// An array is looked up in an index even beside an OR, a plain IN is not. But of
	// an array PostgreSQL does not know how long it will be, of a join it does.
	InFew:     "%s = ANY(ARRAY(%s))",
	UniteJoin: "JOIN",
	Each:      "json_array_elements(%s) AS %s(value)",
	Elem:      func(t *value.Type) string { return fromJSON(t, "(%[1]s.value #>> '{}')", "%[1]s.value") },
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

func aggregates(f query.AggregateFunc, x, result *value.Type) string {
	switch f {
	case query.Count:
		return "count(%s)"
	case query.Min, query.Max:
		return extreme(f, x)
	}
	switch x.Kind {
	case value.Float:
		return floatSum
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
