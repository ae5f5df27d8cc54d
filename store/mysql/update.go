package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// Two things that other databases take are not taken here: a change of a table
// whose condition reads the same table, and on MySQL an UPDATE whose values are
// calculated from the row as it was (they see the columns set before them). The
// first is written as a join with the keys that the condition chose. For the
// second the values are put into an order in which they do no harm; where there is
// none, that join brings the values as well.

func (d *Driver) update(ctx context.Context, c *conn, q *query.Update) (sqlgen.Statement, error) {
	change := *q
	change.Where, change.If = sqlgen.Admitted(q), nil
	ordered, ok := inOrder(q.Set)
	if ok {
		change.Set = ordered
	}
	if d.flavour.simultaneous {
		ok = true
	}
	if ok && !reads(change.Where, q.Table.Name) {
		return d.flavour.dialect.Update(&change), nil
	}
	where := change.Where
	change.Where = nil
	var values []query.Assign
	if !ok {
		values = q.Set
	}
	chosen, err := d.chosen(ctx, c, q.Table, where, values)
	if err != nil {
		return sqlgen.Statement{}, err
	}
	text := d.flavour.dialect.Update(&change)
	target, set, _ := strings.Cut(text.SQL, "\nSET ")
	if values != nil {
		text.Args = nil
		list := make([]string, len(values))
		for i, v := range values {
			list[i] = fmt.Sprintf("`%s` = chosen.v%d", v.Column.Name, i)
		}
		set = strings.Join(list, ", ")
	}
	return sqlgen.Statement{SQL: target + chosen.SQL + "\nSET " + set, Args: append(chosen.Args, text.Args...)}, nil
}

func (d *Driver) remove(ctx context.Context, c *conn, q *query.Delete) (sqlgen.Statement, error) {
	if !reads(q.Where, q.Table.Name) {
		return d.flavour.dialect.Delete(q), nil
	}
	all := *q
	all.Where = nil
	removal := d.flavour.dialect.Delete(&all)
	chosen, err := d.chosen(ctx, c, q.Table, q.Where, nil)
	if err != nil {
		return sqlgen.Statement{}, err
	}
	return sqlgen.Statement{SQL: removal.SQL + chosen.SQL, Args: chosen.Args}, nil
}

// chosen is a join with the keys of the rows that where admits, and with values
// calculated from them. DISTINCT makes the database find them all before it
// changes any.
func (d *Driver) chosen(ctx context.Context, c *conn, t query.Table, where query.Expr, values []query.Assign) (sqlgen.Statement, error) {
	key, err := d.primaryKey(ctx, c, t.Name)
	if err != nil {
		return sqlgen.Statement{}, err
	}
	found := &query.Select{From: t, Where: where, Distinct: true}
	var on, names []string
	for _, name := range key {
		found.Columns = append(found.Columns, query.Column{Expr: query.Col{Alias: t.Alias, Name: name}})
		on = append(on, fmt.Sprintf("t%d.`%s` = chosen.`%s`", t.Alias, name, name))
		names = append(names, "`"+name+"`")
	}
	as := "chosen"
	if values != nil {
		for i, v := range values {
			found.Columns = append(found.Columns, query.Column{Expr: v.Value, Type: v.Column.Type})
			names = append(names, fmt.Sprintf("v%d", i))
		}
		as += " (" + strings.Join(names, ", ") + ")"
	}
	text := d.flavour.dialect.Select(found)
	return sqlgen.Statement{
		SQL:  "\nJOIN (" + strings.ReplaceAll(text.SQL, "\n", " ") + ") AS " + as + " ON " + strings.Join(on, " AND "),
		Args: text.Args,
	}, nil
}

// inOrder puts every value before the assignments to the columns that it reads;
// false when there is no such order.
func inOrder(set []query.Assign) ([]query.Assign, bool) {
	rest := slices.Clone(set)
	ordered := make([]query.Assign, 0, len(set))
	for len(rest) > 0 {
		at := slices.IndexFunc(rest, func(a query.Assign) bool {
			return !slices.ContainsFunc(rest, func(other query.Assign) bool {
				return other.Column.Name != a.Column.Name && mentions(other.Value, a.Column.Name)
			})
		})
		if at < 0 {
			return nil, false
		}
		ordered = append(ordered, rest[at])
		rest = slices.Delete(rest, at, at+1)
	}
	return ordered, true
}

// reads reports whether a sub-select anywhere in e reads the table.
func reads(e query.Expr, table string) bool {
	found := false
	sqlgen.Walk(e, func(e query.Expr) {
		if sub := sqlgen.SubSelect(e); sub != nil && (sub.From.Name == table ||
			slices.ContainsFunc(sub.Joins, func(j query.Join) bool { return j.Table.Name == table })) {
			found = true
		}
	})
	return found
}

// mentions reports whether e reads a column of this name, of whatever table.
func mentions(e query.Expr, column string) bool {
	found := false
	sqlgen.Walk(e, func(e query.Expr) {
		if c, ok := e.(query.Col); ok && c.Name == column {
			found = true
		}
	})
	return found
}
