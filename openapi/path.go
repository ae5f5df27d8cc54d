package openapi

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
)

const (
	jsonMedia  = "application/json"
	patchMedia = "application/merge-patch+json"
)

// paths are the routes in their order, those of one path together.
func (d *document) paths() object {
	paths := object{}
	place := map[string]int{}
	for _, rt := range contract.Routes(d.contract) {
		o := d.operation(rt)
		if o == nil {
			continue
		}
		i, ok := place[rt.Path]
		if !ok {
			i = len(paths)
			place[rt.Path] = i
			paths = append(paths, member{rt.Path, object{}})
		}
		paths[i].value = append(paths[i].value.(object), member{strings.ToLower(rt.Method), o.object()})
	}
	return paths
}

// operation is one operation of the document.
type operation struct {
	id, summary, description string
	tag                      string
	open                     bool // credentials are not looked at
	closed                   bool // credentials are a must
	parameters               []object
	body                     object
	responses                object
}

func (o *operation) object() object {
	s := object{{"tags", []string{o.tag}}, {"operationId", o.id}, {"summary", o.summary}}.
		with("description", o.description)
	switch {
	case o.open:
		s = append(s, member{"security", []object{}})
	case o.closed:
		s = append(s, member{"security", []object{{{"bearer", []string{}}}}})
	}
	return s.with("parameters", o.parameters).with("requestBody", o.body).with("responses", o.responses)
}

// route is a route of the contract with what its names stand for.
type route struct {
	contract.Route
	of     *contract.Resource // nil for signing in and the transaction
	action *contract.Action
	many   *contract.Field
}

func (d *document) resolve(rt contract.Route) route {
	found := route{Route: rt, of: d.contract.Resource(rt.Resource)}
	if found.of == nil {
		return found
	}
	found.many = found.of.Field(rt.Many)
	for _, a := range found.of.Actions {
		if a.Name == rt.Action {
			found.action = a
		}
	}
	return found
}

// operation describes a route; nil for one that is not described: OpenAPI 3.1
// has no word for the method QUERY, and what nobody may do is left out.
func (d *document) operation(rt contract.Route) *operation {
	if rt.Method == "QUERY" || rt.Nobody {
		return nil
	}
	describe, ok := map[string]func(route) *operation{
		"list":         d.list,
		"nested":       d.nested,
		"query":        d.query,
		"count":        d.count,
		"aggregate":    d.aggregate,
		"export":       d.export,
		"get":          d.get,
		"create":       d.create,
		"update":       d.update,
		"replace":      d.replace,
		"delete":       d.delete,
		"action":       d.act,
		"update_where": d.updateWhere,
		"delete_where": d.deleteWhere,
		"bulk":         d.bulk,
		"transact":     d.transact,
		"signup":       d.signup,
		"login":        d.login,
		"logout":       d.logout,
		"me":           d.me,
		"password":     d.password,
		"create_key":   d.createKey,
		"list_keys":    d.listKeys,
		"delete_key":   d.deleteKey,
	}[rt.Kind]
	if !ok {
		panic(fmt.Sprintf("openapi: there is no description of a route of the kind %q", rt.Kind))
	}
	resolved := d.resolve(rt)
	o := describe(resolved)
	o.id = rt.Operation
	if resolved.of != nil {
		o.tag = rt.Resource
	}
	d.tagged[o.tag] = true
	return o
}

// access says in words who may do it: the rules' own text, with what the named
// rules in it stand for.
func (d *document) access(lead string, rules []string) string {
	for _, rule := range rules {
		if rule == "true" {
			return "Anybody may."
		}
	}
	text := lead + " " + either(rules) + "."
	for _, named := range d.contract.Rules {
		if used(named.Name, rules) {
			text += "\n\n`" + named.Name + "`: `" + named.Expr.Source + "`"
		}
	}
	return text
}

// used reports whether a name stands in one of the rules as a word of its own.
func used(name string, rules []string) bool {
	for _, rule := range rules {
		for i := 0; ; {
			at := strings.Index(rule[i:], name)
			if at < 0 {
				break
			}
			from, to := i+at, i+at+len(name)
			if !nameByte(rule, from-1) && !nameByte(rule, to) && (from == 0 || rule[from-1] != '.') {
				return true
			}
			i = to
		}
	}
	return false
}

func nameByte(s string, i int) bool {
	return i >= 0 && i < len(s) && (s[i] == '_' || s[i] >= '0' && s[i] <= '9' || s[i]|0x20 >= 'a' && s[i]|0x20 <= 'z')
}

// body is a required request body of one media type.
func body(media string, schema object) object {
	return object{{"required", true}, {"content", object{{media, object{{"schema", schema}}}}}}
}

// a is a name with its indefinite article.
func a(name string) string {
	name = spoken(name)
	if strings.ContainsRune("aeiou", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}
