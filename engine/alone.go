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
