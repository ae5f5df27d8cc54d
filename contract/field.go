package contract

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

// fieldPlace says where a type is being read.
type fieldPlace struct {
	place string
	// field is the resource's own field; nil inside lists, structs and inputs.
	field *Field
	in    holder
	depth int
}

// holder is what a field belongs to.
type holder uint8

const (
	ofResource holder = iota
	ofStruct
	ofInput
	ofFilter
)

func (h holder) String() string {
	return [...]string{"a resource", "a struct", "an input", "a filter"}[h]
}

var fieldWords = wordSet("optional unique index search fixed readonly hidden personal encrypted lookup deprecated")

var fieldWordList = []string{"optional", "unique", "index", "search", "fixed", "readonly", "hidden", "personal", "encrypted", "lookup", "deprecated", "was", "on delete"}

// otherWords are what people write who come from elsewhere.
var otherWords = map[string]string{
	"required": "leave it out: what is not optional is required", "nullable": "write optional", "null": "write optional",
	"not": "leave it out: what is not optional is required", "default": "write '= value'", "primary": "leave it out: every record has an id",
	"immutable": "write fixed", "readOnly": "write readonly", "read-only": "write readonly", "writeonly": "write hidden", "secret": "write hidden",
	"indexed": "write index", "searchable": "write search", "pii": "write personal", "private": "write hidden, or a 'field' rule under access",
	"cascade": "write 'on delete cascade'", "references": "write the resource's name as the type",
}

func (f *Field) word(name string) *bool {
	switch name {
	case "optional":
		return &f.Optional
	case "unique":
		return &f.Unique
	case "index":
		return &f.Index
	case "search":
		return &f.Search
	case "fixed":
		return &f.Fixed
	case "readonly":
		return &f.Readonly
	case "hidden":
		return &f.Hidden
	case "personal":
		return &f.Personal
	case "encrypted":
		return &f.Encrypted
	case "lookup":
		return &f.Lookup
	}
	return &f.Deprecated
}

// field reads one field in its short or long form.
func (l *loader) field(p pair, owner *Resource, where fieldPlace) *Field {
	f := &Field{Name: p.name, Resource: owner, Pos: p.key.pos(), Description: p.key.above()}
	if where.in == ofResource {
		where.field = f
	}
	l.fieldName(f, p, where)
	switch v := p.value; {
	case v.isBroken():
		f.Type = unknownType()
	case v.isMap():
		l.fieldMap(f, v, where)
	case v.isList():
		f.Type = l.listOf(v, where)
	case v.isEmpty():
		l.fault(v.pos(), where.place, "has no type", "write 'name: type words', such as 'string optional'")
		f.Type = unknownType()
	default:
		l.shortForm(f, v, where)
	}
	if f.Type.Name != "unknown" {
		l.combination(f, where)
		l.defaultValue(f, where)
	}
	return f
}

func (l *loader) fieldName(f *Field, p pair, where fieldPlace) {
	pos := p.key.pos()
	switch {
	case !isName(f.Name, false, true, 50):
		mend := "use letters, digits and _, beginning with a lower-case letter, at most 50"
		if better := snake(f.Name); isName(better, false, true, 50) {
			mend = "write '" + better + "'"
		}
		l.fault(pos, where.place, fmt.Sprintf("'%s' is no name for a field", f.Name), mend)
	case reserved[f.Name]:
		l.fault(pos, where.place, fmt.Sprintf("'%s' means something else in expressions", f.Name), l.otherName(f, where))
	case where.in != ofResource:
	case builtin[f.Name]:
		l.fault(pos, where.place, fmt.Sprintf("every record has '%s' by itself", f.Name), "leave it out")
	case control[f.Name]:
		l.fault(pos, where.place, fmt.Sprintf("'%s' is a control word of requests and answers", f.Name), l.otherName(f, where))
	}
}

func (l *loader) otherName(f *Field, where fieldPlace) string {
	other := f.Name + "_value"
	if where.in == ofResource {
		other = snake(f.Resource.Name) + "_" + f.Name
	}
	return "choose another name, such as '" + other + "'"
}

// shortForm reads "type arguments words = default words".
func (l *loader) shortForm(f *Field, v node, where fieldPlace) {
	whole := v.text().trim()
	if whole.s == "" {
		l.fault(v.pos(), where.place, "has no type", "write 'name: type words', such as 'string optional'")
		f.Type = unknownType()
		return
	}
	typed := whole
	tail := whole.cut(len(whole.s), len(whole.s))
	if at := equals(whole.s); at >= 0 {
		from := at + 1
		end := celExtent(whole.s, from)
		if e := whole.cut(from, max(from, end)).trim(); e.s != "" {
			expr := e.expr()
			f.Default = &expr
		} else {
			l.fault(whole.at(at), where.place, "nothing stands behind '='", "write the default, or leave '=' out")
		}
		typed, tail = whole.cut(0, at), whole.cut(max(from, end), len(whole.s))
	}
	list := pieces(typed)
	if len(list) == 0 {
		l.fault(whole.pos, where.place, "has no type", "write 'name: type words', such as 'string optional'")
		f.Type = unknownType()
		return
	}
	t, rest := l.typeOf(where, list)
	f.Type = t
	l.fieldWords(f, append(rest, pieces(tail)...), where)
}

// equals is the offset of the '=' before a default, -1 for none.
func equals(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] == '=' && (i == 0 || s[i-1] == ' ' || s[i-1] == '\n' || isLetter(s[i-1]) || isDigit(s[i-1])) {
			return i
		}
	}
	return -1
}

func (l *loader) fieldWords(f *Field, list []piece, where fieldPlace) {
	for i := 0; i < len(list); i++ {
		p := list[i]
		next := func() (piece, bool) {
			if i+1 >= len(list) {
				return piece{}, false
			}
			i++
			return list[i], true
		}
		switch {
		case p.s == "": // reported already
		case fieldWords[p.s]:
			l.setWord(f, p.s, p.text.pos, where)
		case p.s == "was":
			if name, ok := next(); ok {
				f.Was = name.s
				l.was(f, name.text.pos, where)
			} else {
				l.fault(p.text.pos, where.place, "'was' names nothing", "write 'was former_name'")
			}
		case p.s == "on":
			second, _ := next()
			third, ok := next()
			if second.s != "delete" || !ok {
				l.fault(p.text.pos, where.place, "'on' goes on with 'delete' and one of three words", "write 'on delete refuse', 'cascade' or 'clear'")
				continue
			}
			l.onDelete(f, third.s, third.text.pos, where)
		default:
			if !l.noWord(p, f, where) {
				return
			}
		}
	}
}

// noWord reports what is no word; it tells whether what follows can be read as words.
func (l *loader) noWord(p piece, f *Field, where fieldPlace) bool {
	switch mend := otherWords[p.s]; {
	case mend != "":
		l.fault(p.text.pos, where.place, fmt.Sprintf("no word '%s'", p.s), mend)
		return p.s != "default"
	case p.s[0] == '=':
		l.fault(p.text.pos, where.place, "a field has one default", "remove one '='")
		return false
	case isRange(p.s) && f.Type.Name != "unknown":
		l.fault(p.text.pos, where.place, fmt.Sprintf("%s takes no bounds here", f.Type.Name), "bounds stand directly behind string, text, int, bigint, float and the digits of decimal")
	case f.Type.Name == "unknown" && (isRange(p.s) || strings.ContainsAny(p.s, "|,.()0123456789")):
		// arguments of a type that could not be read
	default:
		l.unknown(p.text.pos, where.place, "word", p.s, fieldWordList)
	}
	return true
}

func (l *loader) setWord(f *Field, word string, pos Pos, where fieldPlace) {
	set := f.word(word)
	if *set {
		l.fault(pos, where.place, fmt.Sprintf("'%s' stands twice", word), "remove one")
	}
	if where.in == ofFilter || where.in != ofResource && word != "optional" && word != "personal" && word != "deprecated" {
		l.fault(pos, where.place, fmt.Sprintf("'%s' is a word for fields of a resource, not of %s", word, where.in), "leave it out")
		return
	}
	*set = true
}

func (l *loader) was(f *Field, pos Pos, where fieldPlace) {
	switch {
	case where.in != ofResource:
		l.fault(pos, where.place, fmt.Sprintf("'was' is for fields of a resource, not of %s", where.in), "leave it out")
	case !isName(f.Was, false, true, 50) || builtin[f.Was]:
		l.fault(pos, where.place, fmt.Sprintf("'%s' cannot have been its name", f.Was), "write the field's former name")
	case f.Was == f.Name:
		l.fault(pos, where.place, "the former name is the name of today", "leave 'was' out")
	}
	owner := f.Resource
	if owner == nil || builtin[f.Was] {
		return
	}
	l.later = append(l.later, func() {
		if owner.Field(f.Was) != nil && f.Was != f.Name {
			l.fault(pos, where.place, fmt.Sprintf("a field '%s' is still there", f.Was), "remove it, or leave 'was' out")
		}
	})
}

func (l *loader) onDelete(f *Field, word string, pos Pos, where fieldPlace) {
	switch {
	case f.OnDelete != "":
		l.fault(pos, where.place, "'on delete' stands twice", "remove one")
	case word != "refuse" && word != "cascade" && word != "clear":
		mend := "write refuse, cascade or clear"
		if best := nearest(word, []string{"refuse", "cascade", "clear"}); best != "" {
			mend = "did you mean '" + best + "'?"
		}
		l.fault(pos, where.place, fmt.Sprintf("'on delete %s' is not known", word), mend)
	case f.Type != nil && f.Type.Name != "ref" && f.Type.Name != "unknown":
		l.fault(pos, where.place, "'on delete' is for references only", "leave it out")
	default:
		f.OnDelete = word
	}
}

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
			l.fault(p.text.pos, where.place+".type", fmt.Sprintf("in the long form '%s' is a key of its own", p.s), "write '"+p.s+": true' beside type")
		} else if p.s != "" && typ.Name != "unknown" {
			l.fault(p.text.pos, where.place+".type", fmt.Sprintf("'%s' is no argument of %s", p.s, typ.Name), "")
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
				l.fault(p.text.pos, where.place, fmt.Sprintf("'%s' has no place inside a list's brackets", p.s), "words stand in the long form: {type: [string], readonly: true}")
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
