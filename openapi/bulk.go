package openapi

import (
	"slices"

	"github.com/mainstay-run/mainstay/contract"
)

const maxMembers = 1000 // operations in one request

func (d *document) bulk(rt route) *operation {
	r := rt.of
	operations := d.named(r, bulkForm, func() string { return d.names.take(r.Name + "Batch") }, func(name string) object {
		return operationsOf(d.bulkItem(r, name))
	})
	results := d.named(r, bulkResultForm, func() string { return d.names.take(r.Name + "BatchResult") }, func(name string) object {
		return itemsOf(d.outcome(name, object{}, d.record(r)))
	})
	return &operation{
		summary: "Make, change and delete several " + spokenPlural(r),
		description: "All or none, unless `atomic=false`: then each operation succeeds or fails by itself, and the answer is 207 when one has failed. " +
			"Each operation asks for the same right as it does alone.",
		parameters: shared("atomic", "IdempotencyKey", "Prefer"),
		body:       body(jsonMedia, operations),
		responses: failing(object{
			{"200", answer("All done, in the order sent.", jsonMedia, results, "Idempotent-Replayed")},
			{"207", answer("Some have failed; each says how it went.", jsonMedia, results)},
		}, everywhere, withBody, conflicts),
	}
}

// bulkItem is one operation: exactly one of its members.
func (d *document) bulkItem(r *contract.Resource, owner string) object {
	return d.named(r, bulkItemForm, func() string { return d.names.take(owner + "Operation") }, func(string) object {
		verbs := object{}
		if mayCreate(r) {
			verbs = append(verbs, member{"create", d.input(r, create)})
		}
		if mayUpdate(r) {
			verbs = append(verbs, member{"update", d.bulkUpdate(r, owner)})
		}
		if mayDelete(r) {
			verbs = append(verbs, member{"delete", d.recordID()})
		}
		if mayCreate(r) && mayUpdate(r) {
			verbs = append(verbs, member{"upsert", d.input(r, create)})
		}
		return object{
			{"type", "object"},
			{"description", "Exactly one of its members. An upsert changes the record with this id or key, and makes it when there is none."},
			{"properties", verbs},
			{"minProperties", 1}, {"maxProperties", 1},
			{"additionalProperties", false},
		}
	})
}

// bulkUpdate is a change with the id of the record that it is for.
func (d *document) bulkUpdate(r *contract.Resource, owner string) object {
	return d.named(r, bulkUpdateForm, func() string { return d.names.take(owner + "Update") }, func(string) object {
		s := d.inputOf(settable(r, update), update, r.Name, "")
		s = slices.Insert(s, 1, member{"required", []string{"id"}})
		for i, m := range s {
			if m.name == "properties" {
				s[i].value = append(object{{"id", uuid()}}, m.value.(object)...)
			}
		}
		return s
	})
}

func (d *document) recordID() object {
	return d.word("record id", []string{"RecordId", "RecordIdentifier"}, func(string) object {
		return object{{"type", "object"}, {"required", []string{"id"}}, {"properties", object{{"id", uuid()}}}, {"additionalProperties", false}}
	})
}

// outcome is what became of one operation; first are members of its own.
func (d *document) outcome(owner string, first object, record object) object {
	name := d.names.take(owner + "Item")
	d.schemas = append(d.schemas, member{name, object{
		{"type", "object"},
		{"required", []string{"status"}},
		{"properties", append(first,
			member{"status", object{{"type", "integer"}, {"format", "int32"}}},
			member{"id", uuid()},
			member{"body", record},
			member{"problem", d.problem()},
		)},
	}})
	return schemaRef(name)
}

func operationsOf(item object) object {
	return object{
		{"type", "object"},
		{"required", []string{"operations"}},
		{"properties", object{
			{"operations", object{{"type", "array"}, {"items", item}, {"minItems", 1}, {"maxItems", maxMembers}}},
		}},
		{"additionalProperties", false},
	}
}

func itemsOf(item object) object {
	return object{
		{"type", "object"},
		{"required", []string{"items"}},
		{"properties", object{{"items", object{{"type", "array"}, {"items", item}}}}},
	}
}

func (d *document) transact(rt route) *operation {
	operations := d.word("batch", []string{"Batch", "BatchOfOperations"}, func(name string) object {
		return d.example(operationsOf(d.batchOperation(name)), d.exampleBatch())
	})
	results := d.word("batch result", []string{"BatchResult", "BatchOfResults"}, func(name string) object {
		first := object{{"name", object{{"type", "string"}, {"description", "The operation's name."}}}}
		return itemsOf(d.outcome(name, first, object{}))
	})
	return &operation{
		tag:     batchTag,
		summary: "Several operations in one transaction",
		description: "All or none. A value `{\"$ref\": \"c#/id\"}` in a body stands for a part of the record that the operation named `c` gave before. " +
			"Each operation asks for the same right as it does alone.",
		parameters: shared("IdempotencyKey", "Prefer"),
		body:       body(jsonMedia, operations),
		responses: failing(object{{"200", answer("All done, in the order sent.", jsonMedia, results, "Idempotent-Replayed")}},
			everywhere, withBody, conflicts),
	}
}

func (d *document) batchOperation(owner string) object {
	name := d.names.take(owner + "Operation")
	d.schemas = append(d.schemas, member{name, object{
		{"type", "object"},
		{"required", []string{"method", "path"}},
		{"properties", object{
			{"method", object{{"type", "string"}, {"enum", []string{"POST", "PUT", "PATCH", "DELETE"}}}},
			{"path", object{{"type", "string"}, {"description", "A path on which one record is written."}}},
			{"name", object{{"type", "string"}, {"description", "For later operations to refer to."}}},
			{"body", object{{"description", "What the path takes."}}},
		}},
		{"additionalProperties", false},
	}})
	return schemaRef(name)
}

// exampleBatch makes a record of the first resource that can be made.
func (d *document) exampleBatch() object {
	for _, r := range d.contract.Resources {
		if mayCreate(r) {
			return object{{"operations", []object{{
				{"method", "POST"}, {"path", "/" + r.Path}, {"name", "first"}, {"body", exampleInput(settable(r, create))},
			}}}}
		}
	}
	return nil
}
