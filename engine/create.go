package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// input is a body, read: the fields that were sent, in the contract's order, and what
// was sent of each, typed. The members of a struct that were not sent are not in it.
type input struct {
	fields []*contract.Field
	values []any
	id     value.UUID // the client's own; zero: ours
}

func newInput(members map[string]any) *input {
	return &input{fields: make([]*contract.Field, 0, len(members)), values: make([]any, 0, len(members))}
}

func (in *input) add(f *contract.Field, v any) {
	in.fields, in.values = append(in.fields, f), append(in.values, v)
}

func (in *input) value(f *contract.Field) (v any, sent bool) {
	if i := slices.Index(in.fields, f); i >= 0 {
		return in.values[i], true
	}
	return nil, false
}

// sends reports whether a member of this name was sent.
func (in *input) sends(name string) bool {
	return name == "id" && in.id != value.UUID{} || slices.ContainsFunc(in.fields, func(f *contract.Field) bool { return f.Name == name })
}

func (e *Engine) prepareCreate(c *call, s *rule.Sight, op *Operation, body any) (step, error) {
	if err := c.allowed(s.Resource.Create); err != nil {
		return nil, err
	}
	in, err := c.readNew(s, body)
	if err != nil {
		return nil, err
	}
	c.alone = c.standsAlone(e.table(s.Resource)) && !in.sends("id") // one that was deleted is not given again
	if c.alone {
		c.makes = &creation{s, op, in}
	}
	c.single = c.alone && len(e.table(s.Resource).search) == 0 && e.single(c, s, op, in)
	return func(ctx context.Context, w *work) (*outcome, error) {
		rec, err := w.create(ctx, s, in, s.Resource.Create)
		if err != nil {
			return nil, err
		}
		return w.done(ctx, 201, op, rec["id"].(value.UUID), rec)
	}, nil
}

// readNew reads the body of a new record, as far as it can be judged without the
// database.
func (c *call) readNew(s *rule.Sight, body any) (*input, error) {
	b := &reader{}
	in, unmade := b.newInput(c, s, b.object(body, spot{}))
	if err := b.err(c); err != nil {
		return nil, err
	}
	if unmade {
		return nil, problem.Errorf(problem.Forbidden, "a record like this needs a value that you may not write")
	}
	return in, nil
}

// newInput reads the members of a new record; unmade: a field that the caller
// may not write would stay without a value that it must have.
func (b *reader) newInput(c *call, s *rule.Sight, members map[string]any) (in *input, unmade bool) {
	in = newInput(members)
	if members == nil {
		return in, false
	}
	for _, f := range s.Resource.Fields {
		stands := c.standing(s, f)
		j, sent := members[f.Name]
		here := spot{}.member(f.Name)
		switch {
		case sent && f.Builtin && f.Name == "id":
			in.id, _ = b.newID(j, c.env.Now, here)
		case sent && stands == absent:
			b.unknown(here)
		case sent && stands == served:
			b.fault(here, "readonly", "is set by the server")
		case sent && stands == denied:
			b.fault(here, codeForbidden, "you may not write it")
		case sent:
			v, _ := b.field(f, j, here, false)
			in.add(f, v)
		case f.Dispensable() || f.Builtin || !f.Stored() || s.Resource.Defaults[f] != nil:
		case stands == open || stands == perhaps:
			b.fault(here, "required", "is required")
		default:
			unmade = true
		}
	}
	b.strangers(members, s.Resource.Fields, spot{})
	return in, unmade
}

// create stores a new record. admit is the rule it must meet; nil when it is
// admitted already.
func (w *work) create(ctx context.Context, s *rule.Sight, in *input, admit *rule.Expr) (rule.Record, error) {
	rec, err := w.add(ctx, s, in, admit)
	return rec, w.misreferred(ctx, err)
}

func (w *work) add(ctx context.Context, s *rule.Sight, in *input, admit *rule.Expr) (rule.Record, error) {
	r := s.Resource
	t := w.e.table(r)
	rec, err := w.newRecord(ctx, s, in)
	if err != nil {
		return nil, err
	}
	env := w.env(rec, nil)
	rules := w.undecided(t, func() []*rule.Expr { return append(laws(r, admit, nil), fieldRules(r, in.fields)...) })
	relational := len(rules) > 0
	judge := func(found truths, err error) error {
		if err != nil {
			return err
		}
		return w.admitted(s, admit, in.fields, env, found)
	}
	if !relational { // decided before anything is written
		if err := judge(nil, nil); err != nil {
			return nil, err
		}
	}
	if err := w.insert(ctx, t, in, t.row(nil, rec)); err != nil {
		if _, violates := errors.AsType[*store.ConstraintError](err); violates {
			// What may not be is said before what is taken.
			if err := judge(w.imagine(ctx, r, rules, env)); err != nil {
				return nil, err
			}
		}
		return nil, violated(err, in)
	}
	if relational {
		if err := judge(w.ask(ctx, r, rules, env)); err != nil {
			return nil, err
		}
	}
	w.touched(r, rec["id"].(value.UUID))
	return rec, t.addWords(ctx, w.tx, t.search, rec)
}

// admitted refuses a new record that its rule or its checks do not admit, or that has
// fields which the caller may not write.
func (w *work) admitted(s *rule.Sight, admit *rule.Expr, sent []*contract.Field, env *rule.Env, found truths) error {
	if err := w.mayWrite(s, env, found, sent); err != nil {
		return err
	}
	return w.lawful(s.Resource, admit, nil, env, found)
}

// newRecord makes the record: what was sent first, then defaults, which may read it.
func (w *work) newRecord(ctx context.Context, s *rule.Sight, in *input) (rule.Record, error) {
	rec := w.sent(s.Resource, in)
	if err := w.references(ctx, rec, nil, in.fields); err != nil {
		return nil, err
	}
	return rec, w.complete(ctx, s, in, rec)
}

// sent is a new record of r with what was sent.
func (w *work) sent(r *rule.Resource, in *input) rule.Record {
	rec := make(rule.Record, len(r.Fields)+1)
	var now any = w.c.env.Now
	rec["id"], rec["created_at"], rec["updated_at"], rec[revisionColumn] = in.id, now, now, int64(1)
	if in.id == (value.UUID{}) {
		rec["id"] = value.NewID(w.c.env.Now.Time())
	}
	for i, f := range in.fields {
		rec[f.Name] = in.values[i]
	}
	return rec
}

// complete gives a new record what was not sent.
func (w *work) complete(ctx context.Context, s *rule.Sight, in *input, rec rule.Record) error {
	r := s.Resource
	world := &world{ctx: ctx, e: w.e, tx: w.tx}
	env := w.env(rec, nil)
	env.World = world
	b, unseen := &reader{}, &reader{}
	for _, f := range r.Fields {
		if f.Builtin || !f.Stored() || f.Type.Value == nil {
			continue
		}
		here := spot{}.member(f.Name)
		v, given := in.value(f)
		switch {
		case given && f.Type.Name != "list" && f.Type.Name != "struct":
		case given:
			rec[f.Name] = b.complete(r, f.Type, v, here, env)
		case w.c.standing(s, f) == absent:
			rec[f.Name] = unseen.missing(r, f, here, env)
		default:
			rec[f.Name] = b.missing(r, f, here, env)
		}
	}
	if world.err != nil {
		return world.err
	}
	if len(unseen.faults) > 0 {
		return errIncomplete()
	}
	return b.err(w.c)
}

// errIncomplete is a record that cannot be stored for a reason that the caller
// cannot see: a field of which they know nothing would have no value, or a wrong one.
func errIncomplete() error {
	return problem.Errorf(problem.Validation, "a value that the server sets itself would not be valid")
}

// mayWrite refuses fields whose rules do not let the caller write them on env's record.
func (w *work) mayWrite(s *rule.Sight, env *rule.Env, found truths, sent []*contract.Field) error {
	b := &reader{}
	for _, f := range sent {
		if e := writeRule(s.Resource, f); e != nil && !w.c.holds(e, env, found) {
			b.barred(w.reads(s, f, env, found), spot{}.member(f.Name))
		}
	}
	return b.err(w.c)
}

// barred is a field that the caller may not write on this record: forbidden
// where it can be read, else a fault of the body.
func (b *reader) barred(readable bool, at spot) {
	if readable {
		b.fault(at, codeForbidden, "you may not write it")
	} else {
		b.fault(at, "unreadable", "cannot be written on this record")
	}
}

// reads reports whether the caller can read f on env's record.
func (w *work) reads(s *rule.Sight, f *contract.Field, env *rule.Env, found truths) bool {
	h := s.Handle(f.Name)
	return h != nil && (!h.Masked || w.c.holds(s.Resource.ReadField[f], env, found))
}
