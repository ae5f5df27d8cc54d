package sqlgen

import (
	"strings"

	"github.com/mainstay-run/mainstay/query"
)

// order renders the keys of a sort, null lowest. A constant orders nothing, and a
// number there would mean a column's place.
func (r *renderer) order(keys []query.Order) string {
	var list []string
	for _, k := range keys {
		if _, ok := k.Expr.(query.Const); ok {
			continue
		}
		key := r.ordered(k.Expr)
		if k.Desc {
			key += " DESC"
		}
		list = append(list, key+r.nulls(k))
	}
	return strings.Join(list, ", ")
}

func (r *renderer) nulls(k query.Order) string {
	switch {
	case r.d.NullsLow || k.NotNull:
		return ""
	case k.Desc:
		return " NULLS LAST"
	default:
		return " NULLS FIRST"
	}
}

// after renders the condition that a row stands strictly behind q.After. It is
// complete: a row comparison, or in parentheses; "" without a cursor.
func (r *renderer) after(q *query.Select) string {
	if len(q.After) == 0 {
		return ""
	}
	if rowComparable(q) && (len(q.OrderBy) == 1 || !r.d.OrSeeks) {
		return r.rowAfter(q)
	}
	written := "(" + r.orAfter(q) + ")"
	if r.d.OrSeeks {
		return written
	}
	if bound := r.leadingBound(q.OrderBy[0], q.After[0]); bound != "" {
		return "(" + bound + " AND " + written + ")"
	}
	return written
}

// keyless is the table of q. Where an index that does not begin with the id leads to the
// page, the id of a cursor makes a database weigh the primary key as well, alone and
// merged with that index, before it takes the index after all.
func (r *renderer) keyless(q *query.Select) string {
	if r.d.Unkeyed == "" || !q.Settled || len(q.After) == 0 {
		return r.table(q.From)
	}
	if first, ok := q.OrderBy[0].Expr.(query.Col); !ok || first.Name == "id" {
		return r.table(q.From)
	}
	return r.table(q.From) + r.d.Unkeyed
}

// rowComparable reports whether (a, b) > (x, y) says the same as the long form:
// one direction, no null in the cursor, and no null that would have to follow a
// value (ascending, nulls come first, and a comparison with them is not true).
func rowComparable(q *query.Select) bool {
	for i, k := range q.OrderBy {
		if k.Desc != q.OrderBy[0].Desc || q.After[i].Null || (k.Desc && !k.NotNull) {
			return false
		}
	}
	return true
}

func (r *renderer) rowAfter(q *query.Select) string {
	keys := make([]string, len(q.OrderBy))
	for i, k := range q.OrderBy {
		keys[i] = r.ordered(k.Expr)
	}
	values := make([]string, len(q.After))
	for i, a := range q.After {
		values[i] = r.ordered(a.Expr)
	}
	op := " > "
	if q.OrderBy[0].Desc {
		op = " < "
	}
	if len(keys) == 1 {
		return keys[0] + op + values[0]
	}
	return "(" + strings.Join(keys, ", ") + ")" + op + "(" + strings.Join(values, ", ") + ")"
}

// leadingBound repeats what the first key must satisfy in any case, so that an
// index on it is entered at the right place.
func (r *renderer) leadingBound(k query.Order, a query.After) string {
	key := r.ordered(k.Expr)
	switch {
	case a.Null && k.Desc:
		return key + " IS NULL"
	case a.Null || (k.Desc && !k.NotNull):
		return ""
	case k.Desc:
		return key + " <= " + r.ordered(a.Expr)
	default:
		return key + " >= " + r.ordered(a.Expr)
	}
}

// orAfter is: the first key is behind, or it is equal and the second is, …
func (r *renderer) orAfter(q *query.Select) string {
	var ways []string
	for i := range q.OrderBy {
		behind := r.behind(q.OrderBy[i], q.After[i])
		if behind == "" {
			continue
		}
		parts := make([]string, 0, i+1)
		for j := range i {
			parts = append(parts, r.level(q.OrderBy[j], q.After[j]))
		}
		ways = append(ways, strings.Join(append(parts, behind), " AND "))
	}
	if len(ways) == 0 {
		return "FALSE"
	}
	return strings.Join(ways, " OR ")
}

func (r *renderer) level(k query.Order, a query.After) string {
	if a.Null {
		return r.ordered(k.Expr) + " IS NULL"
	}
	return r.ordered(k.Expr) + " = " + r.ordered(a.Expr)
}

// behind is "" when nothing can be: descending, nulls are last.
func (r *renderer) behind(k query.Order, a query.After) string {
	key := r.ordered(k.Expr)
	switch {
	case a.Null && k.Desc:
		return ""
	case a.Null:
		return key + " IS NOT NULL"
	case k.Desc && k.NotNull:
		return key + " < " + r.ordered(a.Expr)
	case k.Desc:
		return "(" + key + " < " + r.ordered(a.Expr) + " OR " + key + " IS NULL)"
	default:
		return key + " > " + r.ordered(a.Expr)
	}
}
