package sqlgen

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Select renders a query. Its output columns are q.Columns, in order.
func (d *Dialect) Select(q *query.Select) Statement {
	r := &renderer{d: d, sep: "\n"}
	return r.statement(r.selects(q))
}

// Insert renders the insertion of some rows; placeholder i takes argument i.
// key is the table's primary key, needed for OnConflictIgnore only.
func (d *Dialect) Insert(q *query.Insert, rows int, key []string) Statement {
	r := &renderer{d: d}
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) ", d.name(q.Table), d.columns(q.Columns))
	if q.If != nil {
		fmt.Fprintf(&b, "SELECT %s%s\nWHERE %s", r.values(q, 0), d.FromNothing, r.expr(query.Exists{Sub: q.If}))
		return r.statement(b.String())
	}
	b.WriteString("VALUES ")
	for row := range rows {
		if row > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + r.values(q, row) + ")")
	}
	if q.OnConflictIgnore && d.OnConflictIgnore != "" {
		fmt.Fprintf(&b, d.OnConflictIgnore, d.names(key))
	}
	return r.statement(b.String())
}

// values are the placeholders of a row of q.
func (r *renderer) values(q *query.Insert, row int) string {
	list := make([]string, len(q.Columns))
	for i, c := range q.Columns {
		list[i] = r.param(Arg{Slot: row*len(q.Columns) + i, Type: c.Type})
	}
	return strings.Join(list, ", ")
}

// Update renders a change of rows.
func (d *Dialect) Update(q *query.Update) Statement {
	r := &renderer{d: d}
	var b strings.Builder
	fmt.Fprintf(&b, "UPDATE %s AS %s\nSET ", d.name(q.Table.Name), alias(q.Table.Alias))
	for i, s := range q.Set {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s = %s", d.name(s.Column.Name), r.assigned(s))
	}
	if where := Admitted(q); where != nil {
		b.WriteString("\nWHERE " + r.expr(where))
	}
	return r.statement(b.String())
}

// Admitted is the whole condition of an update; nil: it has none.
func Admitted(q *query.Update) query.Expr {
	switch {
	case q.If == nil:
		return q.Where
	case q.Where == nil:
		return query.Exists{Sub: q.If}
	}
	return query.And{List: []query.Expr{q.Where, query.Exists{Sub: q.If}}}
}

// assigned is a value in the column's own type: a decimal has the column's scale.
func (r *renderer) assigned(s query.Assign) string {
	from, to := TypeOf(s.Value), s.Column.Type
	if p, ok := s.Value.(query.Param); ok {
		return r.param(Arg{Slot: p.Slot, Type: to})
	}
	if to.Kind == value.DecimalKind && (from.Kind != value.DecimalKind || from.Scale != to.Scale) && !isNull(s.Value) {
		return r.expr(query.Call{Func: query.ToDecimal, Args: []query.Expr{s.Value}, Type: to})
	}
	return r.expr(s.Value)
}

func isNull(e query.Expr) bool {
	c, ok := e.(query.Const)
	return ok && c.Value == nil
}

// Delete renders a removal of rows.
func (d *Dialect) Delete(q *query.Delete) Statement {
	r := &renderer{d: d}
	begin := "DELETE FROM %s AS %s"
	if d.DeleteFrom != "" {
		begin = d.DeleteFrom
	}
	text := fmt.Sprintf(begin, d.name(q.Table.Name), alias(q.Table.Alias))
	if q.Where != nil {
		text += "\nWHERE " + r.expr(q.Where)
	}
	return r.statement(text)
}

func (d *Dialect) columns(named []query.Named) string {
	names := make([]string, len(named))
	for i, c := range named {
		names[i] = c.Name
	}
	return d.names(names)
}

func (d *Dialect) names(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = d.name(n)
	}
	return strings.Join(quoted, ", ")
}

func alias(n int) string { return fmt.Sprintf("t%d", n) }

// selects renders q with r.sep between its clauses.
func (r *renderer) selects(q *query.Select) string {
	if q.PerParent != nil {
		return r.perParent(q)
	}
	clauses := []string{r.head(q) + r.columns(q)}
	if ways := r.ways(q); ways != nil {
		clauses = r.united(clauses, q, ways)
	} else {
		clauses = r.from(clauses, q)
	}
	if order := r.order(q.OrderBy); order != "" {
		clauses = append(clauses, "ORDER BY "+order)
	}
	clauses = r.limit(clauses, q)
	if lock := r.d.Locks[q.Lock]; lock != "" {
		clauses = append(clauses, fmt.Sprintf(lock, alias(q.From.Alias)))
	}
	return strings.Join(clauses, r.sep)
}

func (r *renderer) head(q *query.Select) string {
	if q.Distinct {
		return "SELECT DISTINCT "
	}
	return "SELECT "
}

func (r *renderer) columns(q *query.Select) string {
	if len(q.Columns) == 0 {
		return "1"
	}
	list := make([]string, len(q.Columns))
	for i, c := range q.Columns {
		list[i] = r.output(c)
	}
	return strings.Join(list, ", ")
}

func (r *renderer) output(c query.Column) string {
	if _, ok := c.Expr.(query.Col); ok || r.d.Cast == nil {
		return r.expr(c.Expr)
	}
	return fmt.Sprintf(r.d.Cast(c.Type), r.expr(c.Expr))
}

// from appends FROM, the joins, WHERE with the cursor, and GROUP BY.
func (r *renderer) from(clauses []string, q *query.Select) []string {
	from, where := r.source(q, r.intersected(q, joinable(q.Where)))
	clauses = r.joins(append(clauses, "FROM "+from), q)
	switch after := r.after(q); {
	case where == nil && after != "":
		clauses = append(clauses, "WHERE "+after)
	case where != nil && after != "":
		clauses = append(clauses, "WHERE "+r.where(q, where)+" AND "+after)
	case where != nil:
		clauses = append(clauses, "WHERE "+r.where(q, where))
	}
	return r.groups(clauses, q)
}

func (r *renderer) joins(clauses []string, q *query.Select) []string {
	for _, j := range q.Joins {
		clauses = append(clauses, "LEFT JOIN "+r.table(j.Table)+" ON "+r.on(j.On))
	}
	return clauses
}

// on is the condition of a join.
func (r *renderer) on(e query.Expr) string {
	switch e := simple(e).(type) {
	case query.And:
		parts := make([]string, len(e.List))
		for i, x := range e.List {
			parts[i] = r.on(x)
		}
		return strings.Join(parts, " AND ")
	case query.Exists, query.InSelect, query.NotTrue:
		if r.d.OnSelect != "" {
			return fmt.Sprintf(r.d.OnSelect, r.expr(e))
		}
	}
	return r.joined(e, "AND")
}

func (r *renderer) groups(clauses []string, q *query.Select) []string {
	if len(q.GroupBy) == 0 {
		return clauses
	}
	list := make([]string, len(q.GroupBy))
	for i, e := range q.GroupBy {
		list[i] = r.operand(e)
	}
	return append(clauses, "GROUP BY "+strings.Join(list, ", "))
}

func (r *renderer) table(t query.Table) string {
	return r.d.name(t.Name) + " AS " + alias(t.Alias)
}

func (r *renderer) limit(clauses []string, q *query.Select) []string {
	switch {
	case q.Limit != nil:
		clauses = append(clauses, "LIMIT "+r.count(q.Limit))
	case q.Offset != nil && r.d.NoLimit != "":
		clauses = append(clauses, r.d.NoLimit)
	}
	if q.Offset != nil {
		clauses = append(clauses, "OFFSET "+r.count(q.Offset))
	}
	return clauses
}

func (r *renderer) count(e query.Expr) string {
	if p, ok := e.(query.Param); ok && r.d.Limit != nil {
		return r.param(Arg{Slot: p.Slot, Type: r.d.Limit})
	}
	return r.expr(e)
}

// perParent keeps the first Limit rows of each parent, by numbering them.
func (r *renderer) perParent(q *query.Select) string {
	inner := *q
	inner.PerParent, inner.OrderBy, inner.Limit = nil, nil, nil
	inner.After = nil // a cursor among children belongs to Where
	columns := make([]string, 0, len(q.Columns)+2)
	outer := make([]string, 0, len(q.Columns))
	for i, c := range q.Columns {
		outer = append(outer, fmt.Sprintf("c%d", i))
		columns = append(columns, fmt.Sprintf("%s AS c%d", r.output(c), i))
	}
	parent := r.operand(q.PerParent)
	window := "PARTITION BY " + parent
	if order := r.order(q.OrderBy); order != "" {
		window += " ORDER BY " + order
	}
	columns = append(columns, parent+" AS parent", "row_number() OVER ("+window+") AS place")
	clauses := r.from([]string{r.head(q) + strings.Join(columns, ", ")}, &inner)
	nested := strings.Join(clauses, " ")
	list := []string{
		"SELECT " + strings.Join(outer, ", "),
		"FROM (" + nested + ") AS numbered",
	}
	if q.Limit != nil {
		list = append(list, "WHERE place <= "+r.expr(q.Limit))
	}
	return strings.Join(append(list, "ORDER BY parent"+r.nulls(query.Order{})+", place"), r.sep)
}
