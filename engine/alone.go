package engine

import (
	"maps"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
)

// standsAlone reports whether no rule, check or default that is asked when a
// record of r is made or changed follows a relation. Such a write locks all that it
// depends on: the record, the caller's account and the records that it refers to.
func (e *Engine) standsAlone(r *rule.Resource) bool {
	rules := []*rule.Expr{r.Read, r.Create, r.Update}
	for _, c := range r.Checks {
		rules = append(rules, c.Expr)
	}
	for _, more := range []map[*contract.Field]*rule.Expr{r.ReadField, r.WriteField, r.Defaults} {
		rules = slices.AppendSeq(rules, maps.Values(more))
	}
	for _, f := range r.Fields {
		if f.Stored() {
			rules = append(rules, e.referred(f.Type)...)
		}
	}
	return !slices.ContainsFunc(rules, func(x *rule.Expr) bool { return x != nil && !x.Local() })
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
// that writes: nothing else has to be held for it, and its answer is told from memory.
func (e *Engine) single(c *call, s *rule.Sight, op *Operation, in *input) bool {
	if c.who.Caller != nil || op.IdempotencyKey != "" {
		return false
	}
	for _, f := range in.fields(s.Resource) {
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
	a := newAsk(c, s, &Operation{Kind: Get, Resource: op.Resource, ID: noID, Query: Query{Fields: op.Query.Fields, Include: op.Query.Include}})
	defer a.release()
	p, err := e.planGet(c, a)
	return err == nil && p.tellable
}

// noID stands for the id of a record where only the shape of its answer matters.
const noID = "00000000-0000-0000-0000-000000000000"
