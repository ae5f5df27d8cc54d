package sqlgen

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
)

// Conditions that a row is among what each of several lists holds, such as the words of
// a search, are answered from the lists alone, and only the rows that stand in all of
// them are looked at. Left to themselves SQLite copies every list into a table in memory,
// and MySQL and MariaDB read each row of one list before they look into the next.

// intersection holds when X is among what Sub and each of more gives.
type intersection struct {
	query.InSelect
	more []*query.Select
}

// listed parts a condition of q into what is among lists, when there are several of one
// column, and the rest.
func listed(q *query.Select, where query.Expr) (lists []query.InSelect, rest []query.Expr) {
	for _, e := range Conjuncts(where) {
		list, ok := e.(query.InSelect)
		if ok && isList(list, q.From.Alias) && (len(lists) == 0 || lists[0].X == list.X) {
			lists = append(lists, list)
		} else {
			rest = append(rest, e)
		}
	}
	return lists, rest
}

// isList reports whether a condition looks for a column of the table in rows of one
// other table, which depend on nothing else.
func isList(e query.InSelect, table int) bool {
	q := e.Sub
	if !e.Listed || !isColumn(e.X, table) || TypeOf(e.X).Kind != TypeOf(q.Columns[0].Expr).Kind ||
		len(q.Joins)+len(q.GroupBy)+len(q.After) > 0 || q.Limit != nil || q.Offset != nil || q.PerParent != nil || q.Where == nil {
		return false
	}
	own := isColumn(q.Columns[0].Expr, q.From.Alias)
	Walk(q.Where, func(e query.Expr) {
		col, is := e.(query.Col)
		own = own && SubSelect(e) == nil && (!is || col.Alias == q.From.Alias)
	})
	return own
}

// intersected puts an intersection into where in place of several lists.
func (r *renderer) intersected(q *query.Select, where query.Expr) query.Expr {
	lists, rest := listed(q, where)
	if r.d.Intersect == "" || len(lists) < 2 {
		return where
	}
	all := intersection{InSelect: lists[0]}
	for _, list := range lists[1:] {
		all.more = append(all.more, list.Sub)
	}
	return query.And{List: append([]query.Expr{all}, rest...)}
}

func (r *renderer) intersection(e intersection) string {
	parts := []string{r.nested(e.Sub)}
	for _, q := range e.more {
		parts = append(parts, r.nested(q))
	}
	return fmt.Sprintf(r.d.Intersect, r.operand(e.X), strings.Join(parts, " INTERSECT "))
}

// source is what FROM begins with, and the condition that is left for WHERE: the table,
// joined to what stands in several lists.
func (r *renderer) source(q *query.Select, where query.Expr) (string, query.Expr) {
	lists, rest := listed(q, where)
	if r.d.ListJoin == "" || len(lists) < 2 || q.Lock != query.NoLock {
		return r.keyless(q), where
	}
	first := lists[0].Sub
	key := r.expr(first.Columns[0].Expr)
	tables, conditions := r.table(first.From), r.joined(first.Where, "AND")
	for _, list := range lists[1:] {
		tables += " JOIN " + r.table(list.Sub.From) + " ON " + r.expr(list.Sub.Columns[0].Expr) + " = " + key
		conditions += " AND " + r.joined(list.Sub.Where, "AND")
	}
	found := fmt.Sprintf("(SELECT DISTINCT %s AS id FROM %s WHERE %s) AS found", key, tables, conditions)
	found += " " + r.d.ListJoin + " " + r.table(q.From) + " ON " + r.expr(lists[0].X) + " = found.id"
	if len(rest) == 0 {
		return found, nil
	}
	return found, query.And{List: rest}
}
