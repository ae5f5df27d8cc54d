package mongo

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// indexSpecs are indexes as MongoDB takes them. withKey adds that of a primary key
// of several columns.
func indexSpecs(t *table, list []*schema.Index, withKey bool) []bson.D {
	var specs []bson.D
	if withKey && len(t.PrimaryKey) > 1 {
		key := &schema.Index{Name: keyName(t.Name), Unique: true}
		for _, name := range t.PrimaryKey {
			key.Columns = append(key.Columns, schema.IndexColumn{Name: name})
		}
		list = append([]*schema.Index{key}, list...)
	}
	for _, x := range list {
		specs = append(specs, t.indexSpec(x))
	}
	return specs
}

// indexSpec is one index. A unique one leaves out the documents where a column is
// null, since nulls are not the same as each other. It says so by a comparison
// that every value of the type passes: a search for a value implies it, and so may
// use the index, which it would not by a $type.
func (t *table) indexSpec(x *schema.Index) bson.D {
	keys, filter := bson.D{}, bson.D{}
	for _, k := range x.Columns {
		direction := int32(1)
		if k.Desc {
			direction = -1
		}
		keys = append(keys, bson.E{Key: t.field(k.Name), Value: direction})
		if c := t.Column(k.Name); x.Unique && c != nil && c.Nullable {
			filter = append(filter, bson.E{Key: t.field(k.Name), Value: bson.D{{Key: "$gte", Value: least(c.Type)}}})
		}
	}
	spec := bson.D{{Key: "key", Value: keys}, {Key: "name", Value: x.Name}}
	if x.Unique {
		spec = append(spec, bson.E{Key: "unique", Value: true})
	}
	if len(filter) > 0 {
		spec = append(spec, bson.E{Key: "partialFilterExpression", Value: filter})
	}
	return spec
}

// least is a value below or equal to all that are stored as a t.
func least(t *value.Type) any {
	switch t.Kind {
	case value.Bool:
		return false
	case value.Int, value.BigInt, value.Float, value.DecimalKind, value.TimeKind, value.DurationKind:
		return math.Inf(-1)
	case value.TimestampKind:
		return bson.DateTime(math.MinInt64)
	case value.ID:
		return bson.Binary{Subtype: subtypeUUID, Data: make([]byte, 16)}
	}
	return ""
}

// catalogue is what the database says that it holds: of each collection the lines
// of its indexes.
type catalogue map[string][]string

func (d *Driver) catalogue(ctx context.Context) (catalogue, error) {
	names, err := d.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	there := catalogue{}
	for _, name := range names {
		if name == probe || name == locks || strings.HasPrefix(name, "system.") {
			continue
		}
		cursor, err := d.db.Collection(name).Indexes().List(ctx)
		if err != nil {
			return nil, err
		}
		var list []bson.D
		if err := cursor.All(ctx, &list); err != nil {
			return nil, err
		}
		there[name] = []string{}
		for _, spec := range list {
			if line := indexLine(spec); line != "" {
				there[name] = append(there[name], line)
			}
		}
	}
	return there, nil
}

// indexLine is what matters of an index in one line of text; "" for that of _id.
func indexLine(spec bson.D) string {
	var said bson.D
	for _, name := range []string{"key", "unique", "partialFilterExpression", "sparse", "expireAfterSeconds", "collation"} {
		for _, e := range spec {
			if e.Key == name && e.Value != false {
				said = append(said, e)
			}
		}
	}
	text, err := bson.MarshalExtJSON(said, false, false)
	if err != nil || string(text) == `{"key":{"_id":1}}` {
		return ""
	}
	for _, e := range spec {
		if name, ok := e.Value.(string); ok && e.Key == "name" {
			return "index " + name + " " + string(text)
		}
	}
	return ""
}

func indexLines(t *schema.Table) []string {
	var lines []string
	for _, spec := range indexSpecs(&table{Table: t}, t.Indexes, true) {
		lines = append(lines, indexLine(spec))
	}
	return lines
}

// differences lists how what is there differs from s; what a pending step to next
// may have made already is no difference.
func (there catalogue) differences(s, next *schema.Schema) []sqlgen.Difference {
	var list []sqlgen.Difference
	for _, name := range slices.Sorted(maps.Keys(there)) {
		if s.Table(name) == nil && name != metaTable && (next == nil || next.Table(name) == nil) {
			list = append(list, sqlgen.ForeignTable(name, command(bson.D{{Key: "drop", Value: name}})))
		}
	}
	for _, t := range s.Tables {
		have, ok := there[t.Name]
		specs := indexSpecs(&table{Table: t}, t.Indexes, true)
		if !ok {
			create := []string{command(bson.D{{Key: "create", Value: t.Name}})}
			if len(specs) > 0 {
				create = append(create, command(createIndexes(t.Name, specs)))
			}
			list = append(list, sqlgen.MissingTable(t.Name, create...))
			continue
		}
		want, may := indexLines(t), []string{}
		after := t
		if next != nil && next.Table(t.Name) != nil {
			after = next.Table(t.Name)
			may = indexLines(after)
		}
		for _, line := range have {
			if !slices.Contains(want, line) && !slices.Contains(may, line) {
				name, _, _ := strings.Cut(strings.TrimPrefix(line, "index "), " {")
				list = append(list, sqlgen.Difference{What: "table " + t.Name + " has " + line, Mend: command(bson.D{{Key: "dropIndexes", Value: t.Name}, {Key: "index", Value: name}})})
			}
		}
		for i, line := range want {
			if !slices.Contains(have, line) && (after == t || slices.Contains(may, line)) {
				list = append(list, sqlgen.Difference{What: "table " + t.Name + " lacks " + line, Mend: command(createIndexes(t.Name, specs[i:i+1]))})
			}
		}
	}
	return list
}

// command is how mongosh runs a command.
func command(c bson.D) string {
	text, err := bson.MarshalExtJSON(c, false, false)
	if err != nil {
		return ""
	}
	return "db.runCommand(EJSON.parse('" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(string(text)) + "'))"
}
