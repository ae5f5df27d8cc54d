package rule

import (
	"slices"

	"cel.dev/cel-go/common/ast"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Expr is a checked, typed expression.
type Expr struct {
	root   node
	res    *Resource
	source string
	slots  []*slot // a request's literals
	inText []int   // the slots in the order of the text
	// follows: a relation is followed; old: `old.` stands in it.
	follows, old bool
}

// newExpr is the expression of a checked tree.
func newExpr(res *Resource, root node, source string) *Expr {
	e := &Expr{root: root, res: res, source: source}
	walk(root, func(n node) bool {
		if q, ok := n.(quantifier); ok && q.many != nil {
			e.follows = true
		}
		if r := recordOf(n); r != nil {
			first := start(r)
			_, old := first.(oldRecord)
			e.follows, e.old = e.follows || first != r, e.old || old
		}
		return true
	})
	return e
}

// String is the expression as written.
func (e *Expr) String() string { return e.source }

// Type is the type of the expression's value; references and records are IDs.
func (e *Expr) Type() *value.Type { return e.root.typ() }

// Local reports whether Eval needs no World: the expression reads only its own
// record (and Old), the caller's own record, now and input.
func (e *Expr) Local() bool { return !e.follows }

// UsesOld reports whether `old.` stands in the expression.
func (e *Expr) UsesOld() bool { return e.old }

// Reads reports whether the expression reads this field of its own record.
func (e *Expr) Reads(f *contract.Field) bool {
	reads := false
	walk(e.root, func(n node) bool {
		if own, ok := n.(field); ok {
			if _, root := own.rec.(rootRecord); root && own.f == f {
				reads = true
			}
		}
		// A path begins with the reference that it follows.
		for r := recordOf(n); r != nil; {
			d, ok := r.(derefRecord)
			if !ok {
				break
			}
			if _, root := d.base.(rootRecord); root && d.field == f {
				reads = true
			}
			r = d.base
		}
		return !reads
	})
	return reads
}

// slot is one literal of a request's expression.
type slot struct {
	at  int // offset in the text
	raw any // as written: int64, float64 or string
	neg bool
	t   *value.Type // what the place where it stands needs
}

func (c *checker) newSlot(at int, raw any) int {
	s := &slot{at: at, raw: raw}
	switch v := raw.(type) {
	case int64:
		if v < 0 {
			s.raw, s.neg = -v, true
		}
	case float64:
		if v < 0 {
			s.raw, s.neg = -v, true
		}
	}
	c.lits = append(c.lits, s)
	return len(c.lits) - 1
}

// typeSlots notes for every literal the type that its place gave it.
func (c *checker) typeSlots(root node) {
	walk(root, func(n node) bool {
		if l, ok := n.(lit); ok && l.slot >= 0 {
			c.lits[l.slot].t = l.t
		}
		return true
	})
}

// Literals turns the raw literals of a text with this expression's shape (see
// FilterShape) into Env.Literals. One that does not fit its place is InvalidFilter.
func (e *Expr) Literals(raw []any) ([]any, error) {
	if len(raw) != len(e.slots) {
		return nil, problem.Errorf(problem.InvalidFilter, "the filter cannot be read")
	}
	out := make([]any, len(raw))
	for i, at := range e.inText {
		v, err := e.slots[at].convert(raw[i])
		if err != nil {
			return nil, err
		}
		out[at] = v
	}
	return out, nil
}

func (s *slot) convert(raw any) (any, error) {
	if s.neg {
		switch v := raw.(type) {
		case int64:
			raw = -v
		case float64:
			raw = -v
		}
	}
	n := lit{v: raw, slot: -1}
	switch v := raw.(type) {
	case int64:
		n.t = intType
	case float64:
		n.t = floatType
		if s.t.Kind == value.Float {
			return v, nil
		}
	case string:
		n.t = stringType
		switch s.t.Kind {
		case value.String:
			return v, nil
		case value.TimestampKind, value.DurationKind, value.DateKind, value.TimeKind, value.DecimalKind:
			parsed, err := s.t.ParseText(v)
			if err != nil {
				return nil, badLiteral(v, err.Error())
			}
			return parsed, nil
		}
	}
	if s.t.Kind == n.t.Kind || isInteger(s.t) && n.t == intType {
		return raw, nil
	}
	conv, why := coerce(n, s.t)
	if why != nil {
		return nil, badLiteral(raw, why.what)
	}
	if conv == nil {
		return nil, badLiteral(raw, "it does not fit here")
	}
	return conv.v, nil
}

func badLiteral(raw any, why string) error {
	if s, ok := raw.(string); ok {
		raw = clip(s)
	}
	return problem.Errorf(problem.InvalidFilter, "'%v': %s", raw, why)
}

// checkText parses and checks one expression. want, when set, is the type that
// the value must have; nil asks for a condition.
func checkText(p place, source string, want *contract.Type) (*Expr, []flaw) {
	if want != nil {
		if e := bareWord(p, source, want); e != nil {
			return e, nil
		}
	}
	tree, f := parse(source)
	if f != nil {
		return nil, []flaw{*f}
	}
	c := &checker{place: p, info: tree.SourceInfo()}
	var root node
	if want == nil {
		root = c.condition(tree.Expr())
	} else {
		root = c.fit(tree.Expr(), want)
	}
	if len(c.flaws) > 0 || root == nil {
		return nil, c.flaws
	}
	c.typeSlots(root)
	out := newExpr(p.res, root, source)
	out.slots, out.inText = c.lits, make([]int, len(c.lits))
	for i := range out.inText {
		out.inText[i] = i
	}
	slices.SortFunc(out.inText, func(a, b int) int { return c.lits[a].at - c.lits[b].at })
	return out, nil
}

// bareWord reads `= draft` where an enum is expected.
func bareWord(p place, source string, want *contract.Type) *Expr {
	if want.Name != "enum" {
		return nil
	}
	for _, word := range want.Value.Enum {
		if word == source {
			return newExpr(p.res, lit{v: word, t: want.Value, slot: -1}, source)
		}
	}
	return nil
}

// fit checks an expression whose value is stored in a place of type want.
func (c *checker) fit(e ast.Expr, want *contract.Type) node {
	if e.Kind() == ast.ListKind && want.Name == "list" {
		return c.fitList(e, want)
	}
	if want.Name == "enum" && e.Kind() == ast.IdentKind && !c.fieldExists(e.AsIdent()) {
		mend := suggest(e.AsIdent(), want.Value.Enum)
		if mend == "" {
			mend = c.meant(e.AsIdent())
		}
		return c.flaw(e, mend, "'%s' is not one of the enum's values", e.AsIdent())
	}
	n := c.value(e)
	if n == nil {
		return nil
	}
	if isNullLit(n) {
		return lit{t: want.Value, slot: -1}
	}
	if l, ok := n.(lit); ok {
		return c.fitLiteral(e, l, want)
	}
	t := n.typ()
	switch {
	case isInteger(t) && isInteger(want.Value):
	case t.Kind != want.Value.Kind, t.Kind == value.Enum && !sameType(t, want.Value),
		t.Kind == value.List && !sameType(t, want.Value), t.Kind == value.Struct && !sameType(t, want.Value):
		return c.flaw(e, "", "%s does not fit a field of type %s", describe(n), want.Name)
	case t.Kind == value.ID && want.Value.Resource != "" && t.Resource != want.Value.Resource:
		return c.flaw(e, "", "%s does not fit a reference to %s", describe(n), want.Value.Resource)
	}
	if t.Kind == value.DecimalKind && !sameType(t, want.Value) {
		return call{fn: query.ToDecimal, args: []node{n}, t: want.Value}
	}
	return n
}

func (c *checker) fitLiteral(e ast.Expr, l lit, want *contract.Type) node {
	if s, ok := l.v.(string); ok && l.t == stringType {
		v, err := want.Value.ParseText(s)
		if err != nil || want.Value.Kind == value.Bool || isInteger(want.Value) {
			mend := ""
			if want.Name == "enum" {
				mend = suggest(s, want.Value.Enum)
			}
			return c.flaw(e, mend, "'%s' does not fit a field of type %s", clip(s), want.Name)
		}
		return lit{v: v, t: want.Value, slot: -1}
	}
	if isInteger(l.t) && isInteger(want.Value) || l.t.Kind == want.Value.Kind && l.t.Kind != value.DecimalKind {
		return lit{v: l.v, t: want.Value, slot: -1}
	}
	if conv, why := coerce(l, want.Value); why == nil && conv != nil && sameType(conv.t, want.Value) {
		return *conv
	}
	return c.flaw(e, "", "%s does not fit a field of type %s", describe(l), want.Name)
}

func (c *checker) fitList(e ast.Expr, want *contract.Type) node {
	items := []any{}
	for _, item := range e.AsList().Elements() {
		n := c.value(item)
		if n == nil {
			return nil
		}
		l, ok := n.(lit)
		if !ok || l.t == nil {
			return c.flaw(item, "", "a list written here holds literal values only")
		}
		fitted, ok := c.fitLiteral(item, l, want.Elem).(lit)
		if !ok {
			return nil
		}
		items = append(items, fitted.v)
	}
	return lit{v: items, t: want.Value, slot: -1}
}
