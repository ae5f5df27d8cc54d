package sqlite

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Explain tells SQLite's plan; see store.Driver.
func (d *Driver) Explain(ctx context.Context, q *query.Select, args []any) (*store.Plan, error) {
	c, err := d.reader(ctx, store.ReadOne)
	if err != nil {
		return nil, err
	}
	defer d.giveBack(c)
	plan, err := c.plan(q, args)
	return plan, explained(ctx, err)
}

func (c *conn) plan(q *query.Select, args []any) (*store.Plan, error) {
	text := dialect.Select(q)
	s, err := c.prepare("EXPLAIN QUERY PLAN " + text.SQL)
	if err != nil {
		return nil, err
	}
	p := &prepared{stmt: s, args: text.Args}
	defer p.finalize()
	p.bindAll(args)
	plan := &store.Plan{Statement: text.SQL, Slots: text.Slots()}
	tables := map[string]string{}
	for _, m := range named.FindAllStringSubmatch(text.SQL, -1) {
		tables[m[2]] = m[1]
	}
	for {
		more, err := p.step()
		if err != nil {
			return nil, err
		}
		if !more {
			return plan, nil
		}
		plan.Lines = append(plan.Lines, string(p.bytes(3)))
		read(plan, string(p.bytes(3)), tables)
	}
}

// named finds the tables behind the aliases.
var named = regexp.MustCompile(`"([^"]+)" AS (t\d+)`)

// read understands one line: "SCAN t1", "SCAN t2 LEFT-JOIN", "SEARCH t1 USING COVERING INDEX x (a=?)",
// "USE TEMP B-TREE FOR ORDER BY".
func read(plan *store.Plan, line string, tables map[string]string) {
	words := strings.Fields(line)
	for i, w := range words {
		if w == "INDEX" && i+1 < len(words) {
			plan.Indexes = append(plan.Indexes, words[i+1])
		}
	}
	switch {
	case len(words) > 1 && words[0] == "SCAN" && tables[words[1]] != "" && !slices.Contains(words, "USING"):
		plan.Scans = append(plan.Scans, tables[words[1]])
	case len(words) > 1 && words[0] == "SCAN" && tables[words[1]] != "":
		plan.Walks = append(plan.Walks, tables[words[1]])
	case strings.HasPrefix(line, "USE TEMP B-TREE FOR"):
		plan.Sorts = true
	}
}
