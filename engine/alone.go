package engine

import (
	"maps"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
)

// standsAlone reports whether no rule, check or default that is asked when a
// record of t is made or changed follows a relation for this caller. Such a write locks
// all that it depends on: the record, the caller's account and the records that it
// refers to.
func (c *call) standsAlone(t *table) bool {
	return !t.follows && !slices.ContainsFunc(t.relational, func(x *rule.Expr) bool { return c.view.Verdict(x) == rule.Depends })
}

// relations finds the rules that follow relations when a record of t is made or changed.
func (e *Engine) relations(t *table) {
	follows := func(x *rule.Expr) bool { return x != nil && !x.Local() }
	r := t.r
	rules := []*rule.Expr{r.Read, r.Create, r.Update}
	rules = slices.AppendSeq(rules, maps.Values(r.ReadField))
	rules = slices.AppendSeq(rules, maps.Values(r.WriteField))
	for _, f := range t.fields {
		rules = append(rules, e.referred(f.Type)...)
	}
	for _, x := range rules {
		if follows(x) {
			t.relational = append(t.relational, x)
		}
	}
	for _, x := range r.Checks {
		t.follows = t.follows || follows(x.Expr)
	}
	for _, x := range r.Defaults {
		t.follows = t.follows || follows(x)
	}
}

// referred are the read rules of the records that a value of type t refers to.
func (e *Engine) referred(t *contract.Type) []*rule.Expr {
	switch {
	case t.Target != nil:
		return []*rule.Expr{e.set.Resource(t.Target.Name).Read}
	case t.Elem != nil:
		return e.referred(t.Elem)
	}
	var rules []*rule.Expr
	for _, f := range t.Members {
		rules = append(rules, e.referred(f.Type)...)
	}
	return rules
}

// single reports whether a write that stands alone, of what in says, is one statement
// that writes: nothing but the caller's account has to be held for it, which that
// statement does, and its answer is told from memory.
func (e *Engine) single(c *call, s *rule.Sight, op *Operation, in *input) bool {
	if op.IdempotencyKey != "" || e.isAccounts(s.Resource) {
		return false
	}
	for _, f := range in.fields {
		if len(e.referred(f.Type)) > 0 && !c.refusedAnyway(f) {
			return false
		}
	}
	return op.Minimal || e.tells(c, s, op)
}

// tells reports whether the answer to a write is told by the record in memory.
func (e *Engine) tells(c *call, s *rule.Sight, op *Operation) bool {
	if !s.Readable {
		return true
	}
	a := newAnswer(c, s, op.Query.Fields, op.Query.Include)
	defer a.release()
	p, err := e.planOne(c, a, nil, nil) // whichever it is
	return err == nil && p.tellable
}
