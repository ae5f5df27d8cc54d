package mysql

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// formatNumber is the way in which this version keeps things.
const formatNumber = 1

const metaTable = "mainstay_meta"

// A step and its record cannot be one transaction here, since DDL commits by
// itself. So what will be is recorded first, as pending; then comes the step, one
// statement, which is done or not; then it is recorded as done. When that is cut
// short, what is there tells whether the step was.
const (
	readMeta   = "SELECT content FROM mainstay_meta WHERE name = ?"
	writeMeta  = "INSERT INTO mainstay_meta (name, content) VALUES (?, ?) ON DUPLICATE KEY UPDATE content = ?"
	dropMeta   = "DELETE FROM mainstay_meta WHERE name = ?"
	keyFormat  = "format"
	keySchema  = "schema"
	keyPending = "pending"
)

// Inspect reads what was recorded and holds it against what is there.
func (d *Driver) Inspect(ctx context.Context) (*schema.Schema, error) {
	c, err := d.take(ctx, reading)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	s, _, err := d.inspect(ctx, c)
	return s, explained(ctx, err)
}

// inspect is the schema, and whether a step is recorded as pending.
func (d *Driver) inspect(ctx context.Context, c *conn) (s *schema.Schema, pending bool, err error) {
	there, err := d.catalogue(ctx, c)
	if err != nil {
		return nil, false, err
	}
	s, next, err := d.recorded(ctx, c, there)
	if err != nil {
		return nil, false, err
	}
	if next != nil && len(there.differences(next)) == 0 {
		return next, true, nil
	}
	different := there.differences(s)
	if len(different) > 0 {
		text := sqlgen.Tell(different, s)
		return nil, false, problem.Wrap(errors.New(text), problem.Unavailable, "the database %s is not as it was recorded: %s", d.config.DBName, text)
	}
	return s, next != nil, nil
}

// recorded is the schema as of the last step, and that of a step which may have
// been cut short; nil for none.
func (d *Driver) recorded(ctx context.Context, c *conn, there catalogue) (s, next *schema.Schema, err error) {
	s = &schema.Schema{}
	if !slices.Contains(there.tables, metaTable) {
		return s, nil, nil
	}
	content := map[string]string{}
	for _, name := range []string{keyFormat, keySchema, keyPending} {
		list, err := c.list(ctx, readMeta, name)
		if err != nil {
			return nil, nil, err
		}
		if len(list) > 0 {
			content[name] = list[0]
		}
	}
	if len(content) == 0 {
		return s, nil, nil // the very first step was cut short
	}
	n, err := strconv.Atoi(content[keyFormat])
	if err != nil {
		return nil, nil, problem.Wrap(err, problem.Unavailable, "the database %s does not say in which format it is", d.config.DBName)
	}
	if n > formatNumber {
		return nil, nil, problem.Errorf(problem.Unavailable,
			"the database %s was written by a newer version of mainstay (format %d, this one knows %d)", d.config.DBName, n, formatNumber)
	}
	read := func(name string) (*schema.Schema, error) {
		s := &schema.Schema{}
		if err := json.Unmarshal([]byte(content[name]), s); err != nil {
			return nil, problem.Wrap(err, problem.Unavailable,
				"what the database %s records of itself cannot be read; it may have been written by a newer version of mainstay", d.config.DBName)
		}
		return s, nil
	}
	if content[keySchema] != "" {
		if s, err = read(keySchema); err != nil {
			return nil, nil, err
		}
	}
	if content[keyPending] != "" {
		next, err = read(keyPending)
	}
	return s, next, err
}

// Apply carries out steps and records each of them.
func (d *Driver) Apply(ctx context.Context, steps ...schema.Step) error {
	c, err := d.take(ctx, reading)
	if err != nil {
		return err
	}
	defer d.give(c)
	return explained(ctx, d.barred(d.apply(ctx, c, steps)))
}

func (d *Driver) apply(ctx context.Context, c *conn, steps []schema.Step) error {
	if err := d.begin(ctx, c); err != nil {
		return err
	}
	have, pending, err := d.inspect(ctx, c)
	if err != nil {
		return err
	}
	if pending { // what an earlier run began is settled now, one way or the other
		if err := d.record(ctx, c, have); err != nil {
			return err
		}
	}
	for _, step := range steps {
		if err := d.applyOne(ctx, c, have, step); err != nil {
			return err
		}
		have = sqlgen.After(have, step)
	}
	return nil
}

func (d *Driver) applyOne(ctx context.Context, c *conn, have *schema.Schema, step schema.Step) error {
	next := sqlgen.After(have, step)
	if create, ok := step.(schema.CreateTable); ok && create.Table.Name == metaTable {
		if have.Table(metaTable) != nil {
			return problem.Errorf(problem.Internal, "table %s is there already", metaTable)
		}
		return d.record(ctx, c, next)
	}
	switch step.(type) {
	case schema.Hold, schema.Release: // they are only recorded
		return d.record(ctx, c, next)
	}
	statement, err := d.flavour.statementOf(have, step)
	if err != nil {
		return err
	}
	want, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := c.put(ctx, keyPending, string(want)); err != nil {
		return err
	}
	if err := c.unchecked(ctx, statement); err != nil {
		return errors.Join(err, c.run(context.WithoutCancel(ctx), dropMeta, keyPending))
	}
	d.keys.Clear()
	return d.record(ctx, c, next)
}

// Clear takes away every table that is recorded, and the record. Tables of others
// stay; with one, nothing is done.
func (d *Driver) Clear(ctx context.Context) error {
	c, err := d.take(ctx, reading)
	if err != nil {
		return err
	}
	defer d.give(c)
	s, _, err := d.inspect(ctx, c)
	if err != nil || len(s.Tables) == 0 {
		return explained(ctx, err)
	}
	var names []string
	for _, t := range s.Tables {
		if t.Name != metaTable {
			names = append(names, t.Name)
		}
	}
	d.keys.Clear()
	return explained(ctx, c.unchecked(ctx, "DROP TABLE `"+strings.Join(append(names, metaTable), "`, `")+"`"))
}

// begin makes the table of records.
func (d *Driver) begin(ctx context.Context, c *conn) error {
	for _, t := range schema.System() {
		if t.Name != metaTable {
			continue
		}
		create, err := d.flavour.createTable(t)
		if err != nil {
			return err
		}
		if err := c.exec(ctx, strings.Replace(create, "CREATE TABLE", "CREATE TABLE IF NOT EXISTS", 1)); err != nil {
			return err
		}
	}
	return nil
}

// record keeps s as what is there. Of its statements only the last takes back
// that a step is pending, so that each may be the last that is carried out.
func (d *Driver) record(ctx context.Context, c *conn, s *schema.Schema) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := c.put(ctx, keyFormat, strconv.Itoa(formatNumber)); err != nil {
		return err
	}
	if err := c.put(ctx, keySchema, string(text)); err != nil {
		return err
	}
	return c.run(ctx, dropMeta, keyPending)
}

func (c *conn) put(ctx context.Context, name, content string) error {
	return c.run(ctx, writeMeta, name, content, content)
}

// run carries out a statement with text arguments.
func (c *conn) run(ctx context.Context, sql string, args ...string) error {
	_, err := c.list(ctx, sql, args...)
	return err
}

// unchecked carries out a statement that may refer to a table which is not there yet.
func (c *conn) unchecked(ctx context.Context, sql string) error {
	if err := c.exec(ctx, "SET SESSION foreign_key_checks = 0"); err != nil {
		return err
	}
	err := c.exec(ctx, sql)
	if again := c.exec(context.WithoutCancel(ctx), "SET SESSION foreign_key_checks = 1"); again != nil {
		c.broken = true
	}
	return err
}
