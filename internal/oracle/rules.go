package oracle

import (
	"fmt"
	"strings"
)

// expr is a condition: a format with one %s for each of its parts, which are
// conditions themselves and may stand in its place when a failure is made smaller.
type expr struct {
	format string
	parts  []expr
	// binds: the parts use a variable that only this expression has.
	binds bool
}

func (e expr) text() string {
	args := make([]any, len(e.parts))
	for i, p := range e.parts {
		args[i] = p.text()
	}
	return fmt.Sprintf(e.format, args...)
}

// literalExpr is a condition without parts; a % in it stands for itself.
func literalExpr(text string) expr {
	return expr{format: strings.ReplaceAll(text, "%", "%%")}
}

// grammar makes random conditions about a record.
type grammar struct {
	dice
	rule bool // of the contract: knows the caller's fields; else a request's filter
	self *resource
	// update is set for an update rule, old for one that may use `old.`
	update, old bool
	vars        []variable
	ids         []string // ids that exist, for requests
	// invariant is set for a check: the record's own fields, and nothing else.
	invariant bool
	// stored are values that records hold, so that comparisons meet them.
	stored map[*field][]any
}

// variable is an open quantifier's.
type variable struct {
	name string
	of   *resource // nil: an element of a list
	elem *field
}

// condition is a random condition, depth levels deep at most.
func (g grammar) condition(depth int) expr {
	if depth <= 0 || g.one(3) {
		return literalExpr(g.atom())
	}
	switch g.IntN(10) {
	case 0, 1, 2:
		return expr{format: "(%s && %s)", parts: []expr{g.condition(depth - 1), g.condition(depth - 1)}}
	case 3, 4, 5:
		return expr{format: "(%s || %s)", parts: []expr{g.condition(depth - 1), g.condition(depth - 1)}}
	case 6:
		return expr{format: "!(%s)", parts: []expr{g.condition(depth - 1)}}
	case 7:
		return expr{format: "(%s ? %s : %s)", parts: []expr{g.condition(0), g.condition(depth - 1), g.condition(depth - 1)}}
	}
	return g.quantifier(depth)
}

// quantifier is exists or all over a relation or a list, when there is one.
func (g grammar) quantifier(depth int) expr {
	base, of := g.record(1)
	var over []*field
	for _, f := range of.fields {
		if f.kind == "many" && !g.invariant || f.kind == "list" {
			over = append(over, f)
		}
	}
	if len(over) == 0 || len(g.vars) == 2 {
		return literalExpr(g.atom())
	}
	f := pick(g.dice, over)
	v := variable{name: fmt.Sprintf("x%d", len(g.vars)), of: f.target, elem: f.elem}
	if f.kind == "list" {
		v.of = nil
	}
	inner := g
	inner.vars = append(append([]variable{}, g.vars...), v)
	word := pick(g.dice, []string{"exists", "exists", "all"})
	head := strings.ReplaceAll(fmt.Sprintf("%s%s.%s(%s, ", base, f.name, word, v.name), "%", "%%")
	if v.of == nil {
		inner.vars = g.vars
		atom := literalExpr(g.comparison(v.name, v.elem))
		return expr{format: head + "%s)", parts: []expr{atom}, binds: true}
	}
	return expr{format: head + "%s)", parts: []expr{inner.condition(depth - 1)}, binds: true}
}

// record is a random way to a record: a prefix such as "" or "x0.r1.", and its resource.
func (g grammar) record(hops int) (prefix string, of *resource) {
	of = g.self
	if g.invariant {
		return "", of
	}
	if g.old && g.one(3) {
		prefix = "old."
	} else if n := len(g.vars); n > 0 && !g.one(4) {
		v := g.vars[g.IntN(n)]
		prefix, of = v.name+".", v.of
	}
	for ; hops > 0 && g.one(3); hops-- {
		refs := of.kinds("ref")
		if len(refs) == 0 {
			break
		}
		f := pick(g.dice, refs)
		if len(f.target.read) == 0 && !g.rule {
			break
		}
		prefix, of = prefix+f.name+".", f.target
	}
	return prefix, of
}

// kinds are the fields of some kinds.
func (r *resource) kinds(kinds ...string) []*field {
	var found []*field
	for _, f := range r.fields {
		for _, k := range kinds {
			if f.kind == k {
				found = append(found, f)
			}
		}
	}
	return found
}

// atom is a condition without conditions in it.
func (g grammar) atom() string {
	if g.rule && g.one(4) {
		return g.callerAtom()
	}
	prefix, of := g.record(2)
	if g.one(5) {
		return g.reference(prefix, of)
	}
	fields := of.stored()
	if g.one(12) {
		if g.invariant { // what is stored was made at any time
			return prefix + pick(g.dice, []string{"created_at == created_at", "id != null"})
		}
		return prefix + pick(g.dice, []string{"created_at < now", "created_at == updated_at", "updated_at > created_at", "id != null"})
	}
	f := pick(g.dice, fields)
	if g.one(6) {
		other, from := g.record(1)
		if same := from.kinds(f.kind); len(same) > 0 {
			if text := g.pair(prefix+f.name, other+pick(g.dice, same).name, f); text != "" {
				return text
			}
		}
	}
	return g.comparison(prefix+f.name, f)
}

// callerAtom asks something of the caller alone.
func (g grammar) callerAtom() string {
	if !g.somebody && g.one(3) {
		return pick(g.dice, []string{"caller != null", "caller == null", "caller.level == null", "has(caller.level)"})
	}
	return pick(g.dice, []string{
		"caller.staff", "!caller.staff", `caller.level == "top"`, `caller.level != "top"`, `caller.level >= "mid"`,
		"true", "false", `caller.email.startsWith("a")`, "caller.created_at < now",
	})
}

// reference asks something of a reference, mostly whether it is the caller.
func (g grammar) reference(prefix string, of *resource) string {
	refs := of.kinds("ref")
	if of.name == "Account" && g.one(2) || len(refs) == 0 {
		if of.name == "Account" && !g.invariant {
			return prefix + pick(g.dice, []string{"id == caller.id", "id != caller.id", "id == caller"})
		}
		if len(g.ids) > 0 {
			return fmt.Sprintf(`%sid %s "%s"`, prefix, pick(g.dice, []string{"==", "!=", ">", "<="}), pick(g.dice, g.ids))
		}
		return prefix + "id != null"
	}
	f := pick(g.dice, refs)
	path := prefix + f.name
	switch {
	case f.target.name == "Account" && !g.invariant && !g.one(3):
		return path + pick(g.dice, []string{" == caller", " == caller", " != caller", ".id == caller.id"})
	case g.one(2) || len(g.ids) == 0:
		return path + pick(g.dice, []string{" == null", " != null"})
	}
	return fmt.Sprintf(`%s %s "%s"`, path, pick(g.dice, []string{"==", "!="}), pick(g.dice, g.ids))
}

var orders = []string{"==", "==", "!=", "<", "<=", ">", ">="}

// pair compares two values of one kind; "" when they do not go together.
func (g grammar) pair(a, b string, f *field) string {
	switch f.kind {
	case "json", "ref", "enum", "list", "struct", "decimal":
		if f.kind == "decimal" {
			return fmt.Sprintf("%s %s %s", a, pick(g.dice, orders), b)
		}
		return ""
	case "int", "bigint", "float":
		if g.one(2) {
			return fmt.Sprintf("%s %s %s %s %s", a, pick(g.dice, []string{"+", "-", "*", "/"}), b, pick(g.dice, orders), g.literal(f))
		}
	}
	return fmt.Sprintf("%s %s %s", a, pick(g.dice, orders), b)
}

// comparison compares the value at path, of the field's type, with a literal.
func (g grammar) comparison(path string, f *field) string {
	if g.one(8) {
		return pick(g.dice, []string{path + " == null", path + " != null", "has(" + path + ")"})
	}
	switch f.kind {
	case "json", "ref":
		return path + pick(g.dice, []string{" == null", " != null"})
	case "bool":
		return pick(g.dice, []string{path, "!" + path, path + " == true", path + " != false"})
	case "list":
		if g.one(2) {
			return g.within(f.elem, path)
		}
		return fmt.Sprintf("size(%s) %s %d", path, pick(g.dice, orders), g.IntN(4))
	case "struct":
		m := pick(g.dice, f.members)
		return g.comparison(path+"."+m.name, m)
	case "string", "text", "email", "slug", "url":
		if g.one(2) {
			return g.textTest(path)
		}
	case "int", "bigint", "float", "decimal":
		if g.one(4) {
			return fmt.Sprintf("%s %s %s %s %s", path, pick(g.dice, []string{"+", "-", "*"}), g.literal(f), pick(g.dice, orders), g.literal(f))
		}
	case "timestamp":
		if g.one(3) && !g.invariant {
			return path + pick(g.dice, []string{" < now", " >= now", ` + duration("P1D") > now`, ` - now < duration("PT1H")`, ` - duration("PT0.001S") == now`})
		}
	}
	if g.one(5) {
		return fmt.Sprintf("%s in [%s, %s]", path, g.literal(f), g.literal(f))
	}
	return fmt.Sprintf("%s %s %s", path, pick(g.dice, orders), g.literal(f))
}

// within asks whether a list holds a literal.
func (g grammar) within(elem *field, path string) string {
	return g.literal(elem) + " in " + path
}

func (g grammar) textTest(path string) string {
	switch g.IntN(5) {
	case 0:
		return fmt.Sprintf("size(%s) %s %d", path, pick(g.dice, orders), g.IntN(5))
	case 1:
		return fmt.Sprintf("%s(%s) == %s", pick(g.dice, []string{"lower", "upper"}), path, quoteCEL(pick(g.dice, texts)))
	}
	return fmt.Sprintf("%s.%s(%s)", path, pick(g.dice, []string{"contains", "startsWith", "endsWith"}), quoteCEL(pick(g.dice, texts)))
}

// literal is a value of a field's type as an expression writes it.
func (g grammar) literal(f *field) string {
	if held := g.stored[f]; len(held) > 0 && !g.one(3) {
		return literalText(f, pick(g.dice, held))
	}
	return literalText(f, pick(g.dice, pool(f)))
}

// quoteCEL writes a text as a string literal.
func quoteCEL(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\uffff", `\uffff`, "\U0010ffff", `\U0010ffff`, "\u00a0", `\u00a0`).Replace(s) + `"`
}
