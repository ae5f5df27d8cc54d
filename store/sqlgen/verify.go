package sqlgen

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/schema"
)

// A driver compares what its catalogue says of a table with what was recorded,
// each thing as one line of text, so that a difference can be told as it stands.

// ColumnLines are the lines of a table's columns.
func ColumnLines(t *schema.Table, typeName func(*schema.Column) string) []string {
	lines := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		lines[i] = "column " + c.Name + " " + typeName(c)
		if !c.Nullable {
			lines[i] += " not null"
		}
		if place := slices.Index(t.PrimaryKey, c.Name); place >= 0 {
			lines[i] += " key " + strconv.Itoa(place+1)
		}
	}
	return lines
}

// ReferenceLines are the lines of a table's references.
func ReferenceLines(t *schema.Table) []string {
	var lines []string
	for _, c := range t.Columns {
		if c.References == "" {
			continue
		}
		action := "no action"
		switch c.OnDelete {
		case schema.Cascade:
			action = "cascade"
		case schema.Clear:
			action = "set null"
		}
		lines = append(lines, "reference "+c.Name+" to "+c.References+" on delete "+action)
	}
	return lines
}

// IndexLines are the lines of a table's indexes.
func IndexLines(t *schema.Table) []string {
	lines := make([]string, len(t.Indexes))
	for i, x := range t.Indexes {
		keys := make([]string, len(x.Columns))
		for j, k := range x.Columns {
			keys[j] = k.Name
			if k.Desc {
				keys[j] += " desc"
			}
		}
		unique := ""
		if x.Unique {
			unique = " unique"
		}
		lines[i] = "index " + x.Name + unique + " on " + strings.Join(keys, ", ")
	}
	return lines
}

// Differences tells which lines are missing and which are too many.
func Differences(table string, have, want []string) []string {
	var list []string
	for _, line := range want {
		if !slices.Contains(have, line) {
			list = append(list, "table "+table+" lacks "+line)
		}
	}
	for _, line := range have {
		if !slices.Contains(want, line) {
			list = append(list, "table "+table+" has "+line)
		}
	}
	return list
}
