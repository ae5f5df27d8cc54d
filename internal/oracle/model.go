package oracle

import (
	"fmt"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// model is what one caller may see: a world of its own, in which every record
// that the caller may not read is absent, every value null, and every field that
// does not exist for the caller is not in the contract. In that world there are
// no rules any more, so that a request means in it what it says.
type model struct {
	stage  *stage
	caller *rule.Caller
	set    *rule.Set // of the contract without rules and without those fields
	world  *world
	view   *rule.View
}

// model makes the model of a caller's sight. It relies on package rule for what
// a rule says of a record (Holds) and for which fields exist at all (a View's
// handles); the latter is held against every record.
func (s *stage) model(email string) (*model, error) {
	if m := s.models[email]; m != nil {
		return m, nil
	}
	m, err := s.modelOf(s.caller(email))
	if err == nil {
		s.models[email] = m
	}
	return m, err
}

func (s *stage) modelOf(caller *rule.Caller) (*model, error) {
	m := &model{stage: s, caller: caller}
	view := s.set.View(m.env(nil))
	seen := &design{}
	var rows []row
	for _, r := range s.design.resources {
		sight := view.Resource(r.name)
		if (sight == nil) != (len(r.read) == 0) {
			return nil, fmt.Errorf("%s is there: %t", r.name, sight != nil)
		}
		kept := &resource{name: r.name}
		seen.resources = append(seen.resources, kept)
		if sight == nil {
			kept.fields = r.stored()
			continue
		}
		kept.read = []expr{{format: "true"}}
		for _, f := range r.fields {
			if sight.Handle(f.name) != nil {
				kept.fields = append(kept.fields, f)
			}
		}
		visible, err := m.visible(r, sight)
		if err != nil {
			return nil, err
		}
		rows = append(rows, visible...)
	}
	seen.relink()
	var err error
	if m.set, err = s.shadow(seen); err != nil {
		return nil, err
	}
	// A declared filter that names what the caller cannot see is not there.
	for i, r := range s.design.resources {
		for _, f := range r.filters {
			kept := seen.resources[i].filters
			seen.resources[i].filters = append(kept[:len(kept):len(kept)], f)
			if set, err := s.shadow(seen); err == nil {
				m.set = set
			} else {
				seen.resources[i].filters = kept
			}
		}
	}
	m.world = newWorld(rows)
	m.view = m.set.View(m.env(nil))
	return m, nil
}

// shadow compiles a design once.
func (s *stage) shadow(c *design) (*rule.Set, error) {
	text := c.text()
	if set := s.shadows[text]; set != nil {
		return set, nil
	}
	set, err := compile(text)
	if err == nil {
		s.shadows[text] = set
	}
	return set, err
}

// relink makes references and relations point to this design's own resources.
func (c *design) relink() {
	for _, r := range c.resources {
		for i, f := range r.fields {
			if f.target != nil {
				own := *f
				own.target = c.resource(f.target.name)
				r.fields[i] = &own
			}
		}
	}
}

// env is what an expression about rec may read, in the whole world.
func (m *model) env(rec rule.Record) *rule.Env {
	return &rule.Env{Caller: m.caller, Now: now, Record: rec, World: m.stage.world}
}

// visible are the records of r as the caller sees them. What the view says of
// all records must be true of each.
func (m *model) visible(r *resource, sight *rule.Sight) ([]row, error) {
	res := m.stage.set.Resource(r.name)
	var rows []row
	for _, rec := range m.stage.world.order[r.name] {
		if !res.Read.Holds(m.env(rec)) {
			continue
		}
		if !sight.Readable {
			return nil, fmt.Errorf("%s is unreadable for this caller whatever the record, but the rule admits %v", r.name, rec["id"])
		}
		own := rule.Record{}
		for _, f := range res.Fields {
			if !f.Stored() {
				continue
			}
			mask := res.ReadField[f]
			open := mask == nil || mask.Holds(m.env(rec))
			switch h := sight.Handle(f.Name); {
			case f.Hidden && h != nil:
				return nil, fmt.Errorf("%s.%s is hidden and has a handle", r.name, f.Name)
			case f.Hidden:
			case h == nil && open:
				return nil, fmt.Errorf("%s.%s does not exist for this caller, but its rule admits %v", r.name, f.Name, rec["id"])
			case h != nil && !h.Masked && !open:
				return nil, fmt.Errorf("%s.%s is open for this caller whatever the record, but its rule denies %v", r.name, f.Name, rec["id"])
			case h != nil && open:
				own[f.Name] = rec[f.Name]
			case h != nil:
				own[f.Name] = nil
			}
		}
		rows = append(rows, row{r.name, own})
	}
	return rows, nil
}

// field is a field that exists for the caller, nil when there is none.
func (m *model) field(resource, name string) *contract.Field {
	if r := m.set.Resource(resource); r != nil {
		return r.Field(name)
	}
	return nil
}

// fields are those that exist for the caller, in the contract's order.
func (m *model) fields(resource string) []*contract.Field {
	return m.set.Resource(resource).Fields
}

// serves reports whether a resource is there at all.
func (m *model) serves(resource string) bool { return m.view.Resource(resource) != nil }

// find is the visible record that a text addresses, by id or by key.
func (m *model) find(resource, text string) (rule.Record, bool) {
	if id, err := value.ParseID(text); err == nil {
		return m.world.Lookup(resource, id)
	}
	if key := m.stage.set.Resource(resource).Key; key != nil && m.field(resource, key.Name) != nil {
		for _, rec := range m.world.order[resource] {
			if rec[key.Name] == any(text) {
				return rec, true
			}
		}
	}
	return nil, false
}

// chosen are the visible records that a request's conditions admit, by id.
func (m *model) chosen(q request, resource string, within func(rule.Record) bool) ([]rule.Record, faults) {
	var bad faults
	admits := []func(rule.Record) bool{within}
	if q.filter != nil {
		e, literals, err := m.view.Resource(resource).ParseFilter(q.filter.text())
		if err != nil {
			bad.add(err)
		} else {
			admits = append(admits, func(rec rule.Record) bool {
				env := &rule.Env{Caller: m.known(), Now: now, Record: rec, World: m.world, Literals: literals}
				return e.Holds(env)
			})
		}
	}
	for _, eq := range q.equal {
		admit, err := m.equal(resource, eq.Name, eq.Values)
		bad.add(err)
		admits = append(admits, admit)
	}
	if q.search != "" {
		admit, err := m.searched(resource, q.search)
		bad.add(err)
		admits = append(admits, admit)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	var found []rule.Record
	for _, rec := range m.world.order[resource] {
		if !slices.ContainsFunc(admits, func(admit func(rule.Record) bool) bool { return !admit(rec) }) {
			found = append(found, rec)
		}
	}
	return found, nil
}

// known is what a request's filter may know of the caller: who it is.
func (m *model) known() *rule.Caller {
	if m.caller == nil {
		return nil
	}
	return &rule.Caller{ID: m.caller.ID, Record: rule.Record{"id": m.caller.ID}}
}
