package engine

import (
	"sync"
	"sync/atomic"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const (
	listCap    = 100    // records of a to-many list inside one record
	maxRecords = 10_000 // records that to-many lists may bring into one answer, by shape
	maxPlans   = 2048
	maxShape   = 2048 // bytes; the plan of a longer shape is made each time
)

// plan is one shape of read, ready to run: statements whose parameters are
// filled from each request's literals, and the way from rows to JSON. Everybody
// with the same view and the same shape of request shares it; it never changes.
type plan struct {
	filter *rule.Expr // the request's filter, for the types of its literals
	parent *level     // finds the parent of a nested collection, nil without one
	root   *level     // nil when nothing is readable
	total  *level     // counts, nil when not asked
	order  []sortKey
	// reaches are the other resources that the answer shows or the filter looks
	// into; an API key's scopes must admit them.
	reaches []*rule.Resource
	// perRecord is the most records that to-many lists can bring in per record of root.
	perRecord int
	// whole: the entity tag is the record's revision.
	whole bool
	// tellable: the one record of root is told by what is in memory of it.
	tellable bool
	measures []measure    // of an aggregate
	header   []cell       // of an export
	size     atomic.Int64 // bytes of the last answer, to make the next buffer in one go
}

// level is one statement: records of a resource with everything that joins them.
type level struct {
	sel  *query.Select
	args rule.Args
	rec  *record
	// lists are the to-many lists of its records, those of included references too.
	lists []*many
	// parent is the column of the reference that a to-many list is grouped by.
	parent   int
	revision int // column, when plan.whole
	// fields are what the columns hold, when all are of the one record; see held.
	fields []source
}

// source is a field, as its caller may see it: null where the mask does not hold.
type source struct {
	name string
	mask *rule.Expr // nil: none
}

// mode is the transaction that a plan needs: all its statements see one state.
func (p *plan) mode() store.Mode {
	if p.parent != nil || p.total != nil || p.root != nil && len(p.root.lists) > 0 {
		return store.Snapshot
	}
	return store.ReadOne
}

// planKey names a plan. The shape begins with the operation's kind.
type planKey struct {
	view     *rule.View
	resource *rule.Resource
	shape    string
}

// readPlans keeps plans in two generations: what is used moves to the young one,
// and when that is full the old one goes. So it is bounded, whatever is asked.
type readPlans struct {
	mu         sync.RWMutex
	young, old map[planKey]*plan
}

// plan finds the plan of a's shape, or has it made. A request with faults gets
// none: building tells them together with those of its shape.
func (e *Engine) plan(c *call, a *ask, build func(*ask) (*plan, error)) (*plan, error) {
	var p *plan
	if len(a.faults) == 0 {
		p = e.readPlans.find(a.sight, a.key)
	}
	if p == nil {
		made, err := build(a)
		if err == nil {
			err = a.refused()
		}
		if err != nil {
			return nil, err
		}
		e.settle(made)
		made.filter = a.filter
		made.reaches = append(made.reaches, a.reached()...)
		if p = made; len(a.key) <= maxShape {
			p = e.readPlans.keep(planKey{a.sight.View, a.sight.Resource, string(a.key)}, made)
		}
	}
	for _, r := range p.reaches {
		if !c.scoped(r, "read") {
			return nil, c.outOfScope(r, "read")
		}
	}
	return p, a.typeFilter(p.filter)
}

// reached are the resources that the request's conditions look into.
func (a *ask) reached() (out []*rule.Resource) {
	if a.filter != nil {
		out = append(out, a.filter.Reaches()...)
	}
	for _, q := range a.equal {
		if q.filter != nil {
			out = append(out, q.filter.Reaches()...)
		}
	}
	return out
}

func (r *readPlans) find(s *rule.Sight, shape []byte) *plan {
	r.mu.RLock()
	p := r.young[planKey{s.View, s.Resource, string(shape)}] // no copy: the compiler looks up by the bytes
	var aged *plan
	if p == nil {
		aged = r.old[planKey{s.View, s.Resource, string(shape)}]
	}
	r.mu.RUnlock()
	if aged != nil {
		return r.keep(planKey{s.View, s.Resource, string(shape)}, aged)
	}
	return p
}

// keep adds p, unless another request was faster; then that one's plan serves.
func (r *readPlans) keep(k planKey, p *plan) *plan {
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept := r.young[k]; kept != nil {
		return kept
	}
	if r.young == nil || len(r.young) >= maxPlans/2 {
		r.young, r.old = map[planKey]*plan{}, r.young
	}
	r.young[k] = p
	return p
}

// sketch is a statement while it is being made.
type sketch struct {
	ask     *ask
	plan    *plan
	lower   *rule.Lowering
	level   *level
	columns map[column]int
	fields  []source // by column
}

// column is a field on a table reference.
type column struct {
	alias int
	name  string
}

// newSketch begins a statement over r and gives the alias of its records.
func newSketch(a *ask, p *plan, r *rule.Resource) (*sketch, int) {
	k := &sketch{ask: a, plan: p, lower: a.sight.View.Lower(), level: &level{sel: &query.Select{}, parent: -1, revision: -1}, columns: map[column]int{}}
	alias := k.lower.Alias()
	k.level.sel.From = query.Table{Name: r.Table, Alias: alias}
	return k, alias
}

// done ends the statement.
func (k *sketch) done() *level {
	k.level.args = k.lower.Args()
	if len(k.level.sel.Joins) == 0 && len(k.level.lists) == 0 {
		k.level.fields = k.fields
	}
	return k.level
}

// add is the output column of an expression.
func (k *sketch) add(c column, x query.Expr, t *value.Type) int {
	if i, ok := k.columns[c]; ok {
		return i
	}
	sel := k.level.sel
	sel.Columns = append(sel.Columns, query.Column{Expr: x, Type: t})
	k.fields = append(k.fields, source{name: c.name})
	k.columns[c] = len(sel.Columns) - 1
	return len(sel.Columns) - 1
}

// column is the output column of a field as the caller may see it.
func (k *sketch) column(h *rule.Handle, alias int) int {
	i := k.add(column{alias, h.Field.Name}, k.lower.Column(h, alias), h.Field.Type.Value)
	if h.Masked {
		k.fields[i].mask = h.Sight.Resource.ReadField[h.Field]
	}
	return i
}

// record adds what w shows of the row alias to the statement: its fields, its
// included references by join, its lists by statements of their own. each is
// how many of these records one record of the root may bring in.
func (k *sketch) record(w *want, alias, each int) *record {
	rec := &record{id: -1}
	for _, h := range w.sight.Handles {
		kid := w.kids[h.Field.Name]
		if kid != nil {
			k.plan.reaches = append(k.plan.reaches, kid.sight.Resource)
		}
		switch {
		case kid != nil && h.Field.Stored():
			rec.add(h.Field.Name, member{to: k.join(h, kid, alias, each)})
		case kid != nil:
			list := &many{name: h.Field.Name, level: k.list(h, kid, each*listCap)}
			k.level.lists = append(k.level.lists, list)
			rec.add(h.Field.Name, member{many: list})
		case w.shows(h):
			rec.add(h.Field.Name, member{column: k.column(h, alias)})
		}
	}
	if len(rec.many) > 0 {
		rec.id = k.id(w.sight, alias)
	}
	return rec
}

func (k *sketch) id(s *rule.Sight, alias int) int {
	return k.add(column{alias, "id"}, idColumn(s.Resource, alias), idType(s.Resource))
}

// join includes a reference: the target's row rule stands in ON, so that a
// record that the caller may not read is null.
func (k *sketch) join(h *rule.Handle, kid *want, from, each int) *record {
	alias := k.lower.Alias()
	on := []query.Expr{equals(idColumn(kid.sight.Resource, alias), k.lower.Column(h, from))}
	k.level.sel.Joins = append(k.level.sel.Joins, query.Join{
		Table: query.Table{Name: kid.sight.Resource.Table, Alias: alias},
		On:    all(append(on, k.lower.RowRule(kid.sight, alias))),
	})
	rec := k.record(kid, alias, each)
	rec.id = k.id(kid.sight, alias)
	return rec
}

// list includes the other end of a reference, by the keys of the parents, which
// stand in the ask's last literal.
func (k *sketch) list(h *rule.Handle, kid *want, each int) *level {
	sub, alias := newSketch(k.ask, k.plan, kid.sight.Resource)
	back := kid.sight.Handle(h.Field.Type.Inverse.Name)
	t := idType(h.Sight.Resource)
	key := sub.lower.Column(back, alias)
	keys := literal(sub.lower, t, k.ask.lists)
	id := sub.id(kid.sight, alias)
	sel := sub.level.sel
	sel.Where = all([]query.Expr{query.InParam{X: key, Slot: keys.Slot, Type: t}, sub.lower.RowRule(kid.sight, alias)})
	sel.PerParent = key
	sel.OrderBy = []query.Order{{Expr: sel.Columns[id].Expr, NotNull: true}}
	sel.Limit = query.Const{Value: int64(listCap + 1), Type: intType}
	sub.level.parent = sub.add(column{alias, back.Field.Name}, key, t)
	counted := k.plan.perRecord
	sub.level.rec = sub.record(kid, alias, each)
	if k.plan.perRecord == counted { // the innermost lists are what counts
		k.plan.perRecord += each
	}
	return sub.done()
}
