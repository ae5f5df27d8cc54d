package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// format is the way in which this version keeps things; a file with a higher one
// was written by a newer version.
const format = 1

const metaTable = "mainstay_meta"

// Inspect reads what was recorded and holds it against what is there.
func (d *Driver) Inspect(ctx context.Context) (*schema.Schema, error) {
	c, err := d.reader(ctx, store.Snapshot)
	if err != nil {
		return nil, err
	}
	defer d.giveBack(c)
	s, err := d.inspect(c)
	return s, explained(ctx, err)
}

func (d *Driver) inspect(c *conn) (*schema.Schema, error) {
	s, err := d.recorded(c)
	if err != nil {
		return nil, err
	}
	different, err := differences(c, s)
	if err != nil {
		return nil, err
	}
	if len(different) > 0 {
		return nil, problem.Errorf(problem.Unavailable, "%s is not as it was recorded: %s", d.path, sqlgen.Tell(different, s))
	}
	return s, nil
}

// recorded is the schema as of the last step; empty when there was none.
func (d *Driver) recorded(c *conn) (*schema.Schema, error) {
	s := &schema.Schema{}
	there, err := c.text("SELECT name FROM sqlite_schema WHERE name = ?1", metaTable)
	if err != nil || there == "" {
		return s, err
	}
	number, err := c.text(`SELECT content FROM mainstay_meta WHERE name = 'format'`)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, problem.Wrap(err, problem.Unavailable, "%s does not say in which format it is", d.path)
	}
	if n > format {
		return nil, problem.Errorf(problem.Unavailable,
			"%s was written by a newer version of mainstay (format %d, this one knows %d)", d.path, n, format)
	}
	text, err := c.text(`SELECT content FROM mainstay_meta WHERE name = 'schema'`)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, problem.Wrap(err, problem.Unavailable,
			"what %s records of itself cannot be read; it may have been written by a newer version of mainstay", d.path)
	}
	return s, nil
}

// Apply carries out steps and records them, in one transaction.
func (d *Driver) Apply(ctx context.Context, steps ...schema.Step) error {
	for {
		t, err := d.Begin(ctx, store.Write)
		if err != nil {
			return err
		}
		err = d.apply(ctx, t.(*tx), steps)
		if err != nil {
			if again := t.Rollback(ctx); !errors.Is(again, store.ErrAgain) {
				return err
			}
			continue
		}
		if err := t.Commit(ctx); !errors.Is(err, store.ErrAgain) {
			return err
		}
	}
}

func (d *Driver) apply(ctx context.Context, t *tx, steps []schema.Step) error {
	have, err := d.recorded(t.c)
	if err != nil {
		return t.failed(ctx, err)
	}
	for _, step := range steps {
		statements, err := d.ddl(t.c, have, step)
		if err != nil {
			return t.failed(ctx, err)
		}
		if err := t.execAll(ctx, statements); err != nil {
			return err
		}
		have = sqlgen.After(have, step)
	}
	record, err := json.Marshal(have)
	if err != nil {
		return err
	}
	return t.execAll(ctx, []string{
		"INSERT INTO mainstay_meta (name, content) VALUES ('format', " + quote(strconv.Itoa(format)) + ") ON CONFLICT (name) DO NOTHING",
		"INSERT INTO mainstay_meta (name, content) VALUES ('schema', " + quote(string(record)) + ") ON CONFLICT (name) DO UPDATE SET content = excluded.content",
	})
}

func (t *tx) execAll(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if err := t.c.exec(s); err != nil {
			return t.failed(ctx, err)
		}
	}
	return nil
}

// ddl is the statements of a step. The table of records is made with the first.
func (d *Driver) ddl(c *conn, have *schema.Schema, step schema.Step) ([]string, error) {
	var statements []string
	there, err := c.text("SELECT name FROM sqlite_schema WHERE name = ?1", metaTable)
	if err != nil {
		return nil, err
	}
	if there == "" {
		for _, t := range schema.System() {
			if t.Name == metaTable {
				statements = dialect.CreateTable(t, always)
			}
		}
	}
	switch s := step.(type) {
	case schema.CreateTable:
		if s.Table.Name != metaTable {
			statements = append(statements, dialect.CreateTable(s.Table, always)...)
		}
	case schema.AddColumn:
		statements = append(statements, dialect.AddColumn(s))
	case schema.WidenColumn: // lengths and digits are not SQLite's affair
	case schema.CreateIndex:
		t := have.Table(s.Table)
		if t == nil {
			return nil, fmt.Errorf("there is no table %s", s.Table)
		}
		statements = append(statements, dialect.CreateIndex(t, s.Index))
	case schema.DropIndex:
		statements = append(statements, dialect.DropIndex(s.Index))
	case schema.Hold, schema.Release: // they are only recorded
	default:
		return nil, fmt.Errorf("no such step: %T", step)
	}
	return statements, nil
}

// always: SQLite takes references to tables that come later.
func always(string) bool { return true }

// list is the first column of every row.
func (c *conn) list(sql string, args ...string) ([]string, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return nil, err
	}
	defer s.finalize()
	return s.list(args...)
}

func (s *stmt) list(args ...string) ([]string, error) {
	defer s.reset()
	for i, a := range args {
		s.bindText(i+1, a)
	}
	var list []string
	for {
		more, err := s.step()
		if err != nil || !more {
			return list, err
		}
		list = append(list, string(s.bytes(0)))
	}
}

// primaryKey is a table's key columns, in order.
func primaryKey(c *conn, table string) ([]string, error) {
	return c.list("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", table)
}
