package contract

import (
	"fmt"
	"strings"
)

// describe writes a whole contract as text, without places and descriptions, so
// that two can be compared; what refers to each other is written by name.
func describe(c *Contract) string {
	if c == nil {
		return "nothing"
	}
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("%q %q %q %v", c.Name, c.Description, c.BasePath, c.CORS)
	if a := c.Accounts; a != nil && a.Resource != nil {
		p("accounts %s %v %d %s %t", a.Resource.Name, a.Email != nil, a.MinLength, a.Signup, a.APIKeys)
	}
	for _, r := range c.Rules {
		p("rule %s %s", r.Name, source(r.Expr))
	}
	for _, r := range c.Resources {
		describeResource(p, r)
	}
	for _, s := range c.Services {
		p("service %s %s %d %s", s.Name, s.URL, s.Timeout, s.Else)
	}
	for _, s := range c.Subs {
		p("subscription %s %v %s", s.Name, s.Events, s.To)
	}
	for _, j := range c.Jobs {
		p("job %s %d %s %t %s %s", j.Name, j.Every, j.Resource.Name, j.Update, source(j.Where), assigns(j.Set))
	}
	for _, u := range c.Unbuilt {
		p("unbuilt %s %s", u.Place, u.What)
	}
	return b.String()
}

func describeResource(p func(format string, args ...any), r *Resource) {
	p("resource %s %s %s %t %v %s", r.Name, r.Path, r.Table, r.Subject, names([]*Field{r.Key}), r.Events)
	for _, f := range r.Fields {
		p("  %s", describeField(f))
	}
	for _, c := range r.Checks {
		p("  check %s %s", c.Sentence, source(c.Expr))
	}
	for _, u := range r.Unique {
		p("  unique %s", names(u))
	}
	for _, index := range r.Indexes {
		for _, k := range index {
			p("  index %s %t", k.Field.Name, k.Desc)
		}
	}
	for _, a := range r.Access {
		p("  access %s %s", a.Operation, source(a.Expr))
	}
	for _, a := range r.FieldAccess {
		p("  fields %t %s %s", a.Set, names(a.Fields), source(a.Expr))
	}
	for _, a := range r.Actions {
		p("  action %s %s %s", a.Name, source(a.Allow), assigns(a.Set))
		if a.Move != nil {
			p("    move %s %v %s", a.Move.Field.Name, a.Move.From, a.Move.To)
		}
		for _, f := range a.Input {
			p("    input %s", describeField(f))
		}
	}
	for _, f := range r.Filters {
		p("  filter %s %s", f.Name, source(f.Where))
		if f.Input != nil {
			p("    input %s", describeField(f.Input))
		}
	}
	for _, h := range r.Hooks {
		p("  hook %s %s %s", h.When, h.Operation, h.Service)
	}
	if r.Retain != nil {
		p("  retain %d %s %s", r.Retain.Keep, r.Retain.Since.Name, r.Retain.Then)
	}
}

func describeField(f *Field) string {
	words := ""
	for _, w := range fieldWordList[:11] {
		if *f.word(w) {
			words += " " + w
		}
	}
	s := fmt.Sprintf("%s %s%s %s %s %t", f.Name, describeType(f.Type), words, f.OnDelete, f.Was, f.Builtin)
	if f.Default != nil {
		s += " = " + source(*f.Default)
	}
	return s
}

func describeType(t *Type) string {
	s := fmt.Sprintf("%s %v..%v %d..%d %v %d", t.Name, t.Min, t.Max, t.MinItems, t.MaxItems, t.Formats, t.MaxBytes)
	if t.Value != nil {
		s += fmt.Sprintf(" %d %d,%d %v %s", t.Value.Kind, t.Value.Precision, t.Value.Scale, t.Value.Enum, t.Value.Resource)
	}
	if t.Target != nil {
		s += " " + t.Target.Name
	}
	if t.Inverse != nil {
		s += "." + t.Inverse.Name
	}
	if t.Elem != nil {
		s += " [" + describeType(t.Elem) + "]"
	}
	for _, m := range t.Members {
		s += " {" + describeField(m) + "}"
	}
	return s
}

// source is an expression's text; the author's spaces are not part of its meaning.
func source(e Expr) string { return strings.Join(strings.Fields(e.Source), "") }

func names(fields []*Field) string {
	var list []string
	for _, f := range fields {
		if f != nil {
			list = append(list, f.Name)
		}
	}
	return strings.Join(list, ",")
}

func assigns(list []*Assign) string {
	s := ""
	for _, a := range list {
		s += a.Field.Name + "=" + source(a.Expr) + ";"
	}
	return s
}
