package openapi

import (
	"strings"

	"github.com/mainstay-run/mainstay/contract"
)

// named is a reference to the component schema of key in a form. It is defined
// the first time that it is asked for: its place among the components is taken
// first, so that what it consists of follows it.
func (d *document) named(key any, in form, name func() string, build func(name string) object) object {
	k := schemaKey{key, in}
	if taken, ok := d.defined[k]; ok {
		return schemaRef(taken)
	}
	taken := name()
	d.defined[k] = taken
	place := len(d.schemas)
	d.schemas = append(d.schemas, member{taken, nil})
	d.schemas[place].value = build(taken)
	return schemaRef(taken)
}

// schemaKey is what a component schema is for: a resource, a type or a word, in a form.
type schemaKey struct {
	of any
	in form
}

func schemaRef(name string) object {
	return object{{"$ref", "#/components/schemas/" + name}}
}

// record is a resource as answered.
func (d *document) record(r *contract.Resource) object {
	return d.named(r, record, func() string { return r.Name }, func(name string) object {
		properties, required := object{}, []string{}
		relations := []string{}
		for _, f := range answered(r) {
			properties = append(properties, member{f.Name, d.field(f, record, name)})
			switch {
			case f.Type.Name == "many":
				relations = append(relations, f.Name)
			case len(d.fieldRules(f, false)) == 0:
				required = append(required, f.Name)
			}
		}
		if len(relations) > 0 {
			properties = append(properties, member{"_more", object{
				{"type", "array"},
				{"items", object{{"type", "string"}}},
				{"description", "Which of the included " + strings.Join(relations, ", ") + " were cut off at 100; go on at their own path."},
			}})
		}
		return d.example(object{{"type", "object"}}.
			with("description", r.Description).
			with("required", required).
			with("properties", properties), d.exampleRecord(r))
	})
}

// input is the body that makes or changes a record.
func (d *document) input(r *contract.Resource, in form) object {
	return d.named(r, in, func() string { return d.names.take(r.Name+in.suffix(), r.Name+in.suffix()+"Input") }, func(string) object {
		fields := settable(r, in)
		example := exampleInput(fields)
		if in == update {
			example = exampleUpdate(fields)
		}
		return d.example(d.inputOf(fields, in, r.Name, checksInWords(r)), example)
	})
}

// inputOf is a body of these fields, which refuses any other member.
func (d *document) inputOf(fields []*contract.Field, in form, owner, description string) object {
	properties, required := object{}, []string{}
	for _, f := range fields {
		s := d.field(f, in, owner)
		if f.Builtin && f.Name == "id" {
			s = uuid().with("description", "A UUID of version 7 within a day of now. Default: made by the server.")
		}
		properties = append(properties, member{f.Name, s})
		if in == create && !f.Dispensable() && f.Default == nil && !f.Builtin {
			required = append(required, f.Name)
		}
	}
	return append(object{{"type", "object"}}.
		with("description", description).
		with("required", required).
		with("properties", properties), member{"additionalProperties", false})
}

// page is one page of a list.
func (d *document) page(r *contract.Resource) object {
	return d.named(r, pageForm, func() string { return d.names.take(r.Name + "Page") }, func(string) object {
		cursor := d.nullable(object{{"type", "string"}})
		return object{
			{"type", "object"},
			{"required", []string{"items", "next", "prev"}},
			{"properties", object{
				{"items", object{{"type", "array"}, {"items", d.record(r)}}},
				{"next", cursor.with("description", "The cursor of the next page; null at the end.")},
				{"prev", cursor.with("description", "The cursor of the page before; null at the start.")},
				{"total", object{{"type", "integer"}, {"format", "int64"}, {"minimum", 0}, {"description", "How many there are in all; present with count=exact."}}},
			}},
		}
	})
}

// Forms of what surrounds records.
const (
	pageForm form = 10 + iota
	referenceForm
	queryForm
	whereForm
	groupForm
	groupsForm
	bulkForm
	bulkItemForm
	bulkUpdateForm
	bulkResultForm
	signupForm
)

// answered are the fields that stand in a record's answer.
func answered(r *contract.Resource) []*contract.Field {
	var fields []*contract.Field
	for _, f := range r.Fields {
		if f.Hidden || f.Type.Name == "file" || f.Type.Name == "many" && !isReadable(f.Type.Target) {
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// settable are the fields that a body may set.
func settable(r *contract.Resource, in form) []*contract.Field {
	var fields []*contract.Field
	for _, f := range r.Fields {
		switch {
		case f.Builtin && f.Name == "id" && in == create:
			fields = append(fields, f)
		case f.Builtin, f.Readonly, f.Type.Name == "many", f.Type.Name == "file":
		case in == update && f.Fixed:
		default:
			fields = append(fields, f)
		}
	}
	return fields
}

// isReadable reports whether somebody may read records of r.
func isReadable(r *contract.Resource) bool { return len(rulesFor(r, "read")) > 0 }

// readByAll reports whether everybody may read every record of r.
func readByAll(r *contract.Resource) bool {
	for _, rule := range rulesFor(r, "read") {
		if rule == "true" {
			return true
		}
	}
	return false
}

// rulesFor are the sources of the rules for an operation, of which one suffices.
func rulesFor(r *contract.Resource, operation string) []string {
	var rules []string
	for _, a := range r.Access {
		if a.Operation == operation && a.Expr.Source != "false" {
			rules = append(rules, strings.TrimSpace(a.Expr.Source))
		}
	}
	return rules
}

// checksInWords are the sentences that hold for every stored record.
func checksInWords(r *contract.Resource) string {
	if len(r.Checks) == 0 {
		return ""
	}
	var sentences []string
	for _, c := range r.Checks {
		sentences = append(sentences, c.Sentence)
	}
	return "It must hold that " + strings.Join(sentences, "; ") + "."
}
