package sqlgen

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
)

// where is a condition of the table. When an index has the order of q's page, no index
// is to lead to what is broad among the ways of an Or: all of that would be sorted
// for one page. The price: where hardly a row has such a value, the walk is long.
func (r *renderer) where(q *query.Select, e query.Expr) string {
	if r.d.Unled == "" || !q.Ordered {
		if len(q.After) > 0 {
			return r.joined(e, "AND")
		}
		return r.expr(e)
	}
	list := Conjuncts(e)
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = r.joined(e, "AND")
		or, ok := e.(query.Or)
		if !ok {
			continue
		}
		parts[i] = r.unled(or, q.From.Alias)
		if len(list) > 1 || len(q.After) > 0 {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, " AND ")
}

func (r *renderer) unled(or query.Or, table int) string {
	ways := make([]string, len(or.List))
	for i, way := range or.List {
		if isBroad(way, table) {
			ways[i] = fmt.Sprintf(r.d.Unled, r.expr(way))
			continue
		}
		ways[i] = r.joined(way, "OR")
	}
	return strings.Join(ways, " OR ")
}

// isBroad reports whether a way leads to many rows of the table: those with a value
// that the contract names, whatever the request gives.
func isBroad(way query.Expr, table int) bool {
	named := false
	for _, e := range Conjuncts(way) {
		switch e := e.(type) {
		case query.InSelect:
			return false
		case query.Cmp:
			if e.Op != query.Eq {
				continue
			}
			col, given := e.L, e.R
			if !isColumn(col, table) {
				col, given = given, col
			}
			_, is := given.(query.Const)
			if isColumn(col, table) && !is {
				return false
			}
			named = named || is && isColumn(col, table)
		}
	}
	return named
}
