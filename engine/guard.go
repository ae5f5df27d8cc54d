package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

var uuidType = &value.Type{Kind: value.ID}

// truths are the rules that hold for one record, of those that only the
// database could decide because they follow relations.
type truths map[*rule.Expr]bool

// holds reports whether rule e holds for env's record.
func (c *call) holds(e *rule.Expr, env *rule.Env, found truths) bool {
	switch c.view.Verdict(e) {
	case rule.Always:
		return true
	case rule.Never:
		return false
	}
	if e.Local() {
		return e.Holds(env)
	}
	return found[e]
}

// relational picks the rules that only the database can decide, each once.
func (c *call) relational(rules []*rule.Expr) []*rule.Expr {
	var out []*rule.Expr
	for _, e := range rules {
		if e != nil && c.view.Verdict(e) == rule.Depends && !e.Local() && !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}

// undecided picks the rules that only the database can decide of those that rules
// gives, which are not gathered where none of a record of t does.
func (w *work) undecided(t *table, rules func() []*rule.Expr) []*rule.Expr {
	if w.c.standsAlone(t) {
		return nil
	}
	return w.c.relational(rules())
}

// refused is the answer to who may not do it: 401 for nobody, who might be
// allowed after signing in, else 403.
func (c *call) refused() error {
	if c.who.Caller == nil {
		return problem.Errorf(problem.Unauthenticated, "this needs somebody who is signed in")
	}
	return problem.Errorf(problem.Forbidden, "you may not do this")
}

// standing is how a field stands to the caller as something to write, before a
// record is seen.
type standing uint8

const (
	absent  standing = iota // as if the contract had never named it
	served                  // made by the server alone
	denied                  // readable, and never to be written
	open                    // to be written on every record
	perhaps                 // depends on the record
)

// standing follows docs/writing.md: who may not read a field may not write it,
// unless `set` says so.
func (c *call) standing(s *rule.Sight, f *contract.Field) standing {
	r := s.Resource
	read, write := r.ReadField[f], r.WriteField[f]
	verdict := rule.Always
	if read != nil {
		verdict = c.view.Verdict(read)
	}
	visible := verdict != rule.Never && !f.Hidden
	if f.Builtin || f.Readonly || !f.Stored() || f.Type.Value == nil {
		if visible && (f.Stored() || s.Handle(f.Name) != nil) {
			return served
		}
		return absent
	}
	if write != nil {
		verdict = c.view.Verdict(write)
	}
	switch {
	case verdict == rule.Always:
		return open
	case verdict == rule.Depends:
		return perhaps
	case visible:
		return denied
	}
	return absent
}

// writeRule is the rule that decides, for one record, whether f may be written.
func writeRule(r *rule.Resource, f *contract.Field) *rule.Expr {
	if e := r.WriteField[f]; e != nil {
		return e
	}
	return r.ReadField[f]
}

// fieldRules are the `field` and `set` rules of fields.
func fieldRules(r *rule.Resource, fields []*contract.Field) []*rule.Expr {
	var out []*rule.Expr
	for _, f := range fields {
		out = append(out, r.ReadField[f], r.WriteField[f])
	}
	return out
}

// rowPlan reads one record, or several, together with what rules say of it.
type rowPlan struct {
	q     *query.Select
	args  rule.Args
	rules []*rule.Expr // one condition each, the last columns of q
	// filter is a request's filter, for the types of its literals; nil for none.
	filter *rule.Expr
	// reaches are the resources that the request's conditions look into.
	reaches []*rule.Resource
}

// plan finds the statement of this name for rules, or has its Where and its
// first columns made. name must tell apart all that builds a different one.
func (w *work) plan(r *rule.Resource, name string, rules []*rule.Expr, build func(p *rowPlan, l *rule.Lowering, alias int) error) (*rowPlan, error) {
	shape := name
	for _, e := range rules {
		shape = string(binary.AppendUvarint(append([]byte(shape), 0), w.e.writePlans.number(e)))
	}
	key := planKey{w.c.view, r, shape}
	plans := &w.e.writePlans
	plans.lock.RLock()
	p := plans.rows[key]
	plans.lock.RUnlock()
	if p != nil {
		return p, nil
	}
	l := w.c.view.Lower()
	alias := l.Alias()
	p = &rowPlan{q: &query.Select{From: query.Table{Name: r.Table, Alias: alias}}, rules: rules}
	if err := build(p, l, alias); err != nil {
		return nil, err
	}
	for _, e := range rules {
		truth := query.Case{Whens: []query.When{{If: l.Rule(e, alias), Then: query.True}}, Else: query.False, Type: query.Bool}
		p.q.Columns = append(p.q.Columns, query.Column{Expr: truth, Type: query.Bool})
	}
	p.args = l.Args()
	if len(shape) > maxShape {
		return p, nil
	}
	plans.lock.Lock()
	defer plans.lock.Unlock()
	if plans.rows == nil || len(plans.rows) >= maxRowPlans {
		plans.rows = map[planKey]*rowPlan{}
	}
	plans.rows[key] = p
	return p, nil
}

// truths reads what the rules of p say of a row.
func (p *rowPlan) truths(row store.Row) (truths, error) {
	if len(p.rules) == 0 {
		return nil, nil
	}
	found := make(truths, len(p.rules))
	first := len(p.q.Columns) - len(p.rules)
	for i, e := range p.rules {
		v, err := row.Value(first + i)
		if err != nil {
			return nil, err
		}
		found[e] = v == true
	}
	return found, nil
}

// before is a record as it is found, with what rules say of it.
type before struct {
	rec   rule.Record
	found truths
}

// find reads the one record at the address if the caller can read it, held until
// the transaction ends, unless that is a single write; NotFound otherwise. byKey is nil
// for an id.
func (w *work) find(ctx context.Context, s *rule.Sight, address any, byKey *rule.Handle, rules []*rule.Expr) (*before, error) {
	t := w.e.table(s.Resource)
	name, lock := "find", query.ForUpdate
	if w.single {
		name, lock = "look", query.NoLock
	}
	if byKey != nil {
		name += " by key"
	}
	p, err := w.plan(s.Resource, name, w.c.relational(rules), func(p *rowPlan, l *rule.Lowering, alias int) error {
		p.q.Columns, p.q.Lock, p.q.ByKey = t.columns(alias), lock, w.single
		one := equals(idColumn(s.Resource, alias), literal(l, idType(s.Resource), 0))
		if byKey != nil {
			one = equals(l.Column(byKey, alias), literal(l, byKey.Field.Type.Value, 0))
		}
		p.q.Where = all([]query.Expr{one, l.RowRule(s, alias)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	env := w.env(nil, nil)
	env.Literals = []any{address}
	found, err := w.rows(ctx, t, p, env)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, NotFound()
	}
	return found[0], nil
}

// rows runs a plan whose first columns are the table's. The sequence is called, not
// ranged over: see ask.rows.
func (w *work) rows(ctx context.Context, t *table, p *rowPlan, env *rule.Env) (out []*before, err error) {
	w.tx.Select(ctx, p.q, p.args.Bind(env, nil))(func(row store.Row, failed error) bool {
		b := &before{}
		if err = failed; err == nil {
			b.rec, err = t.record(row, 0)
		}
		if err == nil {
			b.found, err = p.truths(row)
		}
		out = append(out, b)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ask finds what relational rules say of env's record as it now stands in the database.
func (w *work) ask(ctx context.Context, r *rule.Resource, rules []*rule.Expr, env *rule.Env) (truths, error) {
	rules = w.c.relational(rules)
	if len(rules) == 0 {
		return nil, nil
	}
	p, err := w.plan(r, "ask", rules, func(p *rowPlan, l *rule.Lowering, alias int) error {
		id := l.Param(idType(r), func(env *rule.Env) any { return env.Record["id"] })
		p.q.Lock, p.q.Where = query.ForShare, equals(idColumn(r, alias), id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for row, err := range w.tx.Select(ctx, p.q, p.args.Bind(env, nil)) {
		if err != nil {
			return nil, err
		}
		return p.truths(row)
	}
	return nil, problem.Errorf(problem.Internal, "a record that was just written is not there")
}

// imagine finds what relational rules would say of env's record if it could be
// written, by following relations one by one.
func (w *work) imagine(ctx context.Context, r *rule.Resource, rules []*rule.Expr, env *rule.Env) (truths, error) {
	found := truths{}
	world := &world{ctx: ctx, e: w.e, tx: w.tx, r: r, over: env.Record}
	env.World = world
	for _, e := range w.c.relational(rules) {
		found[e] = e.Holds(env)
	}
	return found, world.err
}

// references refuses ids, newly set in fields of after, of records that the
// caller cannot read, and of those that are not there: the two must not be told
// apart. Those that the database refuses by itself are not looked for; see misreferred.
func (w *work) references(ctx context.Context, after, before rule.Record, fields []*contract.Field) error {
	w.written = written{after, before, fields}
	return w.unreadable(ctx, w.refs(w.written, false))
}

// written is what a record is to be, what it was (nil: not there) and the fields that
// are set.
type written struct {
	after, before rule.Record
	fields        []*contract.Field
}

// refs are the references that are newly set: those that the database refuses anyway,
// or the others.
func (w *work) refs(of written, anyway bool) (set refs) {
	for _, f := range of.fields {
		// That a record refers to itself before it is there only the database admits.
		if anyway != (w.c.refusedAnyway(f) && of.after[f.Name] != of.after["id"]) {
			continue
		}
		set.forget() // what another field refers to says nothing of this one
		set.collect(f.Type, of.before[f.Name], func(target *contract.Resource, id value.UUID, _ spot) { set.old(target, id) }, spot{})
		set.collect(f.Type, of.after[f.Name], set.add, spot{}.member(f.Name))
	}
	return set
}

// refusedAnyway reports whether the database refuses what the caller cannot read in
// field f: a reference of the table's own to what everybody like the caller reads.
func (c *call) refusedAnyway(f *contract.Field) bool {
	if f.Type.Name != "ref" {
		return false
	}
	s := c.view.Resource(f.Type.Target.Name)
	return s != nil && c.view.Verdict(s.Resource.Read) == rule.Always && c.scoped(s.Resource, "read")
}

// misreferred is err as the refusal of a write whose references were not looked for
// yet: one that is not there comes before whatever else was found.
func (w *work) misreferred(ctx context.Context, err error) error {
	left := w.written
	w.written = written{}
	if err == nil || errors.Is(err, store.ErrAgain) {
		return err
	}
	if refusal := w.unreadable(ctx, w.refs(left, true)); refusal != nil {
		return refusal
	}
	return err
}

// unreadable refuses references to records that the caller cannot read.
func (w *work) unreadable(ctx context.Context, set refs) error {
	b := &reader{}
	for _, target := range set.targets {
		readable, err := w.readable(ctx, target.r, target.ids)
		if err != nil {
			return err
		}
		for i, id := range target.ids {
			if !readable[id.(value.UUID)] {
				b.fault(target.spots[i], "reference", "must be the id of a %s that you can read", target.r.Name)
			}
		}
	}
	return b.err(w.c)
}

// refs are the references in new values, by the resource that they point to.
type refs struct {
	targets []*refTarget
}

type refTarget struct {
	r     *contract.Resource
	kept  map[value.UUID]bool // stood in the field before
	ids   []any
	spots []spot
}

func (s *refs) target(r *contract.Resource) *refTarget {
	for _, t := range s.targets {
		if t.r == r {
			return t
		}
	}
	t := &refTarget{r: r, kept: map[value.UUID]bool{}}
	s.targets = append(s.targets, t)
	return t
}

// forget begins a field.
func (s *refs) forget() {
	for _, t := range s.targets {
		clear(t.kept)
	}
}

func (s *refs) old(r *contract.Resource, id value.UUID) { s.target(r).kept[id] = true }

func (s *refs) add(r *contract.Resource, id value.UUID, at spot) {
	if t := s.target(r); !t.kept[id] {
		t.ids, t.spots = append(t.ids, id), append(t.spots, at)
	}
}

// collect visits every reference in v, a value of type t.
func (s *refs) collect(t *contract.Type, v any, visit func(*contract.Resource, value.UUID, spot), at spot) {
	switch v := v.(type) {
	case value.UUID:
		if t.Name == "ref" {
			visit(t.Target, v, at)
		}
	case []any:
		for i, item := range v {
			s.collect(t.Elem, item, visit, at.at(i))
		}
	case map[string]any:
		for _, f := range t.Members {
			s.collect(f.Type, v[f.Name], visit, at.member(f.Name))
		}
	}
}

// readable finds which of ids the caller can read.
func (w *work) readable(ctx context.Context, target *contract.Resource, ids []any) (map[value.UUID]bool, error) {
	found := map[value.UUID]bool{}
	s := w.c.view.Resource(target.Name)
	if len(ids) == 0 || s == nil || !s.Readable || !w.c.scoped(s.Resource, "read") {
		return found, nil
	}
	r := s.Resource
	p, err := w.plan(r, "readable", nil, func(p *rowPlan, l *rule.Lowering, alias int) error {
		id := idColumn(r, alias)
		list := literal(l, idType(r), 0)
		p.q.Columns, p.q.Lock = []query.Column{{Expr: id, Type: idType(r)}}, query.ForShare
		p.q.Where = all([]query.Expr{query.InParam{X: id, Slot: list.Slot, Type: idType(r)}, l.RowRule(s, alias)})
		return nil
	})
	if err != nil {
		return nil, err
	}
	env := w.env(nil, nil)
	env.Literals = []any{ids}
	for row, err := range w.tx.Select(ctx, p.q, p.args.Bind(env, nil)) {
		if err != nil {
			return nil, err
		}
		v, err := row.Value(0)
		if err != nil {
			return nil, err
		}
		if id, ok := v.(value.UUID); ok {
			found[id] = true
		}
	}
	return found, nil
}
