package move

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/value"
)

// metaTable is Mainstay's own record of a database.
const metaTable = "mainstay_meta"

var intType = &value.Type{Kind: value.Int}

// table is a table with the statements that move it. Its rows go in the order of
// their keys.
type table struct {
	*schema.Table
	where query.Expr // which rows move; nil: all
	late  []late
	rows  pager // every column
	refs  pager // the key and the late columns, of rows that have some

	insert *query.Insert
	update *query.Update // of the late columns; nil without any
}

// late is a column whose reference may point to a row that comes after its own.
type late struct {
	column int // its place
	self   bool
	null   bool // it may be null until then
}

// inOrder is the tables of s so that each comes after those it refers to. Where
// there is a circle, or a table refers to itself, references are set later.
func inOrder(s *schema.Schema) ([]*table, error) {
	var list []*table
	placed := map[string]bool{}
	for len(list) < len(s.Tables) {
		next := ready(s, placed, func(c *schema.Column) bool { return true })
		if next == nil {
			next = ready(s, placed, func(c *schema.Column) bool { return !c.Nullable })
		}
		if next == nil {
			return nil, fmt.Errorf("%s refer to each other by required references only: no such record can come first", strings.Join(unplaced(s, placed), ", "))
		}
		list = append(list, newTable(next, placed))
		placed[next.Name] = true
	}
	return list, nil
}

// ready is the first table that is not placed and refers to none that is not, by
// the columns that count.
func ready(s *schema.Schema, placed map[string]bool, counts func(*schema.Column) bool) *schema.Table {
	for _, t := range s.Tables {
		if !placed[t.Name] && !slices.ContainsFunc(t.Columns, func(c *schema.Column) bool {
			return c.References != "" && c.References != t.Name && !placed[c.References] && counts(c)
		}) {
			return t
		}
	}
	return nil
}

func unplaced(s *schema.Schema, placed map[string]bool) (names []string) {
	for _, t := range s.Tables {
		if !placed[t.Name] {
			names = append(names, t.Name)
		}
	}
	return names
}

// newTable makes the statements of a table; placed are those before it.
func newTable(s *schema.Table, placed map[string]bool) *table {
	t := &table{Table: s, insert: &query.Insert{Table: s.Name}}
	for i, c := range s.Columns {
		t.insert.Columns = append(t.insert.Columns, query.Named{Name: c.Name, Type: c.Type})
		if c.References != "" && !placed[c.References] {
			t.late = append(t.late, late{i, c.References == s.Name, c.Nullable})
		}
	}
	if s.Name == metaTable { // what else it holds is about the database
		t.where = query.Cmp{Op: query.Eq, L: name, R: query.Const{Value: schema.SeedMark, Type: textType}}
	}
	t.rows = t.pager(s.Columns, t.where)
	if len(t.late) > 0 {
		t.later()
	}
	return t
}

// later makes the statements that set references when every row is there.
func (t *table) later() {
	id := t.Column(t.PrimaryKey[0])
	columns := []*schema.Column{id}
	some := query.Or{}
	t.update = &query.Update{Table: query.Table{Name: t.Name, Alias: alias}}
	for i, l := range t.late {
		c := t.Columns[l.column]
		columns = append(columns, c)
		if l.self { // a reference backwards is set with its row
			some.List = append(some.List, query.Cmp{Op: query.Gt, L: col(c), R: col(id)})
		} else {
			some.List = append(some.List, query.IsNull{X: col(c), Not: true})
		}
		t.update.Set = append(t.update.Set, query.Assign{Column: query.Named{Name: c.Name, Type: c.Type}, Value: query.Param{Slot: i, Type: c.Type}})
	}
	t.update.Where = query.Cmp{Op: query.Eq, L: col(id), R: query.Param{Slot: len(t.late), Type: id.Type}}
	t.refs = t.pager(columns, some)
}

// alias is that of the only table in each statement.
const alias = 1

func col(c *schema.Column) query.Col { return query.Col{Alias: alias, Name: c.Name, Type: c.Type} }

// pager reads columns of the rows of a table by pages, in the order of the key.
type pager struct {
	first, next *query.Select
	keys        []int // places of the key's parts among the columns
}

func (t *table) pager(columns []*schema.Column, where query.Expr) pager {
	first := query.Select{From: query.Table{Name: t.Name, Alias: alias}, Where: where, Limit: query.Const{Value: int64(pageRows), Type: intType}}
	for _, c := range columns {
		first.Columns = append(first.Columns, query.Column{Expr: col(c), Type: c.Type})
	}
	next := first
	var keys []int
	for slot, name := range t.PrimaryKey {
		c := t.Column(name)
		keys = append(keys, slices.Index(columns, c))
		first.OrderBy = append(first.OrderBy, query.Order{Expr: col(c), NotNull: true})
		next.After = append(next.After, query.After{Expr: query.Param{Slot: slot, Type: c.Type}})
	}
	next.OrderBy = first.OrderBy
	return pager{&first, &next, keys}
}
