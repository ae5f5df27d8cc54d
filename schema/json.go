package schema

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/mainstay-run/mainstay/value"
)

// The JSON form is what a database keeps of its own schema, so it only ever
// grows; a member that this version does not know is an error, because then a
// newer one has been here.

type tableJSON struct {
	Name       string       `json:"name"`
	Columns    []columnJSON `json:"columns"`
	PrimaryKey []string     `json:"primary_key"`
	Indexes    []indexJSON  `json:"indexes,omitempty"`
	Laws       []string     `json:"laws,omitempty"`
}

type columnJSON struct {
	Name       string   `json:"name"`
	Type       typeJSON `json:"type"`
	Nullable   bool     `json:"nullable,omitempty"`
	MaxLength  int      `json:"max_length,omitempty"`
	References string   `json:"references,omitempty"`
	OnDelete   OnDelete `json:"on_delete,omitempty"`
	Search     bool     `json:"search,omitempty"`
}

type indexJSON struct {
	Name    string    `json:"name"`
	Columns []keyJSON `json:"columns"`
	Unique  bool      `json:"unique,omitempty"`
}

type keyJSON struct {
	Name string `json:"name"`
	Desc bool   `json:"desc,omitempty"`
}

type typeJSON struct {
	Kind      string       `json:"kind"`
	Precision int          `json:"precision,omitempty"`
	Scale     int          `json:"scale,omitempty"`
	Enum      []string     `json:"enum,omitempty"`
	Elem      *typeJSON    `json:"elem,omitempty"`
	Members   []memberJSON `json:"members,omitempty"`
	Resource  string       `json:"resource,omitempty"`
}

type memberJSON struct {
	Name     string   `json:"name"`
	Type     typeJSON `json:"type"`
	Optional bool     `json:"optional,omitempty"`
}

// kindNames are written into databases: never change one.
var kindNames = map[value.Kind]string{
	value.Bool: "bool", value.Int: "int", value.BigInt: "bigint", value.Float: "float", value.DecimalKind: "decimal",
	value.String: "string", value.Enum: "enum", value.DateKind: "date", value.TimeKind: "time",
	value.TimestampKind: "timestamp", value.DurationKind: "duration", value.ID: "id", value.JSON: "json",
	value.List: "list", value.Struct: "struct",
}

// MarshalJSON gives the form that UnmarshalJSON reads. Defaults are left out.
func (s *Schema) MarshalJSON() ([]byte, error) {
	tables := make([]tableJSON, len(s.Tables))
	for i, t := range s.Tables {
		tables[i] = tableJSON{Name: t.Name, PrimaryKey: t.PrimaryKey}
		for _, c := range t.Columns {
			tables[i].Columns = append(tables[i].Columns,
				columnJSON{c.Name, typeToJSON(c.Type), c.Nullable, c.MaxLength, c.References, c.OnDelete, c.Search})
		}
		for _, x := range t.Indexes {
			index := indexJSON{Name: x.Name, Unique: x.Unique}
			for _, c := range x.Columns {
				index.Columns = append(index.Columns, keyJSON(c))
			}
			tables[i].Indexes = append(tables[i].Indexes, index)
		}
		for _, l := range t.Laws {
			tables[i].Laws = append(tables[i].Laws, l.Text)
		}
	}
	return json.Marshal(struct {
		Tables []tableJSON `json:"tables"`
	}{tables})
}

// UnmarshalJSON reads what MarshalJSON gave.
func (s *Schema) UnmarshalJSON(data []byte) error {
	var in struct {
		Tables []tableJSON `json:"tables"`
	}
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&in); err != nil {
		return fmt.Errorf("schema: %w", err)
	}
	s.Tables = nil
	for _, t := range in.Tables {
		table := &Table{Name: t.Name, PrimaryKey: t.PrimaryKey}
		for _, c := range t.Columns {
			typ, err := typeFromJSON(c.Type)
			if err != nil {
				return fmt.Errorf("schema: column %s.%s: %w", t.Name, c.Name, err)
			}
			table.Columns = append(table.Columns,
				&Column{Name: c.Name, Type: typ, Nullable: c.Nullable, MaxLength: c.MaxLength, References: c.References, OnDelete: c.OnDelete, Search: c.Search})
		}
		for _, x := range t.Indexes {
			index := &Index{Name: x.Name, Unique: x.Unique}
			for _, k := range x.Columns {
				index.Columns = append(index.Columns, IndexColumn(k))
			}
			table.Indexes = append(table.Indexes, index)
		}
		for _, text := range t.Laws {
			table.Laws = append(table.Laws, &Law{Text: text})
		}
		s.Tables = append(s.Tables, table)
	}
	return nil
}

func typeToJSON(t *value.Type) typeJSON {
	out := typeJSON{Kind: kindNames[t.Kind], Precision: t.Precision, Scale: t.Scale, Enum: t.Enum, Resource: t.Resource}
	if t.Elem != nil {
		elem := typeToJSON(t.Elem)
		out.Elem = &elem
	}
	for _, m := range t.Members {
		out.Members = append(out.Members, memberJSON{m.Name, typeToJSON(m.Type), m.Optional})
	}
	return out
}

func typeFromJSON(in typeJSON) (*value.Type, error) {
	t := &value.Type{Precision: in.Precision, Scale: in.Scale, Enum: in.Enum, Resource: in.Resource}
	for kind, name := range kindNames {
		if name == in.Kind {
			t.Kind = kind
		}
	}
	if t.Kind == value.Invalid || t.Kind == value.List && in.Elem == nil {
		return nil, fmt.Errorf("unknown type %q", in.Kind)
	}
	if in.Elem != nil {
		elem, err := typeFromJSON(*in.Elem)
		if err != nil {
			return nil, err
		}
		t.Elem = elem
	}
	for _, m := range in.Members {
		typ, err := typeFromJSON(m.Type)
		if err != nil {
			return nil, err
		}
		t.Members = append(t.Members, value.Member{Name: m.Name, Type: typ, Optional: m.Optional})
	}
	return t, nil
}
