package openapi

import (
	"strings"

	"github.com/mainstay-run/mainstay/contract"
)

// shared are parameters that many operations take, each described once.
func shared(names ...string) []object {
	var refs []object
	for _, name := range names {
		refs = append(refs, object{{"$ref", "#/components/parameters/" + component(name)}})
	}
	return refs
}

// component is what a parameter is called among the components: not as any
// schema is, since some generators put both in one place.
func component(name string) string { return name + "Param" }

// controlWords are the parameters with a meaning of their own, by the names that
// shared refers to.
func (d *document) controlWords() object {
	words := func(name, description string, schema object) object {
		o := object{{"name", name}, {"in", "query"}, {"description", description}}
		if schema.get("type") == "array" {
			o = append(o, member{"style", "form"}, member{"explode", false})
		}
		return append(o, member{"schema", schema})
	}
	header := func(name, description string, schema object) object {
		return object{{"name", name}, {"in", "header"}, {"description", description}, {"schema", schema}}
	}
	text := object{{"type", "string"}}
	texts := object{{"type", "array"}, {"items", text}}
	named := object{
		{"filter", words("filter", "An expression that admits a record, such as `"+d.exampleFilter()+"`.", text)},
		{"sort", words("sort", "Fields to sort by, `-` in front for descending. Null sorts lowest; ties are broken by id.", texts)},
		{"fields", words("fields", "Only these members, such as `id,name`. Members that are not named are absent, required or not.", texts)},
		{"include", words("include", "Relations to nest in the records, at most 4 deep, such as `a,b.c`.", texts)},
		{"limit", words("limit", "Records on a page; more than 200 counts as 200.", object{{"type", "integer"}, {"format", "int32"}, {"minimum", 1}, {"default", 50}})},
		{"cursor", words("cursor", "Where a page begins: `next` or `prev` of a page before.", text)},
		{"offset", words("offset", "Records to skip, for those who need page numbers.", object{{"type", "integer"}, {"format", "int32"}, {"minimum", 0}, {"maximum", 10000}})},
		{"count", words("count", "`exact` for a total.", object{{"type", "string"}, {"enum", []string{"exact"}}})},
		{"search", words("search", "Words that must all be there; case and accents of form do not matter.", text)},
		{"by", words("by", "Fields to group by.", texts)},
		{"measures", words("measures", "What to measure: `count`, `sum:field`, `avg:field`, `min:field`, `max:field`.", texts)},
		{"atomic", words("atomic", "`false`: each member succeeds or fails by itself.", object{{"type", "boolean"}, {"default", true}})},
		{"max_affected", append(words("max_affected", "The most records that may be affected; if there are more, nothing is done.", object{{"type", "integer"}, {"format", "int32"}, {"minimum", 1}}), member{"required", true})},
		{"IfMatch", header("If-Match", "Only if the record still has this ETag.", text)},
		{"IfNoneMatch", header("If-None-Match", "Only if the record no longer has this ETag; `*` with PUT: only if there is none.", text)},
		{"IdempotencyKey", header("Idempotency-Key", "A key of the client's own: the same request with the same key is done once, for 24 hours.", object{{"type", "string"}, {"minLength", 1}, {"maxLength", 255}})},
		{"MainstayRead", header("Mainstay-Read", "`replica`: the answer may be of a moment ago, from a copy of the database. The same header of the answer says where it comes from.", object{{"type", "string"}, {"enum", []string{"replica", "primary"}}})},
		{"Prefer", header("Prefer", "`return=minimal` for an answer without a body.", text)},
	}
	for i := range named {
		named[i].name = component(named[i].name)
	}
	return named
}

// exampleFilter is a filter on a field that the contract has.
func (d *document) exampleFilter() string {
	for _, r := range d.contract.Resources {
		for _, f := range r.Fields {
			if f.Type.Name == "enum" && isReadable(r) && !f.Hidden {
				return f.Name + ` == "` + f.Type.Value.Enum[0] + `"`
			}
		}
	}
	return `created_at > timestamp("2026-11-22T10:00:00Z")`
}

// equality is what the parameter `field=value` of a resource is called: PostingStatus.
func equality(r *contract.Resource, field string) string { return r.Name + pascal(field) }

// equalities are the parameters `field=value` of a resource and its declared filters.
func (d *document) equalities(r *contract.Resource) []object {
	var refs []object
	add := func(name string, p object) {
		name = equality(r, name)
		if d.parameter(name) == nil {
			d.parameters = append(d.parameters, member{component(name), p})
		}
		refs = append(refs, shared(name)...)
	}
	for _, f := range answered(r) {
		if isComparable(f) {
			add(f.Name, object{
				{"name", f.Name}, {"in", "query"},
				{"description", "Equal to it; repeated: to any of them."},
				{"style", "form"}, {"explode", true},
				{"schema", object{{"type", "array"}, {"items", d.operand(f, r.Name)}}},
			}.with("deprecated", f.Deprecated))
		}
	}
	for _, f := range r.Filters {
		add(f.Name, d.declared(r, f))
	}
	return refs
}

// declared is the parameter of a declared filter.
func (d *document) declared(r *contract.Resource, f *contract.Filter) object {
	schema := object{{"type", "boolean"}}
	if f.Input != nil {
		schema = d.typed(f.Input.Type, create, r.Name+pascal(f.Name))
	}
	description := strings.TrimSpace(f.Description + " Admits where `" + f.Where.Source + "`.")
	return object{{"name", f.Name}, {"in", "query"}, {"description", description}, {"schema", schema}}
}

// isComparable reports whether `field=value` makes sense of a field.
func isComparable(f *contract.Field) bool {
	switch f.Type.Name {
	case "many", "list", "struct", "json", "file":
		return false
	}
	return !f.Encrypted || f.Lookup
}

// address is the parameter that names one record.
func address(r *contract.Resource, name string) object {
	schema, description := uuid(), "The record's id."
	if r.Key != nil {
		schema, description = object{{"type", "string"}}, "The record's id or its "+r.Key.Name+"."
	}
	return object{{"name", name}, {"in", "path"}, {"required", true}, {"description", description}, {"schema", schema}}
}
