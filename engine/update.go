package engine

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func (e *Engine) prepareUpdate(c *call, s *rule.Sight, op *Operation, body any) (step, error) {
	put := op.Kind == Replace
	if put && c.view.Verdict(s.Resource.Update) == rule.Never && c.view.Verdict(s.Resource.Create) != rule.Never {
		return e.prepareMake(c, s, op, body)
	}
	if err := c.allowed(s.Resource.Update); err != nil {
		return nil, err
	}
	if put {
		body = addressedBody(s, op, body)
	}
	in, err := c.readChange(s, body, put)
	if err != nil {
		return nil, err
	}
	address, byKey, ok := address(s, op.ID)
	if !ok || !s.Readable {
		return nil, NotFound()
	}
	c.alone = c.standsAlone(e.table(s.Resource)) && !put
	c.single = c.alone && !slices.ContainsFunc(in.fields, func(f *contract.Field) bool { return f.Search }) && e.single(c, s, op, in)
	return func(ctx context.Context, w *work) (*outcome, error) {
		rules := w.undecided(e.table(s.Resource), func() []*rule.Expr { return editRules(s.Resource, in, put) })
		found, err := w.find(ctx, s, address, byKey, rules)
		if put && len(op.IfMatch) == 0 && problem.KindOf(err) == problem.NotFound {
			return w.make(ctx, s, op, body)
		}
		if err != nil {
			return nil, err
		}
		if err := w.mayUpdate(s.Resource, found); err != nil {
			return nil, err
		}
		if err := w.preconditions(ctx, op, found.rec); err != nil {
			return nil, err
		}
		next, err := w.edit(ctx, s, in, put, found)
		if err != nil {
			return nil, err
		}
		return w.done(ctx, 200, op, next["id"].(value.UUID), next)
	}, nil
}

// prepareMake is a PUT of somebody who may create but never update.
func (e *Engine) prepareMake(c *call, s *rule.Sight, op *Operation, body any) (step, error) {
	if _, err := c.readPut(s, op, body); err != nil {
		return nil, err
	}
	address, byKey, ok := address(s, op.ID)
	if !ok {
		return nil, NotFound()
	}
	return func(ctx context.Context, w *work) (*outcome, error) {
		if s.Readable {
			found, err := w.find(ctx, s, address, byKey, nil)
			if err == nil {
				if err := w.preconditions(ctx, op, found.rec); err != nil {
					return nil, err
				}
				return nil, c.refused()
			}
			if problem.KindOf(err) != problem.NotFound {
				return nil, err
			}
		}
		if len(op.IfMatch) > 0 {
			return nil, NotFound()
		}
		return w.make(ctx, s, op, body)
	}, nil
}

// make creates the record that a PUT addresses and the caller cannot read. One
// that is there all the same shows as a conflict, like every taken id.
func (w *work) make(ctx context.Context, s *rule.Sight, op *Operation, body any) (*outcome, error) {
	if w.c.view.Verdict(s.Resource.Create) == rule.Never {
		return nil, NotFound()
	}
	in, err := w.c.readPut(s, op, body)
	if err != nil {
		return nil, err
	}
	rec, err := w.create(ctx, s, in, s.Resource.Create)
	if err != nil {
		return nil, err
	}
	return w.done(ctx, 201, op, rec["id"].(value.UUID), rec)
}

// addressField is the field that a PUT's address gives, with its value as JSON.
func addressField(s *rule.Sight, op *Operation) (*contract.Field, any) {
	if _, err := value.ParseID(op.ID); err == nil || s.Resource.Key == nil {
		return s.Resource.Field("id"), op.ID
	}
	key := s.Resource.Key
	if key.Type.Value.Kind == value.Int {
		return key, value.Number(op.ID)
	}
	return key, op.ID
}

// addressedBody is a PUT's body with the field that its address gives, which
// need not be said again.
func addressedBody(s *rule.Sight, op *Operation, body any) any {
	members, ok := body.(map[string]any)
	f, j := addressField(s, op)
	if _, said := members[f.Name]; !ok || said {
		return body
	}
	full := maps.Clone(members)
	full[f.Name] = j
	return full
}

// readPut reads the body of a PUT that makes a record; if it says the address
// again, it must be the same.
func (c *call) readPut(s *rule.Sight, op *Operation, body any) (*input, error) {
	f, j := addressField(s, op)
	id, err := value.ParseID(op.ID)
	if f.Builtin && (err != nil || !freshID(id, c.env.Now)) {
		return nil, NotFound() // a client cannot give this id
	}
	in, err := c.readNew(s, addressedBody(s, op, body))
	if err != nil {
		return nil, err
	}
	b, here := &reader{}, spot{}.member(f.Name)
	said := any(in.id)
	if !f.Builtin {
		said, _ = in.value(f)
	}
	if v, ok := b.value(f.Type, j, here, false); ok && !value.Equal(v, said) {
		b.fault(here, "fixed", "must be the one in the address")
	}
	return in, b.err(c)
}

// mayUpdate refuses a record whose update rule does not hold before the change.
func (w *work) mayUpdate(r *rule.Resource, b *before) error {
	if !r.Update.UsesOld() && !w.c.holds(r.Update, w.env(b.rec, nil), b.found) {
		return w.c.refused()
	}
	return nil
}

// readChange reads the body of a PATCH or PUT, as far as it can be judged
// without the record.
func (c *call) readChange(s *rule.Sight, body any, put bool) (*input, error) {
	b := &reader{}
	members := b.object(body, spot{})
	if members == nil {
		return nil, b.err(c)
	}
	in := newInput(members)
	for _, f := range s.Resource.Fields {
		stands := c.standing(s, f)
		j, sent := members[f.Name]
		if !sent && !put {
			continue
		}
		here := spot{}.member(f.Name)
		switch {
		case sent && stands == absent:
			b.unknown(here)
		case sent && !f.Stored():
			b.fault(here, "readonly", "is the other end of a reference")
		case sent && j == nil && seenNull(s, f, stands):
			in.add(f, nil) // perhaps sent back unchanged; see set
		case sent:
			v, _ := b.field(f, j, here, !put)
			in.add(f, v)
		case put && stands == open && !f.Fixed && !f.Dispensable() && s.Resource.Defaults[f] == nil && alwaysRead(s, f):
			b.fault(here, "required", "is required")
		}
	}
	b.strangers(members, s.Resource.Fields, spot{})
	return in, b.err(c)
}

// seenNull reports whether only the record can tell if null for f is a change.
func seenNull(s *rule.Sight, f *contract.Field, stands standing) bool {
	return settled(f) || stands == denied || stands == perhaps && (f.Dispensable() || !alwaysRead(s, f))
}

// alwaysRead reports whether the caller can read f on every record.
func alwaysRead(s *rule.Sight, f *contract.Field) bool {
	h := s.Handle(f.Name)
	return h != nil && !h.Masked
}

// editRules are the rules that an edit needs of the record before.
func editRules(r *rule.Resource, in *input, put bool) []*rule.Expr {
	fields := r.Fields
	if !put {
		fields = in.fields
	}
	rules := fieldRules(r, fields)
	if !r.Update.UsesOld() {
		rules = append(rules, r.Update)
	}
	return rules
}

// change is an edit on its way.
type change struct {
	*reader
	w     *work
	s     *rule.Sight
	env   *rule.Env // of the record before
	found truths
	next  rule.Record
	after *rule.Env // of next, with the record before as Old
}

// edit changes a record as in says, and gives what it is then; the caller may update
// it. Nothing is written when nothing differs.
func (w *work) edit(ctx context.Context, s *rule.Sight, in *input, put bool, b *before) (rule.Record, error) {
	next := maps.Clone(b.rec)
	world := &world{ctx: ctx, e: w.e, tx: w.tx}
	g := &change{reader: &reader{}, w: w, s: s, env: w.env(b.rec, nil), found: b.found, next: next, after: w.env(next, b.rec)}
	g.after.World = world
	changed := make([]*contract.Field, 0, len(in.fields)+1)
	for _, f := range s.Resource.Fields {
		switch v, sent := in.value(f); {
		case sent:
			g.set(f, v)
		case put:
			g.reset(f)
		default:
			continue
		}
		if !value.Equal(b.rec[f.Name], next[f.Name]) {
			changed = append(changed, f)
		}
	}
	if world.err != nil {
		return nil, world.err
	}
	if err := g.err(w.c); err != nil {
		return nil, err
	}
	if err := w.references(ctx, next, b.rec, changed); err != nil {
		return nil, err
	}
	err := w.replace(ctx, s.Resource, s.Resource.Update, b.rec, next, changed, in)
	return next, w.misreferred(ctx, err)
}

// set puts a value that was sent into the record, unless it stands there already.
func (g *change) set(f *contract.Field, v any) {
	here := spot{}.member(f.Name)
	e := writeRule(g.s.Resource, f)
	barred := e != nil && !g.w.c.holds(e, g.env, g.found)
	readable := g.w.reads(g.s, f, g.env, g.found)
	if !readable && (barred || settled(f)) {
		if v != nil || g.s.Handle(f.Name) == nil { // null is what the caller sees here
			g.barred(false, here)
		}
		return
	}
	old := g.env.Record[f.Name]
	v = g.complete(g.s.Resource, f.Type, merged(f.Type, old, v), here, g.after)
	if v == nil && f.Dispensable() {
		v = emptied(f)
	}
	switch {
	case value.Equal(old, v):
	case f.Fixed:
		g.fault(here, "fixed", "cannot be changed any more")
	case settled(f):
		g.fault(here, "readonly", "is set by the server")
	case barred:
		g.barred(true, here)
	case v == nil && !f.Dispensable():
		g.fault(here, "required", "must not be null")
	default:
		g.next[f.Name] = v
	}
}

// settled reports whether no request changes f once the record is there.
func settled(f *contract.Field) bool { return f.Builtin || f.Readonly || f.Fixed }

// reset gives a field that a PUT leaves out its default, else null. What the
// caller cannot read or not write stays.
func (g *change) reset(f *contract.Field) {
	e := writeRule(g.s.Resource, f)
	switch {
	case settled(f), !f.Stored(), f.Type.Value == nil:
	case !g.w.reads(g.s, f, g.env, g.found):
	case e != nil && !g.w.c.holds(e, g.env, g.found):
	default:
		g.next[f.Name] = g.missing(g.s.Resource, f, spot{}.member(f.Name), g.after)
	}
}

// changed are the fields in which two states of a record differ.
func (t *table) changed(old, next rule.Record) []*contract.Field {
	out := []*contract.Field{}
	for _, f := range t.fields {
		if !value.Equal(old[f.Name], next[f.Name]) {
			out = append(out, f)
		}
	}
	return out
}

// replace stores next in place of old, if admit (nil: it is admitted) and the
// checks hold for it.
func (w *work) replace(ctx context.Context, r *rule.Resource, admit *rule.Expr, old, next rule.Record, changed []*contract.Field, in *input) error {
	if len(changed) == 0 && (admit == nil || !admit.UsesOld()) {
		return nil // it was lawful before
	}
	if len(changed) > 0 {
		changed = w.stamp(r, old, next, changed)
	}
	env := w.env(next, old)
	rules := w.undecided(w.e.table(r), func() []*rule.Expr { return laws(r, admit, changed) })
	relational := len(rules) > 0
	judge := func(found truths, err error) error {
		if err != nil {
			return err
		}
		return w.lawful(r, admit, changed, env, found)
	}
	if !relational {
		if err := judge(nil, nil); err != nil {
			return err
		}
	}
	if len(changed) > 0 {
		if err := w.update(ctx, r, old, next, changed); err != nil {
			if _, violates := errors.AsType[*store.ConstraintError](err); violates {
				if err := judge(w.imagine(ctx, r, rules, env)); err != nil {
					return err
				}
			}
			return violated(err, in)
		}
	}
	if relational {
		return judge(w.ask(ctx, r, rules, env))
	}
	return nil
}

// stamp gives next its revision and, when everybody who sees the record sees what
// changed, its time, so that rules and checks judge the record as it will be. It
// gives the fields that changed, the time among them.
func (w *work) stamp(r *rule.Resource, old, next rule.Record, changed []*contract.Field) []*contract.Field {
	revision, _ := old[revisionColumn].(int64)
	next[revisionColumn] = revision + 1
	if !slices.ContainsFunc(changed, func(f *contract.Field) bool { return showsTime(r, f) }) {
		return changed
	}
	next["updated_at"] = w.c.env.Now
	return append(changed[:len(changed):len(changed)], r.Field("updated_at"))
}

// update writes the fields that changed, and what goes with them.
func (w *work) update(ctx context.Context, r *rule.Resource, old, next rule.Record, changed []*contract.Field) error {
	t := w.e.table(r)
	by, known := w.asKnown()
	args := make([]any, 0, len(changed)+3+len(known))
	for _, f := range changed {
		args = append(args, next[f.Name])
	}
	id := old["id"]
	args = append(append(args, next[revisionColumn], id, old[revisionColumn]), known...)
	n, err := w.tx.Update(ctx, w.e.update(t, changed, by), args)
	if err != nil {
		return err
	}
	w.wrote = true
	switch {
	case n != 1 && w.single:
		return errOvertaken
	case n != 1:
		return store.ErrAgain // somebody else changed it between
	}
	w.touched(r, id.(value.UUID))
	return t.changeWords(ctx, w.tx, next, changed)
}
