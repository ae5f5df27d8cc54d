package rule

import (
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Eval gives the value, nil for null and unknown. It is the definition of what
// an expression means: small, obvious and slow. The databases are proven against it.
func (e *Expr) Eval(env *Env) any {
	return evaluator{env: env}.value(e.root)
}

// Holds reports whether a condition is true; unknown is not.
func (e *Expr) Holds(env *Env) bool { return e.Eval(env) == true }

// evaluator evaluates one expression; bound are the elements of the open quantifiers.
type evaluator struct {
	env   *Env
	bound map[*variable]any // a Record, or a list's element
}

// row is a record together with nothing else; ok is false for a missing one.
func (ev evaluator) record(r record) (Record, bool) {
	switch r := r.(type) {
	case rootRecord:
		return ev.env.Record, ev.env.Record != nil
	case oldRecord:
		return ev.env.Old, ev.env.Old != nil
	case callerRecord:
		if ev.env.Caller == nil {
			return nil, false
		}
		return ev.env.Caller.Record, true
	case boundRecord:
		rec, ok := ev.bound[r.v].(Record)
		return rec, ok
	case derefRecord:
		id, ok := ev.field(r.base, r.field, r.handle).(value.UUID)
		if !ok {
			return nil, false
		}
		rec, ok := ev.env.World.Lookup(r.to.Name, id)
		if !ok || r.handle != nil && !ev.sees(r.sight, rec) {
			return nil, false
		}
		return rec, true
	}
	panic("rule: unknown record node")
}

// sees reports whether a request's caller may read rec through s.
func (ev evaluator) sees(s *Sight, rec Record) bool {
	return s != nil && s.Resource.Read != nil && s.Resource.Read.Holds(ev.on(rec))
}

// on is the environment in which a rule about rec is evaluated.
func (ev evaluator) on(rec Record) *Env {
	return &Env{Caller: ev.env.Caller, Now: ev.env.Now, Record: rec, World: ev.env.World}
}

// field is a record's field, null where the record is missing or masked.
func (ev evaluator) field(r record, f *contract.Field, h *Handle) any {
	if c, ok := r.(callerRecord); ok && f.Name == "id" && c.res != nil && ev.env.Caller != nil {
		return ev.env.Caller.ID
	}
	rec, ok := ev.record(r)
	if !ok {
		return nil
	}
	if h != nil && h.mask != nil && !h.mask.Holds(ev.on(rec)) {
		return nil
	}
	return rec[f.Name]
}

func (ev evaluator) value(n node) any {
	switch n := n.(type) {
	case lit:
		if n.slot >= 0 {
			return ev.env.Literals[n.slot]
		}
		return n.v
	case field:
		return ev.field(n.rec, n.f, n.handle)
	case identity:
		if _, ok := n.rec.(callerRecord); ok {
			if ev.env.Caller == nil {
				return nil
			}
			return ev.env.Caller.ID
		}
		if rec, ok := ev.record(n.rec); ok {
			return rec["id"]
		}
		return nil
	case element:
		return ev.bound[n.v]
	case member:
		if s, ok := ev.value(n.x).(map[string]any); ok {
			return s[n.name]
		}
		return nil
	case nowNode:
		return ev.env.Now
	case inputNode:
		if n.name == "" {
			return ev.env.Input
		}
		if in, ok := ev.env.Input.(map[string]any); ok {
			return in[n.name]
		}
		return nil
	case logic:
		return ev.logic(n)
	case not:
		if b, ok := ev.value(n.x).(bool); ok {
			return !b
		}
		return nil
	case isNull:
		return (ev.value(n.x) == nil) != n.not
	case compare:
		return comparison(n.op, n.l, ev.value(n.l), ev.value(n.r))
	case within:
		return ev.within(n)
	case choice:
		switch ev.value(n.c) {
		case true:
			return ev.promoted(n.a, n.t)
		case false:
			return ev.promoted(n.b, n.t)
		}
		return nil
	case arith:
		l, r := ev.value(n.l), ev.value(n.r)
		if l == nil || r == nil {
			return nil
		}
		return calculate[n.op](l, r)
	case call:
		return ev.call(n)
	case quantifier:
		return ev.quantifier(n)
	}
	panic("rule: unknown node")
}

// promoted gives both sides of a choice one decimal form.
func (ev evaluator) promoted(n node, t *value.Type) any {
	v := ev.value(n)
	if d, ok := v.(value.Decimal); ok {
		if r, ok := d.Rescale(t.Precision, t.Scale); ok {
			return r
		}
		return nil
	}
	return v
}

var calculate = map[query.ArithOp]func(a, b any) any{
	query.Add: value.Add, query.Sub: value.Sub, query.Mul: value.Mul, query.Div: value.Div,
}

// logic follows Kleene: one false decides an and, one true an or; else unknown wins.
func (ev evaluator) logic(n logic) any {
	decided := !n.and
	unknown := false
	for _, x := range n.items {
		switch ev.value(x) {
		case decided:
			return decided
		case nil:
			unknown = true
		}
	}
	if unknown {
		return nil
	}
	return !decided
}

// comparison is unknown when one side is null.
func comparison(op query.Op, of node, l, r any) any {
	if l == nil || r == nil {
		return nil
	}
	if op == query.Eq || op == query.Ne {
		return value.Equal(l, r) == (op == query.Eq)
	}
	c := of.typ().Compare(l, r)
	switch op {
	case query.Lt:
		return c < 0
	case query.Le:
		return c <= 0
	case query.Gt:
		return c > 0
	}
	return c >= 0
}

// within is the || of == over the list.
func (ev evaluator) within(n within) any {
	x := ev.value(n.x)
	var items []any
	if written, ok := n.l.(list); ok {
		for _, item := range written.items {
			items = append(items, ev.value(item))
		}
	} else if items, ok = ev.value(n.l).([]any); !ok {
		return nil
	}
	if len(items) == 0 {
		return false
	}
	if x == nil {
		return nil
	}
	if slices.ContainsFunc(items, func(item any) bool { return item != nil && value.Equal(x, item) }) {
		return true
	}
	if slices.Contains(items, nil) {
		return nil
	}
	return false
}

func (ev evaluator) call(n call) any {
	args := make([]any, len(n.args))
	for i, a := range n.args {
		if args[i] = ev.value(a); args[i] == nil {
			return nil
		}
	}
	switch n.fn {
	case query.Contains:
		return strings.Contains(args[0].(string), args[1].(string))
	case query.StartsWith:
		return strings.HasPrefix(args[0].(string), args[1].(string))
	case query.EndsWith:
		return strings.HasSuffix(args[0].(string), args[1].(string))
	case query.Lower:
		return value.Lower(args[0].(string))
	case query.Upper:
		return value.Upper(args[0].(string))
	case query.Size:
		return value.Size(args[0])
	case query.Negate:
		return value.Negate(args[0])
	case query.ToDecimal:
		if d, ok := args[0].(value.Decimal).Rescale(n.t.Precision, n.t.Scale); ok {
			return d
		}
		return nil
	}
	panic("rule: unknown function")
}

// quantifier: exists is the || and all the && over the elements.
func (ev evaluator) quantifier(n quantifier) any {
	var elements []any
	if n.list != nil {
		items, ok := ev.value(n.list).([]any)
		if !ok {
			return nil
		}
		elements = items
	} else {
		id, ok := ev.value(identity{n.base}).(value.UUID)
		if !ok {
			return nil
		}
		for _, rec := range ev.env.World.Related(n.v.res.Name, n.many.Type.Inverse.Name, id) {
			if n.handle == nil || ev.sees(n.v.sight, rec) && ev.linked(n, rec) {
				elements = append(elements, rec)
			}
		}
	}
	unknown := false
	for _, el := range elements {
		inner := evaluator{env: ev.env, bound: map[*variable]any{n.v: el}}
		for v, b := range ev.bound {
			inner.bound[v] = b
		}
		switch inner.value(n.body) {
		case !n.all:
			return !n.all
		case nil:
			unknown = true
		}
	}
	if unknown {
		return nil
	}
	return n.all
}

// linked reports whether a request's caller can read that rec refers back.
func (ev evaluator) linked(n quantifier, rec Record) bool {
	back := n.v.sight.Handle(n.many.Type.Inverse.Name)
	return back != nil && (back.mask == nil || back.mask.Holds(ev.on(rec)))
}
