package contract

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

// fieldMap reads the long form, which has a 'type', or else a struct.
func (l *loader) fieldMap(f *Field, v node, where fieldPlace) {
	long := false
	for _, p := range v.pairs() {
		long = long || p.name == "type"
	}
	if !long {
		f.Type = l.structOf(v, where)
		return
	}
	l.longForm(f, v, where)
}

var longKeys = append([]string{"type", "items", "default", "was", "on delete", "description"}, fieldWordList[:11]...)

func (l *loader) longForm(f *Field, v node, where fieldPlace) {
	f.Type = unknownType()
	m := map[string]pair{}
	for _, p := range v.pairs() {
		switch {
		case p.name == "type":
			f.Type = l.longType(p.value, where)
		case fieldWords[p.name]:
			if is, ok := l.boolean(p.value, where.place+"."+p.name); ok && is {
				l.setWord(f, p.name, p.key.pos(), where)
			}
		case p.name == "items" || p.name == "default" || p.name == "was" || p.name == "on delete" || p.name == "description":
			m[p.name] = p
		default:
			l.unknown(p.key.pos(), where.place, "key of a field's long form", p.name, longKeys)
		}
	}
	if p, ok := m["items"]; ok {
		l.items(f.Type, p.value, where)
	}
	if p, ok := m["default"]; ok {
		if e, ok := l.expr(p.value, where.place+".default"); ok {
			f.Default = &e
		}
	}
	if p, ok := m["was"]; ok {
		if t, ok := l.word(p.value, where.place+".was"); ok {
			f.Was = t.s
			l.was(f, t.pos, where)
		}
	}
	if p, ok := m["on delete"]; ok {
		if t, ok := l.word(p.value, where.place+".on delete"); ok {
			l.onDelete(f, t.s, t.pos, where)
		}
	}
	if p, ok := m["description"]; ok {
		if t, ok := l.word(p.value, where.place+".description"); ok {
			f.Description = t.s
		}
	}
}

// longType reads the value of 'type': a type with its arguments, a list or a struct.
func (l *loader) longType(v node, where fieldPlace) *Type {
	switch {
	case v.isBroken():
		return unknownType()
	case v.isMap():
		return l.structOf(v, where)
	case v.isList():
		return l.listOf(v, where)
	}
	t, ok := l.word(v, where.place+".type")
	if !ok {
		return unknownType()
	}
	typ, rest := l.typeOf(where, pieces(t))
	for _, p := range rest {
		if fieldWords[p.s] {
			l.fault(p.pos(), where.place+".type", fmt.Sprintf("in the long form '%s' is a key of its own", p.s), "write '"+p.s+": true' beside type")
		} else if p.s != "" && typ.Name != "unknown" {
			l.fault(p.pos(), where.place+".type", fmt.Sprintf("'%s' is no argument of %s", p.s, typ.Name), "")
		}
	}
	return typ
}

const maxItems = 1000

// items reads a list's min..max.
func (l *loader) items(t *Type, v node, where fieldPlace) {
	place := where.place + ".items"
	b, ok := l.word(v, place)
	if !ok || t.Name == "unknown" {
		return
	}
	if t.Name != "list" {
		l.fault(b.pos, place, "only a list has items", "leave it out")
		return
	}
	var low, high int
	from, to, found := strings.Cut(b.s, "..")
	ok = found && atoi(from, &low) && atoi(to, &high) && from+to != ""
	switch {
	case !ok:
		l.fault(b.pos, place, fmt.Sprintf("'%s' is no bound for a list", b.s), "write min..max, such as 1..20")
	case to != "" && (low > high || high == 0):
		l.fault(b.pos, place, fmt.Sprintf("the least, %d, and the most, %d, leave no length", low, high), "write min..max, such as 1..20")
	case high > maxItems || low > maxItems:
		l.fault(b.pos, place, fmt.Sprintf("a list holds at most %d items", maxItems), "make a resource of what there is more of")
	default:
		t.MinItems, t.MaxItems = low, high
	}
}

func atoi(s string, n *int) bool {
	for i := range len(s) {
		if !isDigit(s[i]) || i > 6 {
			return false
		}
		*n = *n*10 + int(s[i]-'0')
	}
	return true
}

// listOf reads [type] and [{struct}].
func (l *loader) listOf(v node, where fieldPlace) *Type {
	if len(v.n.Content) != 1 {
		what, mend := "a list names the one type of its items", "write [string 1..80]"
		if len(v.n.Content) == 2 && strings.HasPrefix(v.n.Content[0].Value, "decimal") {
			what, mend = "the value inside [] is cut at its comma", fmt.Sprintf("put it in quotes: [\"%s,%s\"]", v.n.Content[0].Value, v.n.Content[1].Value)
		}
		l.fault(v.pos(), where.place, what, mend)
		return unknownType()
	}
	item := v.items()[0]
	where.field = nil
	var elem *Type
	switch {
	case item.isBroken():
		return unknownType()
	case item.isMap():
		elem = l.structOf(item, where)
	case item.isList():
		l.fault(item.pos(), where.place, "a list holds no lists", "put a struct between: [{row: [int]}]")
		return unknownType()
	default:
		t, ok := l.word(item, where.place)
		if !ok {
			return unknownType()
		}
		var rest []piece
		elem, rest = l.typeOf(where, pieces(t))
		for _, p := range rest {
			if p.s != "" && elem.Name != "unknown" {
				l.fault(p.pos(), where.place, fmt.Sprintf("'%s' has no place inside a list's brackets", p.s), "words stand in the long form: {type: [string], readonly: true}")
				break
			}
		}
		if !l.insideValue(elem, item.pos(), where, "list") {
			return unknownType()
		}
	}
	if elem.Name == "unknown" {
		return elem
	}
	return &Type{Name: "list", Value: &value.Type{Kind: value.List, Elem: elem.Value}, Elem: elem}
}

// insideValue reports types that cannot be part of a list or struct.
func (l *loader) insideValue(t *Type, pos Pos, where fieldPlace, kind string) bool {
	switch t.Name {
	case "file":
		l.fault(pos, where.place, "a "+kind+" holds no files", "make the file a field of a resource")
	case "many":
		l.fault(pos, where.place, "'many' is the other end of a reference and no value", "write it as a field of its own")
	case "ref":
		l.unbuilt(pos, where.place, "references inside a "+kind+" are")
		return true
	default:
		return true
	}
	return false
}

const maxDepth = 5

// structOf reads {name: type, …}.
func (l *loader) structOf(v node, where fieldPlace) *Type {
	if where.depth++; where.depth > maxDepth {
		l.fault(v.pos(), where.place, fmt.Sprintf("structs within structs are more than %d deep", maxDepth), "make a resource of the inner one")
		return unknownType()
	}
	if len(v.n.Content) == 0 {
		l.fault(v.pos(), where.place, "a struct without members holds nothing", "write {name: string, …}, or json for anything")
		return unknownType()
	}
	t := &Type{Name: "struct", Value: &value.Type{Kind: value.Struct}}
	sound := true
	seen := map[string]string{}
	for _, p := range v.pairs() {
		inner := fieldPlace{place: where.place + "." + p.name, in: where.in, depth: where.depth}
		if where.in == ofResource {
			inner.in = ofStruct
		}
		m := l.field(p, nil, inner)
		if twin := seen[strings.ToLower(p.name)]; twin != "" {
			l.fault(p.key.pos(), inner.place, fmt.Sprintf("'%s' and '%s' differ only in capitals", p.name, twin), "rename one")
		}
		seen[strings.ToLower(p.name)] = p.name
		if m.Type.Name == "unknown" || !l.insideValue(m.Type, p.value.pos(), inner, "struct") {
			sound = false
			continue
		}
		t.Members = append(t.Members, m)
		t.Value.Members = append(t.Value.Members, value.Member{Name: m.Name, Type: m.Type.Value, Optional: m.Optional})
	}
	if !sound {
		return unknownType()
	}
	return t
}
