package schema

import (
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// Revision is the column that counts the writes of a record, from 1.
const Revision = "_revision"

// WordsSuffix ends the name of the table that search looks a resource up in.
const WordsSuffix = "_words"

// SeedMark is the name in mainstay_meta under which it stands that a seed was
// loaded. It tells about the records; every other one is about the database.
const SeedMark = "seed"

// Of is what a database holds for c: one table for each resource, one more for
// each that can be searched, and Mainstay's own. Indexes are those that the
// contract declares and one on each reference; what the rules need comes on top
// (see NeedIndex).
func Of(c *contract.Contract) *Schema {
	s := &Schema{Tables: System()}
	for _, r := range inReferenceOrder(c.Resources) {
		s.Tables = append(s.Tables, tableOf(r))
		if searched(r) {
			s.Tables = append(s.Tables, wordsOf(r))
		}
	}
	return s
}

// inReferenceOrder puts the targets of references first, otherwise in the order
// written; a cycle stays in that order.
func inReferenceOrder(resources []*contract.Resource) []*contract.Resource {
	var ordered []*contract.Resource
	met := map[*contract.Resource]bool{}
	var visit func(r *contract.Resource)
	visit = func(r *contract.Resource) {
		if met[r] {
			return
		}
		met[r] = true
		for _, f := range r.Fields {
			if f.Type.Name == "ref" {
				visit(f.Type.Target)
			}
		}
		ordered = append(ordered, r)
	}
	for _, r := range resources {
		visit(r)
	}
	return ordered
}

func tableOf(r *contract.Resource) *Table {
	t := &Table{Name: r.Table, PrimaryKey: []string{"id"}}
	for _, f := range r.Fields {
		if !f.Builtin && t.Column(Revision) == nil {
			t.Columns = append(t.Columns, revision())
		}
		if f.Stored() && f.Type.Value != nil {
			t.Columns = append(t.Columns, columnOf(f))
		}
	}
	if t.Column(Revision) == nil {
		t.Columns = append(t.Columns, revision())
	}

	for _, f := range r.Fields {
		if f.Unique && f.Name != "id" {
			t.AddUnique(f.Name)
		}
	}
	for _, fields := range r.Unique {
		var names []string
		for _, f := range fields {
			names = append(names, f.Name)
		}
		t.AddUnique(names...)
	}
	for _, keys := range r.Indexes {
		var columns []IndexColumn
		for _, k := range keys {
			columns = append(columns, IndexColumn{k.Field.Name, k.Desc})
		}
		t.AddIndex(columns...)
	}
	for _, f := range r.Fields {
		if f.Index || f.Type.Name == "ref" {
			t.NeedIndex(f.Name)
		}
	}
	return t
}

func revision() *Column { return &Column{Name: Revision, Type: &value.Type{Kind: value.Int}} }

func columnOf(f *contract.Field) *Column {
	c := &Column{Name: f.Name, Type: f.Type.Value, Nullable: f.Optional, Search: f.Search}
	switch f.Type.Name {
	case "ref":
		c.References = f.Type.Target.Table
		c.OnDelete = OnDelete(f.OnDelete)
		if c.OnDelete == "" {
			c.OnDelete = Refuse
		}
	case "list":
		if f.Type.MinItems == 0 {
			c.Default = []any{}
		}
	}
	if length, ok := f.Type.Max.(int64); ok && f.Type.Value.Kind == value.String {
		c.MaxLength = int(length)
	}
	if f.Default != nil {
		c.Default = constant(f.Type.Value, f.Default.Source)
	}
	return c
}

// constant reads a default that is written as a literal; nil for every other expression.
func constant(t *value.Type, source string) any {
	source = strings.TrimSpace(source)
	switch t.Kind {
	case value.String, value.Enum:
		if text, ok := unquote(source); ok {
			source = text
		} else if t.Kind == value.String {
			return nil
		}
	case value.Bool, value.Int, value.BigInt, value.Float:
	case value.DateKind, value.TimeKind, value.ID:
		text, ok := unquote(source)
		if !ok {
			return nil
		}
		source = text
	case value.DecimalKind, value.TimestampKind, value.DurationKind:
		argument, called := strings.CutPrefix(source, callOf[t.Kind]+"(")
		text, ok := unquote(strings.TrimSuffix(argument, ")"))
		switch {
		case called && ok:
			source = text
		case called || t.Kind != value.DecimalKind:
			return nil
		}
	case value.List:
		if source != "[]" {
			return nil
		}
	default:
		return nil
	}
	v, err := t.ParseText(source)
	if err != nil {
		return nil
	}
	return v
}

// callOf is how a literal of a kind is written: decimal("9.50").
var callOf = map[value.Kind]string{value.DecimalKind: "decimal", value.TimestampKind: "timestamp", value.DurationKind: "duration"}

// unquote reads a CEL string literal without escapes that Go does not know.
func unquote(source string) (string, bool) {
	if len(source) < 2 || source[0] != source[len(source)-1] {
		return "", false
	}
	switch inner := source[1 : len(source)-1]; source[0] {
	case '"':
		text, err := strconv.Unquote(source)
		return text, err == nil
	case '\'':
		return inner, !strings.ContainsAny(inner, `\'`)
	}
	return "", false
}

func searched(r *contract.Resource) bool {
	for _, f := range r.Fields {
		if f.Search {
			return true
		}
	}
	return false
}

// wordsOf is the inverted index of a resource: which word stands in which field
// of which record.
func wordsOf(r *contract.Resource) *Table {
	text := &value.Type{Kind: value.String}
	t := &Table{
		Name: r.Table + WordsSuffix,
		Columns: []*Column{
			{Name: "word", Type: text, MaxLength: value.MaxWord},
			{Name: "field", Type: text, MaxLength: value.MaxWord},
			{Name: "id", Type: &value.Type{Kind: value.ID, Resource: r.Name}, References: r.Table, OnDelete: Cascade},
		},
		PrimaryKey: []string{"word", "field", "id"},
	}
	t.NeedIndex("id")
	return t
}

// System is Mainstay's own tables: who signs in and how, what was done before,
// and what the database is.
func System() []*Table {
	id := &value.Type{Kind: value.ID}
	text := &value.Type{Kind: value.String}
	integer := &value.Type{Kind: value.Int}
	timestamp := &value.Type{Kind: value.TimestampKind}
	names := &value.Type{Kind: value.List, Elem: text}

	credentials := &Table{Name: "mainstay_credentials", PrimaryKey: []string{"account"}, Columns: []*Column{
		{Name: "account", Type: id},
		{Name: "hash", Type: text, MaxLength: 255},
		{Name: "epoch", Type: integer},
	}}
	sessions := &Table{Name: "mainstay_sessions", PrimaryKey: []string{"hash"}, Columns: []*Column{
		{Name: "hash", Type: text, MaxLength: 64},
		{Name: "account", Type: id},
		{Name: "created_at", Type: timestamp},
		{Name: "expires_at", Type: timestamp},
		{Name: "epoch", Type: integer},
	}}
	sessions.NeedIndex("account")
	sessions.NeedIndex("expires_at")
	keys := &Table{Name: "mainstay_keys", PrimaryKey: []string{"id"}, Columns: []*Column{
		{Name: "id", Type: id},
		{Name: "hash", Type: text, MaxLength: 64},
		{Name: "prefix", Type: text, MaxLength: 64},
		{Name: "account", Type: id},
		{Name: "name", Type: text, MaxLength: 200},
		{Name: "scopes", Type: names, Nullable: true},
		{Name: "created_at", Type: timestamp},
	}}
	keys.AddUnique("hash")
	keys.NeedIndex("account")
	idempotency := &Table{Name: "mainstay_idempotency", PrimaryKey: []string{"id"}, Columns: []*Column{
		{Name: "id", Type: text, MaxLength: 64},
		{Name: "fingerprint", Type: text, MaxLength: 64},
		{Name: "status", Type: integer},
		{Name: "resource", Type: text, MaxLength: 255},
		{Name: "record", Type: id, Nullable: true},
		{Name: "outcome", Type: &value.Type{Kind: value.JSON}, Nullable: true},
		{Name: "created_at", Type: timestamp},
	}}
	idempotency.NeedIndex("created_at")
	meta := &Table{Name: "mainstay_meta", PrimaryKey: []string{"name"}, Columns: []*Column{
		{Name: "name", Type: text, MaxLength: 100},
		{Name: "content", Type: text},
	}}
	return []*Table{credentials, sessions, keys, idempotency, meta}
}
