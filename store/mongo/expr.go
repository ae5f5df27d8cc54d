package mongo

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// eval gives the value of an expression for a frame; of a condition true, false or
// nil for unknown. MongoDB's own expressions are not asked: their numbers overflow
// into floats, their comparisons know no unknown, and what they do differs between
// versions; what a find says exactly, filter.go tells it.
type eval func(*frame) any

// frame is what an expression can see: the rows of the tables around it, the
// elements of the lists that are gone through, and what was found out about its
// sub-selects before.
type frame struct {
	run      *run
	rows     [][]any // by slot; nil: a LEFT JOIN found none
	elements []any   // by slot
	found    []any   // by node
	parent   *frame  // of a candidate of a sub-select
	group    []*frame
}

// with is f with a row more, as a frame inside f.
func (f *frame) with(slot int, row []any) *frame {
	inner := &frame{run: f.run, rows: slices.Clone(f.rows), elements: f.elements, parent: f}
	inner.rows[slot] = row
	return inner
}

func (f *frame) withElement(slot int, v any) *frame {
	inner := &frame{run: f.run, rows: f.rows, elements: slices.Clone(f.elements), parent: f}
	inner.elements[slot] = v
	return inner
}

// learn keeps what a node found out.
func (f *frame) learn(node int, v any) {
	if f.found == nil {
		f.found = make([]any, f.run.statement.nodes)
	}
	f.found[node] = v
}

func (c *compiler) exprs(list []query.Expr) []eval {
	out := make([]eval, len(list))
	for i, e := range list {
		out[i] = c.expr(e)
	}
	return out
}

func (c *compiler) expr(e query.Expr) eval {
	switch e := e.(type) {
	case query.Col:
		return c.column(e)
	case query.Param:
		return func(f *frame) any { return f.run.args[e.Slot] }
	case query.Const:
		return func(*frame) any { return e.Value }
	case query.Cmp:
		return c.compare(e)
	case query.And:
		return kleene(c.exprs(e.List), false)
	case query.Or:
		return kleene(c.exprs(e.List), true)
	case query.NotTrue:
		x := c.expr(e.X)
		return func(f *frame) any { return x(f) != true }
	case query.IsNull:
		x := c.expr(e.X)
		return func(f *frame) any { return (x(f) == nil) != e.Not }
	case query.In:
		x, list := c.expr(e.X), c.exprs(e.List)
		return func(f *frame) any {
			values := make([]any, len(list))
			for i, one := range list {
				values[i] = one(f)
			}
			return in(x(f), values)
		}
	case query.InParam:
		x := c.expr(e.X)
		return func(f *frame) any {
			list, _ := f.run.args[e.Slot].([]any)
			return in(x(f), list)
		}
	case query.InSelect, query.Exists, query.Scalar:
		return c.subSelect(e)
	case query.Case:
		return c.cases(e)
	case query.Arith:
		l, r := c.expr(e.L), c.expr(e.R)
		return func(f *frame) any { return arith(e.Op, l(f), r(f)) }
	case query.Call:
		return c.call(e)
	case query.Member:
		x := c.expr(e.X)
		return func(f *frame) any {
			members, _ := x(f).(map[string]any)
			return members[e.Name]
		}
	case query.Each:
		return c.each(e)
	case query.Elem:
		slot := c.elements[e.Alias]
		return func(f *frame) any { return f.elements[slot] }
	case query.Aggregate:
		return c.aggregate(e)
	}
	panic(fmt.Sprintf("mongo: no such expression: %T", e))
}

func (c *compiler) column(e query.Col) eval {
	src := c.sources[e.Alias]
	slot, i := src.slot, src.need(e.Name, e.Type)
	return func(f *frame) any {
		if row := f.rows[slot]; row != nil {
			return row[i]
		}
		return nil
	}
}

// kleene is the conjunction, or with decisive == true the disjunction.
func kleene(list []eval, decisive bool) eval {
	return func(f *frame) any {
		var result any = !decisive
		for _, e := range list {
			switch e(f) {
			case decisive:
				return decisive
			case nil:
				result = nil
			}
		}
		return result
	}
}

func in(v any, list []any) any {
	var result any = false
	for _, other := range list {
		switch {
		case v == nil || other == nil:
			result = nil
		case value.Equal(v, other):
			return true
		}
	}
	return result
}

func (c *compiler) compare(e query.Cmp) eval {
	l, r, t := c.expr(e.L), c.expr(e.R), sqlgen.TypeOf(e.L)
	return func(f *frame) any {
		a, b := l(f), r(f)
		if a == nil || b == nil {
			return nil
		}
		return ordered(e.Op, t.Compare(a, b))
	}
}

// ordered reports whether an order is what op asks for.
func ordered(op query.Op, order int) bool {
	switch op {
	case query.Eq:
		return order == 0
	case query.Ne:
		return order != 0
	case query.Lt:
		return order < 0
	case query.Le:
		return order <= 0
	case query.Gt:
		return order > 0
	}
	return order >= 0
}

func (c *compiler) cases(e query.Case) eval {
	type branch struct{ holds, then eval }
	var branches []branch
	for _, w := range e.Whens {
		branches = append(branches, branch{c.expr(w.If), c.expr(w.Then)})
	}
	otherwise := func(*frame) any { return nil }
	if e.Else != nil {
		otherwise = c.expr(e.Else)
	}
	return func(f *frame) any {
		for _, b := range branches {
			if b.holds(f) == true {
				return b.then(f)
			}
		}
		return otherwise(f)
	}
}

func arith(op query.ArithOp, a, b any) any {
	switch op {
	case query.Add:
		return value.Add(a, b)
	case query.Sub:
		return value.Sub(a, b)
	case query.Mul:
		return value.Mul(a, b)
	}
	return value.Div(a, b)
}

func (c *compiler) call(e query.Call) eval {
	list := c.exprs(e.Args)
	first := sqlgen.TypeOf(e.Args[0])
	return func(f *frame) any {
		args := make([]any, len(list))
		for i, arg := range list {
			if args[i] = arg(f); args[i] == nil {
				return nil
			}
		}
		return called(e, first, args)
	}
}

// called gives a function's value; no argument is nil, first is the type of the first.
func called(e query.Call, first *value.Type, args []any) any {
	switch e.Func {
	case query.Contains:
		return strings.Contains(args[0].(string), args[1].(string))
	case query.StartsWith:
		return strings.HasPrefix(args[0].(string), args[1].(string))
	case query.EndsWith:
		return strings.HasSuffix(args[0].(string), args[1].(string))
	case query.Lower:
		return value.Lower(args[0].(string))
	case query.Upper:
		return value.Upper(args[0].(string))
	case query.Size:
		return value.Size(args[0])
	case query.EnumRank:
		return int64(first.Rank(args[0].(string)))
	case query.ToDecimal:
		return fitted(e.Type, args[0])
	case query.ToFloat:
		return float64(args[0].(int64))
	case query.Negate:
		return value.Negate(args[0])
	}
	panic(fmt.Sprintf("mongo: no such function: %d", e.Func))
}

// each goes through a list; when its condition asks a sub-select, for all frames
// at once.
func (c *compiler) each(e query.Each) eval {
	list := c.expr(e.List)
	slot := c.statement.elements
	c.statement.elements++
	c.elements[e.Alias] = slot
	var where eval
	nodes := c.collect(func() { where = c.expr(e.Where) })
	if len(nodes) > 0 {
		return c.add(&eachNode{list: list, slot: slot, where: where, nodes: nodes})
	}
	return func(f *frame) any {
		elements, _ := list(f).([]any)
		return slices.ContainsFunc(elements, func(v any) bool { return where(f.withElement(slot, v)) == true })
	}
}

func (c *compiler) aggregate(e query.Aggregate) eval {
	if e.X == nil {
		return func(f *frame) any { return int64(len(f.group)) }
	}
	x, t := c.expr(e.X), sqlgen.TypeOf(e.X)
	if e.Func == query.Sum && (t.Kind == value.Int || t.Kind == value.BigInt) {
		return func(f *frame) any { return sumOfIntegers(f.group, x) }
	}
	if e.Func == query.Sum && t.Kind == value.DecimalKind {
		return func(f *frame) any { return sumOfDecimals(f.group, x, e.Type.Scale) }
	}
	return func(f *frame) any {
		var result any
		n := int64(0)
		for _, member := range f.group {
			v := x(member)
			if v == nil {
				continue
			}
			n++
			switch {
			case n == 1:
				result = v
			case e.Func == query.Sum:
				result = value.Add(result, v)
			case e.Func == query.Min && t.Compare(v, result) < 0, e.Func == query.Max && t.Compare(v, result) > 0:
				result = v
			}
		}
		if e.Func == query.Count {
			return n
		}
		return result
	}
}

// sumOfIntegers is exact on the way; nil when it does not fit at the end.
func sumOfIntegers(group []*frame, x eval) any {
	var sum *big.Int
	for _, member := range group {
		n, ok := x(member).(int64)
		if !ok {
			continue
		}
		if sum == nil {
			sum = new(big.Int)
		}
		sum.Add(sum, big.NewInt(n))
	}
	if sum == nil || !sum.IsInt64() {
		return nil
	}
	return sum.Int64()
}

func sumOfDecimals(group []*frame, x eval, scale int) any {
	var sum value.DecimalSum
	for _, member := range group {
		if d, ok := x(member).(value.Decimal); ok {
			sum.Add(d)
		}
	}
	return sum.Value(scale)
}
