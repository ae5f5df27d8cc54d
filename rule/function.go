package rule

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// constructors turn a literal text into a value.
var constructors = map[string]*value.Type{
	"timestamp": timestampType,
	"duration":  durationType,
	"date":      dateType,
	"time":      timeType,
}

// function checks a named function: f(x) or x.f(y).
func (c *checker) function(e ast.Expr, name string, call ast.CallExpr) node {
	args := call.Args()
	if call.IsMemberFunction() {
		if name == "exists" || name == "all" {
			return c.quantifier(e, name == "all", call.Target(), args)
		}
		args = append([]ast.Expr{call.Target()}, args...)
	}
	switch name {
	case "contains", "startsWith", "endsWith":
		fn := map[string]query.Func{"contains": query.Contains, "startsWith": query.StartsWith, "endsWith": query.EndsWith}[name]
		return c.textFunction(e, name, fn, args, 2, boolType)
	case "lower", "lowerAscii":
		return c.textFunction(e, name, query.Lower, args, 1, stringType)
	case "upper", "upperAscii":
		return c.textFunction(e, name, query.Upper, args, 1, stringType)
	case "size":
		return c.size(e, args)
	case "has":
		if !c.arity(e, name, args, 1) {
			return nil
		}
		x := c.value(args[0])
		if x == nil {
			return nil
		}
		if isNullLit(x) {
			return c.flaw(e, "", "has() needs a field")
		}
		return isNull{x: x, not: true}
	case "timestamp", "duration", "date", "time", "decimal":
		return c.construct(e, name, args)
	}
	mend := ""
	switch name {
	case "not":
		mend = "write ! for not"
	case "length", "len", "count":
		mend = "write size()"
	case "matches":
		mend = "use contains, startsWith or endsWith: regular expressions differ between databases"
	case "exists_one", "map", "filter":
		mend = "use exists(x, …) or all(x, …)"
	case "exists", "all":
		mend = fmt.Sprintf("write relation.%s(x, …)", name)
	default:
		mend = suggest(name, []string{"contains", "startsWith", "endsWith", "lower", "upper", "size", "has", "timestamp", "duration", "decimal", "date", "time", "exists", "all"})
	}
	return c.flaw(e, mend, "'%s' is not a function of the language", name)
}

func (c *checker) arity(e ast.Expr, name string, args []ast.Expr, want int) bool {
	if len(args) == want {
		return true
	}
	c.flaw(e, "", "'%s' takes %d argument(s), not %d", name, want, len(args))
	return false
}

func (c *checker) textFunction(e ast.Expr, name string, fn query.Func, args []ast.Expr, want int, t *value.Type) node {
	if !c.arity(e, name, args, want) {
		return nil
	}
	nodes := make([]node, len(args))
	for i, a := range args {
		if nodes[i] = c.value(a); nodes[i] == nil {
			return nil
		}
		if at := nodes[i].typ(); at == nil || at.Kind != value.String {
			return c.flaw(a, "", "'%s' works on texts, not on %s", name, describe(nodes[i]))
		}
	}
	return call{fn: fn, args: nodes, t: t}
}

func (c *checker) size(e ast.Expr, args []ast.Expr) node {
	if !c.arity(e, "size", args, 1) {
		return nil
	}
	if k := args[0].Kind(); k == ast.IdentKind || k == ast.SelectKind {
		o, ok := c.path(args[0])
		if !ok {
			return nil
		}
		if o.many != nil {
			return c.flaw(e, fmt.Sprintf("ask %s.exists(x, …)", o.many.Name), "size works on texts and lists, not on a relation")
		}
	}
	x := c.value(args[0])
	if x == nil {
		return nil
	}
	if t := x.typ(); t == nil || t.Kind != value.String && t.Kind != value.List {
		return c.flaw(e, "", "size works on texts and lists, not on %s", describe(x))
	}
	return call{fn: query.Size, args: []node{x}, t: intType}
}

// construct checks timestamp("…") and its like: the argument is a literal text,
// so that a malformed one is found now.
func (c *checker) construct(e ast.Expr, name string, args []ast.Expr) node {
	if !c.arity(e, name, args, 1) {
		return nil
	}
	n, ok := c.value(args[0]).(lit)
	if !ok || n.t != stringType {
		if len(c.flaws) > 0 && !ok {
			return nil
		}
		return c.flaw(args[0], "", `%s needs a text in quotes, such as %s`, name, sample[name])
	}
	t := constructors[name]
	if name == "decimal" {
		whole, fraction := digits(n.v.(string))
		t = &value.Type{Kind: value.DecimalKind, Precision: maxPrecision, Scale: min(fraction, maxPrecision)}
		if whole+fraction > maxPrecision {
			return c.flaw(args[0], "", "a decimal has at most %d digits", maxPrecision)
		}
	}
	v, err := t.ParseText(n.v.(string))
	if err != nil {
		return c.flaw(args[0], "write "+sample[name], "'%s' is not a %s", clip(n.v.(string)), name)
	}
	return lit{v: v, t: t, slot: n.slot}
}

var sample = map[string]string{
	"timestamp": `timestamp("2026-01-31T00:00:00Z")`,
	"duration":  `duration("P7D")`,
	"date":      `date("2026-01-31")`,
	"time":      `time("09:30:00")`,
	"decimal":   `decimal("12.50")`,
}

func clip(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// quantifier checks relation.exists(x, condition) and list.exists(x, condition).
func (c *checker) quantifier(e ast.Expr, all bool, target ast.Expr, args []ast.Expr) node {
	word := "exists"
	if all {
		word = "all"
	}
	if len(args) != 2 || args[0].Kind() != ast.IdentKind {
		return c.flaw(e, "", "write %s(x, condition on x)", word)
	}
	o, ok := c.path(target)
	if !ok {
		return nil
	}
	c.nvars++
	v := &variable{name: args[0].AsIdent(), key: fmt.Sprintf("v%d", c.nvars)}
	if why := c.shadows(v.name); why != "" {
		return c.flaw(args[0], "choose another name", "%s", why)
	}
	q := quantifier{all: all, v: v}
	switch {
	case o.many != nil:
		if c.invariant {
			return c.flaw(e, "", "a check reads its own record: other records change without it")
		}
		v.res = c.set.resources[o.many.Type.Target.Name]
		if o.hand != nil {
			v.sight = o.hand.Target()
		}
		if c.bounded() && hops(o.base)+1+c.openRelations() > maxHops {
			return c.flaw(e, "", "the filter follows more than %d relations in one path", maxHops)
		}
		q.base, q.many, q.handle = o.base, o.many, o.hand
	case o.val != nil && o.val.typ() != nil && o.val.typ().Kind == value.List && o.val.typ().Elem != nil:
		v.elem = o.val.typ().Elem
		q.list = o.val
	default:
		return c.flaw(target, "", "%s needs a relation to many records or a list", word)
	}
	c.vars = append(c.vars, v)
	q.body = c.condition(args[1])
	c.vars = c.vars[:len(c.vars)-1]
	if q.body == nil {
		return nil
	}
	return q
}

// openRelations counts the quantifiers over relations around here.
func (c *checker) openRelations() int {
	n := 0
	for _, v := range c.vars {
		if v.res != nil {
			n++
		}
	}
	return n
}

// shadows says why a quantifier's variable may not have this name.
func (c *checker) shadows(name string) string {
	switch name {
	case "caller", "now", "old", "input":
		return fmt.Sprintf("'%s' is a word of the language", name)
	}
	for _, v := range c.vars {
		if v.name == name {
			return fmt.Sprintf("'%s' is already the name of an outer element", name)
		}
	}
	if c.fieldExists(name) {
		return fmt.Sprintf("'%s' is a field of %s", name, c.res.Name)
	}
	return ""
}
