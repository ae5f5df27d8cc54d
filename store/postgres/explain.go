package postgres

import (
	"context"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Explain tells PostgreSQL's plan; see store.Driver.
func (d *Driver) Explain(ctx context.Context, q *query.Select, args []any) (*store.Plan, error) {
	c, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	text := dialect.Select(q)
	values, formats := (&prepared{args: text.Args}).arguments(args)
	result := c.ExecParams(ctx, "EXPLAIN (COSTS OFF) "+text.SQL, values, nil, formats, nil).Read()
	if result.Err != nil {
		return nil, explained(ctx, result.Err)
	}
	plan := &store.Plan{Statement: text.SQL, Slots: text.Slots()}
	for _, row := range result.Rows {
		plan.Lines = append(plan.Lines, string(row[0]))
		read(plan, string(row[0]))
	}
	return plan, nil
}

// read understands one line: "->  Seq Scan on items t1", "Index Scan using x on
// items t1" and perhaps below it "Index Cond: …", "Bitmap Index Scan on x", "Sort".
func read(plan *store.Plan, line string) {
	words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "->"))
	text := strings.Join(words, " ")
	switch {
	case strings.HasPrefix(text, "Index Cond:") && len(plan.Walks) > 0 && strings.Contains(plan.Lines[len(plan.Lines)-2], " using "):
		plan.Walks = plan.Walks[:len(plan.Walks)-1]
	case strings.HasPrefix(text, "Seq Scan on "):
		plan.Scans = append(plan.Scans, strings.Trim(words[3], `"`))
	case strings.HasPrefix(text, "Bitmap Index Scan on "):
		plan.Indexes = append(plan.Indexes, strings.Trim(words[4], `"`))
	case text == "Sort" || text == "Incremental Sort":
		plan.Sorts = true
	}
	for i, w := range words {
		if w == "using" && i+1 < len(words) && strings.HasPrefix(text, "Index") {
			plan.Indexes = append(plan.Indexes, strings.Trim(words[i+1], `"`))
			if i+3 < len(words) { // unless the next line says where it begins
				plan.Walks = append(plan.Walks, strings.Trim(words[i+3], `"`))
			}
		}
	}
}
