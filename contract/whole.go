package contract

import (
	"fmt"
	"slices"
	"strings"
)

// reservedPaths are the first segments that Mainstay itself answers under the base path.
var reservedPaths = wordSet("events auth batch")

// rootPaths are answered beside the base path; they clash when that is '/'.
var rootPaths = wordSet("docs openapi livez readyz metrics")

// whole checks what only the whole contract shows.
func (l *loader) whole() {
	l.paths()
	l.documentNames()
	l.ruleNames()
	l.unusedRules()
	l.formerNames()
	l.cycles()
}

// paths reports resources that would share a path, a table or one of Mainstay's own.
func (l *loader) paths() {
	byPath, byTable := map[string]*Resource{}, map[string]*Resource{}
	for _, r := range l.c.Resources {
		if reservedPaths[r.Path] || l.c.BasePath == "" && rootPaths[r.Path] {
			l.fault(r.Pos, r.Name, fmt.Sprintf("its path '/%s' is one of Mainstay's own", r.Path), fmt.Sprintf("give it another: 'path: %s-records'", strings.TrimSuffix(r.Path, "s")))
		}
		if other := byPath[r.Path]; other != nil {
			l.fault(r.Pos, r.Name, fmt.Sprintf("%s has the path '/%s' too", other.Name, r.Path), "give one of them another with 'path: …'")
		} else if other := byTable[r.Table]; other != nil {
			l.fault(r.Pos, r.Name, fmt.Sprintf("%s is stored under the name '%s' too", other.Name, r.Table), "rename one of them")
		}
		byPath[r.Path], byTable[r.Table] = r, r
		if strings.HasPrefix(r.Table, "mainstay_") {
			l.fault(r.Pos, r.Name, "names that begin with 'Mainstay' are for its own tables", "choose another name")
		}
	}
	for _, r := range l.c.Resources {
		if base, ok := strings.CutSuffix(r.Table, "_words"); ok && byTable[base] != nil && slices.ContainsFunc(byTable[base].Fields, func(f *Field) bool { return f.Search }) {
			l.fault(r.Pos, r.Name, fmt.Sprintf("'%s' is where the words of %s's search fields are kept", r.Table, byTable[base].Name), "choose another name")
		}
	}
}

// documentNames reports resources whose names the API document needs for the
// forms of another, and actions whose operation ids meet.
func (l *loader) documentNames() {
	for _, r := range l.c.Resources {
		if r.Name == "Problem" {
			l.fault(r.Pos, r.Name, "'Problem' is the name of every error answer in the API document", "choose another name")
		}
		for _, form := range []string{"Create", "Update", "Page"} {
			if base, ok := strings.CutSuffix(r.Name, form); ok && l.byName[base] != nil {
				l.fault(r.Pos, r.Name, fmt.Sprintf("'%s' is a form of %s in the API document", r.Name, base), "choose another name")
			}
		}
	}
	routes := Routes(l.c)
	ids := make(map[string]int, len(routes))
	told := map[string]bool{}
	for i, route := range routes {
		at, again := ids[route.Operation]
		if !again {
			ids[route.Operation] = i
			continue
		}
		first := routes[at]
		if first.Kind == "query" && first.Resource == route.Resource {
			continue // one operation with two spellings
		}
		pos, place := l.routePlace(first)
		if route.Resource != "" {
			pos, place = l.routePlace(route)
		}
		if told[place] || taken[route.Action] || first.Path == route.Path && first.Resource != route.Resource {
			continue // reported already
		}
		told[place] = true
		l.fault(pos, place, fmt.Sprintf("'%s' would name two operations: %s %s and %s %s", route.Operation, first.Method, first.Path, route.Method, route.Path), "rename one of them")
	}
}

// routePlace is where the contract asks for a route.
func (l *loader) routePlace(route Route) (Pos, string) {
	r := l.byName[route.Resource]
	for _, a := range r.Actions {
		if a.Name == route.Action {
			return a.Pos, r.Name + ".actions." + a.Name
		}
	}
	if f := r.Field(route.Many); f != nil && route.Many != "" {
		return f.Pos, r.Name + "." + f.Name
	}
	return r.Pos, r.Name
}

// ruleNames reports a rule and a field of one name: a bare name would be both.
func (l *loader) ruleNames() {
	for _, rule := range l.c.Rules {
		for _, r := range l.c.Resources {
			if f := r.Field(rule.Name); f != nil {
				l.fault(rule.Pos, "rules."+rule.Name, fmt.Sprintf("%s has a field of that name, at %s", r.Name, f.Pos), "rename the rule, such as 'is_"+rule.Name+"'")
				break
			}
		}
	}
}

// unusedRules warns of named rules that nothing names: a rule is checked where it
// is used, and these are checked nowhere. Where something is broken, the use may
// stand in it.
func (l *loader) unusedRules() {
	sound := !slices.ContainsFunc(l.faults, func(f Fault) bool { return !f.Warning })
	if len(l.c.Rules) == 0 || !sound {
		return
	}
	used := map[string]bool{}
	use := func(e Expr) { celNames(e.Source, func(name string) { used[name] = true }) }
	for _, rule := range l.c.Rules {
		use(rule.Expr)
	}
	for _, r := range l.c.Resources {
		for _, a := range r.Access {
			use(a.Expr)
		}
		for _, a := range r.FieldAccess {
			use(a.Expr)
		}
		for _, c := range r.Checks {
			use(c.Expr)
		}
		for _, f := range r.Filters {
			use(f.Where)
		}
		for _, a := range r.Actions {
			use(a.Allow)
			for _, s := range a.Set {
				use(s.Expr)
			}
		}
	}
	for _, rule := range l.c.Rules {
		if !used[rule.Name] {
			l.warn(rule.Pos, "rules."+rule.Name, "is used nowhere, and what is wrong with it is seen nowhere", "use it, or remove it")
		}
	}
}

func (l *loader) formerNames() {
	for _, r := range l.c.Resources {
		was := map[string]*Field{}
		for _, f := range r.Fields {
			if f.Was == "" {
				continue
			}
			if other := was[f.Was]; other != nil {
				l.fault(f.Pos, r.Name+"."+f.Name, fmt.Sprintf("'%s' was the former name of '%s' already", f.Was, other.Name), "one field has one successor")
			}
			was[f.Was] = f
		}
	}
}

// cycles warns of required references that lead back to where they began: none
// of these records could be the first.
func (l *loader) cycles() {
	state := map[*Resource]int{} // 0 new, 1 on the way, 2 done
	var way []*Field
	var visit func(r *Resource)
	visit = func(r *Resource) {
		state[r] = 1
		for _, f := range r.Fields {
			if f.Type.Name != "ref" || f.Optional {
				continue
			}
			next := f.Type.Target
			way = append(way, f)
			switch state[next] {
			case 0:
				visit(next)
			case 1:
				l.cycle(way, next)
			}
			way = way[:len(way)-1]
		}
		state[r] = 2
	}
	for _, r := range l.c.Resources {
		if state[r] == 0 {
			visit(r)
		}
	}
}

func (l *loader) cycle(way []*Field, back *Resource) {
	from := slices.IndexFunc(way, func(f *Field) bool { return f.Resource == back })
	names := make([]string, 0, len(way)-from+1)
	for _, f := range way[from:] {
		names = append(names, f.Resource.Name+"."+f.Name)
	}
	last := way[len(way)-1]
	what := strings.Join(names, " → ") + " → " + back.Name + " are all required: nobody can create the first of them"
	if len(names) == 1 {
		what = "every " + back.Name + " needs another: nobody can create the first"
	}
	l.warn(last.Pos, last.Resource.Name+"."+last.Name, what, "make one of them optional")
}
