package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Try runs a select and tells what it took; see store.Driver. Copies are temporary
// tables of a connection that is opened for this alone: their names go before those
// of the file's.
func (d *Driver) Try(ctx context.Context, q *query.Select, args []any, trials []store.Trial) (*store.Plan, error) {
	c, err := d.connect(lib.SQLITE_OPEN_READONLY)
	if err != nil {
		return nil, explained(ctx, err)
	}
	defer c.close()
	c.reading = ctx
	for _, t := range trials {
		if err := c.copyTable(t); err != nil {
			return nil, explained(ctx, err)
		}
	}
	plan, err := c.plan(q, args)
	if err != nil {
		return nil, explained(ctx, err)
	}
	p, err := d.statement(c, q)
	if err != nil {
		return nil, explained(ctx, err)
	}
	p.bindAll(args)
	for began := time.Now(); ; plan.Rows++ {
		more, err := p.step()
		if err != nil {
			return nil, explained(ctx, err)
		}
		if !more {
			plan.Took = time.Since(began)
			return plan, nil
		}
	}
}

// copyTable makes a temporary table as t's is, with more indexes.
func (c *conn) copyTable(t store.Trial) error {
	name := `"` + t.Table.Name + `"`
	many, err := c.text(fmt.Sprintf("SELECT 1 FROM main.%s LIMIT 1 OFFSET %d", name, store.MaxTried))
	if err != nil {
		return err
	}
	if many != "" {
		return store.ErrTooMany
	}
	own := *t.Table
	own.Indexes = append(own.Indexes[:len(own.Indexes):len(own.Indexes)], t.More...)
	nothing := func(string) bool { return false }
	if err := c.exec("CREATE TEMP" + dialect.CreateTable(&own, nothing)[0][len("CREATE"):]); err != nil {
		return err
	}
	var columns []string
	for _, col := range own.Columns {
		columns = append(columns, `"`+col.Name+`"`)
	}
	if err := c.exec(fmt.Sprintf("INSERT INTO temp.%[1]s SELECT %[2]s FROM main.%[1]s", name, strings.Join(columns, ", "))); err != nil {
		return err
	}
	for _, x := range own.Indexes {
		// An index stands beside its table when its own name says so.
		text := dialect.CreateIndex(&own, x)
		at := len("CREATE INDEX ")
		if x.Unique {
			at = len("CREATE UNIQUE INDEX ")
		}
		if err := c.exec(text[:at] + "temp." + text[at:]); err != nil {
			return err
		}
	}
	return c.exec("ANALYZE temp." + name)
}
