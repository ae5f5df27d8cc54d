package sqlgen

import (
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
)

// A driver compares what its catalogue says of a table with what was recorded, thing by
// thing, each as one line of text, so that a difference can be told as it stands.

// Thing is something of a table: a line of text that begins with its kind, and its name.
// What is of no kind below is a difference always.
type Thing struct{ Kind, Name, Line string }

// The kinds of things.
const (
	Column     = "column"
	PrimaryKey = "primary key"
	Reference  = "reference"
	Index      = "index"
)

// ThingSeparator stands between line and name where a catalogue gives both in one text.
const ThingSeparator = "\x1f"

// ThingOf reads a text of a catalogue.
func ThingOf(text string) Thing {
	line, name, _ := strings.Cut(text, ThingSeparator)
	for _, kind := range []string{Column, PrimaryKey, Reference, Index} {
		if strings.HasPrefix(line, kind+" ") {
			return Thing{Kind: kind, Name: name, Line: line}
		}
	}
	return Thing{Name: name, Line: line}
}

// Things are those that a table consists of. A reference has the name of its column,
// since each database names it in its own way.
func Things(t *schema.Table, typeName func(*schema.Column) string) []Thing {
	list := []Thing{{PrimaryKey, "", "primary key on " + strings.Join(t.PrimaryKey, ", ")}}
	for _, c := range t.Columns {
		line := "column " + c.Name + " " + typeName(c)
		if !c.Nullable {
			line += " not null"
		}
		list = append(list, Thing{Column, c.Name, line})
		if c.References != "" {
			list = append(list, Thing{Reference, c.Name, "reference " + c.Name + " to " + c.References + " on delete " + deleteActions[c.OnDelete]})
		}
	}
	for _, x := range t.Indexes {
		list = append(list, Thing{Index, x.Name, indexLine(x)})
	}
	return list
}

var deleteActions = map[schema.OnDelete]string{"": "no action", schema.Refuse: "no action", schema.Cascade: "cascade", schema.Clear: "set null"}

func indexLine(x *schema.Index) string {
	keys := make([]string, len(x.Columns))
	for i, k := range x.Columns {
		keys[i] = k.Name
		if k.Desc {
			keys[i] += " desc"
		}
	}
	unique := ""
	if x.Unique {
		unique = " unique"
	}
	return "index " + x.Name + unique + " on " + strings.Join(keys, ", ")
}

// Difference is one from what was recorded.
type Difference struct {
	What string
	// First is what to think of before it is mended; "" for nothing.
	First string
	// Mend is the statement that mends it; "" where none does.
	Mend string
}

func (x Difference) String() string {
	if x.Mend == "" {
		return x.What + "; no statement mends it: restore a backup"
	}
	return x.What + "; " + x.First + "mend it with " + x.Mend
}

// ForeignTable is the difference of a table that was not recorded.
func ForeignTable(name, drop string) Difference {
	return Difference{"table " + name + " is not one of mainstay's", "keep it in another database, and ", drop}
}

// MissingTable is the difference of a table that is not there.
func MissingTable(name string, create ...string) Difference {
	text := strings.NewReplacer("(\n\t", "(", ",\n\t", ", ", "\n)", ")").Replace(strings.Join(create, "; "))
	return Difference{"table " + name + " is missing", "its rows are gone: restore a backup, or ", text}
}

// Tell is the text of differences. In a database of which nothing is recorded nothing is
// to be mended: it is somebody else's.
func Tell(list []Difference, recorded *schema.Schema) string {
	texts := make([]string, len(list))
	for i, x := range list {
		texts[i] = x.String()
		if len(recorded.Tables) == 0 {
			texts[i] = x.What
		}
	}
	if len(recorded.Tables) == 0 {
		texts = append(texts, "nothing of mainstay's is recorded there: name a database that is empty")
	}
	return strings.Join(texts, "; ")
}

// Mender spells what mends a table; "" where no statement does.
type Mender interface {
	Make(t *schema.Table, lacks Thing) string
	Drop(t *schema.Table, has Thing) string
	// Change makes a column that is there, and another, as it was recorded.
	Change(t *schema.Table, c *schema.Column, has Thing) string
}

// Differences tells what is missing, too much and another, in an order in which it can
// be mended: what rests on a column goes before it, and comes after it.
func Differences(t *schema.Table, have, want []Thing, m Mender) []Difference {
	lacks, has := without(want, have), without(have, want)
	lacksColumn := func(name string) bool { return slices.ContainsFunc(lacks, columnNamed(name)) }
	var list []Difference
	for _, h := range has {
		if h.Kind == "" { // whatever it is, it is not as it was recorded
			list = append(list, Difference{What: "table " + t.Name + " has " + h.Line})
		}
	}
	for _, kind := range []string{Reference, Index, PrimaryKey, Column} {
		for _, h := range has {
			if h.Kind != kind || kind == Column && lacksColumn(h.Name) {
				continue
			}
			x := Difference{What: "table " + t.Name + " has " + h.Line, Mend: m.Drop(t, h)}
			if kind == Column {
				x.First = "keep its values elsewhere, and "
			}
			list = append(list, x)
		}
	}
	for _, kind := range []string{Column, PrimaryKey, Reference, Index} {
		for _, l := range lacks {
			if l.Kind != kind || kind == Reference && lacksColumn(l.Name) && !slices.ContainsFunc(has, columnNamed(l.Name)) {
				continue // a new column comes with its reference
			}
			x := Difference{What: "table " + t.Name + " lacks " + l.Line}
			if kind != Column {
				x.Mend = m.Make(t, l)
				list = append(list, x)
				continue
			}
			c := t.Column(l.Name)
			if i := slices.IndexFunc(has, columnNamed(l.Name)); i >= 0 {
				list = append(list, Difference{What: "table " + t.Name + " has " + has[i].Line + " instead of " + l.Line, Mend: m.Change(t, c, has[i])})
				continue
			}
			x.First, x.Mend = "its values are gone: restore a backup, or ", m.Make(t, l)
			if !c.Nullable {
				x.First = "its values are gone: restore a backup, or, if the table is empty, "
			}
			list = append(list, x)
		}
	}
	return list
}

func columnNamed(name string) func(Thing) bool {
	return func(x Thing) bool { return x.Kind == Column && x.Name == name }
}

// without is the things of list whose line is in none of others.
func without(list, others []Thing) []Thing {
	return slices.DeleteFunc(slices.Clone(list), func(x Thing) bool {
		return slices.ContainsFunc(others, func(o Thing) bool { return o.Line == x.Line })
	})
}
