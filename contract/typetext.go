package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

// kind says what a type's name means: its value kind, and for those that take a
// length, the default and the widest bounds.
type kind struct {
	value         value.Kind
	low, high     int64 // default length
	widest        int64 // the longest length that can be asked for; 0: no length
	number, exact bool  // takes min..max; takes precision,scale
}

// The lengths of strings are in code points. docs/contract.md tells them to users.
var kinds = map[string]kind{
	"string":    {value: value.String, low: 1, high: 200, widest: 10_000},
	"text":      {value: value.String, low: 0, high: 20_000, widest: 1_000_000},
	"email":     {value: value.String, low: 3, high: 254, widest: 254},
	"url":       {value: value.String, low: 0, high: 2_000, widest: 8_000},
	"phone":     {value: value.String, low: 0, high: 40, widest: 40},
	"slug":      {value: value.String, low: 1, high: 100, widest: 200},
	"uuid":      {value: value.ID},
	"int":       {value: value.Int, number: true},
	"bigint":    {value: value.BigInt, number: true},
	"float":     {value: value.Float, number: true},
	"decimal":   {value: value.DecimalKind, number: true, exact: true},
	"bool":      {value: value.Bool},
	"date":      {value: value.DateKind},
	"time":      {value: value.TimeKind},
	"timestamp": {value: value.TimestampKind},
	"duration":  {value: value.DurationKind},
	"enum":      {value: value.Enum},
	"json":      {value: value.JSON},
	"file":      {},
	"many":      {},
}

var typeNames = []string{"string", "text", "email", "url", "phone", "slug", "uuid", "int", "bigint", "float", "decimal",
	"bool", "date", "time", "timestamp", "duration", "enum", "json", "file", "many"}

// otherTypes are what people write who come from elsewhere.
var otherTypes = map[string]string{
	"integer": "int", "number": "int, float or decimal", "long": "bigint", "double": "float", "real": "float",
	"numeric": "decimal 12,2", "money": "decimal 12,2", "boolean": "bool", "str": "string", "varchar": "string",
	"char": "string", "datetime": "timestamp", "timestamptz": "timestamp", "interval": "duration", "guid": "uuid",
	"array": "[…]", "list": "[…]", "object": "{…}", "struct": "{…}", "map": "json", "jsonb": "json", "any": "json",
	"image": "file", "blob": "file", "bytes": "file", "binary": "file", "uri": "url", "tel": "phone",
	"mail": "email", "ref": "the resource's name", "reference": "the resource's name",
}

// unknownType is the type of a field whose type could not be read.
func unknownType() *Type { return &Type{Name: "unknown", Value: &value.Type{}} }

// piece is one part of a short form between white space.
type piece struct {
	s        string
	whole    *text // what it was cut from
	from, to int
}

func (p piece) pos() Pos   { return p.whole.at(p.from) }
func (p piece) text() text { return p.whole.cut(p.from, p.to) }

// pieces cuts a text at white space.
func pieces(t text) []piece {
	list := make([]piece, 0, 4)
	for i := 0; i < len(t.s); {
		if t.s[i] == ' ' || t.s[i] == '\n' {
			i++
			continue
		}
		from := i
		for i < len(t.s) && t.s[i] != ' ' && t.s[i] != '\n' {
			i++
		}
		list = append(list, piece{t.s[from:i], &t, from, i})
	}
	return list
}

// typeOf reads a type and its arguments from the front of a short form and gives
// back the pieces that follow.
func (l *loader) typeOf(where fieldPlace, list []piece) (*Type, []piece) {
	first, rest := list[0], list[1:]
	name := first.s
	if other, own := ownForm(first.whole.s[first.from:]); own != "" {
		l.fault(first.pos(), where.place, fmt.Sprintf("no type '%s'", other), "write "+own)
		for len(rest) > 0 && rest[0].from < first.from+len(other) {
			rest = rest[1:]
		}
		return unknownType(), rest
	}
	if name[0] >= 'A' && name[0] <= 'Z' {
		target := l.resource(name)
		if several := l.resource(strings.TrimSuffix(name, "[]")); several != nil && target == nil {
			return l.otherEnd(&Type{Name: "many", Target: several}, where, first, ""), rest
		}
		if target == nil && strings.HasSuffix(name, "?") {
			l.noType(first, where.place)
			return unknownType(), rest
		}
		if target == nil {
			l.unknown(first.pos(), where.place, "resource", name, l.resourceNames())
			return unknownType(), rest
		}
		return &Type{Name: "ref", Value: &value.Type{Kind: value.ID, Resource: name}, Target: target}, rest
	}
	k, ok := kinds[name]
	if !ok {
		l.noType(first, where.place)
		return unknownType(), rest
	}
	t := &Type{Name: name, Value: &value.Type{Kind: k.value}}
	switch {
	case name == "enum":
		return l.enumOf(t, where.place, first, rest)
	case name == "many":
		return l.manyOf(t, where, first, rest)
	case name == "file":
		return l.fileOf(t, where.place, rest)
	case k.exact:
		return l.decimalOf(t, where.place, first, rest)
	case k.number:
		return t, l.bounds(t, where.place, rest)
	case k.widest > 0:
		return t, l.lengths(t, k, where.place, rest)
	}
	return t, rest
}

func (l *loader) noType(p piece, place string) {
	if means := otherTypes[strings.ToLower(p.s)]; means != "" {
		l.fault(p.pos(), place, fmt.Sprintf("no type '%s'", p.s), "write "+means)
		return
	}
	if fieldWords[p.s] || p.s == "=" {
		l.fault(p.pos(), place, "the type is missing", "a field is 'name: type words', such as 'string optional'")
		return
	}
	if bare, ok := strings.CutSuffix(p.s, "?"); ok && slices.Contains(append(l.resourceNames(), typeNames...), bare) {
		l.fault(p.pos(), place, fmt.Sprintf("no type '%s'", p.s), "write '"+bare+" optional'")
		return
	}
	if strings.Contains(p.s, "|") {
		l.fault(p.pos(), place, fmt.Sprintf("no type '%s'", p.s), "for a closed set of words write 'enum "+p.s+"'")
		return
	}
	mend := "write a resource's name or " + orList(typeNames)
	if best := nearest(p.s, append(l.resourceNames(), typeNames...)); best != "" {
		mend = "did you mean '" + best + "'?"
	}
	l.fault(p.pos(), place, fmt.Sprintf("no type '%s'", p.s), mend)
}

// enumOf reads a|b|c, with or without spaces around the bars.
func (l *loader) enumOf(t *Type, place string, first piece, rest []piece) (*Type, []piece) {
	if len(rest) == 0 || rest[0].s == "=" {
		l.fault(first.pos(), place, "an enum lists its words", "write 'enum draft|open|closed'")
		return unknownType(), rest
	}
	n := 1
	for n < len(rest) && (strings.HasSuffix(rest[n-1].s, "|") || strings.HasPrefix(rest[n].s, "|")) {
		n++
	}
	last := rest[n-1]
	bad := false
	for _, w := range splitText(rest[0].whole.cut(rest[0].from, last.to), '|') {
		switch {
		case w.s == "":
			l.fault(w.pos, place, "a word is missing beside a '|'", "write 'enum draft|open|closed'")
			bad = true
		case slices.Contains(t.Value.Enum, w.s):
			l.fault(w.pos, place, fmt.Sprintf("the word '%s' is repeated", w.s), "an enum is a set: remove one")
		case strings.Contains(w.s, ","):
			l.fault(w.pos, place, fmt.Sprintf("'%s' is no word for an enum", w.s), "write '"+strings.ReplaceAll(w.s, ",", "|")+"'")
			bad = true
		case !isEnumWord(w.s):
			l.fault(w.pos, place, fmt.Sprintf("'%s' is no word for an enum", w.s), "use letters, digits and _, beginning with a letter: '"+enumWord(w.s)+"'")
			bad = true
		case w.s == "true" || w.s == "false" || w.s == "null":
			l.fault(w.pos, place, fmt.Sprintf("'%s' is no word for an enum", w.s), "write bool, or optional for null, or choose another word")
			bad = true
		default:
			t.Value.Enum = append(t.Value.Enum, w.s)
		}
	}
	if bad {
		return unknownType(), rest[n:]
	}
	return t, rest[n:]
}

func isEnumWord(w string) bool {
	return w != "" && isLetter(w[0]) && w[0] != '_' && len(w) <= 60 && strings.Trim(w, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// enumWord is the nearest thing to w that an enum may hold.
func enumWord(w string) string {
	s := strings.Join(segments(w), "_")
	if s == "" || !isLetter(s[0]) {
		s = "w" + s
	}
	if len(s) > 60 {
		s = s[:60]
	}
	return s
}

// pendingMany is a many whose other end is looked up when every field is read.
type pendingMany struct {
	field *Field
	name  string // of the reference field; empty when it was left out
	pos   Pos
	place string
}

func (l *loader) manyOf(t *Type, where fieldPlace, first piece, rest []piece) (*Type, []piece) {
	t.Value = nil
	if len(rest) == 0 || rest[0].s[0] < 'A' || rest[0].s[0] > 'Z' {
		l.fault(first.pos(), where.place, "the other end of a reference is named by its resource and field", "write 'many Application.posting'")
		return unknownType(), rest
	}
	resource, field, _ := strings.Cut(rest[0].s, ".")
	t.Target = l.resource(resource)
	if t.Target == nil {
		l.unknown(rest[0].pos(), where.place, "resource", resource, l.resourceNames())
		return unknownType(), rest[1:]
	}
	return l.otherEnd(t, where, rest[0], field), rest[1:]
}

// otherEnd notes that field of t.Target is looked up later; p names it.
func (l *loader) otherEnd(t *Type, where fieldPlace, p piece, field string) *Type {
	if where.field != nil {
		pos := p.pos()
		if field != "" {
			pos = p.text().at(len(p.s) - len(field))
		}
		l.manys = append(l.manys, pendingMany{where.field, field, pos, where.place})
	}
	return t
}

var sizeShape = regexp.MustCompile(`^\.\.([0-9]{1,6})(KB|MB|GB)$`)

var sizes = map[string]int64{"KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}

// fileOf reads formats and ..10MB, in any order.
func (l *loader) fileOf(t *Type, place string, rest []piece) (*Type, []piece) {
	t.Value = nil
	for len(rest) > 0 && !fieldWords[rest[0].s] && rest[0].s != "was" && rest[0].s != "on" && rest[0].s[0] != '=' {
		p := rest[0]
		rest = rest[1:]
		if m := sizeShape.FindStringSubmatch(p.s); m != nil {
			n, _ := strconv.ParseInt(m[1], 10, 64)
			t.MaxBytes = n * sizes[m[2]]
			continue
		}
		if isRange(p.s) || isDigit(p.s[0]) {
			l.fault(p.pos(), place, fmt.Sprintf("'%s' is no size", p.s), "write '..10MB', with KB, MB or GB")
			continue
		}
		for _, format := range strings.Split(p.s, "|") {
			if !isName(format, false, false, 20) {
				l.fault(p.pos(), place, fmt.Sprintf("'%s' is no file format", format), "write 'file pdf|png ..10MB'")
				continue
			}
			t.Formats = append(t.Formats, format)
		}
	}
	return t, rest
}
