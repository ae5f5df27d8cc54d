package rule

import "slices"

// Reaches lists the other resources whose records the expression looks into, by
// a path or a quantifier, each once. A reference that is only compared, not
// followed, is not among them, nor is the caller's own record.
func (e *Expr) Reaches() []*Resource {
	var list []*Resource
	add := func(r *Resource) {
		if r != nil && !slices.Contains(list, r) {
			list = append(list, r)
		}
	}
	walk(e.root, func(n node) bool {
		r := recordOf(n)
		if id, ok := n.(identity); ok {
			if d, ok := id.rec.(derefRecord); ok {
				r = d.base
			}
		}
		for {
			d, ok := r.(derefRecord)
			if !ok {
				break
			}
			add(d.to)
			r = d.base
		}
		if q, ok := n.(quantifier); ok && q.many != nil {
			add(q.v.res)
		}
		return true
	})
	return list
}
