package rule

import (
	"github.com/mainstay-run/mainstay/query"
)

// quantifier: some element for which the body is certainly true (exists) or
// certainly false (a refuted all); or no element that keeps it from being so.
func (s scope) quantifier(n quantifier, want bool) query.Expr {
	if some := want != n.all; some {
		return s.some(n, func(in scope) query.Expr { return in.condition(n.body, want) }, n.body, want)
	}
	none := query.NotTrue{X: s.some(n, func(in scope) query.Expr {
		return negation(in.condition(n.body, want))
	}, nil, want)}
	if n.list != nil {
		return and(query.IsNull{X: s.value(n.list), Not: true}, none)
	}
	if always(n.base) {
		return none
	}
	return and(query.IsNull{X: s.value(identity{n.base}), Not: true}, none)
}

// negation holds where the condition c does not.
func negation(c query.Expr) query.Expr {
	switch c := c.(type) {
	case query.Const:
		return truth(c.Value != true)
	case query.NotTrue:
		return c.X
	}
	return query.NotTrue{X: c}
}

// always reports whether a record is never missing.
func always(r record) bool {
	switch r.(type) {
	case rootRecord, boundRecord:
		return true
	}
	return false
}

// some holds where an element satisfies where. body and want say what where was
// made from, to choose the form; body nil: a form that suits any.
func (s scope) some(n quantifier, where func(scope) query.Expr, body node, want bool) query.Expr {
	alias := s.Alias()
	if n.list != nil {
		c := where(s.withElement(n.v, alias))
		if c == query.Expr(query.False) {
			return query.False
		}
		return query.Each{List: s.value(n.list), Alias: alias, Where: c}
	}
	inner := s.with(n.v.key, alias)
	parts := []query.Expr{}
	back := query.Expr(query.Col{Alias: alias, Name: n.many.Type.Inverse.Name, Type: n.many.Type.Inverse.Type.Value})
	if n.handle != nil {
		parts = append(parts, s.RowRule(n.v.sight, alias))
		if h := n.v.sight.Handle(n.many.Type.Inverse.Name); h == nil {
			return query.False
		} else if h.mask != nil {
			parts = append(parts, s.Rule(h.mask, alias))
		}
	}
	parts = append(parts, where(inner))
	base := s.value(identity{n.base})
	from := query.Table{Name: n.v.res.Table, Alias: alias}
	if body != nil && anchored(body, n.v) && closed(body, n.v) && !rowless(identity{n.base}) {
		where := and(parts...)
		if where == query.Expr(query.False) {
			return query.False
		}
		return query.InSelect{X: base, Sub: &query.Select{From: from, Columns: []query.Column{{Expr: back, Type: n.many.Type.Inverse.Type.Value}}, Where: where}}
	}
	parts = append([]query.Expr{query.Cmp{Op: query.Eq, L: back, R: base}}, parts...)
	w := and(parts...)
	if w == query.Expr(query.False) {
		return query.False
	}
	return query.Exists{Sub: &query.Select{From: from, Where: w}}
}

// closed reports whether a quantifier's body looks at no row outside of it, so
// that its elements can be found once for the whole statement.
func closed(body node, v *variable) bool {
	inner := map[string]bool{v.key: true}
	elems := map[*variable]bool{}
	ok := true
	walk(body, func(n node) bool {
		if q, is := n.(quantifier); is {
			inner[q.v.key] = true
			elems[q.v] = true
		}
		return true
	})
	walk(body, func(n node) bool {
		if e, is := n.(element); is && !elems[e.v] {
			ok = false
		}
		if r := recordOf(n); r != nil {
			switch r := start(r).(type) {
			case rootRecord:
				ok = false
			case boundRecord:
				ok = ok && inner[r.v.key]
			}
		}
		return ok
	})
	return ok
}

// anchored reports whether the body ties its element to something that the
// request alone decides by equality, so that an index leads from the caller to
// few rows: m.user == caller.
func anchored(body node, v *variable) bool {
	switch n := body.(type) {
	case logic:
		if !n.and {
			for _, x := range n.items {
				if !anchored(x, v) {
					return false
				}
			}
			return true
		}
		for _, x := range n.items {
			if anchored(x, v) {
				return true
			}
		}
	case compare:
		return n.op == query.Eq && (selective(n.l) != selective(n.r))
	case quantifier:
		return !n.all && n.many != nil && anchored(n.body, n.v)
	}
	return false
}

// selective reports whether the request, not the contract's text, gives n's value.
func selective(n node) bool { return rowless(n) && !constant(n) }

// hoistable finds the one reference of a row of this scope through which alone n
// looks at data, when n is unknown wherever that reference leads nowhere. Such a
// condition becomes: reference IN (SELECT id … WHERE n).
func (s scope) hoistable(n node) (derefRecord, bool) {
	switch n := n.(type) {
	case logic:
		var first derefRecord
		for i, x := range n.items {
			d, ok := s.hoistable(x)
			if !ok || i > 0 && d.key() != first.key() {
				return derefRecord{}, false
			}
			first = d
		}
		return first, true
	case not:
		return s.hoistable(n.x)
	case isNull, choice, quantifier:
		return derefRecord{}, false
	}
	var found *derefRecord
	ok := true
	walk(n, func(x node) bool {
		switch x := x.(type) {
		case choice, quantifier, isNull, logic, element:
			ok = false
		case node:
			r := recordOf(x)
			if r == nil {
				break
			}
			if _, isCaller := r.(callerRecord); isCaller {
				break
			}
			if _, isOld := r.(oldRecord); isOld {
				break
			}
			d := s.firstHop(r)
			if d == nil || found != nil && found.key() != d.key() {
				ok = false
			}
			found = d
		}
		return ok
	})
	if !ok || found == nil {
		return derefRecord{}, false
	}
	return *found, true
}

// firstHop is the outermost dereference on the way to r that this scope has no row for.
func (s scope) firstHop(r record) *derefRecord {
	if _, have := s.rows[r.key()]; have {
		return nil
	}
	d, ok := r.(derefRecord)
	if !ok {
		return nil
	}
	if inner := s.firstHop(d.base); inner != nil {
		return inner
	}
	if _, have := s.rows[d.base.key()]; have {
		return &d
	}
	return nil // from the caller's or the old record
}

func (s scope) hoist(d derefRecord, n node, want bool) query.Expr {
	alias := s.Alias()
	sub := s.target(d, alias)
	where := and(append(sub.rule, s.with(d.key(), alias).condition(n, want))...)
	if where == query.Expr(query.False) {
		return query.False
	}
	return query.InSelect{
		X:   s.value(field{rec: d.base, f: d.field, handle: d.handle}),
		Sub: &query.Select{From: sub.from, Columns: []query.Column{{Expr: sub.id, Type: idType}}, Where: where},
	}
}

// target is the table reference behind a dereference, with the row rule that a
// request's reference must carry.
type target struct {
	from query.Table
	id   query.Col
	rule []query.Expr
}

func (s scope) target(d derefRecord, alias int) target {
	t := target{
		from: query.Table{Name: d.to.Table, Alias: alias},
		id:   query.Col{Alias: alias, Name: "id", Type: idType},
	}
	if d.handle != nil {
		t.rule = []query.Expr{s.RowRule(d.sight, alias)}
	}
	return t
}
