package mysql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// flavour is one of the two databases that speak this protocol: how it spells
// statements, and the names of what differs besides.
type flavour struct {
	name      string
	dialect   *sqlgen.Dialect
	collation string // of every text: by code point, nothing folded, nothing trimmed
	isolation string // the variable of the isolation level
	explain   string // one line for each table, not a tree
	analyze   string // the same with what really happened; a statement is run for it
	sqlMode   string
	session   string // further settings of a session
	// groupLocks has single writes that are done together wait as little as can be for a
	// lock that one of them meets.
	groupLocks string
	// groupRest is how long there is no group after it has waited in vain.
	groupRest time.Duration
	minimum   version
	maxScale  int // of a decimal
	// followed is the variable without which nobody can follow the server, with what it
	// must be; position asks how far it has come, reached whether a replica is there.
	followed          [2]string
	position, reached string
	// simultaneous: the values of an UPDATE are calculated from the row as it was.
	simultaneous bool
}

// mysqlFlavour is MySQL's own. JSON functions give binary JSON there, whose
// members have another order: lists and structs are compared as such.
var mysqlFlavour = func() flavour {
	const collation = "utf8mb4_0900_bin"
	dialect := newDialect(collation, mysqlSpelling)
	// Seen with 9.7: the argument itself cannot be a column of a row that is grouped
	// (1210), and a sub-select in it does not see the row outside. An EXISTS over a list
	// of the row outside is turned into a join with the list of one row, and every
	// row is found. Of a table without rows a column is read as '', which is no JSON.
	dialect.Each = "(SELECT NULLIF(%[1]s, '') AS v) AS %[2]s_list, JSON_TABLE(%[2]s_list.v, '$[*]' COLUMNS (v JSON PATH '$')) AS %[2]s"
	// A sub-select that is itself a condition of an outer join is made a part of the
	// join, and an OR in it is lost: it finds what it must not (seen with 9.7).
	dialect.OnSelect = "IF(%s, TRUE, FALSE)"
	dialect.EachHolds = "((SELECT COUNT(*) FROM %s WHERE %s) > 0)"
	return flavour{
		name:       "MySQL",
		dialect:    dialect,
		collation:  collation,
		isolation:  "transaction_isolation",
		explain:    "EXPLAIN FORMAT=TRADITIONAL",
		analyze:    "EXPLAIN FORMAT=TRADITIONAL", // its ANALYZE has trees only
		sqlMode:    strictMode,
		session:    "transaction_read_only = 0, max_execution_time = 0",
		followed:   [2]string{"gtid_mode", "ON"},
		position:   "SELECT @@GLOBAL.gtid_executed",
		reached:    "SELECT GTID_SUBSET(?, @@GLOBAL.gtid_executed)",
		groupLocks: "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 1",
		groupRest:  10 * time.Second,
		minimum:    version{8, 0, 19},
		maxScale:   30,
	}
}()

// strictMode: what does not fit is an error, never cut; a backslash in a literal
// is a backslash. GROUP BY is checked by who makes the query.
const strictMode = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES"

// spelling is what they write in different ways. Parts of a JSON text are taken
// out by the name of a member or from the column v of JSON_TABLE, plain as SQL text
// or raw as JSON; null in JSON is NULL in both.
type spelling struct {
	text            string // a placeholder of a string
	member, element plainAndRaw
	document        plainAndRaw // of a member of any JSON type
	isTrue          string      // condition on a plain text
	equal           string      // makes a whole one comparable
}

type plainAndRaw struct{ plain, raw string }

// mysqlSpelling gives strings a type: MySQL takes the greatest of two placeholders
// for a number.
var mysqlSpelling = spelling{
	text: "CAST(? AS CHAR)",
	member: plainAndRaw{
		plain: `JSON_UNQUOTE(NULLIF(JSON_EXTRACT(%[1]s, '$."%[2]s"'), CAST('null' AS JSON)))`,
		raw:   `NULLIF(JSON_EXTRACT(%[1]s, '$."%[2]s"'), CAST('null' AS JSON))`,
	},
	element: plainAndRaw{plain: "JSON_UNQUOTE(%[1]s.v)", raw: "%[1]s.v"},
	isTrue:  "(%s = 'true')",
	equal:   "CAST(%s AS JSON)",
}

// newDialect is the spelling that both share. Values are stored as package
// value's brief says: ids as BINARY(16), times as the types that say so, lists,
// structs and JSON as their canonical text. Placeholders are cast where their
// type would otherwise depend on where they stand.
func newDialect(collation string, s spelling) *sqlgen.Dialect {
	folded := "CONVERT(CAST(%s(CONVERT(CAST(%%s AS BINARY) USING hebrew)) AS BINARY) USING utf8mb4) COLLATE " + collation
	return &sqlgen.Dialect{
		Quote:       '`',
		Param:       func(_ int, t *value.Type, list bool) string { return param(t, list, s) },
		Positional:  true,
		Literal:     literal,
		NullsLow:    true,
		NoLimit:     "LIMIT 18446744073709551615",
		Limit:       &value.Type{},
		FromNothing: " FROM DUAL",
		Locks:       [...]string{query.ForShare: "FOR SHARE OF %s", query.ForUpdate: "FOR UPDATE OF %s"},

		InParam:   func(*value.Type) string { return "%s IN (%s)" },
		InSelect:  "%s IN (%s)",
		InLimited: "%s IN (SELECT * FROM (%s) AS limited)",
		Each:      "JSON_TABLE(%s, '$[*]' COLUMNS (v JSON PATH '$')) AS %s",
		Elem:      func(t *value.Type) string { return fromJSON(t, s.element, s, collation) },
		Member:    func(t *value.Type) string { return fromJSON(t, s.member, s, collation) },
		Equal:     s.equal,

		Contains:   "LOCATE(%[2]s, %[1]s) > 0",
		StartsWith: "LEFT(%[1]s, CHAR_LENGTH(%[2]s)) = %[2]s",
		EndsWith:   "RIGHT(%[1]s, CHAR_LENGTH(%[2]s)) = %[2]s",
		// ASCII letters only: in the character set hebrew no other byte has a case.
		Lower:     fmt.Sprintf(folded, "LOWER"),
		Upper:     fmt.Sprintf(folded, "UPPER"),
		Size:      "CHAR_LENGTH(%s)",
		ListSize:  "JSON_LENGTH(%s)",
		ToDecimal: toDecimal,
		ToFloat:   "CAST(%s AS DOUBLE)",
		Negate:    negate,
		Arith:     arith,
		Aggregate: aggregates,

		UniteJoin:  "STRAIGHT_JOIN",
		ListJoin:   "STRAIGHT_JOIN",
		DeleteFrom: "DELETE %[2]s FROM %[1]s AS %[2]s",
		OrSeeks:    true,
		ColumnType: func(t *value.Type, maxLength int) string { return columnType(t, maxLength, collation) },
	}
}

// listMark stands around the text of one element of a placeholder that takes a
// list; the driver repeats it as often as the list is long.
const listMark = "\x00"

func param(t *value.Type, list bool, s spelling) string {
	text := placeholder(t)
	if t.Kind == value.String || t.Kind == value.Enum {
		text = s.text
	}
	if !list {
		return text
	}
	if s.equal != "" && isJSON(t) {
		text = fmt.Sprintf(s.equal, text)
	}
	return listMark + text + listMark
}

// placeholder is a ? of this type. A decimal's scale is that of its value.
func placeholder(t *value.Type) string {
	switch t.Kind {
	case value.Bool, value.Int, value.BigInt, value.DurationKind:
		return "CAST(? AS SIGNED)"
	case value.Float:
		return "CAST(? AS DOUBLE)"
	case value.DecimalKind:
		return "CAST(? AS DECIMAL(65,30))"
	case value.DateKind:
		return "CAST(? AS DATE)"
	case value.TimeKind:
		return "CAST(? AS TIME(3))"
	case value.TimestampKind:
		return "CAST(? AS DATETIME(3))"
	case value.ID:
		return "CAST(? AS BINARY(16))"
	}
	return "?"
}

func isJSON(t *value.Type) bool {
	switch t.Kind {
	case value.JSON, value.List, value.Struct:
		return true
	}
	return false
}

// maxVarchar is the longest text, in code points, that is a VARCHAR; longer ones
// cannot be indexed whole and are LONGTEXT. All VARCHARs of a row share 64 KiB.
const maxVarchar = 500

func columnType(t *value.Type, maxLength int, collation string) string {
	switch t.Kind {
	case value.Bool:
		return "tinyint"
	case value.Int, value.BigInt, value.DurationKind:
		return "bigint"
	case value.Float:
		return "double"
	case value.DecimalKind:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case value.DateKind:
		return "date"
	case value.TimeKind:
		return "time(3)"
	case value.TimestampKind:
		return "datetime(3)"
	case value.ID:
		return "binary(16)"
	case value.Enum:
		maxLength = maxEnumWord
	}
	if maxLength == 0 || maxLength > maxVarchar {
		return "longtext COLLATE " + collation
	}
	return fmt.Sprintf("varchar(%d) COLLATE %s", maxLength, collation)
}

// maxEnumWord is more than a contract's longest, so that an enum can be widened
// without touching the table.
const maxEnumWord = 64

// literal is a value of the contract as text.
func literal(v any, t *value.Type) string {
	switch v := v.(type) {
	case int64:
		return signed(strconv.FormatInt(v, 10))
	case float64:
		return signed(strconv.FormatFloat(v, 'e', -1, 64))
	case value.Decimal:
		return signed(v.String())
	case value.Duration:
		return signed(strconv.FormatInt(int64(v), 10))
	case string:
		return quote(v)
	case value.Date:
		return "DATE" + quote(v.String())
	case value.Time:
		return "TIME" + quote(v.String())
	case value.Timestamp:
		return "TIMESTAMP" + quote(string(appendDatetime(nil, v)))
	case value.UUID:
		return "X'" + hex.EncodeToString(v[:]) + "'"
	case value.Raw:
		return quote(string(v))
	}
	return quote(string(t.AppendJSON(nil, v)))
}

func signed(number string) string {
	if number[0] == '-' {
		return "(" + number + ")"
	}
	return number
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// appendDatetime appends 2026-11-22 10:00:00.000.
func appendDatetime(dst []byte, t value.Timestamp) []byte {
	start := len(dst)
	dst = t.AppendTo(dst)
	dst[start+len("2006-01-02")] = ' '
	return dst[:len(dst)-1]
}

// fromJSON reads a part of a JSON text.
func fromJSON(t *value.Type, from plainAndRaw, s spelling, collation string) string {
	plain := from.plain
	switch t.Kind {
	case value.JSON:
		if from == s.member && s.document.raw != "" {
			return s.document.raw
		}
		return from.raw
	case value.List, value.Struct:
		return from.raw
	case value.Bool:
		return fmt.Sprintf(s.isTrue, plain+" COLLATE "+collation)
	case value.Int, value.BigInt:
		return "CAST(" + plain + " AS SIGNED)"
	case value.Float:
		return "CAST(" + plain + " AS DOUBLE)"
	case value.DecimalKind:
		return fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d))", plain, t.Precision, t.Scale)
	case value.DateKind:
		return "CAST(" + plain + " AS DATE)"
	case value.TimeKind:
		return "CAST(" + plain + " AS TIME(3))"
	case value.TimestampKind:
		return "CAST(LEFT(" + plain + ", 23) AS DATETIME(3))"
	case value.DurationKind:
		return durationFromText(plain + " COLLATE " + collation)
	case value.ID:
		return "UNHEX(REPLACE(" + plain + ", '-', ''))"
	}
	return plain + " COLLATE " + collation
}

// durationFromText reads the canonical ISO form, in milliseconds.
func durationFromText(plain string) string {
	var sum []string
	for _, unit := range []struct{ letter, ms string }{{"D", "86400000"}, {"H", "3600000"}, {"M", "60000"}, {"S", "1000"}} {
		sum = append(sum, fmt.Sprintf("CAST(COALESCE(NULLIF(REGEXP_SUBSTR(%s, '[0-9.]+(?=%s)'), ''), '0') AS DECIMAL(30,3)) * %s", plain, unit.letter, unit.ms))
	}
	return fmt.Sprintf("CAST(CASE LEFT(%[1]s, 1) WHEN '-' THEN -1 WHEN 'P' THEN 1 END * (%[2]s) AS SIGNED)", plain, strings.Join(sum, " + "))
}
