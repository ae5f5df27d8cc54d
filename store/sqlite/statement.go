package sqlite

import (
	"fmt"
	"sync"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// Statements are rendered once per query and prepared once per query and
// connection. Both caches are bounded; when one is full any entry makes room,
// which is as good as the oldest for shapes that come in no order.
const (
	maxRendered = 4096
	maxPrepared = 256
)

// rendered is the SQL of every query seen, for all connections.
type rendered struct {
	sync.Mutex
	byQuery map[any]*sqlgen.Statement
}

// prepared is a statement with what its placeholders take.
type prepared struct {
	*stmt
	args []sqlgen.Arg
	row  row // of a select
}

// sql renders q, a pointer to one of package query's statements.
func (d *Driver) sql(c *conn, q any) (*sqlgen.Statement, error) {
	d.rendered.Lock()
	known := d.rendered.byQuery[q]
	d.rendered.Unlock()
	if known != nil {
		return known, nil
	}
	text, err := render(c, q)
	if err != nil {
		return nil, err
	}
	d.rendered.Lock()
	defer d.rendered.Unlock()
	for old := range d.rendered.byQuery {
		if len(d.rendered.byQuery) < maxRendered {
			break
		}
		delete(d.rendered.byQuery, old)
	}
	d.rendered.byQuery[q] = &text
	return &text, nil
}

func render(c *conn, q any) (sqlgen.Statement, error) {
	switch q := q.(type) {
	case *query.Select:
		return dialect.Select(q), nil
	case *query.Insert:
		var key []string
		if q.OnConflictIgnore {
			var err error
			if key, err = primaryKey(c, q.Table); err != nil {
				return sqlgen.Statement{}, err
			}
		}
		return dialect.Insert(q, 1, key), nil
	case *query.Update:
		return dialect.Update(q), nil
	case *query.Delete:
		return dialect.Delete(q), nil
	}
	panic(fmt.Sprintf("sqlite: no such statement: %T", q))
}

// statement finds or prepares q on c. done gives it back.
func (d *Driver) statement(c *conn, q any) (*prepared, error) {
	if p := c.stmts[q]; p != nil && !p.busy {
		return p, nil
	}
	text, err := d.sql(c, q)
	if err != nil {
		return nil, err
	}
	s, err := c.prepare(text.SQL)
	if err != nil {
		return nil, err
	}
	p := &prepared{stmt: s, args: text.Args}
	if q, ok := q.(*query.Select); ok {
		p.row = row{s: s, types: columnTypes(q.Columns)}
	}
	if c.stmts[q] != nil {
		return p, nil // the same query is being read further out: this one is for once
	}
	c.evict()
	c.stmts[q] = p
	return p, nil
}

func (c *conn) done(q any, p *prepared) {
	if c.stmts[q] == p {
		p.reset()
		return
	}
	p.finalize()
}

// evict makes room for one more statement.
func (c *conn) evict() {
	for q, p := range c.stmts {
		if len(c.stmts) < maxPrepared {
			return
		}
		if !p.busy {
			p.finalize()
			delete(c.stmts, q)
		}
	}
}

func columnTypes(columns []query.Column) []*value.Type {
	list := make([]*value.Type, len(columns))
	for i, c := range columns {
		list[i] = c.Type
	}
	return list
}

// bindAll gives every placeholder its argument.
func (p *prepared) bindAll(args []any) {
	for i, a := range p.args {
		if a.List {
			list, _ := args[a.Slot].([]any)
			p.bindText(i+1, string(appendList(nil, list, a.Type)))
			continue
		}
		p.bind(i+1, args[a.Slot], a.Type)
	}
}
