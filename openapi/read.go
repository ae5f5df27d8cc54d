package openapi

import (
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
)

func (d *document) list(rt route) *operation {
	r := rt.of
	return &operation{
		summary:     "List " + spokenPlural(r),
		description: d.access("Those are listed for which this holds:", rulesFor(r, "read")),
		parameters:  d.listParameters(r),
		responses:   failing(object{{"200", answer("One page.", jsonMedia, d.page(r), "Link")}}, everywhere),
	}
}

func (d *document) nested(rt route) *operation {
	r, of := rt.many.Type.Target, rt.of
	return &operation{
		summary:     "List the " + spoken(rt.many.Name) + " of " + a(of.Name),
		description: d.access("Those are listed for which this holds:", rulesFor(r, "read")),
		parameters:  append([]object{address(of, "id")}, d.listParameters(r)...),
		responses:   failing(object{{"200", answer("One page.", jsonMedia, d.page(r), "Link")}}, everywhere),
	}
}

func (d *document) query(rt route) *operation {
	r := rt.of
	return &operation{
		summary:     "List " + spokenPlural(r) + " by a long query",
		description: "The parameters of the list as a body. `QUERY /" + r.Path + "` does the same.",
		body:        body(jsonMedia, d.longQuery(r)),
		responses:   failing(object{{"200", answer("One page.", jsonMedia, d.page(r), "Link")}}, everywhere, withBody),
	}
}

// longQuery is the parameters of a list as a JSON object.
func (d *document) longQuery(r *contract.Resource) object {
	return d.named(r, queryForm, func() string { return d.names.take(r.Name + "Query") }, func(name string) object {
		properties := object{}
		for _, word := range listWords(r) {
			p := d.parameter(word)
			properties = append(properties, member{word, append(slices.Clone(p.get("schema").(object)), member{"description", p.get("description")})})
		}
		return append(object{{"type", "object"}, {"properties", append(properties, member{"where", d.where(r, name)})}},
			member{"additionalProperties", false})
	})
}

// where is the equalities of a long query.
func (d *document) where(r *contract.Resource, owner string) object {
	return d.named(r, whereForm, func() string { return d.names.take(owner + "Where") }, func(string) object {
		properties := object{}
		for _, ref := range d.equalities(r) {
			_, name, _ := strings.Cut(ref.get("$ref").(string), "/parameters/")
			p := d.parameters.get(name).(object)
			properties = append(properties, member{p.get("name").(string), p.get("schema")})
		}
		return object{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}}
	})
}

func (d *document) count(rt route) *operation {
	r := rt.of
	total := d.word("count", []string{"Count", "RecordCount"}, func(string) object {
		return object{{"type", "object"}, {"required", []string{"total"}}, {"properties", object{
			{"total", object{{"type", "integer"}, {"format", "int64"}, {"minimum", 0}}},
		}}}
	})
	return &operation{
		summary:     "Count " + spokenPlural(r),
		description: d.access("Those are counted for which this holds:", rulesFor(r, "read")),
		parameters:  append(shared(append(whichWords(r), "MainstayRead")...), d.equalities(r)...),
		responses:   failing(object{{"200", answer("How many there are.", jsonMedia, total)}}, everywhere),
	}
}

func (d *document) export(rt route) *operation {
	r := rt.of
	o := &operation{
		description: d.access("Those are exported for which this holds:", rulesFor(r, "read")),
		parameters:  append(shared(append(whichWords(r), "sort", "fields", "MainstayRead")...), d.equalities(r)...),
	}
	media, text := "text/csv", object{{"type", "string"}}
	o.summary = "Export " + spokenPlural(r) + " as a table (CSV)"
	if rt.Format == "ndjson" {
		media = "application/x-ndjson"
		o.summary = "Export " + spokenPlural(r) + ", one JSON object a line"
	}
	o.responses = failing(object{{"200", answer("All of them.", media, text)}}, everywhere)
	return o
}

func (d *document) get(rt route) *operation {
	r := rt.of
	return &operation{
		summary:     "Read " + a(r.Name),
		description: d.access("Readable where", rulesFor(r, "read")),
		parameters:  append([]object{address(r, "id")}, shared("fields", "include", "IfNoneMatch", "MainstayRead")...),
		responses: failing(object{
			{"200", answer("The record.", jsonMedia, d.record(r), "ETag")},
			{"304", answer("Unchanged since If-None-Match.", "", nil, "ETag")},
		}, everywhere),
	}
}

// listParameters are what a list takes: the control words, then the fields.
func (d *document) listParameters(r *contract.Resource) []object {
	return append(shared(append(listWords(r), "MainstayRead")...), d.equalities(r)...)
}

func listWords(r *contract.Resource) []string {
	return append(whichWords(r), "sort", "fields", "include", "limit", "cursor", "offset", "count")
}

// whichWords are the control words that choose records.
func whichWords(r *contract.Resource) []string {
	for _, f := range r.Fields {
		if f.Search {
			return []string{"filter", "search"}
		}
	}
	return []string{"filter"}
}

// parameter finds a parameter that was described before.
func (d *document) parameter(name string) object {
	p, _ := d.parameters.get(component(name)).(object)
	return p
}

// spokenPlural is what a resource's records are called in words: job descriptions.
func spokenPlural(r *contract.Resource) string { return strings.ReplaceAll(r.Path, "-", " ") }
