// Package query is what may be asked of a store: select, insert, update,
// delete, predicates and pages, as plain data. Names in it are tables and
// columns made from the contract, never a string from a request; values of a
// request are Params, so that a query is a *shape* which is built once, kept,
// and run many times with different arguments. A query must not be changed
// after its first use: drivers keep its statement by its address.
//
// Truth: an expression in Where, On or inside And, Or, NotTrue, Case.When,
// Exists … is a *condition*: it holds or it does not; null counts as not. The
// compiler in package rule has already pushed every negation down to the
// leaves, so a driver never needs NOT over something that may be null (only
// NotTrue, which is true for false and null).
package query

import "github.com/mainstay-run/mainstay/value"

// Table is a table reference in one statement.
type Table struct {
	Name  string
	Alias int // unique in the whole statement, sub-selects included
}

// Select reads rows.
type Select struct {
	From    Table
	Joins   []Join   // to-one relations, in order; each may refer to earlier aliases
	Columns []Column // what a Row hands over, in this order
	Where   Expr     // nil: every row
	GroupBy []Expr
	OrderBy []Order
	// After continues a page: rows strictly after these values of OrderBy, in its
	// order. nil: from the start. Same length as OrderBy when set.
	After []After
	// Limit and Offset are counts; nil: none.
	Limit, Offset Expr
	// PerParent, when set, keeps at most Limit rows for each value of this
	// expression (to-many includes); rows come ordered by it, then OrderBy.
	PerParent Expr
	// Distinct drops equal rows (used in sub-selects only).
	Distinct bool
	// Lock says what a write transaction needs of the rows it reads.
	Lock Lock
	// Settled: one index leads to the rows and has their order, whatever the arguments
	// are, so that a plan which does not know them is as good as any.
	Settled bool
	// Ordered: an index has the order, behind the columns that are compared with = if any.
	Ordered bool
	// ByKey: Where asks for one record by a unique key, which is found at once, and
	// nothing is looked for among many.
	ByKey bool
}

// Expressions are those that q consists of, in no order; what is left out of q is a nil
// among them, and sub-selects are not gone into.
func (q *Select) Expressions() []Expr {
	list := []Expr{q.Where, q.Limit, q.Offset, q.PerParent}
	for _, j := range q.Joins {
		list = append(list, j.On)
	}
	for _, c := range q.Columns {
		list = append(list, c.Expr)
	}
	for _, o := range q.OrderBy {
		list = append(list, o.Expr)
	}
	for _, a := range q.After {
		list = append(list, a.Expr)
	}
	return append(list, q.GroupBy...)
}

// Lock is how strongly a Select inside a write transaction holds its rows.
type Lock uint8

// The locks. A single-writer database needs none of them.
const (
	NoLock    Lock = iota
	ForShare       // the rows a rule depended on
	ForUpdate      // the row about to be changed
)

// Join is a LEFT JOIN to at most one row.
type Join struct {
	Table Table
	On    Expr
}

// Column is an output column: an expression and how its value reads.
type Column struct {
	Expr Expr
	Type *value.Type
}

// Order is one key of a sort; null sorts lower than every value.
type Order struct {
	Expr Expr
	Desc bool
	// NotNull says that Expr is never null, so that no null handling is needed.
	NotNull bool
}

// After is one key of a cursor. Null: the cursor stands on a null (Expr unused).
type After struct {
	Expr Expr
	Null bool
}

// Insert adds rows; its arguments are the rows' values one after the other,
// len(Columns) each, so one Insert serves one row or many.
type Insert struct {
	Table   string
	Columns []Named
	// OnConflictIgnore leaves out rows whose primary key is already there.
	OnConflictIgnore bool
	// If, when set, must find a row, which its Lock holds, or nothing is added. It is one
	// row then, whose values come before If's arguments. Not with OnConflictIgnore.
	If *Select
}

// Rows is how many rows args are.
func (q *Insert) Rows(args []any) int {
	if q.If != nil {
		return 1
	}
	return len(args) / len(q.Columns)
}

// Named is a column by name.
type Named struct {
	Name string
	Type *value.Type
}

// Update changes the rows that Where admits.
type Update struct {
	Table Table
	Set   []Assign
	Where Expr
	// If, when set, must find a row, which its Lock holds, or nothing is changed.
	If *Select
}

// Assign sets a column.
type Assign struct {
	Column Named
	Value  Expr
}

// Delete removes the rows that Where admits.
type Delete struct {
	Table Table
	Where Expr
}

// Expr is a node of an expression; the types below are all there are.
type Expr interface{ expr() }

type (
	// Col is a column of a table reference.
	Col struct {
		Alias int
		Name  string
		Type  *value.Type
	}
	// Param is an argument: args[Slot]. The same slot may stand in several places.
	Param struct {
		Slot int
		Type *value.Type
	}
	// Const is a value of the contract; conditions use True and False.
	Const struct {
		Value any
		Type  *value.Type
	}
	// Cmp compares two values of comparable types; null on either side: does not hold.
	Cmp struct {
		Op   Op
		L, R Expr
	}
	// And holds when all do (none: holds).
	And struct{ List []Expr }
	// Or holds when one does (none: does not).
	Or struct{ List []Expr }
	// NotTrue holds when X is false or null.
	NotTrue struct{ X Expr }
	// IsNull holds when X is null (or, with Not, when it is not).
	IsNull struct {
		X   Expr
		Not bool
	}
	// In holds when X equals one of List.
	In struct {
		X    Expr
		List []Expr
	}
	// InParam holds when X equals one element of args[Slot], a []any of any length.
	InParam struct {
		X    Expr
		Slot int
		Type *value.Type // of one element
	}
	// InSelect holds when X equals the one column of some row of Sub. Few says that
	// Sub gives few values, so that each may well be looked up by itself; Listed, that
	// Sub reads one of the lists that are kept to find rows by, such as those of words.
	InSelect struct {
		X           Expr
		Sub         *Select
		Few, Listed bool
	}
	// Exists holds when Sub has a row.
	Exists struct{ Sub *Select }
	// Scalar is the one column of Sub's only row, null when there is none.
	Scalar struct{ Sub *Select }
	// Case is the Then of the first When that holds, else Else (nil: null).
	Case struct {
		Whens []When
		Else  Expr
		Type  *value.Type
	}
	// Arith is + - * on numbers, timestamps and durations: 64 bits for integers,
	// exact for decimals; overflow and a float that is not finite are null.
	Arith struct {
		Op   ArithOp
		L, R Expr
		Type *value.Type
	}
	// Call is one of the functions below.
	Call struct {
		Func Func
		Args []Expr
		Type *value.Type
	}
	// Member is a part of a Struct value.
	Member struct {
		X    Expr
		Name string
		Type *value.Type
	}
	// Each iterates a List value: it holds when Where holds for some element,
	// which Where reaches as Elem{Alias}.
	Each struct {
		List  Expr
		Alias int
		Where Expr
	}
	// Elem is the current element of the Each with this alias.
	Elem struct {
		Alias int
		Type  *value.Type
	}
	// Aggregate is a measure over a group.
	Aggregate struct {
		Func AggregateFunc
		X    Expr // nil for Count
		Type *value.Type
	}
)

// When is one branch of a Case.
type When struct {
	If   Expr // a condition
	Then Expr
}

// Op compares.
type Op uint8

// The comparisons.
const (
	Eq Op = iota
	Ne
	Lt
	Le
	Gt
	Ge
)

// ArithOp calculates.
type ArithOp uint8

// The operators. Div is integer division truncating towards zero for integers,
// IEEE division for floats; dividing by zero is null. Decimals have no Div here.
const (
	Add ArithOp = iota
	Sub
	Mul
	Div
)

// Func is a function over values; null in, null out.
type Func uint8

// The functions.
const (
	Contains   Func = iota // (string, string) condition: by code point, case-sensitive, no wildcards
	StartsWith             // (string, string) condition
	EndsWith               // (string, string) condition
	Lower                  // ASCII only
	Upper                  // ASCII only
	Size                   // code points of a string, elements of a list → Int
	EnumRank               // position of an enum value in its type's order → Int; Args[0] carries the type
	ToDecimal              // int or decimal → Decimal of Call.Type's precision and scale
	ToFloat                // int → Float
	Negate                 // −x of Int, Float, Decimal, Duration
)

// AggregateFunc is a measure.
type AggregateFunc uint8

// The measures. Sum of Int and BigInt is exact up to 64 bits, else null; Avg is
// handed over as Sum and Count by the engine and divided in Go.
const (
	Count AggregateFunc = iota
	Sum
	Min
	Max
)

// True and False are the constant conditions.
var (
	Bool  = &value.Type{Kind: value.Bool}
	True  = Const{Value: true, Type: Bool}
	False = Const{Value: false, Type: Bool}
)

func (Col) expr()       {}
func (Param) expr()     {}
func (Const) expr()     {}
func (Cmp) expr()       {}
func (And) expr()       {}
func (Or) expr()        {}
func (NotTrue) expr()   {}
func (IsNull) expr()    {}
func (In) expr()        {}
func (InParam) expr()   {}
func (InSelect) expr()  {}
func (Exists) expr()    {}
func (Scalar) expr()    {}
func (Case) expr()      {}
func (Arith) expr()     {}
func (Call) expr()      {}
func (Member) expr()    {}
func (Each) expr()      {}
func (Elem) expr()      {}
func (Aggregate) expr() {}
