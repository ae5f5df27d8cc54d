package schema

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// maxName is the longest name of an index in bytes; PostgreSQL cuts at 63.
const maxName = 60

// AddUnique adds a unique index over these columns, once.
func (t *Table) AddUnique(columns ...string) {
	t.add(&Index{Columns: ascending(columns), Unique: true}, columns)
}

// AddIndex adds an index with these keys, once. It ends with the id in the last
// key's direction, as every sort does, so that a page needs no sorting.
func (t *Table) AddIndex(keys ...IndexColumn) {
	var words []string
	withID := false
	for _, k := range keys {
		word := k.Name
		if k.Desc {
			word += "_desc"
		}
		words = append(words, word)
		withID = withID || k.Name == "id"
	}
	columns := slices.Clone(keys)
	if !withID && t.Column("id") != nil {
		columns = append(columns, IndexColumn{"id", keys[len(keys)-1].Desc})
	}
	t.add(&Index{Columns: columns}, words)
}

// NeedIndex adds an index over these columns unless the primary key or an index
// begins with them already, in any order among themselves.
func (t *Table) NeedIndex(columns ...string) {
	if !t.covered(columns) {
		t.AddIndex(ascending(columns)...)
	}
}

func (t *Table) covered(columns []string) bool {
	lists := [][]string{t.PrimaryKey}
	for _, x := range t.Indexes {
		var names []string
		for _, c := range x.Columns {
			names = append(names, c.Name)
		}
		lists = append(lists, names)
	}
	for _, list := range lists {
		if len(list) < len(columns) {
			continue
		}
		begins := true
		for _, c := range columns {
			begins = begins && slices.Contains(list[:len(columns)], c)
		}
		if begins {
			return true
		}
	}
	return false
}

func ascending(columns []string) []IndexColumn {
	keys := make([]IndexColumn, len(columns))
	for i, c := range columns {
		keys[i].Name = c
	}
	return keys
}

func (t *Table) add(x *Index, words []string) {
	x.Name = indexName(t.Name, words, x.Unique)
	for _, y := range t.Indexes {
		if y.Name == x.Name || y.Unique == x.Unique && slices.Equal(y.Columns, x.Columns) {
			return
		}
	}
	t.Indexes = append(t.Indexes, x)
}

// indexName is the same for the same columns, always: "postings__company__status".
// Two underscores keep a_b + c apart from a + b_c. A name that is too long ends
// in a hash of the whole.
func indexName(table string, words []string, unique bool) string {
	name := table + "__" + strings.Join(words, "__")
	if unique {
		name += "__unique"
	}
	if len(name) <= maxName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	const digits = 12
	return name[:maxName-digits-2] + "__" + hex.EncodeToString(sum[:digits/2])
}
