package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// formatNumber is the way in which this version keeps things.
const formatNumber = 1

const metaTable = "mainstay_meta"

const (
	tablesQuery     = `SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY 1`
	primaryKeyQuery = `SELECT a.attname::text FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place), pg_attribute a
WHERE i.indrelid = quote_ident($1::text)::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.place`
	// constraintQuery names the columns of an index or foreign key.
	constraintQuery = `SELECT a.attname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place), pg_attribute a
WHERE c.relname = $1::text AND c.relnamespace = current_schema()::regnamespace AND a.attrelid = i.indrelid AND a.attnum = k.attnum
UNION ALL SELECT a.attname::text FROM pg_constraint c, pg_attribute a
WHERE c.conname = $1::text AND c.contype = 'f' AND c.connamespace = current_schema()::regnamespace AND a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)`
)

// Inspect reads what was recorded and holds it against what is there.
func (d *Driver) Inspect(ctx context.Context) (*schema.Schema, error) {
	t, err := d.Begin(ctx, store.Snapshot)
	if err != nil {
		return nil, err
	}
	defer t.Rollback(ctx)
	if err := t.(*tx).start(ctx); err != nil {
		return nil, explained(ctx, err)
	}
	c := t.(*tx).c
	s, there, err := d.recorded(ctx, c)
	if err != nil {
		return nil, explained(ctx, err)
	}
	different, err := differences(ctx, c, s, there)
	if err != nil {
		return nil, explained(ctx, err)
	}
	if len(different) > 0 {
		text := sqlgen.Tell(different, s)
		return nil, problem.Wrap(errors.New(text), problem.Unavailable, "the database %s is not as it was recorded: %s", d.config.Database, text)
	}
	return s, nil
}

// recorded is the schema as of the last step, and the tables that are there.
func (d *Driver) recorded(ctx context.Context, c *conn) (*schema.Schema, []string, error) {
	s := &schema.Schema{}
	there, err := c.list(ctx, tablesQuery)
	if err != nil || !slices.Contains(there, metaTable) {
		return s, there, err
	}
	read := func(name string) (string, error) {
		list, err := c.list(ctx, "SELECT content FROM mainstay_meta WHERE name = $1", name)
		if err != nil || len(list) == 0 {
			return "", err
		}
		return list[0], nil
	}
	number, err := read("format")
	if err != nil {
		return nil, nil, err
	}
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, nil, problem.Wrap(err, problem.Unavailable, "the database %s does not say in which format it is", d.config.Database)
	}
	if n > formatNumber {
		return nil, nil, problem.Errorf(problem.Unavailable,
			"the database %s was written by a newer version of mainstay (format %d, this one knows %d)", d.config.Database, n, formatNumber)
	}
	text, err := read("schema")
	if err != nil {
		return nil, nil, err
	}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, nil, problem.Wrap(err, problem.Unavailable,
			"what the database %s records of itself cannot be read; it may have been written by a newer version of mainstay", d.config.Database)
	}
	return s, there, nil
}

// Apply carries out steps and records them, in one transaction.
func (d *Driver) Apply(ctx context.Context, steps ...schema.Step) error {
	for {
		began, err := d.Begin(ctx, store.Write)
		if err != nil {
			return err
		}
		t := began.(*tx)
		if err = t.start(ctx); err == nil {
			err = d.apply(ctx, t.c, steps)
		}
		if err == nil {
			err = t.Commit(ctx)
		}
		if err == nil {
			return nil
		}
		t.Rollback(ctx)
		if err = explained(ctx, d.barred(ctx, err)); !errors.Is(err, store.ErrAgain) {
			return err
		}
	}
}

func (d *Driver) apply(ctx context.Context, c *conn, steps []schema.Step) error {
	have, there, err := d.recorded(ctx, c)
	if err != nil {
		return err
	}
	var statements []string
	for _, step := range steps {
		more, err := ddl(have, there, step)
		if err != nil {
			return err
		}
		statements = append(statements, more...)
		have = sqlgen.After(have, step)
		if create, ok := step.(schema.CreateTable); ok {
			there = append(there, metaTable, create.Table.Name)
		}
	}
	record, err := json.Marshal(have)
	if err != nil {
		return err
	}
	statements = append(statements,
		"INSERT INTO mainstay_meta (name, content) VALUES ('format', "+quote(strconv.Itoa(formatNumber))+") ON CONFLICT (name) DO NOTHING",
		"INSERT INTO mainstay_meta (name, content) VALUES ('schema', "+quote(string(record))+") ON CONFLICT (name) DO UPDATE SET content = excluded.content",
	)
	for _, s := range statements {
		if _, err := c.exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// Clear takes away every table that is recorded, and the record. Tables of others
// stay; with one, nothing is done.
func (d *Driver) Clear(ctx context.Context) error {
	s, err := d.Inspect(ctx)
	if err != nil || len(s.Tables) == 0 {
		return err
	}
	names := []string{metaTable}
	for _, t := range s.Tables {
		if t.Name != metaTable {
			names = append(names, t.Name)
		}
	}
	c, err := d.take(ctx)
	if err != nil {
		return err
	}
	defer d.give(c)
	_, err = c.exec(ctx, `DROP TABLE "`+strings.Join(names, `", "`)+`"`)
	return explained(ctx, err)
}

// ddl is the statements of a step. The table of records is made with the first.
// A reference to a table that is not there yet is added when that is made.
func ddl(have *schema.Schema, there []string, step schema.Step) ([]string, error) {
	var statements []string
	exists := func(table string) bool { return slices.Contains(there, table) }
	if !exists(metaTable) {
		for _, t := range schema.System() {
			if t.Name == metaTable {
				statements = dialect.CreateTable(t, exists)
			}
		}
	}
	switch s := step.(type) {
	case schema.CreateTable:
		if s.Table.Name == metaTable {
			break
		}
		itself := func(table string) bool { return exists(table) || table == s.Table.Name }
		statements = append(statements, dialect.CreateTable(s.Table, itself)...)
		for _, t := range have.Tables {
			for _, c := range t.Columns {
				if c.References == s.Table.Name {
					statements = append(statements, dialect.AddReference(t.Name, c))
				}
			}
		}
	case schema.AddColumn:
		statements = append(statements, dialect.AddColumn(s))
		if s.Default != nil { // it was for the rows that exist
			statements = append(statements, fmt.Sprintf(`ALTER TABLE "%s" ALTER COLUMN "%s" DROP DEFAULT`, s.Table, s.Column.Name))
		}
	case schema.WidenColumn:
		if s.Column.Type.Kind == value.DecimalKind {
			statements = append(statements, fmt.Sprintf(`ALTER TABLE "%s" ALTER COLUMN "%s" TYPE %s`, s.Table, s.Column.Name, columnType(s.Column.Type, 0)))
		}
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
