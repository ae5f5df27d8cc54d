// Package oracle holds the three tests that find faults which nobody listed, by
// random contracts, data, callers and requests: G1, what a caller may not see
// changes no answer; G2, the engine answers as a naive reference does; G3, less
// right never gives more. They read as a small language:
//
//	contracts.go  a random contract, in parts that can be taken away
//	rules.go      random conditions, for its rules and for requests' filters
//	data.go       random records of it, with the values that go wrong
//	requests.go   random requests
//	writes.go     random writes
//	narrow.go     random rights taken away
//	arena.go      a test on one kind of database
//	stage.go      a contract with its data, served by the engine
//	model.go      what one caller may see, over every record in memory
//	answers.go    what the answer must be in such a model; measures.go for groups
//	lawful.go     which writes must be admitted, and what is there afterwards
//	shrink.go     the smallest contract, data and request that still fail
//
// A short run on each database is part of the tests; a long one is
//
//	TMPDIR=/dev/shm go test ./internal/oracle -run G2 -oracle.n=100000 -oracle.database=postgres -timeout 0
//
// Most of it goes into making tables, which is several times faster in a folder that
// is kept in memory.
package oracle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// dice is where everything random comes from; the same seed gives the same case.
type dice struct {
	*rand.Rand
	somebody bool // rules never ask whether the caller is nobody
}

func newDice(seed uint64) dice { return dice{Rand: rand.New(rand.NewPCG(seed, 0x5eed))} }

// one is true one time in n.
func (d dice) one(n int) bool { return d.IntN(n) == 0 }

// between is a number from lo to hi, both included.
func (d dice) between(lo, hi int) int { return lo + d.IntN(hi-lo+1) }

func pick[T any](d dice, from []T) T { return from[d.IntN(len(from))] }

// design is a contract in parts.
type design struct {
	resources []*resource
}

// resource is one resource of a design. The first is always Account.
type resource struct {
	name   string
	fields []*field
	read   []expr // its read rules, of which one suffices; none: it serves nobody
	masks  []mask
	// Who may write it; empty: nobody.
	create, update, remove []expr
	sets                   []mask
	checks                 []expr
	filters                []filter
}

// filter is a declared filter: a field compared with its input.
type filter struct {
	name  string
	input *field
	where expr
}

// field is one field of a design.
type field struct {
	name     string
	kind     string // the word of the contract's type
	args     string
	optional bool
	hidden   bool
	search   bool
	key      bool
	enum     []string
	elem     *field
	members  []*field
	target   *resource // of a reference or many
	inverse  *field    // of many: the reference that points back
}

// mask is a rule on who may read, or set, a field.
type mask struct {
	field *field
	rule  expr
}

// text is the contract.
func (d *design) text() string {
	var b strings.Builder
	b.WriteString("mainstay: 1\nname: oracle\naccounts:\n  resource: Account\n  password: {min: 8}\n  signup: closed\n\nresources:\n")
	for _, r := range d.resources {
		r.write(&b)
	}
	return b.String()
}

func (r *resource) write(b *strings.Builder) {
	fmt.Fprintf(b, "  %s:\n", r.name)
	for _, f := range r.fields {
		if f.key {
			fmt.Fprintf(b, "    key: %s\n", f.name)
		}
	}
	b.WriteString("    fields:\n")
	for _, f := range r.fields {
		fmt.Fprintf(b, "      %s: %s\n", f.name, f.line())
	}
	if len(r.checks) > 0 {
		b.WriteString("    check:\n")
	}
	for i, e := range r.checks {
		fmt.Fprintf(b, "      it holds %d: %s\n", i, quoteYAML(e.text()))
	}
	if len(r.filters) > 0 {
		b.WriteString("    filters:\n")
	}
	for _, f := range r.filters {
		fmt.Fprintf(b, "      %s: {input: %q, where: %s}\n", f.name, f.input.typeText(), quoteYAML(f.where.text()))
	}
	if len(r.read) == 0 {
		return
	}
	b.WriteString("    access:\n")
	writeRule(b, "read", r.read)
	writeRule(b, "create", r.create)
	writeRule(b, "update", r.update)
	writeRule(b, "delete", r.remove)
	for _, m := range r.masks {
		writeRule(b, "field "+m.field.name, []expr{m.rule})
	}
	for _, m := range r.sets {
		writeRule(b, "set "+m.field.name, []expr{m.rule})
	}
}

func writeRule(b *strings.Builder, key string, either []expr) {
	if len(either) == 0 {
		return
	}
	rules := make([]string, len(either))
	for i, e := range either {
		rules[i] = e.text()
	}
	fmt.Fprintf(b, "      %s: %s\n", key, quoteYAML(strings.Join(rules, " || ")))
}

func quoteYAML(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// line is a field's type, arguments and words, in the long form where the short
// one has no place for the words.
func (f *field) line() string {
	var words []string
	for _, word := range []struct {
		name string
		on   bool
	}{{"optional", f.optional}, {"unique", f.key || f.name == "email"}, {"hidden", f.hidden}, {"search", f.search}} {
		if word.on {
			words = append(words, word.name)
		}
	}
	if len(words) > 0 && (f.kind == "list" || f.kind == "struct") {
		return "{type: " + f.typeText() + ", " + strings.Join(words, ": true, ") + ": true}"
	}
	return strings.Join(append([]string{f.typeText()}, words...), " ")
}

func (f *field) typeText() string {
	switch f.kind {
	case "enum":
		return "enum " + strings.Join(f.enum, "|")
	case "ref":
		return f.target.name
	case "many":
		return "many " + f.target.name + "." + f.inverse.name
	case "list":
		return `["` + f.elem.typeText() + `"]`
	case "struct":
		members := make([]string, len(f.members))
		for i, m := range f.members {
			members[i] = m.name + ": " + m.line()
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	return strings.TrimSpace(f.kind + " " + f.args)
}

// writable reports whether anybody may write anything.
func (d *design) writable() bool {
	return slices.ContainsFunc(d.resources, func(r *resource) bool { return len(r.create)+len(r.update)+len(r.remove) > 0 })
}

// resource finds a resource by name, nil when there is none.
func (d *design) resource(name string) *resource {
	for _, r := range d.resources {
		if r.name == name {
			return r
		}
	}
	return nil
}

// field finds a field by name, nil when there is none.
func (r *resource) field(name string) *field {
	for _, f := range r.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

// stored are the fields with a column.
func (r *resource) stored() []*field {
	return slices.DeleteFunc(slices.Clone(r.fields), func(f *field) bool { return f.kind == "many" })
}

// ordered reports whether a request may sort and group by the field.
func (f *field) ordered() bool {
	return !slices.Contains([]string{"list", "struct", "json", "text", "many"}, f.kind)
}

// newDesign makes a random contract.
func newDesign(d dice) *design {
	c := &design{resources: []*resource{{name: "Account"}}}
	for _, name := range []string{"Alpha", "Beta", "Gamma"}[:d.between(1, 3)] {
		c.resources = append(c.resources, &resource{name: name})
	}
	for i, r := range c.resources {
		if i == 0 {
			r.fields = append(r.fields, &field{name: "email", kind: "email"})
			r.fields = append(r.fields, &field{name: "level", kind: "enum", enum: enumWords, optional: true})
			r.fields = append(r.fields, &field{name: "staff", kind: "bool"})
		}
		for n := range d.between(2, 6) {
			r.fields = append(r.fields, newField(d, fmt.Sprintf("f%d", n)))
		}
		for n := range d.between(0, 2) {
			to := pick(d, c.resources)
			r.fields = append(r.fields, &field{name: fmt.Sprintf("r%d", n), kind: "ref", target: to, optional: !d.one(3) || to == r})
		}
		if i > 0 && d.one(2) {
			r.fields = append(r.fields, &field{name: "owner", kind: "ref", target: c.resources[0], optional: d.one(2)})
		}
		if d.one(4) {
			r.fields = append(r.fields, &field{name: "key", kind: "slug", key: true})
		}
	}
	c.addInverses(d)
	for _, r := range c.resources {
		for _, f := range r.fields {
			switch {
			case f.kind == "string" && d.one(3), f.kind == "text" && d.one(4):
				f.search = true
			case f.name != "email" && f.name != "f0" && !f.key && f.kind != "many" && d.one(25):
				f.hidden = true
			}
		}
	}
	for _, r := range c.resources {
		c.addRules(d, r)
	}
	return c
}

// addInverses gives most references another end.
func (c *design) addInverses(d dice) {
	n := 0
	for _, r := range c.resources {
		for _, f := range r.stored() {
			if f.kind == "ref" && !d.one(3) {
				f.target.fields = append(f.target.fields, &field{name: fmt.Sprintf("m%d", n), kind: "many", target: r, inverse: f})
				n++
			}
		}
	}
}

var enumWords = []string{"low", "mid", "top"}

// newField makes a field of a random type.
func newField(d dice, name string) *field {
	f := scalarField(d, name)
	f.optional = !d.one(3)
	switch d.IntN(12) {
	case 0:
		elem := scalarField(d, "")
		for elem.kind == "json" || elem.kind == "text" {
			elem = scalarField(d, "")
		}
		return &field{name: name, kind: "list", elem: elem, optional: false}
	case 1:
		members := []*field{}
		for i := range d.between(1, 3) {
			m := scalarField(d, fmt.Sprintf("s%d", i))
			for m.kind == "decimal" || m.kind == "json" {
				m = scalarField(d, m.name)
			}
			m.optional = d.one(2)
			members = append(members, m)
		}
		return &field{name: name, kind: "struct", members: members, optional: d.one(2)}
	}
	return f
}

func scalarField(d dice, name string) *field {
	f := &field{name: name, kind: pick(d, []string{
		"string", "string", "string", "text", "int", "int", "bigint", "float", "decimal", "decimal",
		"bool", "date", "time", "timestamp", "duration", "enum", "uuid", "json", "url", "slug",
	})}
	switch f.kind {
	case "string":
		f.args = "..40"
	case "decimal":
		f.args = pick(d, []string{"12,2", "5,0", "34,10", "6,6"})
	case "enum":
		f.enum = pick(d, [][]string{enumWords, {"b", "a", "c"}, {"only"}})
	}
	return f
}

// addRules gives a resource its read rule and some of its fields a rule of their own.
func (c *design) addRules(d dice, r *resource) {
	if d.one(12) && r.name != "Account" {
		return // serves nobody
	}
	g := grammar{dice: d, rule: true, self: r}
	if d.one(4) {
		r.read = []expr{{format: "true"}}
	} else {
		for range d.between(1, 3) {
			r.read = append(r.read, g.condition(3))
		}
	}
	if f := pick(d, r.stored()); d.one(2) && f.ordered() && f.kind != "ref" {
		compared := literalExpr(f.name + pick(d, orders) + "input")
		where := expr{format: "%s && %s", parts: []expr{compared, grammar{dice: d, self: r}.condition(1)}}
		r.filters = append(r.filters, filter{"declared", &field{kind: f.kind, args: f.args, enum: f.enum}, where})
	}
	for _, f := range r.fields[1:] {
		if !f.hidden && f.name != "email" && d.one(5) {
			r.masks = append(r.masks, mask{f, g.condition(d.between(0, 2))})
		}
	}
}

// everybodyWrites lets everybody write what they can read.
func (c *design) everybodyWrites() {
	open := []expr{{format: "true"}}
	for _, r := range c.resources {
		r.create, r.update, r.remove = open, open, open
	}
}

// addWriteRules says who may write what.
func (c *design) addWriteRules(d dice) {
	for _, r := range c.resources {
		for d.one(4) {
			own := grammar{dice: d, self: r, invariant: true}
			r.checks = append(r.checks, own.condition(d.between(0, 1)))
		}
		g := grammar{dice: d, rule: true, self: r}
		rule := func(g grammar) []expr {
			if d.one(2) {
				return []expr{{format: "true"}}
			}
			return []expr{g.condition(d.between(0, 2)), g.condition(d.between(0, 2))}
		}
		r.create, r.remove = rule(g), rule(g)
		g.update, g.old = true, d.one(3)
		r.update = rule(g)
		g.update, g.old = false, false
		for _, f := range r.stored() {
			if f.name != "email" && d.one(8) {
				r.sets = append(r.sets, mask{f, g.condition(d.between(0, 2))})
			}
		}
	}
}
