package oracle

import (
	"strings"

	"github.com/mainstay-run/mainstay/engine"
)

// known are differences that were reported and are not mended yet.
func (s *stage) known(q request) bool {
	m, _ := s.model(q.caller)
	op := q.operation(s.set, "")
	if q.kind == engine.Count && !s.set.View(m.env(nil)).Resource(op.Resource.Name).Readable {
		return true
	}
	for _, text := range q.measures {
		verb, name, _ := strings.Cut(text, ":")
		if f := op.Resource.Field(name); (verb == "sum" || verb == "avg") && f.Type.Name == "decimal" {
			return false // a sum that overflows on the way is null
		}
	}
	return false
}
