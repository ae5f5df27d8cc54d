package rule

import (
	"fmt"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/ast"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// compiler checks every expression of a contract and gathers the faults.
type compiler struct {
	set    *Set
	faults []contract.Fault
	// told are the flaws of named rules that have been reported.
	told map[flawed]bool
	// unclear are the names of fields and inputs whose type could not be read, and caller where
	// the accounts could not; see check.
	unclear map[string]bool
	// choosing are the rules and declared filters that choose records.
	choosing []written
}

// Compile checks and types every expression of c. All faults are reported in one
// run; the Set is nil when one of them is not a warning. A contract with faults of
// its own may be compiled for the sake of those of its expressions.
func Compile(c *contract.Contract) (*Set, []contract.Fault) {
	k := &compiler{set: &Set{Contract: c, resources: make(map[string]*Resource, len(c.Resources)), trees: map[string]*ast.AST{}}, unclear: map[string]bool{}, told: map[flawed]bool{}}
	for _, r := range c.Resources {
		k.findUnclear(r.Fields)
		for _, a := range r.Actions {
			k.findUnclear(a.Input)
		}
		for _, f := range r.Filters {
			if f.Input != nil {
				k.findUnclear([]*contract.Field{f.Input})
			}
		}
	}
	if c.Accounts != nil && c.Accounts.Resource == nil {
		k.unclear["caller"] = true
	}
	for _, r := range c.Resources {
		k.set.resources[r.Name] = &Resource{
			Resource:   r,
			ReadField:  map[*contract.Field]*Expr{},
			WriteField: map[*contract.Field]*Expr{},
			Defaults:   map[*contract.Field]*Expr{},
			Actions:    map[string]*Action{},
			Filters:    map[string]*Expr{},
			self:       &value.Type{Kind: value.ID, Resource: r.Name},
		}
	}
	k.namedRules()
	for _, r := range c.Resources {
		k.resource(k.set.resources[r.Name])
	}
	for _, j := range c.Jobs {
		k.job(j)
	}
	for _, f := range k.faults {
		if !f.Warning {
			return nil, k.faults
		}
	}
	k.set.atoms = k.set.findAtoms()
	return k.set, append(k.faults, k.unserved()...)
}

// namedRules reports rules whose text cannot be read; what their names mean
// depends on where they are used, and is checked there.
func (k *compiler) namedRules() {
	for _, r := range k.set.Contract.Rules {
		tree, f := parse(r.Expr.Source)
		if f != nil {
			k.fault(r.Expr, "rules."+r.Name, *f)
			continue
		}
		k.set.trees[r.Name] = tree
	}
}

// flawed is a place in a named rule's text.
type flawed struct {
	rule string
	at   int
}

// fault reports what is wrong with e; a flaw of a rule that e uses is reported
// where the rule stands, once for all who use it.
func (k *compiler) fault(e contract.Expr, place string, f flaw) {
	if f.rule != "" {
		where := flawed{f.rule, f.at}
		if k.told[where] {
			return
		}
		k.told[where] = true
		f.what += fmt.Sprintf(" (used in %s)", place)
		e, place = k.ruleText(f.rule), "rules."+f.rule
	}
	at := len(string([]rune(e.Source)[:f.at]))
	k.faults = append(k.faults, contract.Fault{Pos: e.At(at), Place: place, What: f.what, Mend: f.mend})
}

func (k *compiler) ruleText(name string) contract.Expr {
	for _, r := range k.set.Contract.Rules {
		if r.Name == name {
			return r.Expr
		}
	}
	return contract.Expr{}
}

func (k *compiler) check(p place, e contract.Expr, where string, want *contract.Type) *Expr {
	if e == (contract.Expr{}) || want != nil && want.Name == "unknown" {
		return nil // what is missing or cannot be read has been told by package contract
	}
	p.set = k.set
	out, flaws := checkText(p, e.Source, want)
	if len(flaws) > 0 && k.isUnclear(e.Source, 0) {
		return nil // it would be told what the name's own fault says
	}
	for _, f := range flaws {
		k.fault(e, where, f)
	}
	return out
}

// findUnclear notes the fields, or inputs, whose type could not be read.
func (k *compiler) findUnclear(fields []*contract.Field) {
	for _, f := range fields {
		for t := f.Type; t != nil; t = t.Elem {
			if t.Name == "unknown" {
				k.unclear[f.Name] = true
			}
			k.findUnclear(t.Members)
		}
	}
}

// isUnclear reports whether an expression, or a rule that it uses, holds an unclear
// name. depth bounds rules that use themselves.
func (k *compiler) isUnclear(source string, depth int) bool {
	if len(k.unclear) == 0 || depth > 8 {
		return false
	}
	for _, word := range strings.FieldsFunc(source, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if k.unclear[word] {
			return true
		}
		for _, r := range k.set.Contract.Rules {
			if r.Name == word && k.isUnclear(r.Expr.Source, depth+1) {
				return true
			}
		}
	}
	return false
}

func (k *compiler) resource(r *Resource) {
	for _, a := range r.Access {
		p := place{res: r, old: a.Operation == "update"}
		e := k.check(p, a.Expr, fmt.Sprintf("%s.access.%s", r.Name, a.Operation), nil)
		if e == nil {
			continue
		}
		switch a.Operation {
		case "read":
			r.Read = either(r.Read, e)
			k.choosing = append(k.choosing, written{e, a.Expr, r.Name + ".access.read", true})
		case "create":
			r.Create = either(r.Create, e)
		case "update":
			r.Update = either(r.Update, e)
		case "delete":
			r.Delete = either(r.Delete, e)
		}
	}
	for _, a := range r.FieldAccess {
		k.fieldAccess(r, a)
	}
	for _, c := range r.Resource.Checks {
		if e := k.check(place{res: r, invariant: true}, c.Expr, r.Name+".check", nil); e != nil {
			r.Checks = append(r.Checks, &Check{Sentence: c.Sentence, Expr: e})
		}
	}
	k.defaults(r, r.Fields, r.Name)
	for _, a := range r.Resource.Actions {
		k.action(r, a)
	}
	for _, f := range r.Resource.Filters {
		if e := k.check(place{res: r, param: f.Input}, f.Where, r.Name+".filters."+f.Name, nil); e != nil {
			r.Filters[f.Name] = e
			k.choosing = append(k.choosing, written{e, f.Where, r.Name + ".filters." + f.Name, false})
		}
	}
}

func (k *compiler) fieldAccess(r *Resource, a *contract.FieldAccess) {
	word, rules := "field", r.ReadField
	if a.Set {
		word, rules = "set", r.WriteField
	}
	e := k.check(place{res: r}, a.Expr, fmt.Sprintf("%s.access.%s", r.Name, word), nil)
	if e == nil {
		return
	}
	for _, f := range a.Fields {
		rules[f] = either(rules[f], e)
	}
}

// defaults compiles the defaults of fields and of the members of structs.
func (k *compiler) defaults(r *Resource, fields []*contract.Field, where string) {
	for _, f := range fields {
		if f.Default != nil && f.Type.Value != nil {
			if e := k.check(place{res: r}, *f.Default, where+"."+f.Name, f.Type); e != nil {
				r.Defaults[f] = e
			}
		}
		k.defaults(r, f.Type.Members, where+"."+f.Name)
		if f.Type.Elem != nil {
			k.defaults(r, f.Type.Elem.Members, where+"."+f.Name)
		}
	}
}

func (k *compiler) action(r *Resource, a *contract.Action) {
	where := r.Name + ".actions." + a.Name
	out := &Action{Action: a, Set: map[*contract.Field]*Expr{}}
	out.Allow = k.check(place{res: r, input: a.Input}, a.Allow, where+".allow", nil)
	for _, s := range a.Set {
		if e := k.check(place{res: r, input: a.Input}, s.Expr, where+".set."+s.Field.Name, s.Field.Type); e != nil {
			out.Set[s.Field] = e
		}
	}
	k.defaults(r, a.Input, where+".input")
	r.Actions[a.Name] = out
}

// job checks a job's expressions; carrying it out is not built yet.
func (k *compiler) job(j *contract.Job) {
	if j.Resource == nil {
		return
	}
	r := k.set.resources[j.Resource.Name]
	k.check(place{res: r}, j.Where, "jobs."+j.Name+".where", nil)
	for _, s := range j.Set {
		k.check(place{res: r}, s.Expr, "jobs."+j.Name+".set."+s.Field.Name, s.Field.Type)
	}
}

// either joins two rules for one operation: one of them suffices.
func either(a, b *Expr) *Expr {
	if a == nil {
		return b
	}
	return newExpr(a.res, joinLogic(false, a.root, b.root), a.source+" || "+b.source)
}

// ParseFilter checks a request's expression, a condition, through this Sight's
// handles. Errors are problem.InvalidFilter with a Position. literals is what
// Env.Literals must hold when the expression is used.
func (s *Sight) ParseFilter(text string) (e *Expr, literals []any, err error) {
	e, flaws := checkText(place{set: s.View.set, res: s.Resource, sight: s, literal: true}, text, nil)
	if len(flaws) > 0 {
		f := flaws[0]
		detail := f.what
		if f.mend != "" {
			detail += "; " + f.mend
		}
		p := problem.Errorf(problem.InvalidFilter, "%s", detail)
		p.Position = f.at + 1
		return nil, nil, p
	}
	raw := make([]any, len(e.slots))
	for i, slot := range e.inText {
		raw[i] = e.slots[slot].raw
	}
	literals, err = e.Literals(raw)
	return e, literals, err
}
