package seed

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// seedling is a record of a seed file while it is read.
type seedling struct {
	resource *rule.Resource
	name     string
	key      *yaml.Node // where its name stands
	fields   map[string]*yaml.Node
	record   rule.Record
	targets  []*seedling // what its references name
	password string
	// wrong: something was said about it or about what it refers to; its defaults
	// and checks might only repeat it.
	wrong bool
	state uint8 // of ordering: 0 not met, 1 being visited, 2 in place
}

// place is the record in words.
func (s *seedling) place() string { return s.resource.Name + "." + s.name }

// reader reads the records of a seed file.
type reader struct {
	source
	set    *rule.Set
	now    time.Time
	byName map[string]map[string]*seedling // by resource and name
	all    []*seedling                     // in the order written
}

// read gives the records of a seed file in an order in which each comes after
// those that it refers to, or everything that is wrong with it.
func read(set *rule.Set, file string, text []byte, now time.Time) ([]*seedling, []contract.Fault) {
	r := &reader{source: source{name: file}, set: set, now: now, byName: map[string]map[string]*seedling{}}
	if root := r.parse(text); root != nil {
		r.names(root)
	}
	for _, s := range r.all {
		r.values(s)
	}
	ordered := r.order()
	w := newWorld(set)
	for _, s := range ordered {
		r.complete(s, w)
	}
	for _, s := range ordered {
		r.check(s, w)
	}
	r.unique()
	return ordered, contract.Sort(r.faults)
}

// names finds the records, so that references may point forwards.
func (r *reader) names(root *yaml.Node) {
	for _, section := range r.entries(root, "", "the names of resources, each with its records") {
		res := r.set.Resource(section.name)
		if res == nil {
			var known []string
			for _, known1 := range r.set.Contract.Resources {
				known = append(known, known1.Name)
			}
			r.fault(section.key, "", meant(section.name, known), "no resource '%s'", section.name)
			continue
		}
		byName := map[string]*seedling{}
		r.byName[res.Name] = byName
		for _, e := range r.entries(section.node, res.Name, "records, each with a name: 'ann: {…}'") {
			s := &seedling{resource: res, name: e.name, key: e.key, fields: map[string]*yaml.Node{}, record: rule.Record{}}
			byName[e.name] = s
			r.all = append(r.all, s)
			for _, f := range r.entries(e.node, s.place(), "fields, each with its value") {
				r.field(s, f)
			}
		}
	}
}

func (r *reader) field(s *seedling, e entry) {
	f := s.resource.Field(e.name)
	switch {
	case e.name == "password" && r.isAccount(s.resource):
		s.password = e.node.Value
		least := r.set.Contract.Accounts.MinLength
		if code, detail := auth.CheckPassword(s.password, least); code != "" {
			r.wrong(s, e.node, s.place()+".password", "", "%s", detail)
		}
	case f == nil:
		var known []string
		for _, f := range stored(s.resource) {
			known = append(known, f.Name)
		}
		if r.isAccount(s.resource) {
			known = append(known, "password")
		}
		r.wrong(s, e.key, s.place(), meant(e.name, known), "no field '%s'", e.name)
	case f.Type.Name == "many":
		r.wrong(s, e.key, s.place()+"."+f.Name, fmt.Sprintf("name this record in the field %s of each %s", f.Type.Inverse.Name, f.Type.Target.Name),
			"is the other end of a reference and is not stored")
	case f.Type.Value == nil:
		r.wrong(s, e.key, s.place()+"."+f.Name, "", "files cannot be seeded")
	default:
		s.fields[f.Name] = e.node
	}
}

func (r *reader) isAccount(res *rule.Resource) bool {
	return r.set.Contract.Accounts != nil && r.set.Contract.Accounts.Resource.Name == res.Name
}

func (r *reader) wrong(s *seedling, n *yaml.Node, place, mend, what string, args ...any) {
	s.wrong = true
	r.fault(n, place, mend, what, args...)
}

// values reads what was written for each field.
func (r *reader) values(s *seedling) {
	env := &rule.Env{Now: value.TimestampOf(r.now), Record: s.record, World: newWorld(r.set)}
	for _, f := range stored(s.resource) {
		node, ok := s.fields[f.Name]
		switch {
		case !ok:
		case f.Type.Name == "ref" && !isNull(node):
			r.reference(s, f, node)
		default:
			where := places{}
			v, faults := engine.ReadValue(s.resource, f, where.tree(f.Type, node, "#"), env)
			r.report(s, f, where, faults)
			s.record[f.Name] = v
		}
	}
	for name, v := range map[string]any{"id": value.NewID(r.now), "created_at": env.Now} {
		if s.record[name] == nil {
			s.record[name] = v
		}
	}
	if s.record["updated_at"] == nil {
		s.record["updated_at"] = s.record["created_at"]
	}
}

func (r *reader) report(s *seedling, f *contract.Field, where places, faults []problem.Field) {
	for _, fault := range faults {
		place := s.place() + "." + f.Name + strings.TrimPrefix(fault.Pointer, "#")
		node, mend := where.find(fault.Pointer), ""
		if t := typeAt(f.Type, fault.Pointer); t.Name == "enum" {
			if near := contract.Closest(node.Value, t.Value.Enum); near != "" {
				mend = fmt.Sprintf("did you mean '%s'?", near)
			}
		}
		r.wrong(s, node, strings.ReplaceAll(place, "/", "."), mend, "%s", fault.Detail)
	}
}

// meant says which of the known names a wrong one was probably meant to be, or
// what they are.
func meant(name string, known []string) string {
	if near := contract.Closest(name, known); near != "" {
		return fmt.Sprintf("did you mean '%s'?", near)
	}
	if len(known) == 0 || len(known) > 20 {
		return ""
	}
	return "there is " + orList(known, "or")
}

// reference finds the record that a field names.
func (r *reader) reference(s *seedling, f *contract.Field, node *yaml.Node) {
	target := r.byName[f.Type.Target.Name][node.Value]
	if node.Kind == yaml.ScalarNode && target != nil {
		s.targets = append(s.targets, target)
		return
	}
	known := slices.Sorted(maps.Keys(r.byName[f.Type.Target.Name]))
	r.wrong(s, node, s.place()+"."+f.Name, meant(node.Value, known), "no %s is named '%s' in this file", f.Type.Target.Name, node.Value)
}

// order puts records behind those that they refer to, otherwise as written.
func (r *reader) order() []*seedling {
	ordered := make([]*seedling, 0, len(r.all))
	var visit func(s *seedling)
	visit = func(s *seedling) {
		s.state = 1
		for _, t := range s.targets {
			switch t.state {
			case 0:
				visit(t)
			case 1:
				r.wrong(s, s.key, s.place(), "leave one of the references out", "refers to %s, which refers back to it", t.place())
			}
			s.wrong = s.wrong || t.wrong
		}
		s.state = 2
		ordered = append(ordered, s)
	}
	for _, s := range r.all {
		if s.state == 0 {
			visit(s)
		}
	}
	return ordered
}

// complete sets references and defaults; what a record refers to is complete already.
func (r *reader) complete(s *seedling, w *world) {
	env := &rule.Env{Now: value.TimestampOf(r.now), Record: s.record, World: w}
	for _, f := range stored(s.resource) {
		if node, ok := s.fields[f.Name]; ok && f.Type.Name == "ref" && !isNull(node) {
			if target := r.byName[f.Type.Target.Name][node.Value]; target != nil {
				s.record[f.Name] = target.record["id"]
			}
		}
	}
	for _, f := range stored(s.resource) {
		_, set := s.record[f.Name]
		_, written := s.fields[f.Name]
		if set || written || s.wrong && f.Default != nil {
			continue
		}
		v, faults := engine.DefaultValue(s.resource, f, env)
		s.record[f.Name] = v
		for _, fault := range faults {
			mend := ""
			if f.Default != nil {
				mend = fmt.Sprintf("its default, %s, has no value in a seed", f.Default.Source)
			}
			r.wrong(s, s.key, s.place()+"."+f.Name, mend, "%s", fault.Detail)
		}
	}
	w.add(s.resource.Name, s.record)
}

// check holds a record against the contract's invariants.
func (r *reader) check(s *seedling, w *world) {
	if s.wrong {
		return
	}
	env := &rule.Env{Now: value.TimestampOf(r.now), Record: s.record, World: w}
	for _, c := range s.resource.Checks {
		if !c.Expr.Holds(env) {
			r.fault(s.key, s.place(), "", "must hold: %s", c.Sentence)
		}
	}
}

// unique finds records that are the same where they must differ.
func (r *reader) unique() {
	first := map[string]*seedling{}
	for _, s := range r.all {
		if s.wrong {
			continue
		}
		for _, fields := range uniqueFields(s.resource) {
			key, ok := uniqueKey(s.resource, fields, s.record)
			if !ok {
				continue
			}
			if other := first[key]; other != nil {
				r.fault(s.key, s.place(), "", "has the same %s as '%s'", orList(names(fields), "and"), other.name)
			} else {
				first[key] = s
			}
		}
	}
}

// uniqueFields are the combinations of fields in which no two records may agree.
func uniqueFields(r *rule.Resource) [][]*contract.Field {
	combinations := slices.Clone(r.Unique)
	for _, f := range r.Fields {
		if f.Unique || f.Name == "id" {
			combinations = append(combinations, []*contract.Field{f})
		}
	}
	return combinations
}

// uniqueKey is the same text for records that agree in fields; false when one is
// null, which differs from everything.
func uniqueKey(r *rule.Resource, fields []*contract.Field, rec rule.Record) (string, bool) {
	key := []byte(r.Name)
	for _, f := range fields {
		v := rec[f.Name]
		if v == nil {
			return "", false
		}
		key = append(key, ' ')
		key = append(key, f.Name...)
		key = f.Type.Value.AppendJSON(append(key, ' '), v)
	}
	return string(key), true
}

func names(fields []*contract.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}
