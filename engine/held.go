package engine

import (
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// held is a record in memory in place of the row that reading it would give: what
// was just written need not be asked for.
type held struct {
	level *level
	env   *rule.Env // its Record is the record
}

var _ store.Row = (*held)(nil)

// tellable reports whether a record in memory tells all that l's row would: its
// columns are of that record, and no rule that shows them follows a relation. What
// is stored of a struct may be older than its type, so it is read.
func (a *ask) tellable(l *level) bool {
	if l.fields == nil || !a.decides(a.sight.Resource.Read) {
		return false
	}
	for i, f := range l.fields {
		if f.mask != nil && !f.mask.Local() || structured(l.sel.Columns[i].Type) {
			return false
		}
	}
	return true
}

// decides reports whether e is decided without asking the database.
func (a *ask) decides(e *rule.Expr) bool {
	return a.sight.View.Verdict(e) != rule.Depends || e.Local()
}

func structured(t *value.Type) bool {
	return t.Kind == value.Struct || t.Kind == value.List && structured(t.Elem)
}

// tell is rec as the row of l; nil if the caller of c cannot read it.
func (a *ask) tell(c *call, l *level, rec rule.Record) *held {
	a.env.Record = rec
	if !c.holds(a.sight.Resource.Read, &a.env, nil) {
		return nil
	}
	a.told = held{l, &a.env}
	return &a.told
}

func (h *held) value(i int) any {
	f := h.level.fields[i]
	if f.mask != nil && !f.mask.Holds(h.env) {
		return nil
	}
	return h.env.Record[f.name]
}

func (h *held) Null(i int) bool { return h.value(i) == nil }

func (h *held) AppendJSON(dst []byte, i int) []byte {
	return h.level.sel.Columns[i].Type.AppendJSON(dst, h.value(i))
}

func (h *held) Value(i int) (any, error) { return h.value(i), nil }
