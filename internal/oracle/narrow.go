package oracle

import (
	"fmt"
	"slices"
)

// narrowing takes some right away.
type narrowing struct {
	how      string // revoke, deny, mask, hide or close
	resource string
	field    string
	extra    expr // what must hold besides
}

func (n narrowing) String() string {
	switch n.how {
	case "revoke":
		return fmt.Sprintf("one read rule of %s less", n.resource)
	case "deny":
		return fmt.Sprintf("%s only where %s", n.resource, n.extra.text())
	case "mask":
		return fmt.Sprintf("%s.%s only where %s", n.resource, n.field, n.extra.text())
	case "hide":
		return fmt.Sprintf("%s.%s hidden", n.resource, n.field)
	}
	return n.resource + " closed"
}

// newNarrowing is a random one.
func newNarrowing(d dice, c *design) narrowing {
	r := pick(d, c.resources)
	g := grammar{dice: d, rule: true, self: r}
	n := narrowing{how: pick(d, []string{"revoke", "deny", "deny", "mask", "mask", "hide", "close"}), resource: r.name}
	n.field = pick(d, r.fields[1:]).name
	n.extra = g.condition(d.between(0, 2))
	return n
}

// on is the design with less right, nil when it does not apply.
func (n narrowing) on(c *design) *design {
	d := &design{resources: slices.Clone(c.resources)}
	at := slices.IndexFunc(d.resources, func(r *resource) bool { return r.name == n.resource })
	if at < 0 || len(d.resources[at].read) == 0 {
		return nil
	}
	r := *d.resources[at]
	d.resources[at] = &r
	f := r.field(n.field)
	switch n.how {
	case "revoke":
		if len(r.read) < 2 {
			return nil
		}
		r.read = r.read[1:]
	case "deny":
		r.read = []expr{{format: "(%s) && %s", parts: []expr{{format: joined(len(r.read)), parts: r.read}, n.extra}}}
	case "close":
		r.read = []expr{{format: "false"}}
	case "mask":
		if f == nil || f.hidden || f.name == "email" {
			return nil
		}
		r.maskAlso(f, n.extra)
	case "hide":
		if f == nil || f.kind == "many" || f.key || f.search || f.name == "email" || r.masked(f) {
			return nil
		}
		own := *f
		own.hidden = true
		r.fields = slices.Clone(r.fields)
		r.fields[slices.Index(r.fields, f)] = &own
	}
	d.relink()
	return d
}

func joined(n int) string {
	format := "%s"
	for range n - 1 {
		format += " || %s"
	}
	return format
}

func (r *resource) masked(f *field) bool {
	return slices.ContainsFunc(r.masks, func(m mask) bool { return m.field.name == f.name })
}

// maskAlso lets a field be read only where extra holds too.
func (r *resource) maskAlso(f *field, extra expr) {
	r.masks = slices.Clone(r.masks)
	for i, m := range r.masks {
		if m.field.name == f.name {
			r.masks[i].rule = expr{format: "%s && %s", parts: []expr{m.rule, extra}}
			return
		}
	}
	r.masks = append(r.masks, mask{f, extra})
}
