package migrate

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/value"
)

// maxItems bounds a list that says nothing else, maxWhole what an int can be.
const (
	maxItems = 1000
	maxWhole = 1<<53 - 1
)

var intType = &value.Type{Kind: value.Int}

// law is a law with the statement that counts, with args, the records which do not
// certainly satisfy it.
type law struct {
	schema.Law
	broken *query.Select
	args   []any
}

// lawsOf are what the records of a resource satisfy: its fields' bounds and its
// checks. How long a text may be is the column's own affair. stand says
// what stands in for columns that are not there yet; nil: all are.
func lawsOf(set *rule.Set, r *rule.Resource, stand func(*rule.Lowering)) (laws []*law) {
	const alias = 1
	for _, f := range r.Fields {
		if !f.Stored() || f.Type.Value == nil {
			continue
		}
		for _, b := range bounds(f.Name, query.Col{Alias: alias, Name: f.Name, Type: f.Type.Value}, f.Type, alias) {
			if f.Type.Value.Kind == value.String && b.over == query.Gt {
				continue
			}
			laws = append(laws, &law{schema.Law{Text: b.text, Column: f.Name}, counting(r.Table, alias, b.broken), nil})
		}
	}
	for _, c := range r.Checks {
		l := set.Lower()
		alias := l.Alias()
		if stand != nil {
			stand(l)
		}
		broken := counting(r.Table, alias, query.NotTrue{X: l.Rule(c.Expr, alias)})
		laws = append(laws, &law{schema.Law{Text: set.Spell(c.Expr)}, broken, l.Args().Bind(&rule.Env{}, nil)})
	}
	return laws
}

// bound is one bound of a value or of something in it.
type bound struct {
	text   string   // "skills[].years <= 5"
	over   query.Op // of a value beyond it: Lt or Gt
	broken query.Expr
}

// bounds are those of x, whose type is t, and of what is in it. element is the
// last alias in use.
func bounds(path string, x query.Expr, t *contract.Type, element int) (list []bound) {
	low, high, name, measured, in := t.Min, t.Max, path, x, t.Value
	switch t.Value.Kind {
	case value.List:
		low, high = int64(t.MinItems), int64(maxItems)
		if t.MaxItems != 0 {
			high = int64(t.MaxItems)
		}
		fallthrough
	case value.String:
		name, measured, in = "size("+path+")", query.Call{Func: query.Size, Args: []query.Expr{x}, Type: intType}, intType
		if low == any(int64(0)) {
			low = nil
		}
	case value.Int: // which cannot be beyond these
		if low == any(int64(-maxWhole)) {
			low = nil
		}
		if high == any(int64(maxWhole)) {
			high = nil
		}
	}
	add := func(sign string, over query.Op, end any) {
		if end != nil {
			text := fmt.Sprintf("%s %s %s", name, sign, strings.Trim(string(in.AppendJSON(nil, end)), `"`))
			list = append(list, bound{text, over, query.Cmp{Op: over, L: measured, R: query.Const{Value: end, Type: in}}})
		}
	}
	add(">=", query.Lt, low)
	add("<=", query.Gt, high)
	if t.Elem != nil && t.Elem.Value != nil {
		element++
		for _, b := range bounds(path+"[]", query.Elem{Alias: element, Type: t.Elem.Value}, t.Elem, element) {
			b.broken = query.Each{List: x, Alias: element, Where: b.broken}
			list = append(list, b)
		}
	}
	for _, m := range t.Members {
		if m.Type.Value != nil {
			list = append(list, bounds(path+"."+m.Name, query.Member{X: x, Name: m.Name, Type: m.Type.Value}, m.Type, element)...)
		}
	}
	return list
}
