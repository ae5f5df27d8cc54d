package mongo

import (
	"fmt"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// statement is a query made ready to run: what is asked of MongoDB, and what is
// decided here about the documents that come back.
type statement struct {
	main     *selection
	set      []assignment // of an update
	slots    int          // tables
	elements int          // lists gone through
	nodes    int
	single   bool // one command at most
}

// source is a table of a statement with the columns that are needed of it.
type source struct {
	*table
	slot    int
	names   map[string]int
	columns []needed
}

type needed struct {
	field string
	typ   *value.Type
}

// need is the place of a column in a row.
func (s *source) need(column string, t *value.Type) int {
	if i, ok := s.names[column]; ok {
		return i
	}
	i := len(s.columns)
	s.names[column] = i
	s.columns = append(s.columns, needed{s.field(column), t})
	return i
}

// selection is a select: the table that its rows come from, and what they go
// through. A sub-select is one too.
type selection struct {
	id     int
	q      *query.Select
	src    *source
	joins  []*joined
	where  []*condition // all must hold
	key    *correlation // of a sub-select that is looked up by a column
	pinned bool         // its rows are few, whatever else they must be

	columns  []eval
	outNodes []node // that columns, groups and order ask
	group    []eval
	order    []eval
	after    []eval
	limit    eval
	offset   eval
	parent   eval
	grouped  bool
	counts   bool      // all that is wanted is how many there are
	sort     []sortKey // as MongoDB can sort; nil: it cannot
}

type sortKey struct {
	field string
	desc  bool
}

// joined is a table of which each row gets at most one row.
type joined struct {
	*selection
}

// condition is one that must hold: for whom it is asked here, and what MongoDB is
// asked to find.
type condition struct {
	holds eval
	nodes []node
	match matcher
}

// correlation looks the rows of a sub-select up: those whose column is what outer
// gives in the frame around it.
type correlation struct {
	outer  eval
	column int // in the row
	field  string
	typ    *value.Type
}

// compiler compiles one statement.
type compiler struct {
	d         *Driver
	statement *statement
	sources   map[int]*source // by alias
	elements  map[int]int     // slots by alias
	nodes     []node          // of the expression that is compiled
	asked     map[*query.Select]*inNode
	owner     *selection
	ids       int
	err       error
}

func (d *Driver) compile(q any) (*statement, error) {
	c := &compiler{d: d, statement: &statement{}, sources: map[int]*source{}, elements: map[int]int{}, asked: map[*query.Select]*inNode{}}
	switch q := q.(type) {
	case *query.Select:
		c.statement.main = c.selects(q, nil)
	case *query.Update:
		c.statement.main = c.selects(&query.Select{From: q.Table, Where: q.Where}, nil)
		c.assignments(q)
	case *query.Delete:
		c.statement.main = c.selects(&query.Select{From: q.Table, Where: q.Where}, nil)
	default:
		panic(fmt.Sprintf("mongo: no such statement: %T", q))
	}
	main := c.statement.main
	for _, name := range main.src.PrimaryKey {
		if column := main.src.Column(name); column != nil {
			main.src.need(name, column.Type)
		}
	}
	if main.q.Lock == query.ForShare { // the rows are held by their keys
		key := query.Col{Alias: main.q.From.Alias, Name: main.src.PrimaryKey[0], Type: main.src.keyType()}
		main.columns = append(main.columns, c.expr(key))
	}
	c.statement.single = c.statement.nodes == 0 && len(main.joins) == 0
	return c.statement, c.err
}

// collect runs f and gives the nodes that it met.
func (c *compiler) collect(f func()) []node {
	outer := c.nodes
	c.nodes = nil
	f()
	met := c.nodes
	c.nodes = outer
	return met
}

func (c *compiler) source(t query.Table) *source {
	known, err := c.d.table(t.Name)
	if err != nil {
		c.err = err
		known = &table{Table: nothing}
	}
	s := &source{table: known, slot: c.statement.slots, names: map[string]int{}}
	c.statement.slots++
	c.sources[t.Alias] = s
	return s
}

// selects compiles q; link, when there is one, must hold as well.
func (c *compiler) selects(q *query.Select, link query.Expr) *selection {
	s := &selection{id: c.ids, q: q}
	c.ids++
	outer := c.owner
	c.owner = s
	defer func() { c.owner = outer }()

	own := map[int]bool{q.From.Alias: true}
	s.src = c.source(q.From)
	for _, j := range q.Joins {
		s.joins = append(s.joins, c.join(j))
		own[j.Table.Alias] = true
	}
	list := conjunction(nil, q.Where)
	s.grouped = grouped(q)
	if len(q.After) > 0 && !s.grouped {
		list = conjunction(list, behind(q.OrderBy, q.After))
	}
	if link != nil {
		list = append(list, link)
	}
	list = c.correlate(s, q.From.Alias, own, list)
	for _, e := range list {
		s.pinned = s.pinned || c.pins(s, q.From.Alias, e)
	}
	for _, e := range list {
		s.where = append(s.where, c.condition(s, q.From.Alias, e))
	}
	s.outNodes = c.collect(func() { c.output(s) })
	if q.Limit != nil {
		s.limit = c.expr(q.Limit)
	}
	if q.Offset != nil {
		s.offset = c.expr(q.Offset)
	}
	s.sort = c.sorting(s)
	s.counts = len(q.Columns) > 0 && len(q.GroupBy)+len(q.After)+len(q.Joins) == 0 && !q.Distinct && s.limit == nil && s.offset == nil
	for _, column := range q.Columns {
		count, ok := column.Expr.(query.Aggregate)
		s.counts = s.counts && ok && count.Func == query.Count && count.X == nil
	}
	return s
}

func (c *compiler) join(j query.Join) *joined {
	s := &selection{id: c.ids, q: &query.Select{From: j.Table}, pinned: true}
	c.ids++
	outer := c.owner
	c.owner = s
	defer func() { c.owner = outer }()
	s.src = c.source(j.Table)
	list := c.correlate(s, j.Table.Alias, map[int]bool{j.Table.Alias: true}, conjunction(nil, j.On))
	for _, e := range list {
		s.where = append(s.where, c.condition(s, j.Table.Alias, e))
	}
	return &joined{s}
}

// output compiles what a row hands over and how rows are ordered.
func (c *compiler) output(s *selection) {
	q := s.q
	for _, column := range q.Columns {
		s.columns = append(s.columns, c.expr(column.Expr))
	}
	s.group = c.exprs(q.GroupBy)
	for i, k := range q.OrderBy {
		s.order = append(s.order, c.expr(k.Expr))
		if len(q.After) == 0 || !s.grouped {
			continue
		}
		at := func(*frame) any { return nil }
		if !q.After[i].Null {
			at = c.expr(q.After[i].Expr)
		}
		s.after = append(s.after, at)
	}
	if q.PerParent != nil {
		s.parent = c.expr(q.PerParent)
	}
}

func (c *compiler) condition(s *selection, alias int, e query.Expr) *condition {
	out := &condition{}
	out.nodes = c.collect(func() { out.holds = c.expr(e) })
	out.match = c.matcher(s.src, alias, e)
	return out
}

// correlate takes the condition out of list by which the rows of s are looked up
// from outside: a column of its table that equals what only the frame around it
// knows.
func (c *compiler) correlate(s *selection, alias int, own map[int]bool, list []query.Expr) []query.Expr {
	for i, e := range list {
		inner, outer, ok := linked(e, alias, own)
		if !ok {
			continue
		}
		s.key = &correlation{outer: c.expr(outer), column: s.src.need(inner.Name, inner.Type), field: s.src.field(inner.Name), typ: inner.Type}
		s.pinned = true
		rest := append([]query.Expr{}, list[:i]...)
		return append(rest, list[i+1:]...)
	}
	return list
}

// linked finds inner == outer in e.
func linked(e query.Expr, alias int, own map[int]bool) (inner query.Col, outer query.Expr, ok bool) {
	cmp, ok := e.(query.Cmp)
	if !ok || cmp.Op != query.Eq {
		return inner, nil, false
	}
	for _, sides := range [][2]query.Expr{{cmp.L, cmp.R}, {cmp.R, cmp.L}} {
		col, is := sides[0].(query.Col)
		if !is || col.Alias != alias || !hashable(col.Type) || sqlgen.TypeOf(sides[1]).Kind != col.Type.Kind {
			continue
		}
		seen := reach(sides[1])
		if seen.subs || len(seen.aliases)+len(seen.elements) == 0 {
			continue
		}
		outside := true
		for a := range seen.aliases {
			outside = outside && !own[a]
		}
		if outside {
			return col, sides[1], true
		}
	}
	return inner, nil, false
}

// hashable reports whether equal values of t are equal as Go values.
func hashable(t *value.Type) bool {
	switch t.Kind {
	case value.Bool, value.Int, value.BigInt, value.String, value.Enum, value.DateKind, value.TimeKind, value.TimestampKind, value.DurationKind, value.ID:
		return true
	}
	return false
}

// pins reports whether e leaves a few rows of s by their key.
func (c *compiler) pins(s *selection, alias int, e query.Expr) bool {
	isKey := func(x query.Expr) bool {
		col, ok := x.(query.Col)
		return ok && col.Alias == alias && s.src.field(col.Name) == keyField
	}
	switch e := e.(type) {
	case query.Cmp:
		return e.Op == query.Eq && (isKey(e.L) && reach(e.R).nothing() || isKey(e.R) && reach(e.L).nothing())
	case query.In:
		return isKey(e.X)
	case query.InParam:
		return isKey(e.X)
	}
	return false
}

// conjunction appends the conditions that must all hold for e to hold.
func conjunction(list []query.Expr, e query.Expr) []query.Expr {
	switch e := e.(type) {
	case nil:
		return list
	case query.And:
		for _, one := range e.List {
			list = conjunction(list, one)
		}
		return list
	}
	return append(list, e)
}

// behind is the condition that a row stands strictly behind a cursor.
func behind(keys []query.Order, after []query.After) query.Expr {
	var ways []query.Expr
	for i, k := range keys {
		var way []query.Expr
		for j := range i {
			if after[j].Null {
				way = append(way, query.IsNull{X: keys[j].Expr})
			} else {
				way = append(way, query.Cmp{Op: query.Eq, L: keys[j].Expr, R: after[j].Expr})
			}
		}
		a := after[i]
		switch {
		case a.Null && k.Desc: // nulls are last
			continue
		case a.Null:
			way = append(way, query.IsNull{X: k.Expr, Not: true})
		case !k.Desc:
			way = append(way, query.Cmp{Op: query.Gt, L: k.Expr, R: a.Expr})
		case k.NotNull:
			way = append(way, query.Cmp{Op: query.Lt, L: k.Expr, R: a.Expr})
		default:
			way = append(way, query.Or{List: []query.Expr{query.Cmp{Op: query.Lt, L: k.Expr, R: a.Expr}, query.IsNull{X: k.Expr}}})
		}
		ways = append(ways, query.And{List: way})
	}
	if bound := leadingBound(keys[0], after[0]); bound != nil && len(keys) > 1 {
		return query.And{List: []query.Expr{bound, query.Or{List: ways}}}
	}
	return query.Or{List: ways}
}

// leadingBound repeats what the first key must satisfy in any case, so that an
// index on it is entered at the right place; nil when there is nothing to say.
func leadingBound(k query.Order, a query.After) query.Expr {
	switch {
	case a.Null && k.Desc:
		return query.IsNull{X: k.Expr}
	case a.Null || k.Desc && !k.NotNull:
		return nil
	case k.Desc:
		return query.Cmp{Op: query.Le, L: k.Expr, R: a.Expr}
	}
	return query.Cmp{Op: query.Ge, L: k.Expr, R: a.Expr}
}

func grouped(q *query.Select) bool {
	if len(q.GroupBy) > 0 {
		return true
	}
	for _, c := range q.Columns {
		if _, ok := c.Expr.(query.Aggregate); ok {
			return true
		}
	}
	return false
}

// sorting is how MongoDB can bring the rows in order; nil when it cannot, because
// a key is calculated, or an enum, whose order is not that of its words.
func (c *compiler) sorting(s *selection) []sortKey {
	q := s.q
	if s.grouped {
		return nil
	}
	keys := q.OrderBy
	if q.PerParent != nil {
		keys = append([]query.Order{{Expr: q.PerParent}}, keys...)
	}
	out := []sortKey{}
	met := map[string]bool{}
	for _, k := range keys {
		if reach(k.Expr).nothing() {
			continue
		}
		path, t, ok := pathOf(s.src, q.From.Alias, k.Expr)
		if !ok || t.Kind == value.Enum || !scalar(t) {
			return nil
		}
		if !met[path] {
			out = append(out, sortKey{path, k.Desc})
		}
		met[path] = true
	}
	return out
}

// reached is what an expression sees of the world around it.
type reached struct {
	aliases, elements map[int]bool
	subs, aggregates  bool
}

// nothing: its value is known before any row is.
func (r reached) nothing() bool {
	return len(r.aliases)+len(r.elements) == 0 && !r.subs && !r.aggregates
}

func reach(e query.Expr) reached {
	r := reached{aliases: map[int]bool{}, elements: map[int]bool{}}
	r.visit(e)
	return r
}

// reachOf is what a whole sub-select sees of the world around it.
func reachOf(q *query.Select) reached {
	r := reached{aliases: map[int]bool{}, elements: map[int]bool{}}
	r.sub(q)
	return r
}

func (r *reached) visit(e query.Expr) {
	own, lists := map[int]bool{}, map[int]bool{}
	sqlgen.Walk(e, func(e query.Expr) {
		switch e := e.(type) {
		case query.Col:
			r.aliases[e.Alias] = true
		case query.Elem:
			r.elements[e.Alias] = true
		case query.Each:
			lists[e.Alias] = true
		case query.Aggregate:
			r.aggregates = true
		}
		if sub := sqlgen.SubSelect(e); sub != nil {
			r.subs = true
			own[sub.From.Alias] = true
			for _, j := range sub.Joins {
				own[j.Table.Alias] = true
			}
		}
	})
	for a := range own {
		delete(r.aliases, a)
	}
	for a := range lists {
		delete(r.elements, a)
	}
}

func (r *reached) sub(q *query.Select) {
	for _, e := range q.Expressions() {
		if e != nil {
			r.visit(e)
		}
	}
	delete(r.aliases, q.From.Alias)
	for _, j := range q.Joins {
		delete(r.aliases, j.Table.Alias)
	}
}
