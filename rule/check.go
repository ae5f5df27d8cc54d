package rule

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Bounds on one request's expression; a rule of the contract is the team's word.
const (
	maxNodes = 100
	maxDepth = 10
	maxHops  = 3
)

// place is where an expression stands: what its names mean there.
type place struct {
	set *Set
	res *Resource
	// sight is set for a request's expression: every name goes through it.
	sight *Sight
	// old allows `old.`.
	old bool
	// input are the members of an action's input; param is a declared filter's parameter.
	input []*contract.Field
	param *contract.Field
	// invariant marks a check: no caller, no now, across references only fixed fields.
	invariant bool
	// literal marks an expression whose literals become Env.Literals.
	literal bool
	// declared marks a declared filter: the team's words, seen through the caller's Sight.
	declared bool
}

// bounded reports whether the text comes from a request.
func (p place) bounded() bool { return p.sight != nil && !p.declared }

// checker turns CEL's untyped tree into the typed one and collects every flaw.
type checker struct {
	place
	info  *ast.SourceInfo
	vars  []*variable
	flaws []flaw
	nvars int
	nodes int
	depth int
	rules []string // named rules being inlined, outermost first
	lits  []*slot  // literals of a request, in the order of the text
}

// operand is what a path has led to: a record, a value, or the many end of a relation.
type operand struct {
	rec   record
	val   node
	base  record
	many  *contract.Field
	hand  *Handle // of many, in requests
	input bool    // the bare word input with members
}

func (c *checker) at(e ast.Expr) int {
	if r, ok := c.info.GetOffsetRange(e.ID()); ok {
		return int(r.Start)
	}
	return 0
}

func (c *checker) flaw(e ast.Expr, mend, format string, args ...any) node {
	f := flaw{at: c.at(e), what: fmt.Sprintf(format, args...), mend: mend}
	if len(c.rules) > 0 {
		f.rule = c.rules[len(c.rules)-1]
	}
	c.flaws = append(c.flaws, f)
	return nil
}

// condition checks an expression that must be true or false.
func (c *checker) condition(e ast.Expr) node {
	n := c.value(e)
	if n == nil {
		return nil
	}
	if n.typ() == nil || n.typ().Kind != value.Bool {
		return c.flaw(e, "compare it with something", "a condition is needed here, not %s", describe(n))
	}
	return n
}

// value checks an expression that has a value; nil when a flaw was found.
func (c *checker) value(e ast.Expr) node {
	c.nodes++
	c.depth++
	defer func() { c.depth-- }()
	if c.bounded() {
		if c.nodes == maxNodes+1 {
			return c.flaw(e, "", "the filter has more than %d parts", maxNodes)
		}
		if c.depth == maxDepth+1 {
			return c.flaw(e, "", "the filter is nested more than %d deep", maxDepth)
		}
		if c.nodes > maxNodes || c.depth > maxDepth {
			return nil
		}
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literalNode(e)
	case ast.IdentKind, ast.SelectKind:
		o, ok := c.path(e)
		if !ok {
			return nil
		}
		return c.asValue(e, o)
	case ast.ListKind:
		return c.flaw(e, "", "a list can be written out only behind 'in'")
	case ast.CallKind:
		return c.call(e)
	}
	return c.flaw(e, "", "maps and messages are not part of the language")
}

func (c *checker) literalNode(e ast.Expr) node {
	var n lit
	n.slot = -1
	switch v := e.AsLiteral().(type) {
	case types.Null:
		return n
	case types.Bool:
		n.v, n.t = bool(v), boolType
		return n
	case types.Int:
		n.v, n.t = int64(v), intType
	case types.Double:
		n.v, n.t = float64(v), floatType
	case types.String:
		s := string(v)
		if strings.ContainsRune(s, 0) {
			return c.flaw(e, "", "a text cannot hold the character NUL")
		}
		n.v, n.t = s, stringType
	case types.Uint:
		return c.flaw(e, "leave the u out", "unsigned numbers are not part of the language")
	default:
		return c.flaw(e, "", "bytes are not part of the language")
	}
	if c.literal {
		n.slot = c.newSlot(c.at(e), n.v)
	}
	return n
}

// asValue is what an operand stands for as a value: a record for its id.
func (c *checker) asValue(e ast.Expr, o operand) node {
	switch {
	case o.val != nil:
		return o.val
	case o.many != nil:
		return c.flaw(e, fmt.Sprintf("write %s.exists(x, …) or %s.all(x, …)", o.many.Name, o.many.Name), "'%s' is a relation to many records and has no value of its own", o.many.Name)
	case o.input:
		return c.flaw(e, "name a member: input.reason", "'input' is not a value")
	}
	if d, ok := o.rec.(derefRecord); ok {
		return field{rec: d.base, f: d.field, handle: d.handle}
	}
	return identity{o.rec}
}

// path resolves a name or a dotted path.
func (c *checker) path(e ast.Expr) (operand, bool) {
	if e.Kind() == ast.IdentKind {
		return c.name(e, e.AsIdent())
	}
	if e.Kind() != ast.SelectKind {
		n := c.value(e)
		return operand{val: n}, n != nil
	}
	sel := e.AsSelect()
	base, ok := c.path(sel.Operand())
	if !ok {
		return operand{}, false
	}
	name := sel.FieldName()
	switch {
	case base.input:
		for _, f := range c.input {
			if f.Name == name {
				return operand{val: inputNode{name: name, t: f.Type.Value}}, true
			}
		}
		c.flaw(e, suggest(name, fieldNames(c.input)), "the action's input has no '%s'", name)
	case base.rec != nil:
		return c.fieldOf(e, base.rec, name)
	case base.many != nil:
		c.flaw(e, fmt.Sprintf("write %s.exists(x, x.%s …)", base.many.Name, name), "'%s' is a relation to many records: '%s' has no single value", base.many.Name, name)
	case base.val.typ() != nil && base.val.typ().Kind == value.Struct:
		for _, m := range base.val.typ().Members {
			if m.Name == name {
				return operand{val: member{x: base.val, name: name, t: m.Type}}, true
			}
		}
		c.flaw(e, suggest(name, memberNames(base.val.typ())), "no member '%s'", name)
	default:
		mend := ""
		if t := base.val.typ(); lengths[name] && t != nil && (t.Kind == value.String || t.Kind == value.List) {
			mend = "write .size()"
		}
		c.flaw(e, mend, "%s has no members", describe(base.val))
	}
	return operand{}, false
}

// name resolves a bare name: a quantifier's variable, a word of the language,
// a field of the record, a named rule; in this order.
func (c *checker) name(e ast.Expr, name string) (operand, bool) {
	for _, v := range slices.Backward(c.vars) {
		if v.name == name {
			if v.res != nil {
				return operand{rec: boundRecord{v}}, true
			}
			return operand{val: element{v}}, true
		}
	}
	switch name {
	case "caller":
		return c.callerOperand(e)
	case "now":
		if c.invariant {
			c.flaw(e, "say it in an access rule or an action", "a check holds at any time, so it cannot use 'now'")
			return operand{}, false
		}
		return operand{val: nowNode{}}, true
	case "old":
		if !c.old {
			c.flaw(e, "", "'old' is known only in an update rule")
			return operand{}, false
		}
		return operand{rec: oldRecord{c.res}}, true
	case "input":
		if c.param != nil {
			return operand{val: inputNode{t: c.param.Type.Value}}, true
		}
		if c.input == nil {
			c.flaw(e, "", "'input' is known only in an action that declares an input, and in a declared filter")
			return operand{}, false
		}
		return operand{input: true}, true
	}
	if c.fieldExists(name) {
		return c.fieldOf(e, rootRecord{c.res}, name)
	}
	if r := c.namedRule(name); r != nil {
		n := c.inline(e, r)
		return operand{val: n}, n != nil
	}
	c.flaw(e, c.meant(name), "%s has no field '%s'", c.res.Name, name)
	return operand{}, false
}

func (c *checker) callerOperand(e ast.Expr) (operand, bool) {
	if c.invariant {
		c.flaw(e, "say it in an access rule", "a check holds for everybody, so it cannot use 'caller'")
		return operand{}, false
	}
	a := c.set.Contract.Accounts
	if a == nil || a.Resource == nil {
		c.flaw(e, "add accounts: {resource: …} at the top of the contract", "nobody can sign in, so there is no 'caller'")
		return operand{}, false
	}
	return operand{rec: callerRecord{c.set.resources[a.Resource.Name]}}, true
}

func (c *checker) fieldExists(name string) bool {
	if c.sight != nil {
		return c.sight.Handle(name) != nil
	}
	return c.res.Field(name) != nil
}

// fieldOf resolves a field of a record; in a request, through the Sight that led there.
func (c *checker) fieldOf(e ast.Expr, r record, name string) (operand, bool) {
	res := r.resource()
	var h *Handle
	var f *contract.Field
	if c.sight != nil {
		if _, ok := r.(callerRecord); ok && name != "id" && !c.declared {
			c.flaw(e, "use caller or caller.id", "a request's filter knows of the caller only who it is")
			return operand{}, false
		}
		if s := c.sightOf(r); s != nil {
			if h = s.Handle(name); h != nil {
				f = h.Field
			}
		}
		if _, ok := r.(callerRecord); ok {
			f = res.Field(name)
		}
	} else {
		f = res.Field(name)
	}
	if f == nil {
		var known []string
		if c.sight == nil {
			known = fieldNames(res.Fields)
		} else if s := c.sightOf(r); s != nil {
			known = handleNames(s)
		}
		c.flaw(e, suggest(name, known), "%s has no field '%s'", res.Name, name)
		return operand{}, false
	}
	switch f.Type.Name {
	case "many":
		return operand{base: r, many: f, hand: h}, true
	case "ref":
		return c.deref(e, r, f, h)
	case "file":
		c.flaw(e, "", "'%s' is a file: it cannot be compared", name)
		return operand{}, false
	}
	if f.Encrypted {
		c.flaw(e, "", "'%s' is encrypted: an expression cannot read it", name)
		return operand{}, false
	}
	if c.invariant && start(r) != r && !f.Fixed && f.Name != "id" && f.Name != "created_at" {
		c.flaw(e, fmt.Sprintf("make %s.%s fixed, or state the check on the record itself", res.Name, name), "a check may read across a reference only what is fixed there, and '%s' can change", name)
		return operand{}, false
	}
	if f.Name == "id" {
		return operand{val: c.idOf(r)}, true
	}
	return operand{val: field{rec: r, f: f, handle: h}}, true
}

// idOf is the id of a record; of one behind a reference, in a rule, the reference itself.
func (c *checker) idOf(r record) node {
	if d, ok := r.(derefRecord); ok && c.sight == nil {
		return field{rec: d.base, f: d.field}
	}
	return identity{r}
}

func (c *checker) deref(e ast.Expr, r record, f *contract.Field, h *Handle) (operand, bool) {
	to := c.set.resources[f.Type.Target.Name]
	d := derefRecord{base: r, field: f, to: to, handle: h}
	if c.invariant && start(r) != r && !f.Fixed {
		c.flaw(e, fmt.Sprintf("make %s.%s fixed", r.resource().Name, f.Name), "a check may read across a reference only what is fixed there, and '%s' can change", f.Name)
		return operand{}, false
	}
	if h != nil {
		d.sight = h.Target()
	}
	if c.bounded() && hops(d) > maxHops {
		c.flaw(e, "", "the filter follows more than %d relations in one path", maxHops)
		return operand{}, false
	}
	return operand{rec: d}, true
}

// hops counts the relations on the way to a record.
func hops(r record) int {
	n := 0
	for {
		d, ok := r.(derefRecord)
		if !ok {
			return n
		}
		n++
		r = d.base
	}
}

// sightOf is through which Sight a request sees a record; nil when it cannot.
func (c *checker) sightOf(r record) *Sight {
	switch r := r.(type) {
	case rootRecord:
		return c.sight
	case boundRecord:
		return r.v.sight
	case derefRecord:
		return r.sight
	}
	return nil
}

// namedRule finds a rule by name; a request's own text does not see the team's rules.
func (c *checker) namedRule(name string) *contract.NamedRule {
	if c.bounded() {
		return nil
	}
	for _, r := range c.set.Contract.Rules {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// inline checks a named rule's text as if it stood here.
func (c *checker) inline(e ast.Expr, r *contract.NamedRule) node {
	if slices.Contains(c.rules, r.Name) {
		return c.flaw(e, "", "the rule '%s' uses itself", r.Name)
	}
	tree := c.set.trees[r.Name]
	if tree == nil {
		return nil // reported once, where the rule stands
	}
	info, vars := c.info, c.vars
	c.rules = append(c.rules, r.Name)
	c.info, c.vars = tree.SourceInfo(), nil
	n := c.condition(tree.Expr())
	c.rules = c.rules[:len(c.rules)-1]
	c.info, c.vars = info, vars
	return n
}

// known lists the names that could have been meant.
func (c *checker) known() []string {
	var names []string
	for _, v := range c.vars {
		names = append(names, v.name)
	}
	if c.sight != nil {
		return append(names, handleNames(c.sight)...)
	}
	names = append(names, fieldNames(c.res.Fields)...)
	for _, r := range c.set.Contract.Rules {
		names = append(names, r.Name)
	}
	return append(names, "caller", "now")
}

// call checks operators and functions.
func (c *checker) call(e ast.Expr) node {
	call := e.AsCall()
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr:
		l, r := c.condition(args[0]), c.condition(args[1])
		if l == nil || r == nil {
			return nil
		}
		return joinLogic(name == operators.LogicalAnd, l, r)
	case operators.LogicalNot:
		if x := c.condition(args[0]); x != nil {
			return not{x}
		}
		return nil
	case operators.Conditional:
		return c.choice(e, args)
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.compare(e, comparisons[name], args[0], args[1])
	case operators.In, operators.OldIn:
		return c.within(e, args[0], args[1])
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide:
		return c.arith(e, arithmetic[name], args[0], args[1])
	case operators.Negate:
		return c.negate(e, args[0])
	case operators.Modulo:
		return c.flaw(e, "", "%% is not part of the language: it differs between databases")
	case operators.Index, operators.OptIndex, operators.OptSelect:
		return c.flaw(e, "use exists(x, …) on a list, a dot on a struct", "[ ] is not part of the language")
	default:
		return c.function(e, name, call)
	}
}

var comparisons = map[string]query.Op{
	operators.Equals: query.Eq, operators.NotEquals: query.Ne, operators.Less: query.Lt,
	operators.LessEquals: query.Le, operators.Greater: query.Gt, operators.GreaterEquals: query.Ge,
}

var arithmetic = map[string]query.ArithOp{
	operators.Add: query.Add, operators.Subtract: query.Sub, operators.Multiply: query.Mul, operators.Divide: query.Div,
}

// joinLogic flattens chains, so that a && b && c is one node.
func joinLogic(and bool, l, r node) node {
	out := logic{and: and}
	for _, x := range []node{l, r} {
		if g, ok := x.(logic); ok && g.and == and {
			out.items = append(out.items, g.items...)
		} else {
			out.items = append(out.items, x)
		}
	}
	return out
}

func (c *checker) compare(e ast.Expr, op query.Op, left, right ast.Expr) node {
	l, r := c.sides(left, right)
	if l == nil || r == nil {
		return nil
	}
	if isNullLit(l) {
		l, r = r, l
	}
	if isNullLit(r) {
		if isNullLit(l) || (op != query.Eq && op != query.Ne) {
			return c.flaw(e, "", "null can only be asked for: x == null or x != null")
		}
		return isNull{x: l, not: op == query.Ne}
	}
	l, r, why := unify(l, r)
	if why != nil {
		return c.flaw(e, why.mend, "%s", why.what)
	}
	switch k := l.typ().Kind; {
	case k == value.JSON:
		return c.flaw(e, "", "json has no equality but == null")
	case (k == value.List || k == value.Struct) && op != query.Eq && op != query.Ne:
		return c.flaw(e, "", "lists and structs have no order, only == and !=")
	}
	return compare{op: op, l: l, r: r}
}

func (c *checker) within(e, left, right ast.Expr) node {
	x := c.value(left)
	if x == nil {
		return nil
	}
	if right.Kind() == ast.ListKind {
		return c.withinList(e, x, right)
	}
	l := c.value(right)
	if l == nil {
		return nil
	}
	if l.typ() == nil || l.typ().Kind != value.List || l.typ().Elem == nil {
		return c.flaw(right, "write [ ] around the values: x in [a, b]", "'in' needs a list on its right, not %s", describe(l))
	}
	ux, _, why := unify(x, element{&variable{elem: l.typ().Elem}})
	if why != nil {
		return c.flaw(e, why.mend, "%s", why.what)
	}
	return within{x: ux, l: l}
}

// withinList checks x in [a, b].
func (c *checker) withinList(e ast.Expr, x node, right ast.Expr) node {
	l := list{}
	for i, item := range right.AsList().Elements() {
		n := c.beside(item, x)
		if n == nil {
			return nil
		}
		if isNullLit(n) {
			return c.flaw(right, "ask for null apart: x == null || x in […]", "a list in an expression cannot hold null")
		}
		ux, un, why := unify(x, n)
		if why != nil {
			return c.flaw(right, why.mend, "%s", why.what)
		}
		if i > 0 && !sameType(ux.typ(), x.typ()) && !isLiteral(x) {
			return c.flaw(right, "", "the list's values are of different types")
		}
		x, l.items = ux, append(l.items, un)
	}
	if x.typ() == nil {
		return c.flaw(e, "", "null is in no list")
	}
	return within{x: x, l: l}
}

func (c *checker) choice(e ast.Expr, args []ast.Expr) node {
	cond, a, b := c.condition(args[0]), c.value(args[1]), c.value(args[2])
	if cond == nil || a == nil || b == nil {
		return nil
	}
	switch {
	case isNullLit(a) && isNullLit(b):
		return c.flaw(e, "", "both sides of ? : are null")
	case isNullLit(a):
		return choice{cond, a, b, b.typ()}
	case isNullLit(b):
		return choice{cond, a, b, a.typ()}
	}
	ua, ub, why := unify(a, b)
	if why != nil {
		return c.flaw(e, why.mend, "the two sides of ? : differ: %s", why.what)
	}
	t := ua.typ()
	if t.Kind == value.DecimalKind && !sameType(t, ub.typ()) {
		t = widerDecimal(t, ub.typ())
	}
	return choice{cond, ua, ub, t}
}

func (c *checker) arith(e ast.Expr, op query.ArithOp, left, right ast.Expr) node {
	l, r := c.value(left), c.value(right)
	if l == nil || r == nil {
		return nil
	}
	if isNullLit(l) || isNullLit(r) {
		return c.flaw(e, "", "null cannot be calculated with")
	}
	t, why := arithType(op, &l, &r)
	if why != nil {
		return c.flaw(e, why.mend, "%s", why.what)
	}
	return arith{op: op, l: l, r: r, t: t}
}

func (c *checker) negate(e ast.Expr, x ast.Expr) node {
	n := c.value(x)
	if n == nil {
		return nil
	}
	if n.typ() == nil {
		return c.flaw(e, "", "null cannot be calculated with")
	}
	switch n.typ().Kind {
	case value.Int, value.BigInt, value.Float, value.DecimalKind, value.DurationKind:
		if l, ok := n.(lit); ok && l.slot < 0 {
			return lit{v: value.Negate(l.v), t: l.t, slot: -1}
		}
		return call{fn: query.Negate, args: []node{n}, t: n.typ()}
	}
	return c.flaw(e, "write ! for not", "- needs a number, not %s", describe(n))
}
