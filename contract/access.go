package contract

import (
	"fmt"
	"slices"
	"strings"
)

// operations are what access names, with what each spreads out to.
var operations = map[string][]string{
	"read": {"read"}, "create": {"create"}, "update": {"update"}, "delete": {"delete"},
	"write": {"create", "update", "delete"},
	"all":   {"read", "create", "update", "delete"},
}

var operationNames = []string{"read", "create", "update", "delete", "write", "all", "field", "set"}

// otherOperations are what people write who come from elsewhere.
var otherOperations = map[string]string{
	"get": "read", "list": "read", "view": "read", "select": "read", "find": "read", "search": "read",
	"insert": "create", "post": "create", "add": "create", "patch": "update", "put": "update", "edit": "update", "remove": "delete", "destroy": "delete",
	"any": "all", "*": "all", "fields": "field",
}

func (l *loader) access(r *Resource, v node, place string) {
	if v.isMap() && len(v.n.Content) == 0 {
		l.warn(v.pos(), place, "is empty: the resource serves nobody", "write 'read: …' and 'write: …'")
	}
	for _, p := range l.entries(v, place, "read: true") {
		here := place + "." + p.name
		e, ok := l.expr(p.value, here)
		key := p.key.text()
		switch {
		case strings.HasPrefix(key.s, "field "), strings.HasPrefix(key.s, "set "):
			l.fieldAccess(r, key, e, ok, here)
		default:
			for _, op := range l.spread(key, here) {
				if ok {
					r.Access = append(r.Access, &Access{Operation: op, Expr: e})
				}
			}
		}
	}
}

// spread reads "update, delete" into the operations it stands for.
func (l *loader) spread(key text, place string) []string {
	var list []string
	for _, t := range splitText(key, ',') {
		ops, ok := operations[t.s]
		switch {
		case t.s == "":
			l.fault(t.pos, place, "an operation is missing beside a comma", "write 'update, delete: …'")
		case !ok && (t.s == "field" || t.s == "set"):
			l.fault(t.pos, place, fmt.Sprintf("'%s' names no fields", t.s), fmt.Sprintf("write '%s rating, note: …'", t.s))
		case !ok && otherOperations[t.s] != "":
			l.fault(t.pos, place, fmt.Sprintf("no operation '%s'", t.s), "write "+otherOperations[t.s])
		case !ok:
			l.unknown(t.pos, place, "operation", t.s, operationNames)
		}
		for _, op := range ops {
			if slices.Contains(list, op) {
				l.fault(t.pos, place, fmt.Sprintf("'%s' is named twice", op), "leave one out")
				continue
			}
			list = append(list, op)
		}
	}
	return list
}

// fieldAccess reads "field a, b: rule" and "set a, b: rule".
func (l *loader) fieldAccess(r *Resource, key text, e Expr, ok bool, place string) {
	set := strings.HasPrefix(key.s, "set ")
	fa := &FieldAccess{Set: set, Expr: e}
	for _, t := range splitText(key.cut(strings.IndexByte(key.s, ' '), len(key.s)), ',') {
		if t.s == "" {
			l.fault(t.pos, place, "a field is missing beside a comma", "write 'field rating, note: …'")
			continue
		}
		f := l.findField(r, t, place)
		switch {
		case f == nil:
		case slices.Contains(fa.Fields, f):
			l.fault(t.pos, place, fmt.Sprintf("'%s' is named twice", f.Name), "leave one out")
		case f.Name == "id":
			l.fault(t.pos, place, "the id is always readable where the record is", "leave it out")
		case set && (f.Builtin || f.Readonly):
			l.fault(t.pos, place, fmt.Sprintf("'%s' is set by the server: no caller writes it", f.Name), "leave it out")
		case set && f.Type.Name == "many":
			l.fault(t.pos, place, fmt.Sprintf("'%s' is the other end of a reference and is not written", f.Name), "leave it out")
		case !set && f.Hidden:
			l.fault(t.pos, place, fmt.Sprintf("'%s' is hidden: nobody reads it", f.Name), "leave it out, or 'hidden'")
		default:
			fa.Fields = append(fa.Fields, f)
		}
	}
	if ok && len(fa.Fields) > 0 {
		r.FieldAccess = append(r.FieldAccess, fa)
	}
}
