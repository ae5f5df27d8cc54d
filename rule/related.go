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
	return and(query.IsNull{X: s.id(n.base), Not: true}, none)
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
	related, ok := s.related(n, alias)
	if !ok {
		return query.False
	}
	s.many = true
	related.rule = append(related.rule, where(s.with(n.v.key, alias)))
	base := s.id(n.base)
	if body != nil && !rowless(identity{n.base}) && closed(body, n.v) {
		if lead := leads(body, want); lead > toNone {
			return related.among(base, lead)
		}
	}
	return related.one(base)
}

// related is the table reference to the elements of a quantifier over a relation,
// with what a request's reference must carry; not ok: the caller sees none.
func (s scope) related(n quantifier, alias int) (target, bool) {
	back := n.many.Type.Inverse
	t := target{from: query.Table{Name: n.v.res.Table, Alias: alias}, key: query.Col{Alias: alias, Name: back.Name, Type: back.Type.Value}}
	if n.handle == nil {
		return t, true
	}
	h := n.v.sight.Handle(back.Name)
	if h == nil {
		return t, false
	}
	t.rule = []query.Expr{s.RowRule(n.v.sight, alias)}
	if h.mask != nil {
		t.rule = append(t.rule, s.Rule(h.mask, alias))
	}
	return t, true
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

// lead is how an index leads to the records for which a condition is certain.
type lead uint8

const (
	toNone lead = iota // none does: all records have to be looked at
	toSome             // one leads to some of them, who knows how many
	toFew
)

// leads tells how an index leads to the records for which n is certainly want, by a
// field that equals something the request decides.
func leads(n node, want bool) lead {
	switch n := n.(type) {
	case not:
		return leads(n.x, !want)
	case logic:
		out := leads(n.items[0], want)
		for _, x := range n.items[1:] {
			if n.and == want {
				out = max(out, leads(x, want))
			} else {
				out = min(out, leads(x, want))
			}
		}
		return out
	case compare:
		if want && n.op == query.Eq || !want && n.op == query.Ne {
			return max(leadsBy(n.l, n.r), leadsBy(n.r, n.l))
		}
	case within:
		if want {
			return min(leadsBy(n.x, n.l), toSome)
		}
	case quantifier:
		if n.many != nil && want != n.all && closed(n.body, n.v) {
			return leads(n.body, want)
		}
	}
	return toNone
}

// leadsBy is leads for x == y. Few records belong to one account, or have a value
// that is unique; many may have one that the contract itself names.
func leadsBy(x, y node) lead {
	f := ownField(x, y)
	if f == nil || rowless(x) {
		return toNone
	}
	stored, isField := x.(field)
	_, isCaller := y.(identity)
	switch {
	case isField && stored.handle != nil && stored.handle.mask != nil:
		return toNone
	case f.Name == "id" || f.Unique || isCaller && f.Type.Name == "ref":
		return toFew
	case constant(y):
		return toNone
	case hasIndex(f) || isField && stored.handle == nil && needsIndex(f):
		return toSome
	}
	return toNone
}

// id is a record's id, null where it is missing. A rule takes the reference itself
// for it, which never leads nowhere.
func (s scope) id(r record) query.Expr {
	d, ok := r.(derefRecord)
	if _, have := s.rows[r.key()]; ok && !have && d.handle == nil {
		return s.value(field{rec: d.base, f: d.field})
	}
	return s.value(identity{r})
}

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
	case quantifier:
		if n.many != nil && closed(n.body, n.v) {
			if d := s.firstHop(n.base); d != nil {
				return *d, true
			}
		}
		return derefRecord{}, false
	case isNull, choice:
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

// hoists reports whether n, which is hoistable, is lowered as a whole: not where its
// parts are each served by themselves.
func hoists(n node, want bool) bool {
	lead := leads(n, want)
	if l, ok := n.(logic); ok && l.and != want && lead > toNone {
		return false
	}
	return lead > toNone || !relational(n)
}

// relational reports whether n asks for related records.
func relational(n node) bool {
	found := false
	walk(n, func(x node) bool {
		q, ok := x.(quantifier)
		found = found || ok && q.many != nil
		return !found
	})
	return found
}

// hoist lowers n, which looks at data through d alone. Where an index leads to what d
// may refer to, that is found once for all rows; else each row is followed.
func (s scope) hoist(d derefRecord, n node, want bool) query.Expr {
	if s.nowhere(d) {
		return query.False
	}
	alias := s.Alias()
	t := s.target(d, alias)
	t.rule = append(t.rule, s.with(d.key(), alias).condition(n, want))
	reference := s.value(field{rec: d.base, f: d.field, handle: d.handle})
	if lead := leads(n, want); lead > toNone {
		return t.among(reference, lead)
	}
	return t.one(reference)
}

// target is a table reference behind a dereference or a relation: key is the column
// that ties its rows to the row at hand, rule what they must satisfy.
type target struct {
	from query.Table
	key  query.Col
	rule []query.Expr
}

func (s scope) target(d derefRecord, alias int) target {
	t := target{
		from: query.Table{Name: d.to.Table, Alias: alias},
		key:  query.Col{Alias: alias, Name: "id", Type: idType},
	}
	if d.handle != nil {
		t.rule = []query.Expr{s.RowRule(d.sight, alias)}
	}
	return t
}

// among holds where x is the key of one of t's rows, which are found once. What is
// among ids only because it is among other keys is looked for among those.
func (t target) among(x query.Expr, lead lead) query.Expr {
	where := and(t.rule...)
	if where == query.Expr(query.False) {
		return query.False
	}
	if keys, ok := where.(query.InSelect); ok && t.key.Name == "id" {
		if col, ok := keys.X.(query.Col); ok && col.Alias == t.key.Alias && col.Name == t.key.Name {
			keys.X = x
			return keys
		}
	}
	return query.InSelect{X: x, Sub: &query.Select{From: t.from, Columns: []query.Column{{Expr: t.key, Type: t.key.Type}}, Where: where}, Few: lead == toFew}
}

// one holds where one of t's rows has the key x; it is looked for by that.
func (t target) one(x query.Expr) query.Expr {
	where := and(append([]query.Expr{query.Cmp{Op: query.Eq, L: t.key, R: x}}, t.rule...)...)
	if where == query.Expr(query.False) {
		return query.False
	}
	return query.Exists{Sub: &query.Select{From: t.from, Where: where}}
}
