package seed

import (
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// world is the records of a seed, for the rules' expressions. The database is no
// part of it: a seed refers to nothing but itself.
type world struct {
	set       *rule.Set
	byID      map[string]map[value.UUID]rule.Record
	inOrder   map[string][]rule.Record
	relations map[relation][]rule.Record
}

// relation is a reference field and the record that it points to.
type relation struct {
	resource, field string
	id              value.UUID
}

var _ rule.World = (*world)(nil)

func newWorld(set *rule.Set) *world {
	return &world{
		set:       set,
		byID:      map[string]map[value.UUID]rule.Record{},
		inOrder:   map[string][]rule.Record{},
		relations: map[relation][]rule.Record{},
	}
}

// add makes a record findable, its references as they are now.
func (w *world) add(resource string, rec rule.Record) {
	id := rec["id"].(value.UUID)
	if w.byID[resource] == nil {
		w.byID[resource] = map[value.UUID]rule.Record{}
	}
	w.byID[resource][id] = rec
	w.inOrder[resource] = append(w.inOrder[resource], rec)
	for _, f := range w.set.Resource(resource).Fields {
		if to, ok := rec[f.Name].(value.UUID); ok && f.Type.Name == "ref" {
			key := relation{resource, f.Name, to}
			w.relations[key] = append(w.relations[key], rec)
		}
	}
}

// Lookup finds a record by id.
func (w *world) Lookup(resource string, id value.UUID) (rule.Record, bool) {
	rec, ok := w.byID[resource][id]
	return rec, ok
}

// Related lists the records whose field refers to id.
func (w *world) Related(resource, field string, id value.UUID) []rule.Record {
	return w.relations[relation{resource, field, id}]
}
