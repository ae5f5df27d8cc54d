package sqlgen

import (
	"slices"

	"github.com/mainstay-run/mainstay/schema"
)

// After is what a database holds when step has been carried out on have, for the
// driver to record. have stays as it is.
func After(have *schema.Schema, step schema.Step) *schema.Schema {
	out := &schema.Schema{Tables: slices.Clone(have.Tables)}
	change := func(name string, f func(t *schema.Table)) {
		for i, t := range out.Tables {
			if t.Name == name {
				changed := *t
				changed.Columns = slices.Clone(t.Columns)
				changed.Indexes = slices.Clone(t.Indexes)
				changed.Laws = slices.Clone(t.Laws)
				f(&changed)
				out.Tables[i] = &changed
			}
		}
	}
	switch s := step.(type) {
	case schema.CreateTable:
		out.Tables = append(out.Tables, s.Table)
	case schema.AddColumn:
		change(s.Table, func(t *schema.Table) {
			t.Columns = append(t.Columns, s.Column)
			t.Laws = append(t.Laws, s.Laws...)
		})
	case schema.WidenColumn:
		change(s.Table, func(t *schema.Table) {
			for i, c := range t.Columns {
				if c.Name == s.Column.Name {
					t.Columns[i] = s.Column
				}
			}
		})
	case schema.CreateIndex:
		change(s.Table, func(t *schema.Table) { t.Indexes = append(t.Indexes, s.Index) })
	case schema.Hold:
		change(s.Table, func(t *schema.Table) {
			if !s.Again {
				t.Laws = append(t.Laws, s.Law)
			}
		})
	case schema.Release:
		change(s.Table, func(t *schema.Table) {
			t.Laws = slices.DeleteFunc(t.Laws, func(l *schema.Law) bool { return l.Text == s.Law.Text })
		})
	case schema.DropIndex:
		change(s.Table, func(t *schema.Table) {
			t.Indexes = slices.DeleteFunc(t.Indexes, func(x *schema.Index) bool { return x.Name == s.Index.Name })
		})
	}
	return out
}
