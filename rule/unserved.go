package rule

import (
	"fmt"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
)

// written is an expression that chooses records, with where it stands.
type written struct {
	e     *Expr
	text  contract.Expr
	place string
	rule  bool // an access rule, whose equalities get an index by themselves
}

// unserved warns of what chooses records by something that no index leads to, so that
// every record is read. What most records satisfy (!=, a bool, a null) needs none: a
// page of such is found on the way.
func (k *compiler) unserved() (faults []contract.Fault) {
	for _, w := range k.choosing {
		n := unservedIn(w.e.root, w.rule)
		if n == nil {
			continue
		}
		r := w.e.res.Resource
		what := fmt.Sprintf("no index serves %s: every record of %s may be read to find those", spelt(n), r.Name)
		mend := "join it by && with something that an index serves"
		if f := narrowed(n); f != nil && indexes(f) {
			mend = "write 'index' behind the field " + f.Name
			if f.Builtin {
				mend = fmt.Sprintf("write %s in %s", f.Resource.IndexLine([]contract.IndexKey{{Field: f}}), f.Resource.Name)
			}
		}
		faults = append(faults, contract.Fault{Pos: w.text.Pos, Place: w.place, What: what, Mend: mend, Warning: true})
	}
	return faults
}

// unservedIn is the part of a condition that no index leads to; nil: one leads to all
// that satisfies it. See written.rule.
func unservedIn(n node, rule bool) node {
	if rowless(n) {
		return nil
	}
	switch n := n.(type) {
	case logic:
		return unservedLogic(n, rule)
	case compare:
		if n.op == query.Ne {
			return nil
		}
		for _, f := range []*contract.Field{ownField(n.l, n.r), ownField(n.r, n.l)} {
			if f != nil && (hasIndex(f) || rule && n.op == query.Eq && needsIndex(f) || f.Type.Name == "bool") {
				return nil
			}
		}
		return n
	case within:
		if f := ownField(n.x, n.l); f != nil && (hasIndex(f) || f.Type.Name == "bool") {
			return nil
		}
		return n
	case quantifier:
		if n.all {
			return nil
		}
		if n.list != nil {
			return n
		}
		return unservedIn(n.body, rule)
	case call:
		return n
	case choice:
		return nil // which side it is may differ by record
	}
	return nil
}

func unservedLogic(n logic, rule bool) (worst node) {
	rows := 0
	for _, x := range n.items {
		if rowless(x) {
			continue
		}
		rows++
		if bad := unservedIn(x, rule); bad != nil {
			worst = bad
			if !n.and {
				return worst
			}
		} else if n.and && narrows(x) {
			return nil // this one leads to the records, the others are looked at
		}
	}
	return worst
}

// narrows reports whether few records satisfy a condition, as far as its form tells.
func narrows(n node) bool {
	switch n := n.(type) {
	case compare:
		return n.op != query.Ne
	case logic, within, quantifier, call:
		return true
	}
	return false
}

// ownField is the stored field that n is, compared with what the request decides.
func ownField(n, with node) *contract.Field {
	if with != nil && !rowless(with) {
		return nil
	}
	switch n := n.(type) {
	case field:
		return n.f
	case identity:
		if d, ok := n.rec.(derefRecord); ok {
			return d.field
		}
		return n.rec.resource().Field("id")
	}
	return nil
}

// narrowed is the field that a part of a condition compares.
func narrowed(n node) *contract.Field {
	switch n := n.(type) {
	case compare:
		if f := ownField(n.l, n.r); f != nil {
			return f
		}
		return ownField(n.r, n.l)
	case within:
		return ownField(n.x, n.l)
	}
	return nil
}

// hasIndex reports whether an index begins with the field.
func hasIndex(f *contract.Field) bool {
	if f.Name == "id" || f.Unique || f.Index || f.Type.Name == "ref" {
		return true
	}
	if f.Resource == nil {
		return false
	}
	for _, keys := range f.Resource.Indexes {
		if keys[0].Field == f {
			return true
		}
	}
	for _, fields := range f.Resource.Unique {
		if fields[0] == f {
			return true
		}
	}
	return false
}

// indexes reports whether the contract may give the field an index.
func indexes(f *contract.Field) bool {
	switch f.Type.Name {
	case "text", "json", "list", "struct", "many", "file":
		return false
	}
	return f.Resource != nil
}
