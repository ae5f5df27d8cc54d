package rule

import (
	"github.com/mainstay-run/mainstay/value"
)

// outcomes is the set of values that a condition may have for one class of
// callers, before any row is seen.
type outcomes uint8

const (
	mayBeTrue outcomes = 1 << iota
	mayBeFalse
	mayBeUnknown

	anything = mayBeTrue | mayBeFalse | mayBeUnknown
)

// folder knows what is already decided: the atoms of one View.
type folder struct {
	decided map[string]outcomes // by text of the atom
}

func outcomeOf(v any) outcomes {
	switch v {
	case true:
		return mayBeTrue
	case false:
		return mayBeFalse
	}
	return mayBeUnknown
}

// fold gives the outcomes of a condition.
func (f folder) fold(n node) outcomes {
	if !foldable(n) {
		return f.foldInner(n)
	}
	if l, ok := n.(lit); ok && l.slot < 0 {
		return outcomeOf(l.v)
	}
	if o, ok := f.decided[atomText(n)]; ok {
		return o
	}
	return f.foldInner(n)
}

func (f folder) foldInner(n node) outcomes {
	switch n := n.(type) {
	case logic:
		out := f.fold(n.items[0])
		for _, x := range n.items[1:] {
			out = combine(n.and, out, f.fold(x))
		}
		return out
	case not:
		return negated(f.fold(n.x))
	case compare:
		if f.isNull(n.l) || f.isNull(n.r) {
			return mayBeUnknown
		}
	case isNull:
		if f.isNull(n.x) {
			return outcomeOf(!n.not)
		}
	case within:
		if l, ok := n.l.(list); ok && len(l.items) == 0 {
			return mayBeFalse
		}
		if f.isNull(n.x) {
			if _, ok := n.l.(list); ok {
				return mayBeUnknown
			}
			return mayBeUnknown | mayBeFalse // an empty list
		}
	case choice:
		c := f.fold(n.c)
		var out outcomes
		if c&mayBeTrue != 0 {
			out |= f.fold(n.a)
		}
		if c&mayBeFalse != 0 {
			out |= f.fold(n.b)
		}
		if c&mayBeUnknown != 0 {
			out |= mayBeUnknown
		}
		return out
	case call:
		for _, a := range n.args {
			if f.isNull(a) {
				return mayBeUnknown
			}
		}
	case quantifier:
		if n.many != nil && f.isNull(identity{n.base}) {
			return mayBeUnknown
		}
		body := f.fold(n.body)
		if n.all {
			return body | mayBeTrue | mayBeUnknown // over nothing: true; a missing base: unknown
		}
		return body | mayBeFalse | mayBeUnknown
	}
	return anything
}

// isNull reports whether a value is null for every row.
func (f folder) isNull(n node) bool {
	if l, ok := n.(lit); ok {
		return l.slot < 0 && l.v == nil
	}
	switch n := n.(type) {
	case member:
		return f.isNull(n.x)
	case arith:
		return f.isNull(n.l) || f.isNull(n.r)
	case identity:
		if d, ok := n.rec.(derefRecord); ok {
			return f.isNull(field{rec: d.base, f: d.field})
		}
	case field:
		// What lies behind the caller's null reference is null.
		if d, ok := n.rec.(derefRecord); ok {
			return f.isNull(field{rec: d.base, f: d.field})
		}
	}
	if !foldable(n) {
		return false
	}
	return f.decided[atomText(n)] == mayBeUnknown
}

func combine(and bool, a, b outcomes) outcomes {
	decided, other := mayBeFalse, mayBeTrue
	if !and {
		decided, other = mayBeTrue, mayBeFalse
	}
	var out outcomes
	if a&decided != 0 || b&decided != 0 {
		out |= decided
	}
	if a&other != 0 && b&other != 0 {
		out |= other
	}
	if a&mayBeUnknown != 0 && b&(mayBeUnknown|other) != 0 || b&mayBeUnknown != 0 && a&(mayBeUnknown|other) != 0 {
		out |= mayBeUnknown
	}
	return out
}

func negated(o outcomes) outcomes {
	out := o & mayBeUnknown
	if o&mayBeTrue != 0 {
		out |= mayBeFalse
	}
	if o&mayBeFalse != 0 {
		out |= mayBeTrue
	}
	return out
}

// rowless reports whether n can be evaluated before any row is seen: it reads
// only constants, the caller's own record, now, input and the old record.
func rowless(n node) bool {
	ok := true
	walk(n, func(x node) bool {
		if q, is := x.(quantifier); is && q.many != nil {
			ok = false
		}
		if e, is := x.(element); is && !boundInside(n, e.v) {
			ok = false
		}
		if r := recordOf(x); r != nil {
			switch r.(type) {
			case callerRecord, oldRecord:
			default:
				ok = false
			}
		}
		return ok
	})
	return ok
}

// boundInside reports whether variable v belongs to a quantifier within n.
func boundInside(n node, v *variable) bool {
	found := false
	walk(n, func(x node) bool {
		if q, ok := x.(quantifier); ok && q.v == v {
			found = true
		}
		return !found
	})
	return found
}

// foldable reports whether n depends on nothing but constants, the caller's own
// record and now, so that it is the same for every row of every request of one View.
func foldable(n node) bool {
	if !rowless(n) {
		return false
	}
	ok := true
	walk(n, func(x node) bool {
		switch x := x.(type) {
		case inputNode:
			ok = false
		case lit:
			ok = ok && x.slot < 0
		}
		if r, is := recordOf(x).(oldRecord); is && r.res != nil {
			ok = false
		}
		return ok
	})
	return ok
}

// constant reports whether n is the same in every request.
func constant(n node) bool {
	ok := foldable(n)
	walk(n, func(x node) bool {
		if _, is := x.(nowNode); is || recordOf(x) != nil {
			ok = false
		}
		return ok
	})
	return ok
}

// atom is a part of a rule that is decided by the caller alone.
type atom struct {
	text  string
	n     node
	truth bool // it is a bool
}

func newAtom(text string, n node) atom {
	t := n.typ()
	return atom{text, n, t != nil && t.Kind == value.Bool}
}

// evaluate gives the atom's outcome: of a value, whether it is null (mayBeUnknown) or not (anything).
func (a atom) evaluate(env *Env) outcomes {
	v := evaluator{env: env}.value(a.n)
	if a.truth {
		return outcomeOf(v)
	}
	if v == nil {
		return mayBeUnknown
	}
	return anything
}

// findAtoms collects what the folds of all rules depend on.
func (s *Set) findAtoms() []atom {
	seen := map[string]bool{}
	var atoms []atom
	collect := func(e *Expr) {
		if e == nil {
			return
		}
		walk(e.root, func(n node) bool {
			if _, ok := n.(list); ok {
				return true
			}
			if !foldable(n) {
				return true
			}
			if constant(n) || n.typ() == nil {
				return false
			}
			if _, ok := n.(nowNode); ok {
				return false
			}
			if text := atomText(n); !seen[text] {
				seen[text] = true
				atoms = append(atoms, newAtom(text, n))
			}
			return false
		})
		// The caller's references that paths and relations begin with.
		walk(e.root, func(n node) bool {
			for r := recordOf(n); r != nil; {
				var own node
				switch x := r.(type) {
				case derefRecord:
					own = field{rec: x.base, f: x.field}
					r = x.base
				case callerRecord:
					own = identity{x}
					r = nil
				default:
					r = nil
				}
				if own != nil && foldable(own) && !seen[atomText(own)] {
					seen[atomText(own)] = true
					atoms = append(atoms, newAtom(atomText(own), own))
				}
			}
			return true
		})
	}
	for _, r := range s.Contract.Resources {
		res := s.resources[r.Name]
		for _, e := range res.rules() {
			collect(e)
		}
	}
	return atoms
}

// rules lists every access expression of a resource.
func (r *Resource) rules() []*Expr {
	out := []*Expr{r.Read, r.Create, r.Update, r.Delete}
	for _, f := range r.Fields {
		out = append(out, r.ReadField[f], r.WriteField[f])
	}
	for _, a := range r.Resource.Actions {
		out = append(out, r.Actions[a.Name].Allow)
	}
	return out
}
