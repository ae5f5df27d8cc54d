package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Try runs a select and tells what it took; see store.Driver. All of it is one
// transaction that is rolled back: copies are temporary tables, whose names go before
// those of the schema, so that nobody waits for a lock.
func (d *Driver) Try(ctx context.Context, q *query.Select, args []any, trials []store.Trial) (*store.Plan, error) {
	c, err := d.take(ctx)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	begin := "BEGIN ISOLATION LEVEL REPEATABLE READ"
	if len(trials) == 0 {
		begin += " READ ONLY"
	}
	if _, err := c.exec(ctx, begin); err != nil {
		return nil, explained(ctx, err)
	}
	defer c.exec(context.WithoutCancel(ctx), "ROLLBACK")
	for _, t := range trials {
		if err := c.copyTable(ctx, t); err != nil {
			return nil, explained(ctx, err)
		}
	}
	text := dialect.Select(q)
	values, formats := (&prepared{args: text.Args}).arguments(args)
	result := c.ExecParams(ctx, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "+text.SQL, values, nil, formats, nil).Read()
	if result.Err != nil {
		return nil, explained(ctx, result.Err)
	}
	plan := &store.Plan{Statement: text.SQL, Slots: text.Slots()}
	for i, row := range result.Rows {
		line := hidden(string(row[0]))
		if took, ok := strings.CutPrefix(line, "Execution Time: "); ok {
			ms, err := strconv.ParseFloat(strings.TrimSuffix(took, " ms"), 64)
			if err != nil {
				return nil, err
			}
			plan.Took = time.Duration(ms * float64(time.Millisecond))
		}
		if m := actual.FindStringSubmatch(line); i == 0 && m != nil {
			plan.Rows, _ = strconv.Atoi(m[1])
		}
		plan.Lines = append(plan.Lines, line)
		read(plan, line)
	}
	return plan, nil
}

var actual = regexp.MustCompile(`\(actual rows=(\d+)`)

// What a condition of a plan may hold of the arguments: PostgreSQL writes them out.
var (
	condition = regexp.MustCompile(`^(\s*(?:Index Cond|Filter|Recheck Cond|Join Filter|Hash Cond|Merge Cond|One-Time Filter|Sort Key|Presorted Key|Group Key|Order By|TID Cond|Cache Key|Run Condition|Function Call|Output): )(.*)$`)
	quoted    = regexp.MustCompile(`'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b`)
)

// hidden is a line of a plan without values.
func hidden(line string) string {
	m := condition.FindStringSubmatch(line)
	if m == nil {
		if at := strings.Index(line, "'"); at >= 0 {
			return quoted.ReplaceAllString(line, "?")
		}
		return line
	}
	return m[1] + quoted.ReplaceAllString(m[2], "?")
}

// copyTable makes a temporary table as t's is, with more indexes.
func (c *conn) copyTable(ctx context.Context, t store.Trial) error {
	name := `"` + t.Table.Name + `"`
	many, err := c.list(ctx, fmt.Sprintf("SELECT 'many' FROM %s LIMIT 1 OFFSET %d", name, store.MaxTried))
	if err != nil {
		return err
	}
	if len(many) > 0 {
		return store.ErrTooMany
	}
	where, err := c.list(ctx, "SELECT quote_ident(current_schema())")
	if err != nil {
		return err
	}
	statements := []string{
		fmt.Sprintf("CREATE TEMPORARY TABLE %[1]s (LIKE %[2]s.%[1]s INCLUDING DEFAULTS INCLUDING GENERATED) ON COMMIT DROP", name, where[0]),
		fmt.Sprintf("INSERT INTO pg_temp.%[1]s SELECT * FROM %[2]s.%[1]s", name, where[0]),
		fmt.Sprintf("ALTER TABLE pg_temp.%s ADD PRIMARY KEY (%s)", name, `"`+strings.Join(t.Table.PrimaryKey, `", "`)+`"`),
	}
	own := *t.Table
	own.Indexes = append(own.Indexes[:len(own.Indexes):len(own.Indexes)], t.More...)
	for _, x := range own.Indexes {
		statements = append(statements, dialect.CreateIndex(&own, x))
	}
	for _, s := range append(statements, "ANALYZE pg_temp."+name) {
		if _, err := c.exec(ctx, s); err != nil {
			return fmt.Errorf("%w in: %s", err, s)
		}
	}
	return nil
}
