package storetest

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// World is the rows of every table, as plain Go values. Its methods say what a
// query means, in the simplest way; every driver must agree with them.
type World map[string][]Row

// Row is one row by column name.
type Row map[string]any

// Select is the rows that q hands over: one value for each of its columns.
func (w World) Select(q *query.Select, args []any) [][]any {
	return (&frame{world: w, args: args}).selects(q)
}

// frame is what an expression can see: the rows of the aliases around it, the
// elements of the lists that are being gone through, and its group.
type frame struct {
	world    World
	args     []any
	rows     map[int]Row // a LEFT JOIN without a match has an empty row
	elements map[int]any
	group    []*frame
}

// with is f with one more row.
func (f *frame) with(alias int, row Row) *frame {
	inner := *f
	inner.rows = map[int]Row{alias: row}
	for a, r := range f.rows {
		if a != alias {
			inner.rows[a] = r
		}
	}
	return &inner
}

func (f *frame) withElement(alias int, v any) *frame {
	inner := *f
	inner.elements = map[int]any{alias: v}
	for a, e := range f.elements {
		if a != alias {
			inner.elements[a] = e
		}
	}
	return &inner
}

// candidate is a row on its way out: its frame, and its values when known.
type candidate struct {
	*frame
	out []any
}

func (f *frame) selects(q *query.Select) [][]any {
	list := f.matching(q)
	if grouped(q) {
		list = f.groups(q, list)
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return order(q.OrderBy, a.frame, b.frame) })
	list = slices.DeleteFunc(list, func(c candidate) bool { return len(q.After) > 0 && !c.behind(q) })
	if q.PerParent != nil {
		list = f.perParent(q, list)
	}
	for i := range list {
		for _, c := range q.Columns {
			list[i].out = append(list[i].out, list[i].eval(c.Expr))
		}
	}
	if q.Distinct {
		list = distinct(list)
	}
	if q.Offset != nil {
		list = list[min(len(list), int(f.eval(q.Offset).(int64))):]
	}
	if q.Limit != nil && q.PerParent == nil {
		list = list[:min(len(list), int(f.eval(q.Limit).(int64)))]
	}
	rows := make([][]any, len(list))
	for i, c := range list {
		rows[i] = c.out
	}
	return rows
}

// matching is the joined rows for which Where holds.
func (f *frame) matching(q *query.Select) []candidate {
	var list []candidate
	for _, row := range f.world[q.From.Name] {
		inner := f.with(q.From.Alias, row)
		for _, j := range q.Joins {
			inner = inner.join(j)
		}
		if q.Where == nil || inner.holds(q.Where) {
			list = append(list, candidate{frame: inner})
		}
	}
	return list
}

func (f *frame) join(j query.Join) *frame {
	for _, row := range f.world[j.Table.Name] {
		if inner := f.with(j.Table.Alias, row); inner.holds(j.On) {
			return inner
		}
	}
	return f.with(j.Table.Alias, Row{})
}

func grouped(q *query.Select) bool {
	if len(q.GroupBy) > 0 {
		return true
	}
	return slices.ContainsFunc(q.Columns, func(c query.Column) bool { _, ok := c.Expr.(query.Aggregate); return ok })
}

// groups makes one row of each group; without GroupBy everything is one group.
func (f *frame) groups(q *query.Select, list []candidate) []candidate {
	var out []candidate
	for _, c := range list {
		i := slices.IndexFunc(out, func(g candidate) bool {
			return !slices.ContainsFunc(q.GroupBy, func(e query.Expr) bool { return !value.Equal(g.eval(e), c.eval(e)) })
		})
		if i < 0 {
			g := *c.frame
			out = append(out, candidate{frame: &g})
			i = len(out) - 1
		}
		out[i].group = append(out[i].group, c.frame)
	}
	if len(out) == 0 && len(q.GroupBy) == 0 {
		return []candidate{{frame: f.with(q.From.Alias, Row{})}}
	}
	return out
}

func order(keys []query.Order, a, b *frame) int {
	for _, k := range keys {
		c := sqlgen.TypeOf(k.Expr).Compare(a.eval(k.Expr), b.eval(k.Expr))
		if c == 0 {
			continue
		}
		if k.Desc {
			return -c
		}
		return c
	}
	return 0
}

// behind reports whether the row stands strictly after the cursor.
func (f *frame) behind(q *query.Select) bool {
	for i, k := range q.OrderBy {
		var at any
		if !q.After[i].Null {
			at = f.eval(q.After[i].Expr)
		}
		c := sqlgen.TypeOf(k.Expr).Compare(f.eval(k.Expr), at)
		if c != 0 {
			return (c > 0) != k.Desc
		}
	}
	return false
}

func (f *frame) perParent(q *query.Select, list []candidate) []candidate {
	slices.SortStableFunc(list, func(a, b candidate) int {
		return sqlgen.TypeOf(q.PerParent).Compare(a.eval(q.PerParent), b.eval(q.PerParent))
	})
	if q.Limit == nil {
		return list
	}
	limit, n := int(f.eval(q.Limit).(int64)), 0
	var last any
	return slices.DeleteFunc(list, func(c candidate) bool {
		parent := c.eval(q.PerParent)
		if n == 0 || !value.Equal(parent, last) {
			n = 0
		}
		last = parent
		n++
		return n > limit
	})
}

func distinct(list []candidate) []candidate {
	var out []candidate
	for _, c := range list {
		if !slices.ContainsFunc(out, func(o candidate) bool { return slices.EqualFunc(o.out, c.out, value.Equal) }) {
			out = append(out, c)
		}
	}
	return out
}

func (f *frame) holds(e query.Expr) bool { return f.eval(e) == true }

// eval gives a value; conditions are true, false or nil for unknown.
func (f *frame) eval(e query.Expr) any {
	switch e := e.(type) {
	case query.Col:
		return f.rows[e.Alias][e.Name]
	case query.Param:
		return f.args[e.Slot]
	case query.Const:
		return e.Value
	case query.Cmp:
		return compare(e.Op, f.eval(e.L), f.eval(e.R), sqlgen.TypeOf(e.L))
	case query.And:
		return f.all(e.List, false)
	case query.Or:
		return f.all(e.List, true)
	case query.NotTrue:
		return !f.holds(e.X)
	case query.IsNull:
		return (f.eval(e.X) == nil) != e.Not
	case query.In:
		return f.in(e.X, f.evalAll(e.List))
	case query.InParam:
		list, _ := f.args[e.Slot].([]any)
		return f.in(e.X, list)
	case query.InSelect:
		var list []any
		for _, row := range f.selects(e.Sub) {
			list = append(list, row[0])
		}
		return f.in(e.X, list)
	case query.Exists:
		return len(f.selects(e.Sub)) > 0
	case query.Scalar:
		if rows := f.selects(e.Sub); len(rows) > 0 {
			return rows[0][0]
		}
		return nil
	case query.Case:
		for _, w := range e.Whens {
			if f.holds(w.If) {
				return f.eval(w.Then)
			}
		}
		if e.Else == nil {
			return nil
		}
		return f.eval(e.Else)
	case query.Arith:
		return arith(e.Op, f.eval(e.L), f.eval(e.R))
	case query.Call:
		return call(e, f.evalAll(e.Args))
	case query.Member:
		members, _ := f.eval(e.X).(map[string]any)
		return members[e.Name]
	case query.Each:
		list, _ := f.eval(e.List).([]any)
		return slices.ContainsFunc(list, func(v any) bool { return f.withElement(e.Alias, v).holds(e.Where) })
	case query.Elem:
		return f.elements[e.Alias]
	case query.Aggregate:
		return f.aggregate(e)
	}
	panic(fmt.Sprintf("storetest: no such expression: %T", e))
}

func (f *frame) evalAll(list []query.Expr) []any {
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = f.eval(e)
	}
	return out
}

// all is Kleene's conjunction, or with decisive == true his disjunction.
func (f *frame) all(list []query.Expr, decisive bool) any {
	var result any = !decisive
	for _, e := range list {
		switch f.eval(e) {
		case decisive:
			return decisive
		case nil:
			result = nil
		}
	}
	return result
}

func (f *frame) in(x query.Expr, list []any) any {
	v := f.eval(x)
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

func compare(op query.Op, a, b any, t *value.Type) any {
	if a == nil || b == nil {
		return nil
	}
	c := t.Compare(a, b)
	switch op {
	case query.Eq:
		return c == 0
	case query.Ne:
		return c != 0
	case query.Lt:
		return c < 0
	case query.Le:
		return c <= 0
	case query.Gt:
		return c > 0
	}
	return c >= 0
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

func call(e query.Call, args []any) any {
	if slices.Contains(args, nil) {
		return nil
	}
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
		return int64(sqlgen.TypeOf(e.Args[0]).Rank(args[0].(string)))
	case query.ToDecimal:
		d, ok := args[0].(value.Decimal)
		if !ok {
			d = value.DecimalOf(args[0].(int64))
		}
		if d, ok = d.Rescale(e.Type.Precision, e.Type.Scale); !ok {
			return nil
		}
		return d
	case query.ToFloat:
		return float64(args[0].(int64))
	case query.Negate:
		return value.Negate(args[0])
	}
	panic(fmt.Sprintf("storetest: no such function: %d", e.Func))
}

func (f *frame) aggregate(e query.Aggregate) any {
	if e.X == nil {
		return int64(len(f.group))
	}
	t := sqlgen.TypeOf(e.X)
	if e.Func == query.Sum && (t.Kind == value.Int || t.Kind == value.BigInt) {
		return f.sumOfInts(e.X)
	}
	if e.Func == query.Sum && t.Kind == value.DecimalKind {
		return f.sumOfDecimals(e)
	}
	var result any
	n := int64(0)
	for _, member := range f.group {
		v := member.eval(e.X)
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

// sumOfInts is exact on the way, whatever the order; nil when it does not fit at the end.
func (f *frame) sumOfInts(x query.Expr) any {
	var sum *big.Int
	for _, member := range f.group {
		n, ok := member.eval(x).(int64)
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

func (f *frame) sumOfDecimals(e query.Aggregate) any {
	var sum value.DecimalSum
	for _, member := range f.group {
		if d, ok := member.eval(e.X).(value.Decimal); ok {
			sum.Add(d)
		}
	}
	return sum.Value(e.Type.Scale)
}
