package oracle

import (
	"maps"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// lawful is what the rows are after somebody's write; ok is false when it must
// be refused. It is the meaning of contract.md's section on access, in the order
// in which it is written there, over records in memory.
func (s *stage) lawful(w write) (after []row, ok bool, err error) {
	m, err := s.model(w.by)
	if err != nil {
		return nil, false, err
	}
	r := s.set.Resource(w.resource)
	if len(r.Access) == 0 {
		return nil, false, nil
	}
	if w.kind == engine.Create {
		after, ok := s.lawfulCreate(m, r, w)
		return after, ok, nil
	}
	if _, visible := m.world.Lookup(r.Name, w.id); !visible {
		return nil, false, nil
	}
	old, _ := s.world.Lookup(r.Name, w.id)
	if w.kind == engine.Delete {
		return w.on(s.design, s.rows), r.Delete != nil && r.Delete.Holds(m.env(old)) && !s.referred(w.id), nil
	}
	after, ok = s.lawfulUpdate(m, r, w, old)
	return after, ok, nil
}

func (s *stage) lawfulCreate(m *model, r *rule.Resource, w write) ([]row, bool) {
	after := w.on(s.design, s.rows)
	rec := after[len(after)-1].record
	env := &rule.Env{Caller: m.caller, Now: now, Record: rec, World: newWorld(after)}
	for name, v := range w.values {
		f := r.Field(name)
		if e := mayWrite(r, f); e != nil && !e.Holds(env) || !m.mayRefer(f, v) {
			return nil, false
		}
	}
	return after, r.Create != nil && r.Create.Holds(env) && checked(r, env)
}

// checked reports whether every check of the resource holds; unknown does not.
func checked(r *rule.Resource, env *rule.Env) bool {
	for _, c := range r.Checks {
		if !c.Expr.Holds(env) {
			return false
		}
	}
	return true
}

// lawfulRows leaves out records that the checks do not admit, and what refers to them.
func lawfulRows(c *design, rows []row) ([]row, error) {
	set, err := compile(c.text())
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(rows); {
		env := &rule.Env{Now: now, Record: rows[i].record}
		if checked(set.Resource(rows[i].resource), env) {
			i++
		} else {
			rows = leaveOut(rows, i, 1)
		}
	}
	return rows, nil
}

func (s *stage) lawfulUpdate(m *model, r *rule.Resource, w write, old rule.Record) ([]row, bool) {
	before := m.env(old)
	done := w
	done.values = maps.Clone(w.values)
	for name, v := range w.values {
		f := r.Field(name)
		read := r.ReadField[f]
		readable := !f.Hidden && (read == nil || read.Holds(before))
		e := mayWrite(r, f)
		barred := e != nil && !e.Holds(before)
		switch {
		case barred && !readable && v == nil && m.field(r.Name, name) != nil:
			delete(done.values, name) // null is what is seen here
		case barred && !readable:
			return nil, false
		case same(old[name], v):
		case barred, v == nil && !f.Optional, !m.mayRefer(f, v):
			return nil, false
		}
	}
	after := done.on(s.design, s.rows)
	changed := false
	env := &rule.Env{Caller: m.caller, Now: now, Old: old, World: newWorld(after)}
	for _, a := range after {
		if a.record["id"] == any(w.id) {
			env.Record = a.record
			changed = !maps.EqualFunc(a.record, old, same)
		}
	}
	switch {
	case r.Update == nil:
		return nil, false
	case changed && !checked(r, env):
		return nil, false
	case r.Update.UsesOld():
		return after, r.Update.Holds(env)
	case !r.Update.Holds(before):
		return nil, false
	}
	return after, !changed || r.Update.Holds(env)
}

// mayWrite is the rule that a write of the field asks: `set`, else `field`.
func mayWrite(r *rule.Resource, f *contract.Field) *rule.Expr {
	if e := r.WriteField[f]; e != nil {
		return e
	}
	return r.ReadField[f]
}

// mayRefer reports whether the caller can read what a reference would point to.
func (m *model) mayRefer(f *contract.Field, v any) bool {
	id, ok := v.(value.UUID)
	if !ok || f.Type.Name != "ref" {
		return true
	}
	_, visible := m.world.Lookup(f.Type.Target.Name, id)
	return visible
}

// referred reports whether another record refers to this one.
func (s *stage) referred(id value.UUID) bool {
	for _, r := range s.rows {
		for _, f := range s.design.resource(r.resource).kinds("ref") {
			if r.record[f.name] == any(id) && r.record["id"] != any(id) {
				return true
			}
		}
	}
	return false
}
