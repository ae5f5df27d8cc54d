package openapi

import (
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
)

func (d *document) create(rt route) *operation {
	r := rt.of
	description := d.access("Allowed where the new record has", rulesFor(r, "create"))
	made := answer("Made. Without a body when its maker may not read it.", jsonMedia, d.record(r), "Location", "ETag", "Idempotent-Replayed")
	return &operation{
		summary:     "Make " + a(r.Name),
		description: description,
		parameters:  shared("fields", "include", "IdempotencyKey", "Prefer"),
		body:        body(jsonMedia, d.input(r, create)),
		responses:   failing(object{{"201", made.with("links", d.links(r))}}, everywhere, withBody, conflicts),
	}
}

// links lead from a new record to what can be done with it.
func (d *document) links(r *contract.Resource) object {
	links := object{}
	add := func(verb string, may bool) {
		if may {
			links = append(links, member{verb + r.Name, object{
				{"operationId", verb + r.Name},
				{"parameters", object{{"id", "$response.body#/id"}}},
			}})
		}
	}
	add("get", isReadable(r))
	add("update", mayUpdate(r))
	add("delete", mayDelete(r))
	return links
}

func (d *document) update(rt route) *operation {
	r := rt.of
	return &operation{
		summary: "Change " + a(r.Name),
		description: "Members that are absent stay as they are, null clears (RFC 7396; `application/json` is taken too). " +
			"Members that cannot be changed may be sent back as they are.\n\n" +
			d.access("Allowed where the record has, before and after,", rulesFor(r, "update")),
		parameters: append([]object{address(r, "id")}, shared("fields", "include", "IfMatch", "IdempotencyKey", "Prefer")...),
		body:       body(patchMedia, d.input(r, update)),
		responses: failing(object{{"200", answer("Changed.", jsonMedia, d.record(r), "ETag", "Idempotent-Replayed")}},
			everywhere, withBody, conflicts, ifMatched),
	}
}

func (d *document) replace(rt route) *operation {
	r := rt.of
	return &operation{
		summary: "Replace or make " + a(r.Name),
		description: "Members that are absent become their default or null; fields that the caller cannot read stay. " +
			"`If-None-Match: *` only makes. Replacing asks for the right to update, making for the right to create.",
		parameters: append([]object{address(r, "id")}, shared("fields", "include", "IfMatch", "IfNoneMatch", "Prefer")...),
		body:       body(jsonMedia, d.input(r, create)),
		responses: failing(object{
			{"200", answer("Replaced.", jsonMedia, d.record(r), "ETag")},
			{"201", answer("Made.", jsonMedia, d.record(r), "Location", "ETag")},
		}, everywhere, withBody, conflicts, ifMatched),
	}
}

func (d *document) delete(rt route) *operation {
	r := rt.of
	return &operation{
		summary:     "Delete " + a(r.Name),
		description: d.access("Allowed where", rulesFor(r, "delete")),
		parameters:  append([]object{address(r, "id")}, shared("IfMatch")...),
		responses:   failing(object{{"204", answer("Deleted.", "", nil)}}, everywhere, conflicts, ifMatched),
	}
}

func (d *document) act(rt route) *operation {
	r, act := rt.of, rt.action
	o := &operation{
		summary:     strings.ToUpper(act.Name[:1]) + spoken(act.Name[1:]) + " " + a(r.Name),
		description: paragraphs(act.Description, moveInWords(act.Move), d.access("Allowed where", []string{strings.TrimSpace(act.Allow.Source)})),
		parameters:  append([]object{address(r, "id")}, shared("fields", "include", "IfMatch", "IdempotencyKey", "Prefer")...),
		responses: failing(object{{"200", answer("Done.", jsonMedia, d.record(r), "ETag", "Idempotent-Replayed")}},
			everywhere, withBody, conflicts, ifMatched),
	}
	if len(act.Input) > 0 {
		input := d.named(act, create, func() string { return d.names.take(r.Name+pascal(act.Name), r.Name+pascal(act.Name)+"Input") }, func(name string) object {
			return d.example(d.inputOf(act.Input, create, name, ""), exampleInput(act.Input))
		})
		o.body = body(jsonMedia, input)
	}
	return o
}

func moveInWords(m *contract.Move) string {
	if m == nil {
		return ""
	}
	from := make([]string, len(m.From))
	for i, state := range m.From {
		from[i] = "`" + state + "`"
	}
	return "Moves `" + m.Field.Name + "` from " + strings.Join(from, ", ") + " to `" + m.To + "`; from any other state it is a conflict."
}

// updateWhere and deleteWhere change every record that a filter admits.
func (d *document) updateWhere(rt route) *operation {
	r := rt.of
	return &operation{
		summary: "Change all " + spokenPlural(r) + " that a filter admits",
		description: "All or none: a record that is readable but may not be changed refuses the whole.\n\n" +
			d.access("Allowed where each record has, before and after,", rulesFor(r, "update")),
		parameters: d.whereParameters(r, "IdempotencyKey"),
		body:       body(patchMedia, d.input(r, update)),
		responses:  failing(object{{"200", answer("Changed.", jsonMedia, d.affected())}}, everywhere, withBody, conflicts),
	}
}

func (d *document) deleteWhere(rt route) *operation {
	r := rt.of
	return &operation{
		summary: "Delete all " + spokenPlural(r) + " that a filter admits",
		description: "All or none: a record that is readable but may not be deleted refuses the whole.\n\n" +
			d.access("Allowed where each record has", rulesFor(r, "delete")),
		parameters: d.whereParameters(r),
		responses:  failing(object{{"200", answer("Deleted.", jsonMedia, d.affected())}}, everywhere, conflicts),
	}
}

// whereParameters choose the records; a filter is a must.
func (d *document) whereParameters(r *contract.Resource, headers ...string) []object {
	filter := append(slices.Clone(d.parameter("filter")), member{"required", true})
	params := []object{filter}
	params = append(params, shared("max_affected")...)
	params = append(params, d.equalities(r)...)
	return append(params, shared(headers...)...)
}

func (d *document) affected() object {
	return d.word("affected", []string{"Affected", "AffectedRecords"}, func(string) object {
		return object{{"type", "object"}, {"required", []string{"affected"}}, {"properties", object{
			{"affected", object{{"type", "integer"}, {"format", "int64"}, {"minimum", 0}}},
		}}}
	})
}

func paragraphs(texts ...string) string {
	var said []string
	for _, t := range texts {
		if t != "" {
			said = append(said, t)
		}
	}
	return strings.Join(said, "\n\n")
}

func mayCreate(r *contract.Resource) bool { return len(rulesFor(r, "create")) > 0 }
func mayUpdate(r *contract.Resource) bool { return len(rulesFor(r, "update")) > 0 }
func mayDelete(r *contract.Resource) bool { return len(rulesFor(r, "delete")) > 0 }
