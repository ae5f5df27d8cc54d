package sqlgen

import "github.com/mainstay-run/mainstay/query"

// SubSelect is the sub-select of an expression that has one; nil for all others.
func SubSelect(e query.Expr) *query.Select {
	switch e := e.(type) {
	case query.InSelect:
		return e.Sub
	case query.Exists:
		return e.Sub
	case query.Scalar:
		return e.Sub
	}
	return nil
}

// Walk visits e and all expressions in it, those of sub-selects included.
func Walk(e query.Expr, visit func(query.Expr)) {
	if e == nil {
		return
	}
	visit(e)
	for _, part := range parts(e) {
		Walk(part, visit)
	}
	if sub := SubSelect(e); sub != nil {
		for _, j := range sub.Joins {
			Walk(j.On, visit)
		}
		for _, c := range sub.Columns {
			Walk(c.Expr, visit)
		}
		Walk(sub.Where, visit)
	}
}

// parts are the expressions that e is made of, sub-selects apart.
func parts(e query.Expr) []query.Expr {
	switch e := e.(type) {
	case query.Cmp:
		return []query.Expr{e.L, e.R}
	case query.And:
		return e.List
	case query.Or:
		return e.List
	case query.NotTrue:
		return []query.Expr{e.X}
	case query.IsNull:
		return []query.Expr{e.X}
	case query.In:
		return append([]query.Expr{e.X}, e.List...)
	case query.InParam:
		return []query.Expr{e.X}
	case query.InSelect:
		return []query.Expr{e.X}
	case query.Case:
		list := []query.Expr{e.Else}
		for _, w := range e.Whens {
			list = append(list, w.If, w.Then)
		}
		return list
	case query.Arith:
		return []query.Expr{e.L, e.R}
	case query.Call:
		return e.Args
	case query.Member:
		return []query.Expr{e.X}
	case query.Each:
		return []query.Expr{e.List, e.Where}
	case query.Aggregate:
		return []query.Expr{e.X}
	}
	return nil
}
