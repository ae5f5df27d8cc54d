package mongo

import (
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// node is a part of an expression that asks the database again. It is resolved
// for many frames at once, before the expression is evaluated: one command for
// all, not one for each.
type node interface {
	number() int
	resolve(r *run, frames []*frame) error
}

// maxKeys is how many keys are asked for first and sent with $in.
const maxKeys = 10000

// add takes a node into the expression that is compiled; its value is what was
// found out.
func (c *compiler) add(n interface {
	node
	numbered(int)
}) eval {
	i := c.statement.nodes
	c.statement.nodes++
	n.numbered(i)
	c.nodes = append(c.nodes, n)
	return func(f *frame) any {
		if f.found == nil {
			return nil
		}
		return f.found[i]
	}
}

type place struct{ n int }

func (p *place) number() int    { return p.n }
func (p *place) numbered(n int) { p.n = n }

// subNode is a sub-select: whether it has a row, or the value of its row.
type subNode struct {
	place
	sub    *selection
	scalar bool
	free   bool // it sees nothing of the frame around it
}

// inNode is whether a value is among those of a sub-select: the keys first, or,
// when the rows around it are few or the keys too many, those rows only.
type inNode struct {
	place
	x       query.Expr
	value   eval
	whole   *selection // nil: it sees the frame around it
	keyed   *selection // nil: it cannot be looked up
	fewRows bool
}

// eachNode is a list whose condition asks a sub-select.
type eachNode struct {
	place
	list  eval
	slot  int
	where eval
	nodes []node
}

// subSelect compiles InSelect, Exists and Scalar.
func (c *compiler) subSelect(e query.Expr) eval {
	q := sqlgen.SubSelect(e)
	switch e := e.(type) {
	case query.InSelect:
		return c.inSelect(q, e.X, q)
	case query.Exists:
		if x, sub := c.decorrelated(q); sub != nil {
			return c.inSelect(q, x, sub)
		}
	}
	_, scalar := e.(query.Scalar)
	seen := reachOf(q)
	n := &subNode{scalar: scalar, free: len(seen.aliases)+len(seen.elements) == 0}
	c.collect(func() { n.sub = c.selects(q, nil) })
	return c.add(n)
}

// decorrelated turns "a row exists whose column is x" into "x is among the column
// of these rows", when the rest does not see the frame around it.
func (c *compiler) decorrelated(q *query.Select) (x query.Expr, sub *query.Select) {
	if q.Limit != nil || q.Offset != nil || q.PerParent != nil || len(q.After) > 0 || grouped(q) {
		return nil, nil
	}
	own := map[int]bool{q.From.Alias: true}
	for _, j := range q.Joins {
		own[j.Table.Alias] = true
	}
	list := conjunction(nil, q.Where)
	for i, e := range list {
		inner, outer, ok := linked(e, q.From.Alias, own)
		if !ok {
			continue
		}
		rest := append([]query.Expr{}, list[:i]...)
		sub := &query.Select{
			From: q.From, Joins: q.Joins, Where: query.And{List: append(rest, list[i+1:]...)},
			Columns: []query.Column{{Expr: inner, Type: inner.Type}},
		}
		if seen := reachOf(sub); len(seen.aliases)+len(seen.elements) == 0 {
			return outer, sub
		}
	}
	return nil, nil
}

// inSelect compiles "x is among q"; written is what the statement says instead.
func (c *compiler) inSelect(written *query.Select, x query.Expr, q *query.Select) eval {
	n := &inNode{x: x, value: c.expr(x), fewRows: c.owner == nil || c.owner.pinned}
	seen := reachOf(q)
	free := len(seen.aliases)+len(seen.elements) == 0
	plain := q.Limit == nil && q.Offset == nil && q.PerParent == nil && len(q.After) == 0 && !grouped(q)
	if free {
		c.collect(func() { n.whole = c.selects(q, nil) })
	}
	if plain {
		c.collect(func() { n.keyed = c.selects(q, query.Cmp{Op: query.Eq, L: q.Columns[0].Expr, R: x}) })
	}
	if n.keyed == nil && n.whole == nil { // it sees the frame around it, and may be a page
		c.collect(func() { n.keyed = c.selects(q, nil) })
	}
	c.asked[written] = n
	return c.add(n)
}

func (n *subNode) resolve(r *run, frames []*frame) error {
	if n.free {
		keys, err := r.whole(n.sub, 1)
		if err != nil {
			return err
		}
		for _, f := range frames {
			f.learn(n.n, n.result(keys.list))
		}
		return nil
	}
	results, err := r.lookUp(n.sub, frames)
	if err != nil {
		return err
	}
	for i, f := range frames {
		f.learn(n.n, n.result(results[i]))
	}
	return nil
}

func (n *subNode) result(rows []any) any {
	switch {
	case !n.scalar:
		return len(rows) > 0
	case len(rows) == 0:
		return nil
	}
	return rows[0]
}

// keys are those of the sub-select as a whole; nil when they are too many, or not
// worth to be asked for.
func (n *inNode) keys(r *run) (*keys, error) {
	if n.whole == nil || n.fewRows && n.keyed != nil {
		return nil, nil
	}
	most := maxKeys
	if n.keyed == nil {
		most = 0
	}
	k, err := r.whole(n.whole, most)
	if err != nil || n.keyed != nil && len(k.list) > maxKeys {
		return nil, err
	}
	return k, nil
}

func (n *inNode) resolve(r *run, frames []*frame) error {
	k, err := n.keys(r)
	if err != nil {
		return err
	}
	if k != nil {
		for _, f := range frames {
			f.learn(n.n, k.has(n.value(f)))
		}
		return nil
	}
	results, err := r.lookUp(n.keyed, frames)
	if err != nil {
		return err
	}
	for i, f := range frames {
		f.learn(n.n, in(n.value(f), results[i]) == true)
	}
	return nil
}

func (n *eachNode) resolve(r *run, frames []*frame) error {
	var inner []*frame
	for _, f := range frames {
		f.learn(n.n, false)
		elements, _ := n.list(f).([]any)
		for _, v := range elements {
			inner = append(inner, f.withElement(n.slot, v))
		}
	}
	if err := r.resolve(n.nodes, inner); err != nil {
		return err
	}
	for _, f := range inner {
		if n.where(f) == true {
			f.parent.learn(n.n, true)
		}
	}
	return nil
}
