package contract

import (
	"fmt"
	"strings"
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

const noPatterns = "leave it out: strings have no patterns; slug, email, url and phone are types of their own"

// otherWords are what people write who come from elsewhere.
var otherWords = map[string]string{
	"required": "leave it out: what is not optional is required", "nullable": "write optional", "null": "write optional",
	"not": "leave it out: what is not optional is required", "default": "write '= value'", "primary": "leave it out: every record has an id",
	"immutable": "write fixed", "readOnly": "write readonly", "read-only": "write readonly", "writeonly": "write hidden", "secret": "write hidden",
	"indexed": "write index", "searchable": "write search", "pii": "write personal", "private": "write hidden, or a 'field' rule under access",
	"match": noPatterns, "matches": noPatterns, "pattern": noPatterns, "regex": noPatterns, "regexp": noPatterns,
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
			l.setWord(f, p.s, p.pos(), where)
		case p.s == "was":
			if name, ok := next(); ok {
				f.Was = name.s
				l.was(f, name.pos(), where)
			} else {
				l.fault(p.pos(), where.place, "'was' names nothing", "write 'was former_name'")
			}
		case p.s == "on":
			second, _ := next()
			third, ok := next()
			if second.s != "delete" || !ok {
				l.fault(p.pos(), where.place, "'on' goes on with 'delete' and one of three words", "write 'on delete refuse', 'cascade' or 'clear'")
				continue
			}
			l.onDelete(f, third.s, third.pos(), where)
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
		l.fault(p.pos(), where.place, fmt.Sprintf("no word '%s'", p.s), mend)
		return p.s != "default" && mend != noPatterns
	case p.s[0] == '=':
		l.fault(p.pos(), where.place, "a field has one default", "remove one '='")
		return false
	case isRange(p.s) && f.Type.Name != "unknown":
		l.fault(p.pos(), where.place, fmt.Sprintf("%s takes no bounds here", f.Type.Name), "bounds stand directly behind string, text, int, bigint, float and the digits of decimal")
	case f.Type.Name == "unknown" && (isRange(p.s) || strings.ContainsAny(p.s, "|,.()0123456789")):
		// arguments of a type that could not be read
	default:
		l.unknown(p.pos(), where.place, "word", p.s, fieldWordList)
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
	default:
		l.unbuilt(f.Pos, where.place, "taking values along from a former name is")
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
