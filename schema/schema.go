// Package schema is what a database holds: tables, columns, indexes and
// references as plain data, made from a contract, and the steps that lead from
// one schema to another. How a step is spelt is each driver's affair; when
// steps run, and in which order, is migrate's.
package schema

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

// Schema is all tables of one contract and Mainstay's own, in the order in
// which they can be created (referenced tables first where there is no cycle).
type Schema struct {
	Tables []*Table
}

// Table is a table.
type Table struct {
	Name       string
	Columns    []*Column
	PrimaryKey []string
	Indexes    []*Index
	// Laws are what every stored record has been held against.
	Laws []*Law
}

// Law is what every record of a table satisfies: a bound of a column or a check.
type Law struct {
	Text string // "seats <= 5"; with another text it is another law
	// Column is the one whose bound it is; empty: a check.
	// It is not recorded.
	Column string
}

// Column is a column. References names the table whose primary key it points to.
type Column struct {
	Name       string
	Type       *value.Type
	Nullable   bool
	MaxLength  int      // code points; 0: unbounded
	References string   // table name; empty: none
	OnDelete   OnDelete // what deleting the referenced row does
	// Search says that the words of its values stand in the words table.
	Search bool
	// Default is the contract's constant default, in package value's form, for the
	// rows that exist when the column is added; nil: none. It is not recorded.
	Default any
}

// OnDelete is what happens to a row whose referenced row is deleted.
type OnDelete string

// The choices; Refuse is the default.
const (
	Refuse  OnDelete = "refuse"
	Cascade OnDelete = "cascade"
	Clear   OnDelete = "clear"
)

// Index is an index; Unique ones are constraints (several nulls are allowed).
type Index struct {
	Name    string
	Columns []IndexColumn
	Unique  bool
}

// IndexColumn is one key of an index.
type IndexColumn struct {
	Name string
	Desc bool
}

// Step is one change of a database; the types below are all there are.
type Step interface {
	step()
	// String says it in plain words: "create table postings (14 columns)".
	String() string
}

type (
	// CreateTable makes a table with its columns, references and indexes.
	CreateTable struct{ Table *Table }
	// AddColumn adds a nullable column, or one with a Default for the rows that exist.
	AddColumn struct {
		Table   string
		Column  *Column
		Default any    // in package value's form; nil when the column is nullable
		Laws    []*Law // its bounds, which a default and no value satisfy
	}
	// WidenColumn lets a column hold more than before: longer strings, further
	// words of an enum, more digits before a decimal's point. Stored values stay.
	WidenColumn struct {
		Table  string
		Column *Column // as it shall be
	}
	// CreateIndex makes an index.
	CreateIndex struct {
		Table string
		Index *Index
	}
	// Hold records that every record satisfies a law. Whoever takes the step has
	// found out first.
	Hold struct {
		Table string
		Law   *Law
		Again bool // it is recorded already, and means something else now
	}
	// Release takes the record of a law back.
	Release struct {
		Table string
		Law   *Law
	}
	// DropIndex removes an index that is not unique, or one that was just made in vain.
	DropIndex struct {
		Table string
		Index *Index
	}
)

// Refusal is a difference that cannot be carried out without losing, narrowing
// or rewriting data.
type Refusal struct {
	What string // "column postings.salary_min would be dropped"
	Why  string // "its values would be lost"
}

func (CreateTable) step() {}
func (AddColumn) step()   {}
func (WidenColumn) step() {}
func (CreateIndex) step() {}
func (DropIndex) step()   {}
func (Hold) step()        {}
func (Release) step()     {}

func (s CreateTable) String() string {
	return fmt.Sprintf("create table %s (%d columns)", s.Table.Name, len(s.Table.Columns))
}

func (s AddColumn) String() string {
	text := fmt.Sprintf("add column %s.%s", s.Table, s.Column.Name)
	if s.Default != nil {
		text += fmt.Sprintf(" (%s in the records that exist)", s.Column.Type.AppendJSON(nil, s.Default))
	}
	return text
}

func (s WidenColumn) String() string {
	return fmt.Sprintf("widen column %s.%s", s.Table, s.Column.Name)
}

func (s CreateIndex) String() string {
	return fmt.Sprintf("create %sindex on %s (%s)", uniqueWord(s.Index), s.Table, keys(s.Index))
}

func (s DropIndex) String() string {
	return fmt.Sprintf("drop %sindex on %s (%s)", uniqueWord(s.Index), s.Table, keys(s.Index))
}

func (s Hold) String() string {
	return fmt.Sprintf("hold %q against the records of %s", s.Law.Text, s.Table)
}

func (s Release) String() string {
	return fmt.Sprintf("no longer hold %q against the records of %s", s.Law.Text, s.Table)
}

func uniqueWord(x *Index) string {
	if x.Unique {
		return "unique "
	}
	return ""
}

// keys lists an index's columns, descending ones with a minus sign.
func keys(x *Index) string {
	names := make([]string, len(x.Columns))
	for i, c := range x.Columns {
		names[i] = c.Name
		if c.Desc {
			names[i] = "-" + c.Name
		}
	}
	return strings.Join(names, ", ")
}

// Table finds a table by name, nil when there is none.
func (s *Schema) Table(name string) *Table {
	for _, t := range s.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Column finds a column by name, nil when there is none.
func (t *Table) Column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Law finds a law by its text, nil when there is none.
func (t *Table) Law(text string) *Law {
	for _, l := range t.Laws {
		if l.Text == text {
			return l
		}
	}
	return nil
}

// Index finds an index by name, nil when there is none.
func (t *Table) Index(name string) *Index {
	for _, x := range t.Indexes {
		if x.Name == name {
			return x
		}
	}
	return nil
}
