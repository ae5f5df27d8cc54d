package sqlgen

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// renderer renders one statement and collects what its placeholders take.
type renderer struct {
	d    *Dialect
	args []Arg
	seen map[Arg]int
	sep  string // between the clauses of the outermost select
}

func (r *renderer) param(a Arg) string {
	if n, ok := r.seen[a]; ok && r.d.Reuse {
		return r.d.Param(n, a.Type, a.List)
	}
	r.args = append(r.args, a)
	if r.seen == nil {
		r.seen = map[Arg]int{}
	}
	r.seen[a] = len(r.args)
	if r.d.Positional {
		return mark + strconv.Itoa(len(r.args)-1) + mark
	}
	return r.d.Param(len(r.args), a.Type, a.List)
}

// mark stands around the number of a placeholder that has none in the end; no
// literal holds it.
const mark = "\x00"

// statement is the text with its arguments. Only now it is known in which order,
// and how often, placeholders without numbers stand.
func (r *renderer) statement(text string) Statement {
	if !r.d.Positional {
		return Statement{text, r.args}
	}
	parts := strings.Split(text, mark)
	args := make([]Arg, 0, len(parts)/2)
	for i := 1; i < len(parts); i += 2 {
		n, _ := strconv.Atoi(parts[i])
		args = append(args, r.args[n])
		parts[i] = r.d.Param(len(args), r.args[n].Type, r.args[n].List)
	}
	return Statement{strings.Join(parts, ""), args}
}

// operand is expr, in parentheses where an operator beside it could take it apart.
func (r *renderer) operand(e query.Expr) string {
	switch e := simple(e).(type) {
	case query.Cmp, query.In, query.InParam, query.InSelect, query.IsNull, query.NotTrue, query.And, query.Or:
		return "(" + r.expr(e) + ")"
	case query.Call:
		switch e.Func {
		case query.Contains, query.StartsWith, query.EndsWith:
			return "(" + r.expr(e) + ")"
		}
	}
	return r.expr(e)
}

func (r *renderer) expr(e query.Expr) string {
	switch e := simple(e).(type) {
	case query.Col:
		return alias(e.Alias) + "." + r.d.name(e.Name)
	case query.Param:
		return r.param(Arg{Slot: e.Slot, Type: e.Type})
	case query.Const:
		return r.constant(e)
	case query.Cmp:
		return r.compare(e)
	case query.And:
		return r.list(e.List, "AND")
	case query.Or:
		return r.list(e.List, "OR")
	case query.NotTrue:
		return "(" + r.expr(e.X) + ") IS NOT TRUE"
	case query.IsNull:
		if e.Not {
			return r.operand(e.X) + " IS NOT NULL"
		}
		return r.operand(e.X) + " IS NULL"
	case query.In:
		return r.in(e)
	case query.InParam:
		t := asType(e.Type, TypeOf(e.X))
		return fmt.Sprintf(r.d.InParam(t), r.comparable(e.X), r.param(Arg{e.Slot, t, true}))
	case query.InSelect:
		format := r.d.InSelect
		switch {
		case e.Sub.Limit != nil && r.d.InLimited != "":
			format = r.d.InLimited
		case e.Few && r.d.InFew != "":
			format = r.d.InFew
		}
		return fmt.Sprintf(format, r.as(e.X, e.Sub.Columns[0].Type, r.comparable), r.nested(e.Sub))
	case intersection:
		return r.intersection(e)
	case query.Exists:
		return "EXISTS (" + r.nested(e.Sub) + ")"
	case query.Scalar:
		return "(" + r.nested(e.Sub) + ")"
	case query.Case:
		return r.cases(e)
	case query.Arith:
		l, t := r.operand(e.L), r.operand(e.R)
		return fmt.Sprintf(r.d.Arith(e.Op, TypeOf(e.L), TypeOf(e.R), e.Type), l, t)
	case query.Call:
		return r.call(e)
	case query.Member:
		return fmt.Sprintf(r.d.Member(e.Type), r.operand(e.X), e.Name)
	case query.Each:
		holds := "EXISTS (SELECT 1 FROM %s WHERE %s)"
		if r.d.EachHolds != "" {
			holds = r.d.EachHolds
		}
		return fmt.Sprintf(holds, fmt.Sprintf(r.d.Each, r.operand(e.List), element(e.Alias)), r.expr(e.Where))
	case query.Elem:
		return fmt.Sprintf(r.d.Elem(e.Type), element(e.Alias))
	case query.Aggregate:
		return r.aggregate(e)
	}
	panic(fmt.Sprintf("sqlgen: no such expression: %T", e))
}

func element(n int) string { return fmt.Sprintf("e%d", n) }

// nested renders a sub-select on one line.
func (r *renderer) nested(q *query.Select) string {
	sep := r.sep
	r.sep = " "
	defer func() { r.sep = sep }()
	return r.selects(q)
}

func (r *renderer) constant(c query.Const) string {
	switch v := c.Value.(type) {
	case nil:
		if r.d.Cast != nil && c.Type != nil {
			return fmt.Sprintf(r.d.Cast(c.Type), "NULL")
		}
		return "NULL"
	case bool:
		if v {
			return "TRUE"
		}
		return "FALSE"
	}
	return r.d.Literal(c.Value, c.Type)
}

// simple takes out of an And or Or what changes nothing (TRUE in an And), and the
// And or Or itself when one condition or none is left.
func simple(e query.Expr) query.Expr {
	var list []query.Expr
	var neutral query.Const
	switch x := e.(type) {
	case query.And:
		list, neutral = x.List, query.True
	case query.Or:
		list, neutral = x.List, query.False
	default:
		return e
	}
	var left []query.Expr
	for _, x := range list {
		x = simple(x)
		if c, ok := x.(query.Const); !ok || c.Value != neutral.Value {
			left = append(left, x)
		}
	}
	switch {
	case len(left) == 0:
		return neutral
	case len(left) == 1:
		return left[0]
	case neutral == query.True:
		return query.And{List: left}
	}
	return query.Or{List: left}
}

// list joins two conditions or more.
func (r *renderer) list(list []query.Expr, word string) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = r.joined(e, word)
	}
	return strings.Join(parts, " "+word+" ")
}

// joined is a condition as a member of an AND or OR.
func (r *renderer) joined(e query.Expr, word string) string {
	e = simple(e)
	switch e.(type) {
	case query.And:
		if word == "OR" {
			return "(" + r.expr(e) + ")"
		}
	case query.Or:
		if word == "AND" {
			return "(" + r.expr(e) + ")"
		}
	}
	return r.expr(e)
}

var operators = [...]string{query.Eq: "=", query.Ne: "<>", query.Lt: "<", query.Le: "<=", query.Gt: ">", query.Ge: ">="}

func (r *renderer) compare(c query.Cmp) string {
	left, right := meet(c.L, c.R)
	render := r.ordered
	if c.Op == query.Eq || c.Op == query.Ne {
		render = r.comparable
	}
	return r.as(c.L, right, render) + " " + operators[c.Op] + " " + r.as(c.R, left, render)
}

// comparable is an operand of = whose type the database can compare.
func (r *renderer) comparable(e query.Expr) string {
	switch TypeOf(e).Kind {
	case value.List, value.Struct, value.JSON:
		if r.d.Equal != "" {
			return fmt.Sprintf(r.d.Equal, r.operand(e))
		}
	}
	return r.operand(e)
}

// ordered is an operand of < or ORDER BY: an enum stands there by its rank.
func (r *renderer) ordered(e query.Expr) string {
	if TypeOf(e).Kind == value.Enum {
		return r.rank(e)
	}
	return r.operand(e)
}

func (r *renderer) rank(e query.Expr) string {
	t := TypeOf(e)
	var b strings.Builder
	b.WriteString("CASE " + r.operand(e))
	for i, word := range t.Enum {
		fmt.Fprintf(&b, " WHEN %s THEN %d", r.d.Literal(word, t), i)
	}
	return b.String() + " END"
}

func (r *renderer) in(e query.In) string {
	if len(e.List) == 0 {
		return "FALSE"
	}
	list := make([]string, len(e.List))
	for i, x := range e.List {
		list[i] = r.as(x, TypeOf(e.X), r.comparable)
	}
	return r.comparable(e.X) + " IN (" + strings.Join(list, ", ") + ")"
}

func (r *renderer) cases(e query.Case) string {
	var b strings.Builder
	b.WriteString("CASE")
	for _, w := range e.Whens {
		b.WriteString(" WHEN " + r.expr(w.If) + " THEN " + r.expr(w.Then))
	}
	if e.Else != nil {
		b.WriteString(" ELSE " + r.expr(e.Else))
	}
	if len(e.Whens) == 0 {
		b.WriteString(" WHEN FALSE THEN NULL")
	}
	return b.String() + " END"
}

func (r *renderer) call(e query.Call) string {
	args := make([]any, len(e.Args))
	for i, a := range e.Args {
		args[i] = r.operand(a)
	}
	first := TypeOf(e.Args[0])
	switch e.Func {
	case query.Contains:
		return fmt.Sprintf(r.d.Contains, args...)
	case query.StartsWith:
		return fmt.Sprintf(r.d.StartsWith, args...)
	case query.EndsWith:
		return fmt.Sprintf(r.d.EndsWith, args...)
	case query.Lower:
		return fmt.Sprintf(r.d.Lower, args...)
	case query.Upper:
		return fmt.Sprintf(r.d.Upper, args...)
	case query.Size:
		if first.Kind == value.List {
			return fmt.Sprintf(r.d.ListSize, args...)
		}
		return fmt.Sprintf(r.d.Size, args...)
	case query.EnumRank:
		return r.rank(e.Args[0])
	case query.ToDecimal:
		return fmt.Sprintf(r.d.ToDecimal(first, e.Type), args...)
	case query.ToFloat:
		return fmt.Sprintf(r.d.ToFloat, args...)
	case query.Negate:
		return fmt.Sprintf(r.d.Negate(e.Type), args...)
	}
	panic(fmt.Sprintf("sqlgen: no such function: %d", e.Func))
}

func (r *renderer) aggregate(e query.Aggregate) string {
	if e.X == nil {
		return "count(*)"
	}
	t := TypeOf(e.X)
	if t.Kind == value.Enum && (e.Func == query.Min || e.Func == query.Max) {
		return r.enumExtreme(e, t)
	}
	return fmt.Sprintf(r.d.Aggregate(e.Func, t, e.Type), r.operand(e.X))
}

// enumExtreme takes the least or greatest rank and gives the word back.
func (r *renderer) enumExtreme(e query.Aggregate, t *value.Type) string {
	var b strings.Builder
	fmt.Fprintf(&b, "CASE "+r.d.Aggregate(e.Func, count, count), r.rank(e.X))
	for i, word := range t.Enum {
		fmt.Fprintf(&b, " WHEN %d THEN %s", i, r.d.Literal(word, t))
	}
	return b.String() + " END"
}
