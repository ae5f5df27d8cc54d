package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

func (e *Engine) prepareAction(c *call, s *rule.Sight, op *Operation, body any) (step, error) {
	a := s.Resource.Actions[op.Action]
	if a == nil {
		return nil, NotFound()
	}
	if err := c.allowed(a.Allow); err != nil {
		return nil, err
	}
	in, err := c.readInput(a, body)
	if err != nil {
		return nil, err
	}
	address, byKey, ok := address(s, op.ID)
	if !ok || !s.Readable {
		return nil, NotFound()
	}
	return func(ctx context.Context, w *work) (*outcome, error) {
		var rules []*rule.Expr
		if len(a.Input) == 0 {
			rules = append(rules, a.Allow) // it can be asked together with the record
		}
		found, err := w.find(ctx, s, address, byKey, rules)
		if err != nil {
			return nil, err
		}
		next, err := w.act(ctx, s, op, a, in, found)
		if err != nil {
			return nil, err
		}
		return w.done(ctx, 200, op, next["id"].(value.UUID), next)
	}, nil
}

// readInput reads an action's input; no body is an empty one.
func (c *call) readInput(a *rule.Action, body any) (*input, error) {
	b := &reader{}
	if body == nil {
		body = map[string]any{}
	}
	members := b.object(body, spot{})
	in := newInput(members)
	for _, f := range a.Input {
		here := spot{}.member(f.Name)
		if j, sent := members[f.Name]; sent {
			v, _ := b.field(f, j, here, false)
			in.add(f, v)
		} else if !f.Dispensable() && f.Default == nil {
			b.fault(here, "required", "is required")
		}
	}
	b.strangers(members, a.Input, spot{})
	return in, b.err(c)
}

// act carries an action out on a record that the caller can read, and gives what it
// is then.
func (w *work) act(ctx context.Context, s *rule.Sight, op *Operation, a *rule.Action, in *input, b *before) (rule.Record, error) {
	r := s.Resource
	world := &world{ctx: ctx, e: w.e, tx: w.tx}
	env := w.env(b.rec, nil)
	env.World = world
	faults := &reader{}
	values := make(map[string]any, len(a.Input))
	env.Input = values
	for _, f := range a.Input {
		here := spot{}.member(f.Name)
		if v, given := in.value(f); given {
			values[f.Name] = faults.complete(r, f.Type, v, here, env)
		} else {
			values[f.Name] = faults.missing(r, f, here, env)
		}
	}
	if len(a.Input) > 0 {
		var err error
		if b.found, err = w.ask(ctx, r, []*rule.Expr{a.Allow}, env); err != nil {
			return nil, err
		}
	}
	if !w.c.holds(a.Allow, env, b.found) {
		return nil, w.c.refused()
	}
	if err := w.preconditions(ctx, op, b.rec); err != nil {
		return nil, err
	}
	if err := faults.err(w.c); err != nil {
		return nil, err
	}
	var set refs
	for _, f := range a.Input {
		set.collect(f.Type, values[f.Name], set.add, spot{}.member(f.Name))
	}
	if err := w.unreadable(ctx, set); err != nil {
		return nil, err
	}
	next, err := moved(s, a, b.rec)
	if err != nil {
		return nil, err
	}
	for _, set := range a.Action.Set {
		f := set.Field
		v := a.Set[f].Eval(env)
		if v == nil {
			v = emptied(f)
		}
		faults.stored(f, v, spot{}.member(f.Name))
		next[f.Name] = v
	}
	if world.err != nil {
		return nil, world.err
	}
	if len(faults.faults) > 0 {
		return nil, invalidResult(s, faults.faults)
	}
	return next, w.replace(ctx, r, nil, b.rec, next, w.e.table(r).changed(b.rec, next), nil)
}

// moved is the record with its state moved on, or StateConflict.
func moved(s *rule.Sight, a *rule.Action, rec rule.Record) (rule.Record, error) {
	next := make(rule.Record, len(rec))
	for name, v := range rec {
		next[name] = v
	}
	if a.Move == nil {
		return next, nil
	}
	f := a.Move.Field
	state, _ := rec[f.Name].(string)
	if slices.Contains(a.Move.From, state) {
		next[f.Name] = a.Move.To
		return next, nil
	}
	if !alwaysRead(s, f) {
		return nil, problem.Errorf(problem.StateConflict, "this is not possible in the record's present state")
	}
	return nil, problem.Errorf(problem.StateConflict, "%s is %s; this is possible only when it is %s", f.Name, state, strings.Join(a.Move.From, " or "))
}

// invalidResult says what an action would have stored, as far as the caller may know.
func invalidResult(s *rule.Sight, faults []problem.Field) error {
	var known []string
	for _, fault := range faults {
		name := strings.TrimPrefix(fault.Pointer, "#/")
		if f := s.Resource.Field(name); f != nil && alwaysRead(s, f) {
			known = append(known, fmt.Sprintf("%s %s", name, fault.Detail))
		}
	}
	if len(known) == 0 {
		return errIncomplete()
	}
	return problem.Errorf(problem.Validation, "the result would not be valid: %s", strings.Join(known, ", "))
}
