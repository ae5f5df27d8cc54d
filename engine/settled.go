package engine

import (
	"slices"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// settle marks the page of a plan when the contract's indexes settle how it is read.
func (e *Engine) settle(p *plan) {
	if p.root == nil || p.root.sel.Limit == nil {
		return
	}
	if t := e.tables().Table(p.root.sel.From.Name); t != nil {
		p.root.sel.Settled = isSettled(t, p.root.sel)
		p.root.sel.Ordered = isOrdered(t, p.root.sel)
	}
}

// isSettled reports whether one index of t has all columns that q compares with =,
// followed by its order, and nothing else that q asks has an index that could be a
// better way to the rows for some arguments.
func isSettled(t *schema.Table, q *query.Select) bool {
	if len(q.OrderBy) == 0 || q.Offset != nil || len(q.GroupBy) > 0 || q.PerParent != nil {
		return false
	}
	var equal []string
	for _, e := range sqlgen.Conjuncts(q.Where) {
		if name := equalColumn(e, q.From.Alias); name != "" {
			equal = append(equal, name)
		} else if !indifferent(t, e, q.From.Alias) {
			return false
		}
	}
	for _, x := range indexes(t) {
		if n := serves(x, equal, q); n >= 0 && !slices.ContainsFunc(equal, func(name string) bool { return begins(t, name) && !among(x.Columns[:n], name) }) {
			return true
		}
	}
	return false
}

// isOrdered reports whether an index of t has the order of q, behind what q compares
// with = if anything.
func isOrdered(t *schema.Table, q *query.Select) bool {
	if len(q.OrderBy) == 0 || len(q.GroupBy) > 0 {
		return false
	}
	var equal []string
	for _, e := range sqlgen.Conjuncts(q.Where) {
		if name := equalColumn(e, q.From.Alias); name != "" {
			equal = append(equal, name)
		}
	}
	return slices.ContainsFunc(indexes(t), func(x *schema.Index) bool { return serves(x, equal, q) >= 0 })
}

// indexes are those of t, with that of its id.
func indexes(t *schema.Table) []*schema.Index {
	return append(slices.Clip(t.Indexes), &schema.Index{Columns: []schema.IndexColumn{{Name: "id"}}})
}

// serves reports how many columns of equal the index begins with, when the order of q
// follows them; -1: it does not.
func serves(x *schema.Index, equal []string, q *query.Select) int {
	n := 0
	for n < len(x.Columns) && slices.Contains(equal, x.Columns[n].Name) {
		n++
	}
	rest := x.Columns[n:]
	if len(rest) < len(q.OrderBy) {
		return -1
	}
	for i, k := range q.OrderBy {
		col, ok := k.Expr.(query.Col)
		turned, allTurned := k.Desc != rest[i].Desc, q.OrderBy[0].Desc != rest[0].Desc
		if !ok || col.Alias != q.From.Alias || col.Name != rest[i].Name || col.Type.Kind == value.Enum || turned != allTurned {
			return -1
		}
	}
	return n
}

// equalColumn is the column of the table that e compares by = with what the request or
// the contract gives; "" for none.
func equalColumn(e query.Expr, table int) string {
	c, ok := e.(query.Cmp)
	if !ok || c.Op != query.Eq {
		return ""
	}
	for _, pair := range [][2]query.Expr{{c.L, c.R}, {c.R, c.L}} {
		col, ok := pair[0].(query.Col)
		if ok && col.Alias == table && given(pair[1]) {
			return col.Name
		}
	}
	return ""
}

func given(e query.Expr) bool {
	switch e.(type) {
	case query.Param, query.Const:
		return true
	}
	return false
}

// indifferent reports whether no index could lead to the rows that e leaves.
func indifferent(t *schema.Table, e query.Expr, table int) bool {
	ok := true
	sqlgen.Walk(e, func(e query.Expr) {
		col, isCol := e.(query.Col)
		ok = ok && sqlgen.SubSelect(e) == nil && (!isCol || col.Alias == table && !begins(t, col.Name))
	})
	return ok
}

// begins reports whether an index of t begins with the column.
func begins(t *schema.Table, name string) bool {
	return name == "id" || slices.ContainsFunc(t.Indexes, func(x *schema.Index) bool { return x.Columns[0].Name == name })
}

func among(columns []schema.IndexColumn, name string) bool {
	return slices.ContainsFunc(columns, func(c schema.IndexColumn) bool { return c.Name == name })
}
