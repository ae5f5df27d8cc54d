package rule

import (
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
)

// Index is an index that a rule needs to be served without a scan.
type Index struct {
	Resource *contract.Resource
	Fields   []*contract.Field
}

// Indexes lists what the read rules of the contract need: the fields that they
// compare by equality with something that the request decides. References are
// not among them: they always have an index. Many records have a value that the
// contract names: their index goes on in the order of a list, the id.
func (s *Set) Indexes() []Index {
	var out []Index
	seen := map[*contract.Field]bool{}
	for _, r := range s.Contract.Resources {
		res := s.resources[r.Name]
		if res.Read == nil {
			continue
		}
		walk(res.Read.root, func(n node) bool {
			c, ok := n.(compare)
			if !ok || c.op != query.Eq {
				return true
			}
			for _, pair := range [][2]node{{c.l, c.r}, {c.r, c.l}} {
				f, ok := pair[0].(field)
				if !ok || !rowless(pair[1]) || seen[f.f] || !needsIndex(f.f) {
					continue
				}
				seen[f.f] = true
				fields := []*contract.Field{f.f}
				if constant(pair[1]) {
					fields = append(fields, s.resources[f.f.Resource.Name].Field("id"))
				}
				out = append(out, Index{Resource: f.f.Resource, Fields: fields})
			}
			return true
		})
	}
	return out
}

func needsIndex(f *contract.Field) bool {
	return f.Resource != nil && !f.Builtin && !f.Unique && !f.Index && f.Type.Name != "ref" && f.Type.Name != "bool" && f.Type.Name != "text"
}
