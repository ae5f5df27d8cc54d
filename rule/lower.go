package rule

import (
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Lowering turns expressions into the conditions and values of one statement.
// Aliases and parameter slots are unique within it.
//
// The databases know no "unknown" that could be told from false once it stands
// under a NOT. So a condition is never lowered as such: what is lowered is "n is
// certainly true" or "n is certainly false" (polarity), and negation only turns
// the one into the other on its way down to the leaves.
type Lowering struct {
	view    *View
	aliases int
	sources []func(*Env) any
	slots   map[string]query.Param // shared parameters, by text of their source
	stand   map[*contract.Field]stand
	many    bool
}

// Lower begins the lowering of one statement for this view's callers.
func (v *View) Lower() *Lowering {
	return &Lowering{view: v, slots: map[string]query.Param{}}
}

// Alias makes a table alias that nothing else in the statement has.
func (l *Lowering) Alias() int {
	l.aliases++
	return l.aliases
}

// Param makes a slot that is filled from each request by source.
func (l *Lowering) Param(t *value.Type, source func(env *Env) any) query.Param {
	l.sources = append(l.sources, source)
	return query.Param{Slot: len(l.sources) - 1, Type: t}
}

// Stand lets a value stand in for a field that no row has yet. A reference that is null
// is not followed: what it leads to may not be there yet.
func (l *Lowering) Stand(f *contract.Field, v any) {
	if l.stand == nil {
		l.stand = map[*contract.Field]stand{}
	}
	l.stand[f] = stand{l.Param(f.Type.Value, func(*Env) any { return v }), v == nil}
}

type stand struct {
	query.Expr
	null bool
}

// nowhere reports whether a null that stands in is on the way to a record.
func (l *Lowering) nowhere(r record) bool {
	d, ok := r.(derefRecord)
	return ok && (l.stand[d.field].null || l.nowhere(d.base))
}

// Many reports whether what was lowered looks among the records of a relation to many:
// how long that takes depends on how many there are.
func (l *Lowering) Many() bool { return l.many }

// Args finishes the lowering: how the slots are filled, in order.
func (l *Lowering) Args() Args { return Args{l.sources} }

// Args fills the parameter slots of one shape.
type Args struct{ sources []func(*Env) any }

// Bind appends the arguments for env's request to dst, by slot.
func (a Args) Bind(env *Env, dst []any) []any {
	for _, s := range a.sources {
		dst = append(dst, s(env))
	}
	return dst
}

// Rule lowers a rule of the contract: it holds for the row alias. Relations are
// seen whole. nil, unknown and false give query.False.
func (l *Lowering) Rule(e *Expr, alias int) query.Expr {
	if e == nil {
		return query.False
	}
	return l.scope(alias).condition(e.root, true)
}

// Filter lowers a request's expression: every table it reaches carries the row
// rule of the view, every masked field its mask.
func (l *Lowering) Filter(e *Expr, alias int) query.Expr { return l.Rule(e, alias) }

// Declared lowers a declared filter whose parameter each request gives by input.
func (l *Lowering) Declared(e *Expr, alias int, input func(env *Env) any) query.Expr {
	s := l.scope(alias)
	s.input = input
	return s.condition(e.root, true)
}

// RowRule is what every table reference of a request must carry: the read rule of s.
func (l *Lowering) RowRule(s *Sight, alias int) query.Expr {
	if s == nil {
		return query.False
	}
	return l.Rule(s.Resource.Read, alias)
}

// Column is a handle's value on the row alias: null where its mask does not hold.
func (l *Lowering) Column(h *Handle, alias int) query.Expr {
	col := query.Col{Alias: alias, Name: h.Field.Name, Type: h.Field.Type.Value}
	if h.mask == nil {
		return col
	}
	return l.masked(h, alias, col)
}

func (l *Lowering) masked(h *Handle, alias int, col query.Expr) query.Expr {
	return query.Case{Whens: []query.When{{If: l.Rule(h.mask, alias), Then: col}}, Type: h.Field.Type.Value}
}

// RuleValue is the value of a contract's expression (a default, an action's set) on the row alias.
func (l *Lowering) RuleValue(e *Expr, alias int) query.Expr {
	return l.scope(alias).value(e.root)
}

// scope is where an expression is being lowered: which alias stands for which record.
type scope struct {
	*Lowering
	rows map[string]int // record key → alias
	vars map[*variable]int
	// input is where a declared filter's parameter comes from; nil: Env.Input.
	input func(env *Env) any
}

func (l *Lowering) scope(alias int) scope {
	return scope{Lowering: l, rows: map[string]int{"root": alias}, vars: map[*variable]int{}}
}

// with is the scope inside a sub-select in which alias stands for the record.
func (s scope) with(key string, alias int) scope {
	rows := make(map[string]int, len(s.rows)+1)
	for k, a := range s.rows {
		rows[k] = a
	}
	rows[key] = alias
	s.rows = rows
	return s
}

func (s scope) withElement(v *variable, alias int) scope {
	vars := make(map[*variable]int, len(s.vars)+1)
	for k, a := range s.vars {
		vars[k] = a
	}
	vars[v] = alias
	s.vars = vars
	return s
}

func truth(b bool) query.Expr {
	if b {
		return query.True
	}
	return query.False
}

// condition holds where n is certainly want.
func (s scope) condition(n node, want bool) query.Expr {
	is, only := mayBeTrue, mayBeTrue
	if !want {
		is, only = mayBeFalse, mayBeFalse
	}
	switch o := s.view.fold.fold(n); {
	case o&is == 0:
		return query.False
	case o == only:
		return query.True
	}
	if rowless(n) {
		return s.rowlessCondition(n, want)
	}
	if n, ok := n.(not); ok {
		return s.condition(n.x, !want)
	}
	if d, ok := s.hoistable(n); ok && hoists(n, want) {
		return s.hoist(d, n, want)
	}
	switch n := n.(type) {
	case logic:
		return s.logic(n, want)
	case isNull:
		return query.IsNull{X: s.value(n.x), Not: n.not == want}
	case compare:
		op := n.op
		if !want {
			op = opposite[op]
		}
		return query.Cmp{Op: op, L: s.value(n.l), R: s.value(n.r)}
	case within:
		return s.within(n, want)
	case choice:
		return or(
			and(s.condition(n.c, true), s.condition(n.a, want)),
			and(s.condition(n.c, false), s.condition(n.b, want)))
	case call:
		return s.textCondition(n, want)
	case quantifier:
		return s.quantifier(n, want)
	}
	// A boolean field, member or element.
	return query.Cmp{Op: query.Eq, L: s.value(n), R: truth(want)}
}

var opposite = map[query.Op]query.Op{
	query.Eq: query.Ne, query.Ne: query.Eq, query.Lt: query.Ge, query.Ge: query.Lt, query.Gt: query.Le, query.Le: query.Gt,
}

// rowlessCondition is decided by the request alone, in Go.
func (s scope) rowlessCondition(n node, want bool) query.Expr {
	return query.Cmp{Op: query.Eq, L: s.parameter(n), R: truth(want)}
}

// parameter is a value that the request alone decides: evaluated once, bound once.
func (s scope) parameter(n node) query.Expr {
	if l, ok := n.(lit); ok && l.slot < 0 {
		return query.Const{Value: l.v, Type: l.t}
	}
	if s.input != nil {
		return s.Param(n.typ(), func(env *Env) any {
			own := *env
			own.Input = s.input(env)
			return evaluator{env: &own}.value(n)
		})
	}
	text := atomText(n)
	if p, ok := s.slots[text]; ok {
		return p
	}
	p := s.Param(n.typ(), func(env *Env) any { return evaluator{env: env}.value(n) })
	s.slots[text] = p
	return p
}

func (s scope) logic(n logic, want bool) query.Expr {
	parts := make([]query.Expr, 0, len(n.items))
	for _, x := range n.items {
		parts = append(parts, s.condition(x, want))
	}
	if n.and == want {
		return and(parts...)
	}
	return or(parts...)
}

func and(parts ...query.Expr) query.Expr { return join(parts, query.True, query.False) }
func or(parts ...query.Expr) query.Expr  { return join(parts, query.False, query.True) }

// join drops parts that change nothing and gives up at one that decides.
func join(parts []query.Expr, neutral, decisive query.Const) query.Expr {
	var kept []query.Expr
	for _, p := range parts {
		if c, ok := p.(query.Const); ok {
			if c.Value == decisive.Value {
				return decisive
			}
			continue
		}
		kept = append(kept, p)
	}
	switch {
	case len(kept) == 0:
		return neutral
	case len(kept) == 1:
		return kept[0]
	case neutral.Value == true:
		return query.And{List: kept}
	}
	return query.Or{List: kept}
}

// within is x == a || x == b …, or its negation x != a && x != b ….
func (s scope) within(n within, want bool) query.Expr {
	x := s.value(n.x)
	if written, ok := n.l.(list); ok {
		items := make([]query.Expr, len(written.items))
		for i, item := range written.items {
			items[i] = s.value(item)
		}
		if want {
			return query.In{X: x, List: items}
		}
		all := make([]query.Expr, len(items))
		for i, item := range items {
			all[i] = query.Cmp{Op: query.Ne, L: x, R: item}
		}
		return and(all...)
	}
	l := s.value(n.l)
	alias := s.Alias()
	elem := query.Elem{Alias: alias, Type: n.l.typ().Elem}
	if want {
		return query.Each{List: l, Alias: alias, Where: query.Cmp{Op: query.Eq, L: elem, R: x}}
	}
	return and(query.IsNull{X: l, Not: true},
		query.NotTrue{X: query.Each{List: l, Alias: alias, Where: query.NotTrue{X: query.Cmp{Op: query.Ne, L: elem, R: x}}}})
}

// textCondition is contains, startsWith or endsWith.
func (s scope) textCondition(n call, want bool) query.Expr {
	args := make([]query.Expr, len(n.args))
	known := make([]query.Expr, len(n.args))
	for i, a := range n.args {
		args[i] = s.value(a)
		known[i] = query.IsNull{X: args[i], Not: true}
	}
	c := query.Call{Func: n.fn, Args: args, Type: n.t}
	if want {
		return c
	}
	return and(append(known, query.NotTrue{X: c})...)
}

// value is n as a value, null for unknown.
func (s scope) value(n node) query.Expr {
	if rowless(n) && !isElement(n) {
		return s.parameter(n)
	}
	switch n := n.(type) {
	case field:
		return s.column(n.rec, n.f, n.handle)
	case identity:
		return s.column(n.rec, n.rec.resource().Field("id"), nil)
	case element:
		return query.Elem{Alias: s.vars[n.v], Type: n.v.elem}
	case member:
		return query.Member{X: s.value(n.x), Name: n.name, Type: n.t}
	case arith:
		return query.Arith{Op: n.op, L: s.value(n.l), R: s.value(n.r), Type: n.t}
	case call:
		if n.t.Kind == value.Bool {
			return s.boolean(n)
		}
		args := make([]query.Expr, len(n.args))
		for i, a := range n.args {
			args[i] = s.value(a)
		}
		return query.Call{Func: n.fn, Args: args, Type: n.t}
	case choice:
		if n.t.Kind == value.Bool {
			return s.boolean(n)
		}
		return query.Case{Type: n.t, Whens: []query.When{
			{If: s.condition(n.c, true), Then: s.promoted(n.a, n.t)},
			{If: s.condition(n.c, false), Then: s.promoted(n.b, n.t)},
		}}
	}
	return s.boolean(n)
}

func isElement(n node) bool { _, ok := n.(element); return ok }

// promoted gives both sides of a choice one decimal form.
func (s scope) promoted(n node, t *value.Type) query.Expr {
	if isNullLit(n) {
		return query.Const{Type: t}
	}
	v := s.value(n)
	if t.Kind == value.DecimalKind && !sameType(n.typ(), t) {
		return query.Call{Func: query.ToDecimal, Args: []query.Expr{v}, Type: t}
	}
	return v
}

// boolean is a condition as a value: true, false or null.
func (s scope) boolean(n node) query.Expr {
	return query.Case{Type: boolType, Whens: []query.When{
		{If: s.condition(n, true), Then: query.True},
		{If: s.condition(n, false), Then: query.False},
	}}
}

// column is a field of a record: of a row at hand, or fetched through the reference.
func (s scope) column(r record, f *contract.Field, h *Handle) query.Expr {
	if alias, ok := s.rows[r.key()]; ok {
		return s.columnOf(alias, f, h)
	}
	d := r.(derefRecord) // the caller's and the old record are rowless
	if s.nowhere(d) {
		return query.Const{Type: f.Type.Value}
	}
	alias := s.Alias()
	sub := s.target(d, alias)
	where := and(append([]query.Expr{query.Cmp{Op: query.Eq, L: sub.key, R: s.value(field{rec: d.base, f: d.field, handle: d.handle})}}, sub.rule...)...)
	return query.Scalar{Sub: &query.Select{From: sub.from, Columns: []query.Column{{Expr: s.columnOf(alias, f, h), Type: f.Type.Value}}, Where: where}}
}

func (s scope) columnOf(alias int, f *contract.Field, h *Handle) query.Expr {
	if e, ok := s.stand[f]; ok {
		return e.Expr
	}
	if h != nil {
		return s.Column(h, alias)
	}
	return query.Col{Alias: alias, Name: f.Name, Type: f.Type.Value}
}
