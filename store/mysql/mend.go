package mysql

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// computed ends the line of a column that is.
const computed = " computed"

var _ sqlgen.Mender = catalogue{}

// Make is the step that migrate takes.
func (there catalogue) Make(t *schema.Table, lacks sqlgen.Thing) string {
	switch lacks.Kind {
	case sqlgen.Column:
		text, _ := there.flavour.addColumn(schema.AddColumn{Table: t.Name, Column: t.Column(lacks.Name)}) // it was made once
		return text
	case sqlgen.Reference:
		return fmt.Sprintf("ALTER TABLE `%s` ADD %s", t.Name, reference(t.Name, t.Column(lacks.Name)))
	case sqlgen.Index:
		return fmt.Sprintf("ALTER TABLE `%s` ADD %s", t.Name, index(t, t.Index(lacks.Name)))
	}
	return fmt.Sprintf("ALTER TABLE `%s` ADD PRIMARY KEY (%s)", t.Name, names(t.PrimaryKey))
}

func (there catalogue) Drop(t *schema.Table, has sqlgen.Thing) string {
	d := there.flavour.dialect
	switch has.Kind {
	case sqlgen.Column:
		return d.DropColumn(t.Name, has.Name)
	case sqlgen.Reference:
		return fmt.Sprintf("ALTER TABLE `%s` DROP FOREIGN KEY %s", t.Name, d.Quoted(has.Name))
	case sqlgen.PrimaryKey:
		return fmt.Sprintf("ALTER TABLE `%s` DROP PRIMARY KEY", t.Name)
	}
	x := &schema.Index{Name: strings.ReplaceAll(has.Name, "`", "``")}
	_, columns, _ := strings.Cut(has.Line, " on ")
	for _, c := range strings.Split(columns, ", ") {
		x.Columns = append(x.Columns, schema.IndexColumn{Name: strings.TrimSuffix(c, " desc")})
	}
	return dropIndex(there.present(t), x)
}

// Change is the step that widens. A column that is computed is made anew.
func (there catalogue) Change(t *schema.Table, c *schema.Column, has sqlgen.Thing) string {
	if strings.HasSuffix(has.Line, computed) {
		column, _ := there.flavour.column(c)
		return fmt.Sprintf("ALTER TABLE `%s` DROP COLUMN `%s`, ADD COLUMN %s", t.Name, c.Name, column)
	}
	text, _ := there.flavour.widenColumn(&schema.Schema{Tables: []*schema.Table{there.present(t)}}, schema.WidenColumn{Table: t.Name, Column: c}) // it was made once
	return text
}

// present is t with those of its indexes that are there.
func (there catalogue) present(t *schema.Table) *schema.Table {
	have := *t
	have.Indexes = slices.DeleteFunc(slices.Clone(t.Indexes), func(x *schema.Index) bool {
		return !slices.ContainsFunc(there.things[t.Name], func(h sqlgen.Thing) bool { return h.Kind == sqlgen.Index && h.Name == x.Name })
	})
	return &have
}
