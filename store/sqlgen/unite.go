package sqlgen

import (
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// maxWays bounds the conditions that are found one by one.
const maxWays = 8

// ways are the conditions, one of which each row of q satisfies, when the rows of each
// are better found by its own index than all looked at: each leads to what the request
// gives, one at least by a reference that is among few. nil: q stays as it is. (Where
// one leads to most rows, finding them apart took four times as long.)
func (r *renderer) ways(q *query.Select) []query.Expr {
	outermost := r.sep == "\n"
	if r.d.UniteJoin == "" || !outermost || q.Where == nil || q.Lock != query.NoLock || q.Distinct || q.Offset != nil || looksAtJoins(q) {
		return nil
	}
	list := Conjuncts(q.Where)
	var found []query.Expr
	for i, e := range list {
		if pins(e, q.From.Alias) {
			return nil
		}
		or, ok := e.(query.Or)
		if !ok || found != nil || len(or.List) > maxWays || !apart(or, q.From.Alias) {
			continue
		}
		for _, way := range or.List {
			rest := append(append([]query.Expr{}, list[:i]...), Conjuncts(way)...)
			found = append(found, query.And{List: append(rest, list[i+1:]...)})
		}
	}
	return found
}

// united appends FROM, which finds the ids of the rows for each way, the joins and
// GROUP BY.
func (r *renderer) united(clauses []string, q *query.Select, ways []query.Expr) []string {
	first := query.Select{From: q.From, Columns: []query.Column{{Expr: query.Col{Alias: q.From.Alias, Name: "id"}}}}
	if !measures(q) { // what is measured needs all rows: its limit is one of groups
		first.OrderBy, first.After, first.Limit = q.OrderBy, q.After, q.Limit
	}
	parts := make([]string, len(ways))
	for i, way := range ways {
		part := first
		part.Where = way
		parts[i] = "(" + r.nested(&part) + ")"
	}
	id := alias(q.From.Alias) + "." + r.d.name("id")
	from := "FROM (" + strings.Join(parts, " UNION ") + ") AS found " + r.d.UniteJoin + " " + r.table(q.From) + " ON " + id + " = found." + r.d.name("id")
	return r.groups(r.joins(append(clauses, from), q), q)
}

// measures reports whether q gives groups of rows, or one row for all of them.
func measures(q *query.Select) bool {
	found := len(q.GroupBy) > 0
	for _, c := range q.Columns {
		Walk(c.Expr, func(e query.Expr) {
			_, is := e.(query.Aggregate)
			found = found || is
		})
	}
	return found
}

// apart reports whether each way of or leads to few rows of the table, one at least
// through a sub-select.
func apart(or query.Or, table int) bool {
	selected := false
	for _, way := range or.List {
		leads := false
		for _, e := range Conjuncts(way) {
			switch e := e.(type) {
			case query.InSelect:
				if e.Few && isColumn(e.X, table) {
					leads, selected = true, true
				}
			case query.Cmp:
				leads = leads || e.Op == query.Eq && isReference(e, table)
			}
		}
		if !leads {
			return false
		}
	}
	return selected
}

// isReference reports whether a reference of the table equals something that the
// request gives.
func isReference(c query.Cmp, table int) bool {
	col, given := c.L, c.R
	if !isColumn(col, table) {
		col, given = given, col
	}
	p, ok := given.(query.Param)
	return ok && isColumn(col, table) && p.Type != nil && p.Type.Kind == value.ID
}

func isColumn(e query.Expr, table int) bool {
	col, ok := e.(query.Col)
	return ok && col.Alias == table
}

// pins reports whether e leaves one row of the table.
func pins(e query.Expr, table int) bool {
	c, ok := e.(query.Cmp)
	if !ok || c.Op != query.Eq {
		return false
	}
	for _, side := range []query.Expr{c.L, c.R} {
		if col, ok := side.(query.Col); ok && col.Alias == table && col.Name == "id" {
			return true
		}
	}
	return false
}

// looksAtJoins reports whether which rows are wanted, or their order, depends on what
// is joined to them.
func looksAtJoins(q *query.Select) bool {
	found := false
	look := func(e query.Expr) {
		Walk(e, func(e query.Expr) {
			col, ok := e.(query.Col)
			for _, j := range q.Joins {
				found = found || ok && col.Alias == j.Table.Alias
			}
		})
	}
	look(q.Where)
	for _, k := range q.OrderBy {
		look(k.Expr)
	}
	return found
}

// Conjuncts are the conditions that all have to hold; none for nil.
func Conjuncts(e query.Expr) []query.Expr {
	if e == nil {
		return nil
	}
	and, ok := simple(e).(query.And)
	if !ok {
		return []query.Expr{simple(e)}
	}
	var list []query.Expr
	for _, x := range and.List {
		list = append(list, Conjuncts(x)...)
	}
	return list
}

// joinable is where with its own conditions that something is among a sub-select's as
// the database joins them; it knows itself how many there are.
func joinable(where query.Expr) query.Expr {
	if where == nil {
		return nil
	}
	list := Conjuncts(where)
	for i, e := range list {
		if among, ok := e.(query.InSelect); ok && among.Few {
			among.Few = false
			list[i] = among
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return query.And{List: list}
}
