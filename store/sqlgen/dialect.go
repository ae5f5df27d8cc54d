// Package sqlgen renders queries and schema steps as SQL text for any Dialect.
// It knows what a query means; how a database spells it is the Dialect's. A
// difference of procedure (no RETURNING, several statements) is not here but in
// the driver.
package sqlgen

import (
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Dialect is a database's spellings. The strings are formats for package fmt:
// %[1]s is the first operand, %[2]s the second. Operands are complete: names,
// placeholders, calls, or in parentheses.
type Dialect struct {
	Quote byte
	// Param is placeholder n, from 1; list: it takes a whole []any of t.
	Param func(n int, t *value.Type, list bool) string
	// Reuse says that a placeholder may stand in several places.
	Reuse bool
	// Positional says that placeholders have no numbers: they take their arguments
	// in the order in which they stand.
	Positional bool
	// Literal is a value of the contract as text.
	Literal func(v any, t *value.Type) string

	// Cast makes sure that an output column has its type; nil where types come from
	// the values.
	Cast func(t *value.Type) string

	// NullsLow: null sorts lower than every value without being told.
	NullsLow bool
	// NoLimit stands before an OFFSET that has no LIMIT.
	NoLimit string
	// Limit is the type of the placeholder of a LIMIT or OFFSET; nil: that of the
	// count itself.
	Limit *value.Type
	// Locks by query.Lock; %[1]s is the locked alias.
	Locks [3]string

	InParam  func(t *value.Type) string // value, placeholder
	InSelect string                     // value, sub-select
	// InFew is InSelect for a sub-select that gives few values where it is no condition
	// of its own of WHERE, which the database would join; "": the same.
	InFew string
	// InLimited is InSelect for a sub-select with a LIMIT; "": the same.
	InLimited string
	// Intersect is InSelect for several lists at once: value, their sub-selects with
	// INTERSECT between them. "": one by one. See listed.go.
	Intersect string
	Each      string // list, alias
	// EachHolds is the condition of an Each: source (by Each), condition; "" is an EXISTS.
	EachHolds string
	Elem      func(t *value.Type) string // alias of the Each
	Member    func(t *value.Type) string // struct, quoted name
	// Equal makes a value of a list, struct or json type comparable by =.
	Equal string
	// Rescale gives a decimal another scale, %[2]d digits; "" where the database
	// compares decimals of different scales by itself.
	Rescale string

	Contains, StartsWith, EndsWith string // text, what is looked for
	Lower, Upper                   string
	Size, ListSize                 string
	ToDecimal                      func(from, to *value.Type) string
	ToFloat                        string
	Negate                         func(t *value.Type) string
	Arith                          func(op query.ArithOp, l, r, result *value.Type) string
	Aggregate                      func(f query.AggregateFunc, x, result *value.Type) string

	// Insert with OnConflictIgnore ends in this; %[1]s lists the primary key. "" leaves
	// it to the driver.
	OnConflictIgnore string
	// FromNothing stands behind the values of a row that is added on a condition, where
	// a WHERE needs a FROM.
	FromNothing string
	// OnSelect is a sub-select, or its negation, that is itself a condition of a join;
	// "": the condition alone.
	OnSelect string
	// DeleteFrom begins a removal: table, alias; "" is DELETE FROM with an AS.
	DeleteFrom string
	// UniteJoin joins a table to its rows that satisfy one of several conditions, where
	// the database uses no indexes for an OR of them: see united. "": it does.
	UniteJoin string
	// ListJoin joins a table to the rows that stand in several lists; "": each list is a
	// condition. See listed.go.
	ListJoin string
	// Unled is a condition that no index is to lead to, where the database finds all rows
	// of each way of an OR rather than walk the index that has the order: see where. "":
	// it knows better.
	Unled string
	// OrSeeks: an index is entered where a > x OR a = x AND b > y begins, without help,
	// and (a, b) > (x, y) finds none.
	OrSeeks bool
	// Unkeyed stands behind a table whose primary key is not to be thought of; "": it
	// costs nothing. See keyless.
	Unkeyed string

	// ColumnType is a column's type; maxLength in code points, 0: unbounded.
	ColumnType func(t *value.Type, maxLength int) string
	// TableSuffix stands after the closing parenthesis of CREATE TABLE.
	TableSuffix func(key []string) string
	// NullsInIndex: an index on a nullable column must say where nulls go to serve
	// an order with nulls lowest.
	NullsInIndex bool
}

// Arg is what one placeholder takes.
type Arg struct {
	Slot int
	Type *value.Type
	List bool // args[Slot] is a []any of Type
}

// Statement is rendered SQL; Args are its placeholders in order.
type Statement struct {
	SQL  string
	Args []Arg
}

// Slots are the arguments that the placeholders take, in order.
func (s Statement) Slots() []int {
	slots := make([]int, len(s.Args))
	for i, a := range s.Args {
		slots[i] = a.Slot
	}
	return slots
}

func (d *Dialect) name(s string) string {
	return string(d.Quote) + s + string(d.Quote)
}
