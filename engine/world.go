package engine

import (
	"context"

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
}

var _ rule.World = (*world)(nil)

// Lookup finds a record by id.
func (w *world) Lookup(resource string, id value.UUID) (rule.Record, bool) {
	if w.err != nil {
		return nil, false
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
	return found
}
