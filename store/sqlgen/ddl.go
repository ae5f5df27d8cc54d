package sqlgen

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
)

// CreateTable renders a table and its indexes, one statement each. A reference
// to a table that exists answers false to is left out.
func (d *Dialect) CreateTable(t *schema.Table, exists func(table string) bool) []string {
	var b strings.Builder
	fmt.Fprintf(&b, "CREATE TABLE %s (", d.name(t.Name))
	for i, c := range t.Columns {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n\t" + d.column(c, exists))
	}
	fmt.Fprintf(&b, ",\n\tPRIMARY KEY (%s)\n)", d.names(t.PrimaryKey))
	if d.TableSuffix != nil {
		b.WriteString(d.TableSuffix(t.PrimaryKey))
	}
	statements := []string{b.String()}
	for _, x := range t.Indexes {
		statements = append(statements, d.CreateIndex(t, x))
	}
	return statements
}

// column renders a column with its reference.
func (d *Dialect) column(c *schema.Column, exists func(string) bool) string {
	text := d.name(c.Name) + " " + d.ColumnType(c.Type, c.MaxLength)
	if !c.Nullable {
		text += " NOT NULL"
	}
	if c.References != "" && exists(c.References) {
		text += " " + d.references(c)
	}
	return text
}

func (d *Dialect) references(c *schema.Column) string {
	text := "REFERENCES " + d.name(c.References)
	switch c.OnDelete {
	case schema.Cascade:
		return text + " ON DELETE CASCADE"
	case schema.Clear:
		return text + " ON DELETE SET NULL"
	}
	return text
}

// AddReference renders a reference for a table that was made without it.
func (d *Dialect) AddReference(table string, c *schema.Column) string {
	return fmt.Sprintf("ALTER TABLE %s ADD FOREIGN KEY (%s) %s", d.name(table), d.name(c.Name), d.references(c))
}

// AddColumn renders a new column; a default fills the rows that exist.
func (d *Dialect) AddColumn(s schema.AddColumn) string {
	text := fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", d.name(s.Table), d.column(s.Column, func(string) bool { return true }))
	if s.Default != nil {
		text += " DEFAULT " + d.literal(s.Default, s.Column)
	}
	return text
}

func (d *Dialect) literal(v any, c *schema.Column) string {
	if b, ok := v.(bool); ok {
		return strings.ToUpper(fmt.Sprint(b))
	}
	return d.Literal(v, c.Type)
}

// CreateIndex renders an index of t.
func (d *Dialect) CreateIndex(t *schema.Table, x *schema.Index) string {
	keys := make([]string, len(x.Columns))
	for i, k := range x.Columns {
		keys[i] = d.name(k.Name)
		if k.Desc {
			keys[i] += " DESC"
		}
		if d.NullsInIndex && nullable(t, k.Name) {
			keys[i] += map[bool]string{false: " NULLS FIRST", true: " NULLS LAST"}[k.Desc]
		}
	}
	unique := ""
	if x.Unique {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)", unique, d.name(x.Name), d.name(t.Name), strings.Join(keys, ", "))
}

// DropIndex renders the removal of an index.
func (d *Dialect) DropIndex(x *schema.Index) string { return "DROP INDEX " + d.Quoted(x.Name) }

// DropColumn renders the removal of a column that somebody else has made.
func (d *Dialect) DropColumn(table, column string) string {
	return fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", d.name(table), d.Quoted(column))
}

// Quoted is a name that somebody else has given.
func (d *Dialect) Quoted(name string) string {
	quote := string(d.Quote)
	return d.name(strings.ReplaceAll(name, quote, quote+quote))
}

func nullable(t *schema.Table, column string) bool {
	for _, c := range t.Columns {
		if c.Name == column {
			return c.Nullable
		}
	}
	return false
}
