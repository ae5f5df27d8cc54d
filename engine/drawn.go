package engine

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// drawn is the tree of a select for people: one line for each part, deeper ones further
// in. It holds columns, constants of the contract and, for arguments, ?.
func drawn(q *query.Select) []string {
	d := &drawing{}
	d.selects(q, 0)
	return d.lines
}

type drawing struct{ lines []string }

func (d *drawing) line(deep int, format string, args ...any) {
	d.lines = append(d.lines, strings.Repeat("  ", deep)+fmt.Sprintf(format, args...))
}

func (d *drawing) selects(q *query.Select, deep int) {
	d.line(deep, "%s t%d", q.From.Name, q.From.Alias)
	for _, j := range q.Joins {
		d.line(deep+1, "with %s t%d", j.Table.Name, j.Table.Alias)
		d.condition(j.On, deep+2)
	}
	if q.Where != nil {
		d.line(deep+1, "where")
		d.condition(q.Where, deep+2)
	}
	if len(q.GroupBy) > 0 {
		d.line(deep+1, "by %s", listed(q.GroupBy))
	}
	if len(q.After) > 0 {
		d.line(deep+1, "after a cursor")
	}
	if len(q.OrderBy) > 0 {
		var keys []string
		for _, o := range q.OrderBy {
			if o.Desc {
				keys = append(keys, "-"+shown(o.Expr))
			} else {
				keys = append(keys, shown(o.Expr))
			}
		}
		d.line(deep+1, "sorted by %s", strings.Join(keys, ", "))
	}
	if q.PerParent != nil {
		d.line(deep+1, "so many for each %s", shown(q.PerParent))
	}
}

// condition draws And, Or and sub-selects over several lines, all else on one.
func (d *drawing) condition(e query.Expr, deep int) {
	switch e := e.(type) {
	case query.And:
		d.all("all of", e.List, deep)
	case query.Or:
		d.all("any of", e.List, deep)
	case query.NotTrue:
		d.line(deep, "not")
		d.condition(e.X, deep+1)
	case query.Exists:
		d.line(deep, "there is one of")
		d.selects(e.Sub, deep+1)
	case query.InSelect:
		d.line(deep, "%s is among %s of", shown(e.X), listed([]query.Expr{e.Sub.Columns[0].Expr}))
		d.selects(e.Sub, deep+1)
	default:
		d.line(deep, "%s", shown(e))
	}
}

func (d *drawing) all(word string, list []query.Expr, deep int) {
	d.line(deep, "%s", word)
	for _, e := range list {
		d.condition(e, deep+1)
	}
}

var signs = map[query.Op]string{query.Eq: "==", query.Ne: "!=", query.Lt: "<", query.Le: "<=", query.Gt: ">", query.Ge: ">="}

// shown is an expression on one line.
func shown(e query.Expr) string {
	switch e := e.(type) {
	case query.Col:
		return fmt.Sprintf("t%d.%s", e.Alias, e.Name)
	case query.Param:
		return "?"
	case query.Const:
		switch v := e.Value.(type) {
		case nil:
			return "null"
		case int64:
			return fmt.Sprint(v)
		}
		return string(e.Type.AppendJSON(nil, e.Value))
	case query.Cmp:
		return shown(e.L) + " " + signs[e.Op] + " " + shown(e.R)
	case query.IsNull:
		if e.Not {
			return shown(e.X) + " != null"
		}
		return shown(e.X) + " == null"
	case query.In:
		return shown(e.X) + " in [" + listed(e.List) + "]"
	case query.InParam:
		return shown(e.X) + " in ?"
	case query.Call:
		if e.Func == query.EnumRank {
			return "rank(" + listed(e.Args) + ")"
		}
		return "function(" + listed(e.Args) + ")"
	case query.Each:
		return "an element of " + shown(e.List) + " with " + shown(e.Where)
	case query.Elem:
		return fmt.Sprintf("e%d", e.Alias)
	case query.Member:
		return shown(e.X) + "." + e.Name
	case query.And:
		return strings.Join(each(e.List), " && ")
	case query.Or:
		return "(" + strings.Join(each(e.List), " || ") + ")"
	case query.Case:
		return "a masked value"
	case query.Aggregate:
		return "a measure"
	}
	if sub := sqlgen.SubSelect(e); sub != nil {
		return "a look into " + sub.From.Name
	}
	return "…"
}

func each(list []query.Expr) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = shown(e)
	}
	return out
}

func listed(list []query.Expr) string { return strings.Join(each(list), ", ") }
