package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Explain tells the database's plan; see store.Driver.
func (d *Driver) Explain(ctx context.Context, q *query.Select, args []any) (*store.Plan, error) {
	c, err := d.take(ctx, reading)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	return d.plan(ctx, c, q, args, d.flavour.explain)
}

// plan asks for the plan of a select in the words of how.
func (d *Driver) plan(ctx context.Context, c *conn, q *query.Select, args []any, how string) (*store.Plan, error) {
	t, err := d.sql(ctx, c, q)
	if err != nil {
		return nil, explained(ctx, err)
	}
	sizes := t.sizes(args)
	sql := t.expanded(sizes)
	stmt, err := c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, how+" "+sql)
	if err != nil {
		return nil, explained(ctx, c.failed(ctx, fmt.Errorf("%w in: %s", err, sql)))
	}
	defer stmt.Close()
	p := &prepared{args: t.Args, sizes: sizes}
	rows, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, p.values(args))
	if err != nil {
		return nil, explained(ctx, c.failed(ctx, fmt.Errorf("%w in: %s", err, sql)))
	}
	defer rows.Close()
	plan := &store.Plan{Statement: sql, Slots: t.Slots()}
	tables := map[string]string{}
	for _, m := range named.FindAllStringSubmatch(sql, -1) {
		tables[m[2]] = m[1]
	}
	names := rows.Columns()
	dest := make([]driver.Value, len(names))
	for {
		switch err := rows.Next(dest); {
		case err == io.EOF:
			return plan, nil
		case err != nil:
			return nil, explained(ctx, c.failed(ctx, err))
		}
		line := map[string]string{}
		var words []string
		for i, name := range names {
			if v := text(dest[i]); v != "" {
				line[name] = v
				words = append(words, name+"="+v)
			}
		}
		plan.Lines = append(plan.Lines, strings.Join(words, " "))
		understand(plan, line, tables[line["table"]])
	}
}

// named finds the tables behind the aliases.
var named = regexp.MustCompile("`([^`]+)` AS (t\\d+)")

// understand reads one line of a plan by its columns: how the table is read (ALL:
// whole) and by which index. What has no name is a derived table.
func understand(plan *store.Plan, line map[string]string, table string) {
	if line["type"] == "ALL" && table != "" {
		plan.Scans = append(plan.Scans, table)
	}
	if line["type"] == "index" && table != "" {
		plan.Walks = append(plan.Walks, table)
	}
	if key := line["key"]; key != "" && table != "" && !slices.Contains(plan.Indexes, key) {
		plan.Indexes = append(plan.Indexes, key)
	}
	if strings.Contains(line["Extra"], "filesort") {
		plan.Sorts = true
	}
}
