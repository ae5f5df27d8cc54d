package engine

import (
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// readEqual understands one ?name=value.
func (a *ask) readEqual(q *Equal) {
	h := a.sight.Handle(q.Name)
	if h == nil || !h.Field.Stored() || h.Field.Type.Value == nil {
		a.readDeclared(q)
		return
	}
	switch h.Field.Type.Value.Kind {
	case value.List, value.Struct, value.JSON:
		a.fault(q.Name, "type", "cannot be compared with a text; use filter")
		return
	}
	if len(q.Values) > maxEqual {
		a.fault(q.Name, "max", "must have at most %d values", maxEqual)
		return
	}
	at := len(a.env.Literals)
	for _, text := range q.Values {
		v, err := parameterValue(h.Field, text)
		if err != nil {
			a.fault(q.Name, "type", "%s", misread(h.Field.Type, err))
			return
		}
		a.push(v)
	}
	// A number of values is rounded up to a power of two by saying the last one
	// again, so that the number of plans stays small.
	n := len(a.env.Literals) - at
	if n == 0 {
		return
	}
	for n&(n-1) != 0 {
		a.push(a.env.Literals[at+n-1])
		n++
	}
	a.equal = append(a.equal, equality{field: h, place: place{at, n}})
	a.shape('e', q.Name)
	a.key = append(a.key, byte(n))
}

// readDeclared understands a declared filter: ?paying=50000, or ?fresh=true for
// one without input.
func (a *ask) readDeclared(q *Equal) {
	expr := a.sight.Declared(q.Name)
	f := declared(a.sight.Resource.Resource, q.Name)
	if expr == nil || f == nil {
		a.noParameter(q.Name)
		return
	}
	if len(q.Values) != 1 {
		a.fault(q.Name, "max", "must be given once")
		return
	}
	text := q.Values[0]
	if f.Input != nil {
		v, err := parameterValue(f.Input, text)
		if err != nil {
			a.fault(q.Name, "type", "%s", err)
			return
		}
		if code, wrong := outside(f.Input.Type, v); code != "" {
			a.fault(q.Name, code, "%s", wrong)
			return
		}
		a.equal = append(a.equal, equality{filter: expr, place: a.push(v)})
		a.shape('i', q.Name)
		return
	}
	switch text {
	case "true":
		a.equal = append(a.equal, equality{filter: expr, place: a.push(nil)})
		a.shape('i', q.Name)
	case "false":
	default:
		a.fault(q.Name, "type", "must be true or false")
	}
}

func declared(r *contract.Resource, name string) *contract.Filter {
	for _, f := range r.Filters {
		if f.Name == name {
			return f
		}
	}
	return nil
}

// parameterValue reads a value of a field from a query or a path.
func parameterValue(f *contract.Field, text string) (any, error) {
	if f.Type.Name == "email" || f.Type.Name == "slug" {
		text = strings.ToLower(strings.TrimSpace(text)) // they are stored so
	}
	return f.Type.Value.ParseText(text)
}
