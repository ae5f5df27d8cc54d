package engine

import (
	"context"
	"slices"

	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// world lets the evaluator follow relations inside a transaction. It keeps the
// context and the first error because rule.World has no room for them; whoever
// evaluates with it looks at err afterwards.
type world struct {
	ctx context.Context
	e   *Engine
	tx  store.Tx
	err error
	// over, a record of r, stands in place of what is stored under its id, as if
	// it had been written; nil: nothing does.
	r    *rule.Resource
	over rule.Record
}

var _ rule.World = (*world)(nil)

// Lookup finds a record by id.
func (w *world) Lookup(resource string, id value.UUID) (rule.Record, bool) {
	if w.err != nil {
		return nil, false
	}
	if w.over != nil && w.r.Name == resource && w.over["id"] == id {
		return w.over, true
	}
	t := w.e.table(w.e.set.Resource(resource))
	found, err := t.records(w.ctx, w.tx, t.byID, id)
	if err != nil || len(found) == 0 {
		w.err = err
		return nil, false
	}
	return found[0], true
}

// Related lists the records whose field refers to id.
func (w *world) Related(resource, field string, id value.UUID) []rule.Record {
	if w.err != nil {
		return nil
	}
	t := w.e.table(w.e.set.Resource(resource))
	found, err := t.records(w.ctx, w.tx, t.relatedBy(field), id)
	w.err = err
	if w.over == nil || w.r.Name != resource {
		return found
	}
	found = slices.DeleteFunc(found, func(rec rule.Record) bool { return rec["id"] == w.over["id"] })
	if w.over[field] == id {
		found = append(found, w.over)
	}
	return found
}
