package mysql

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// Every step is one statement, since each commits by itself: a table comes with
// its indexes and references. References may point to tables that come later;
// the session that carries out a step does not check them.

// statementOf is how a step is spelt.
func (f *flavour) statementOf(have *schema.Schema, step schema.Step) (string, error) {
	switch s := step.(type) {
	case schema.CreateTable:
		return f.createTable(s.Table)
	case schema.AddColumn:
		return f.addColumn(s)
	case schema.WidenColumn:
		return f.widenColumn(have, s)
	case schema.CreateIndex:
		t := have.Table(s.Table)
		if t == nil {
			return "", problem.Errorf(problem.Internal, "there is no table %s", s.Table)
		}
		return fmt.Sprintf("ALTER TABLE `%s` ADD %s", t.Name, index(t, s.Index)), nil
	case schema.DropIndex:
		t := have.Table(s.Table)
		if t == nil {
			return "", problem.Errorf(problem.Internal, "there is no table %s", s.Table)
		}
		return dropIndex(t, s.Index), nil
	}
	return "", problem.Errorf(problem.Internal, "no such step: %T", step)
}

func (f *flavour) createTable(t *schema.Table) (string, error) {
	var lines []string
	for _, c := range t.Columns {
		column, err := f.column(c)
		if err != nil {
			return "", err
		}
		lines = append(lines, column)
	}
	lines = append(lines, "PRIMARY KEY ("+names(t.PrimaryKey)+")")
	for _, x := range t.Indexes {
		lines = append(lines, index(t, x))
	}
	for _, c := range t.Columns {
		if c.References != "" {
			lines = append(lines, reference(t.Name, c))
		}
	}
	return fmt.Sprintf("CREATE TABLE `%s` (\n\t%s\n) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE %s",
		t.Name, strings.Join(lines, ",\n\t"), f.collation), nil
}

func (f *flavour) column(c *schema.Column) (string, error) {
	if t := c.Type; t.Kind == value.DecimalKind && t.Scale > f.maxScale {
		return "", problem.Errorf(problem.Unavailable, "column %s has %d digits after the point; %s keeps at most %d", c.Name, t.Scale, f.name, f.maxScale)
	}
	text := fmt.Sprintf("`%s` %s", c.Name, f.dialect.ColumnType(c.Type, c.MaxLength))
	if !c.Nullable {
		text += " NOT NULL"
	}
	return text, nil
}

// addColumn gives a new column its default for the rows that exist. In parentheses
// it is an expression, the only one that a LONGTEXT takes.
func (f *flavour) addColumn(s schema.AddColumn) (string, error) {
	column, err := f.column(s.Column)
	if err != nil {
		return "", err
	}
	if s.Default != nil {
		column += " DEFAULT (" + f.defaultText(s.Default, s.Column.Type) + ")"
	}
	text := fmt.Sprintf("ALTER TABLE `%s` ADD COLUMN %s", s.Table, column)
	if s.Column.References != "" {
		text += ", ADD " + reference(s.Table, s.Column)
	}
	return text, nil
}

// widenColumn makes the indexes of a text that has no bound any more anew: they hold
// its beginning.
func (f *flavour) widenColumn(have *schema.Schema, s schema.WidenColumn) (string, error) {
	column, err := f.column(s.Column)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("ALTER TABLE `%s` MODIFY COLUMN %s", s.Table, column)
	t := sqlgen.After(have, s).Table(s.Table)
	if t == nil || !unbounded(s.Column) {
		return text, nil
	}
	for _, x := range t.Indexes {
		if slices.ContainsFunc(x.Columns, func(k schema.IndexColumn) bool { return k.Name == s.Column.Name }) {
			text += fmt.Sprintf(", DROP INDEX `%s`, ADD %s", x.Name, index(t, x))
		}
	}
	return text, nil
}

func (f *flavour) defaultText(v any, t *value.Type) string {
	if b, ok := v.(bool); ok {
		return strings.ToUpper(fmt.Sprint(b))
	}
	return f.dialect.Literal(v, t)
}

// reference is a clause of CREATE or ALTER TABLE. Its name is said because one that
// the database makes up can be taken.
func reference(table string, c *schema.Column) string {
	text := fmt.Sprintf("CONSTRAINT `%s` FOREIGN KEY (`%s`) REFERENCES `%s` (`id`)", referenceName(table, c.Name), c.Name, c.References)
	switch c.OnDelete {
	case schema.Cascade:
		return text + " ON DELETE CASCADE"
	case schema.Clear:
		return text + " ON DELETE SET NULL"
	}
	return text
}

// referenceName is unique in the database; one that is too long ends in a hash.
func referenceName(table, column string) string {
	const longest, digits = 60, 12
	name := table + "__" + column + "__ref"
	if len(name) <= longest {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longest-digits-2] + "__" + hex.EncodeToString(sum[:digits/2])
}

// index is a clause of CREATE or ALTER TABLE. Of a text without a bound only the
// beginning is indexed, which serves a search and not an order.
func index(t *schema.Table, x *schema.Index) string {
	keys := make([]string, len(x.Columns))
	for i, k := range x.Columns {
		keys[i] = "`" + k.Name + "`"
		if c := t.Column(k.Name); !x.Unique && c != nil && unbounded(c) {
			keys[i] += fmt.Sprintf("(%d)", prefixLength)
		}
		if k.Desc {
			keys[i] += " DESC"
		}
	}
	unique := ""
	if x.Unique {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("%sINDEX `%s` (%s)", unique, x.Name, strings.Join(keys, ", "))
}

const prefixLength = 200

func unbounded(c *schema.Column) bool {
	return isJSON(c.Type) || c.Type.Kind == value.String && (c.MaxLength == 0 || c.MaxLength > maxVarchar)
}

// dropIndex removes an index. A reference needs one on its column: where none else
// begins with it, it gets one of its own.
func dropIndex(t *schema.Table, x *schema.Index) string {
	text := fmt.Sprintf("ALTER TABLE `%s` DROP INDEX `%s`", t.Name, x.Name)
	first := t.Column(x.Columns[0].Name)
	if first == nil || first.References == "" {
		return text
	}
	for _, other := range t.Indexes {
		if other.Name != x.Name && other.Columns[0].Name == first.Name {
			return text
		}
	}
	return text + fmt.Sprintf(", ADD INDEX `%s` (`%s`)", referenceName(t.Name, first.Name), first.Name)
}

func names(list []string) string { return "`" + strings.Join(list, "`, `") + "`" }
