package schema

import (
	"fmt"
	"slices"

	"github.com/mainstay-run/mainstay/value"
)

// Diff is how to get from have to want: the steps in an order in which they can
// be carried out, and what cannot be done without losing, narrowing or rewriting
// data. What depends on the records that are stored comes first and can be taken
// back; so a record that comes meanwhile finds nothing done that cannot. Steps are
// given even when there are refusals; whether to take them then is the caller's choice.
func Diff(have, want *Schema) ([]Step, []Refusal) {
	var d diff
	for _, t := range want.Tables {
		if old := have.Table(t.Name); old != nil {
			d.table(old, t)
		} else {
			d.tables = append(d.tables, CreateTable{t})
		}
	}
	for _, t := range want.Tables {
		if old := have.Table(t.Name); old != nil {
			d.laws(old, t, want.reached(t, map[string]bool{}))
		}
	}
	for _, t := range have.Tables {
		if want.Table(t.Name) == nil {
			d.refuse("its records would be lost", "table %s would be dropped", t.Name)
		}
	}
	return slices.Concat(d.holds, d.uniques, d.tables, d.steps, d.releases), d.refusals
}

// diff gathers the steps. Tables come before columns, which may refer to them.
type diff struct {
	holds, uniques, tables, steps, releases []Step
	reordered                               bool     // the words of an enum of the table at hand
	ordered                                 []string // tables of which that was so
	refusals                                []Refusal
}

func (d *diff) refuse(why, what string, args ...any) {
	d.refusals = append(d.refusals, Refusal{fmt.Sprintf(what, args...), why})
}

func (d *diff) table(have, want *Table) {
	d.reordered = false
	if !slices.Equal(have.PrimaryKey, want.PrimaryKey) {
		d.refuse("every record would be rewritten", "table %s would get another primary key", want.Name)
	}
	for _, c := range want.Columns {
		if old := have.Column(c.Name); old != nil {
			d.column(want.Name, old, c)
		} else {
			d.newColumn(want, c)
		}
	}
	for _, c := range have.Columns {
		if want.Column(c.Name) == nil {
			d.refuse("its values would be lost", "column %s.%s would be dropped", want.Name, c.Name)
		}
	}
	if d.reordered {
		d.ordered = append(d.ordered, want.Name)
	}
	d.indexes(have, want)
}

// laws holds and releases those of a table; a check compares what is in the tables
// that it reaches.
func (d *diff) laws(have, want *Table, reached map[string]bool) {
	again := slices.ContainsFunc(d.ordered, func(table string) bool { return reached[table] })
	for _, l := range want.Laws {
		switch {
		case have.Law(l.Text) == nil && (l.Column == "" || have.Column(l.Column) != nil):
			d.holds = append(d.holds, Hold{Table: want.Name, Law: l})
		case have.Law(l.Text) != nil && l.Column == "" && again:
			d.holds = append(d.holds, Hold{want.Name, l, true})
		}
	}
	for _, l := range have.Laws {
		if want.Law(l.Text) == nil {
			d.releases = append(d.releases, Release{want.Name, l})
		}
	}
}

// reached adds t and what it refers to, directly or not, to met.
func (s *Schema) reached(t *Table, met map[string]bool) map[string]bool {
	if t == nil || met[t.Name] {
		return met
	}
	met[t.Name] = true
	for _, c := range t.Columns {
		if c.References != "" {
			s.reached(s.Table(c.References), met)
		}
	}
	return met
}

func (d *diff) newColumn(t *Table, c *Column) {
	table := t.Name
	if !c.Nullable && c.Default == nil {
		d.refuse("the records that exist have no value for it; make it optional or give it a literal default",
			"column %s.%s would be added as required", table, c.Name)
		return
	}
	if c.Search && c.Default != nil {
		d.refuse("the words of the records that exist would have to be indexed; add it first and its default later",
			"column %s.%s would be added as searchable with a default", table, c.Name)
		return
	}
	step := AddColumn{Table: table, Column: c, Default: c.Default}
	for _, l := range t.Laws {
		if l.Column == c.Name {
			step.Laws = append(step.Laws, l)
		}
	}
	d.steps = append(d.steps, step)
}

func (d *diff) column(table string, have, want *Column) {
	name := table + "." + want.Name
	before := len(d.refusals)
	wider := d.kind(name, have.Type, want.Type)
	switch {
	case have.Nullable && !want.Nullable:
		d.refuse("records may be without a value", "column %s would become required", name)
	case !have.Nullable && want.Nullable:
		d.refuse("the table would be rewritten", "column %s would become optional", name)
	}
	switch {
	case have.References != want.References:
		d.refuse("the table would be rewritten, and its values may point nowhere",
			"column %s would refer to %s instead of %s", name, named(want.References), named(have.References))
	case have.OnDelete != want.OnDelete:
		d.refuse("the table would be rewritten",
			"column %s would %s instead of %s when its target is deleted", name, want.OnDelete, have.OnDelete)
	}
	if have.Search != want.Search {
		d.refuse("the words of the records that exist would have to be indexed anew",
			"column %s would %s", name, map[bool]string{true: "become searchable", false: "no longer be searchable"}[want.Search])
	}
	switch {
	case want.MaxLength == have.MaxLength:
	case want.MaxLength == 0 || have.MaxLength != 0 && want.MaxLength > have.MaxLength:
		wider = true
	default:
		d.refuse("longer values may be stored", "column %s would hold at most %d characters", name, want.MaxLength)
	}
	if wider && len(d.refusals) == before {
		d.steps = append(d.steps, WidenColumn{table, want})
	}
}

func named(table string) string {
	if table == "" {
		return "nothing"
	}
	return table
}

// kind compares two types and reports whether want holds more than have.
func (d *diff) kind(name string, have, want *value.Type) (wider bool) {
	if have.Kind != want.Kind {
		d.refuse("its values would be rewritten", "column %s would change its type", name)
		return false
	}
	switch want.Kind {
	case value.DecimalKind:
		return d.digits(name, have, want)
	case value.Enum:
		last := 0
		for _, word := range have.Enum {
			rank := want.Rank(word)
			if rank < 0 {
				d.refuse("records may hold it", "column %s would lose the value %s", name, word)
				continue
			}
			d.reordered = d.reordered || rank < last
			last = rank
		}
		return !slices.Equal(have.Enum, want.Enum)
	case value.List:
		return d.kind(name, have.Elem, want.Elem)
	case value.Struct:
		return d.members(name, have, want)
	}
	return false
}

func (d *diff) digits(name string, have, want *value.Type) (wider bool) {
	switch {
	case want.Scale != have.Scale:
		d.refuse("its values would be rewritten", "column %s would have %d digits after the point instead of %d", name, want.Scale, have.Scale)
	case want.Precision < have.Precision:
		d.refuse("longer values may be stored", "column %s would have at most %d digits", name, want.Precision)
	}
	return want.Precision > have.Precision
}

// members compares two structs, which are stored as one text each: any other
// member, or another order of them, changes the text of records that exist.
func (d *diff) members(name string, have, want *value.Type) (wider bool) {
	same := len(have.Members) == len(want.Members)
	for i := 0; same && i < len(want.Members); i++ {
		same = have.Members[i].Name == want.Members[i].Name
	}
	if !same {
		d.refuse("its values would be rewritten", "column %s would have other members", name)
		return false
	}
	for i, m := range want.Members {
		path := name + "." + m.Name
		if have.Members[i].Optional && !m.Optional {
			d.refuse("records may be without a value", "column %s would become required", path)
		}
		if !have.Members[i].Optional && m.Optional {
			wider = true
		}
		wider = d.kind(path, have.Members[i].Type, m.Type) || wider
	}
	return wider
}

// indexes makes an index before it drops the one in whose place it comes, but where
// that one has its name.
func (d *diff) indexes(have, want *Table) {
	same := func(x, y *Index) bool {
		return y != nil && x.Unique == y.Unique && slices.Equal(x.Columns, y.Columns)
	}
	var behind []Step
	for _, x := range want.Indexes {
		switch old := have.Index(x.Name); {
		case same(x, old):
		case old != nil && old.Unique: // refused below
		case old != nil:
			behind = append(behind, CreateIndex{want.Name, x})
		case x.Unique && have.holds(x):
			d.uniques = append(d.uniques, CreateIndex{want.Name, x})
		default:
			d.steps = append(d.steps, CreateIndex{want.Name, x})
		}
	}
	for _, x := range have.Indexes {
		switch {
		case same(x, want.Index(x.Name)):
		case x.Unique:
			d.refuse("records that must differ could become the same", "unique index on %s (%s) would be dropped", want.Name, keys(x))
		default:
			d.steps = append(d.steps, DropIndex{want.Name, x})
		}
	}
	d.steps = append(d.steps, behind...)
}

// holds reports whether t has the columns of an index.
func (t *Table) holds(x *Index) bool {
	return !slices.ContainsFunc(x.Columns, func(k IndexColumn) bool { return t.Column(k.Name) == nil })
}
