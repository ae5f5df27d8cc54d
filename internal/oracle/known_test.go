package oracle

import (
	"strings"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
)

// known are the differences that were found and are not mended yet; each goes
// with the change that mends it.
func (s *stage) known(q request) bool {
	op := q.operation(s.set, "")
	view := s.set.View(&rule.Env{Caller: s.caller(q.caller), Now: now})
	// A count does not look at the filter when nothing is readable whatever the record.
	if q.kind == engine.Count && !view.Resource(op.Resource.Name).Readable {
		return true
	}
	// A sum of decimals is null when it overflows on the way, whatever it is in the end.
	for _, text := range q.measures {
		verb, name, _ := strings.Cut(text, ":")
		if f := op.Resource.Field(name); (verb == "sum" || verb == "avg") && f.Type.Name == "decimal" {
			return true
		}
	}
	return false
}
