package postgres

import (
	"slices"

	"github.com/mainstay-run/mainstay/query"
)

// PostgreSQL plans a prepared statement anew for each execution as long as it believes
// that to be worth it, and that takes as long as a page takes to read, or longer. Where
// the contract's indexes settle the plan it is made once; where the values matter it
// must see them: a plan that does not know that nobody has the status asked for may go
// through every record for it.
const (
	once   = "force_generic_plan"
	asSeen = "auto"
)

// planning is the plan_cache_mode for a statement. Reads by key and changes have one
// plan in either; so have lists by their parents' keys.
func planning(q any) string {
	s, ok := selected(q)
	switch {
	case !ok || s.ByKey || s.Lock != query.NoLock || s.PerParent != nil:
		return ""
	case s.Settled:
		return once
	}
	return asSeen
}

// adjust is the statement that changes the session for p, "" when it suits.
func (c *conn) adjust(p *prepared) string {
	if p.planning == "" || p.planning == c.planning {
		return ""
	}
	c.planning = p.planning
	return "SET plan_cache_mode = " + p.planning
}

// page is a settled select with its limit in the text: a plan that is made once has to
// know that few rows are wanted, or it is made for a tenth of all.
type page struct {
	*query.Select
	limit int64
}

// usual are the limits of pages, one row more than what is shown. Others, of which
// there may be many, share a statement.
var usual = []int64{2, 6, 11, 21, 26, 31, 41, 51, 101, 201}

// paged is what q is prepared as for args: a page, or q itself.
func paged(q *query.Select, args []any) any {
	p, ok := q.Limit.(query.Param)
	if !q.Settled || !ok {
		return q
	}
	limit, ok := args[p.Slot].(int64)
	if !ok || !slices.Contains(usual, limit) {
		return q
	}
	return page{q, limit}
}

// limited is the select with the limit in it.
func (p page) limited() *query.Select {
	q := *p.Select
	q.Limit = query.Const{Value: p.limit, Type: q.Limit.(query.Param).Type}
	return &q
}

// selected is the select that a prepared statement is for.
func selected(q any) (*query.Select, bool) {
	switch q := q.(type) {
	case *query.Select:
		return q, true
	case page:
		return q.Select, true
	}
	return nil, false
}
