package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// Statements are rendered once per query and prepared once per query and
// connection. Both caches are bounded; when one is full any entry makes room.
const (
	maxRendered = 4096
	maxPrepared = 256
	// maxKeptRows is the most rows of an insert whose statements are kept: those of a group
	// of writes. Of larger ones the last is, since whoever adds much adds it in parts of one
	// size, as long as it has no more than so many placeholders, which the server holds.
	maxKeptRows   = maxGroup
	maxKeptParams = 2048
	last          = -1
	maxParams     = 65535 // of one statement, the protocol's
)

// rendered is the SQL of every query seen, for all connections.
type rendered struct {
	sync.RWMutex
	byQuery map[any]*shape
}

// shape is a query's SQL, without the lengths of its lists.
type shape struct {
	sqlgen.Statement
	lists     bool
	types     []*value.Type
	rewritten []bool
	shared    *shared // nil: it is asked alone
}

// stmtKey tells prepared statements of a connection apart: one query has several
// when it takes lists, or inserts several rows.
type stmtKey struct {
	query any
	rows  int // last: of the large inserts the one that was last
	lists string
}

// prepared is a statement on the server with what its placeholders take.
type prepared struct {
	stmt      driver.Stmt
	sql       string // for the log
	args      []sqlgen.Arg
	sizes     []int // of the lists, as rendered
	types     []*value.Type
	rewritten []bool
	rows      int  // of an insert
	kept      bool // in the connection's cache
}

// sql renders q, a pointer to one of package query's statements.
func (d *Driver) sql(ctx context.Context, c *conn, q any) (*shape, error) {
	d.rendered.RLock()
	known := d.rendered.byQuery[q]
	d.rendered.RUnlock()
	if known != nil {
		return known, nil
	}
	statement, err := d.render(ctx, c, q)
	if err != nil {
		return nil, err
	}
	t := &shape{Statement: statement, lists: strings.Contains(statement.SQL, listMark)}
	if q, ok := q.(*query.Select); ok {
		for _, column := range q.Columns {
			_, stored := column.Expr.(query.Col)
			t.types = append(t.types, column.Type)
			t.rewritten = append(t.rewritten, !stored)
		}
		t.shared = sharedBy(q, statement.Args)
	}
	d.rendered.Lock()
	defer d.rendered.Unlock()
	if d.rendered.byQuery == nil {
		d.rendered.byQuery = map[any]*shape{}
	}
	for old := range d.rendered.byQuery {
		if len(d.rendered.byQuery) < maxRendered {
			break
		}
		delete(d.rendered.byQuery, old)
	}
	d.rendered.byQuery[q] = t
	return t, nil
}

func (d *Driver) render(ctx context.Context, c *conn, q any) (sqlgen.Statement, error) {
	switch q := q.(type) {
	case *query.Select:
		return d.flavour.dialect.Select(q), nil
	case *query.Insert:
		return d.flavour.dialect.Insert(q, 1, nil), nil
	case *query.Update:
		return d.update(ctx, c, q)
	case *query.Delete:
		return d.remove(ctx, c, q)
	}
	panic(fmt.Sprintf("mysql: no such statement: %T", q))
}

// statement finds or prepares q on c, for so many rows of an insert; args tell how
// long its lists are. done gives it back.
func (c *conn) statement(ctx context.Context, q any, rows int, args []any) (*prepared, error) {
	t, err := c.d.sql(ctx, c, q)
	if err != nil {
		return nil, err
	}
	key := stmtKey{query: q, rows: rows}
	var sizes []int
	if t.lists {
		sizes = t.sizes(args)
		key.lists = fmt.Sprint(sizes)
	}
	if rows > maxKeptRows {
		key.rows = last
	}
	if p := c.stmts[key]; p != nil && p.rows == rows {
		return p, nil
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	p := &prepared{args: t.Args, sizes: sizes, types: t.types, rewritten: t.rewritten, rows: rows, kept: rows <= maxKeptRows || len(args) <= maxKeptParams}
	sql := t.SQL
	switch {
	case t.lists:
		sql = t.expanded(sizes)
	case rows > 1:
		many := c.d.flavour.dialect.Insert(q.(*query.Insert), rows, nil)
		sql, p.args = many.SQL, many.Args
	}
	p.sql = sql
	p.stmt, err = c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	if tooManyPrepared(err) { // of all connections to the server; it is shared
		c.forget()
		p.stmt, err = c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, sql)
	}
	if err != nil {
		return nil, p.failed(c.failed(ctx, err))
	}
	if p.kept {
		if old := c.stmts[key]; old != nil {
			old.stmt.Close()
			delete(c.stmts, key)
		}
		c.evict()
		c.stmts[key] = p
	}
	return p, nil
}

// evict makes room for one more statement. None is in use when one is prepared:
// the rows of all are in memory.
func (c *conn) evict() {
	for key, p := range c.stmts {
		if len(c.stmts) < maxPrepared {
			return
		}
		p.stmt.Close()
		delete(c.stmts, key)
	}
}

// forget gives all statements of the connection back.
func (c *conn) forget() {
	for key, p := range c.stmts {
		p.stmt.Close()
		delete(c.stmts, key)
	}
}

// failed says which statement it was, for the log; its values are not in it.
func (p *prepared) failed(err error) error { return fmt.Errorf("%w in: %s", err, p.sql) }

func (p *prepared) done() {
	if !p.kept {
		p.stmt.Close()
	}
}

// sizes are how many placeholders each list gets: a power of two, the last value
// repeated, so that lists of any length need few statements.
func (t *shape) sizes(args []any) []int {
	var sizes []int
	for _, a := range t.Args {
		if !a.List {
			continue
		}
		list, _ := args[a.Slot].([]any)
		size := 1
		for size < len(list) {
			size *= 2
		}
		if size > maxParams/2 || len(list) == 0 {
			size = len(list)
		}
		sizes = append(sizes, size)
	}
	return sizes
}

// expanded writes every list out; an empty one is a NULL, which nothing equals.
func (t *shape) expanded(sizes []int) string {
	parts := strings.Split(t.SQL, listMark)
	for i, size := range sizes {
		part := &parts[2*i+1]
		if size == 0 {
			*part = "NULL"
			continue
		}
		*part = strings.TrimSuffix(strings.Repeat(*part+", ", size), ", ")
	}
	return strings.Join(parts, "")
}

// values gives every placeholder its argument.
func (p *prepared) values(args []any) []driver.NamedValue {
	values := make([]driver.NamedValue, 0, len(p.args))
	add := func(v any, a sqlgen.Arg) {
		values = append(values, driver.NamedValue{Ordinal: len(values) + 1, Value: bound(v, a.Type)})
	}
	lists := 0
	for _, a := range p.args {
		if !a.List {
			add(args[a.Slot], a)
			continue
		}
		list, _ := args[a.Slot].([]any)
		for i := range p.sizes[lists] {
			add(list[min(i, len(list)-1)], a)
		}
		lists++
	}
	return values
}

// primaryKey is the key columns of a table, in order.
func (d *Driver) primaryKey(ctx context.Context, c *conn, table string) ([]string, error) {
	if key, ok := d.keys.Load(table); ok {
		return key.([]string), nil
	}
	key, err := c.list(ctx, indexColumnsQuery, table, primary)
	if err == nil {
		d.keys.Store(table, key)
	}
	return key, err
}
