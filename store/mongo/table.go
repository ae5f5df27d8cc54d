package mongo

import (
	"regexp"
	"slices"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/value"
)

// keyField is the field of every document by which it is found.
const keyField = "_id"

// heldField counts how often a document was held: writing to it is the only lock
// that there is.
const heldField = "_held"

// table is a table of the schema as it is stored: one document for each row, a
// primary key of one column in _id. A key of several is a unique index, and _id
// the server's own.
type table struct {
	*schema.Table
	// referring are the columns of all tables that refer to this one.
	referring []reference
}

type reference struct {
	from   *table
	column *schema.Column
}

// tablesOf prepares all tables of a schema.
func tablesOf(s *schema.Schema) map[string]*table {
	tables := map[string]*table{}
	for _, t := range s.Tables {
		tables[t.Name] = &table{Table: t}
	}
	for _, t := range s.Tables {
		for _, c := range t.Columns {
			if target := tables[c.References]; target != nil {
				target.referring = append(target.referring, reference{tables[t.Name], c})
			}
		}
	}
	return tables
}

// field is where a column is stored.
func (t *table) field(column string) string {
	if len(t.PrimaryKey) == 1 && t.PrimaryKey[0] == column {
		return keyField
	}
	return column
}

// column is the other way round.
func (t *table) column(field string) string {
	if field == keyField && len(t.PrimaryKey) == 1 {
		return t.PrimaryKey[0]
	}
	return field
}

// keyType is the type of a primary key of one column.
func (t *table) keyType() *value.Type { return t.Column(t.PrimaryKey[0]).Type }

// uniques are the columns of each unique index, the primary key first.
func (t *table) uniques() [][]string {
	list := [][]string{t.PrimaryKey}
	for _, x := range t.Indexes {
		if x.Unique {
			var names []string
			for _, c := range x.Columns {
				names = append(names, c.Name)
			}
			list = append(list, names)
		}
	}
	return list
}

var indexName = regexp.MustCompile(`index: (\S+)`)

// columnsOfIndexIn finds the index that an error names: "E11000 duplicate key error
// collection: shop.people index: people__email__unique dup key: …".
func (t *table) columnsOfIndexIn(message string) []string {
	m := indexName.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	if m[1] == "_id_" || m[1] == keyName(t.Name) {
		return slices.Clone(t.PrimaryKey)
	}
	var names []string
	if x := t.Index(m[1]); x != nil {
		for _, c := range x.Columns {
			names = append(names, c.Name)
		}
	}
	return names
}

// keyName is the name of the index over a primary key of several columns.
func keyName(table string) string { return table + "__key" }
