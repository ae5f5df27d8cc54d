package contract

import (
	"fmt"
	"math"
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
	s     string
	text  text
	whole text // what it was cut from, beginning at from
	from  int
}

// pieces cuts a text at white space.
func pieces(t text) []piece {
	var list []piece
	for i := 0; i < len(t.s); {
		if t.s[i] == ' ' || t.s[i] == '\n' {
			i++
			continue
		}
		from := i
		for i < len(t.s) && t.s[i] != ' ' && t.s[i] != '\n' {
			i++
		}
		list = append(list, piece{t.s[from:i], t.cut(from, i), t, from})
	}
	return list
}

// typeOf reads a type and its arguments from the front of a short form and gives
// back the pieces that follow.
func (l *loader) typeOf(where fieldPlace, list []piece) (*Type, []piece) {
	first, rest := list[0], list[1:]
	name := first.s
	if name[0] >= 'A' && name[0] <= 'Z' {
		target := l.resource(name)
		if target == nil {
			l.unknown(first.text.pos, where.place, "resource", name, l.resourceNames())
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
	name, rest, _ := strings.Cut(p.s, "(")
	if means := otherTypes[strings.ToLower(name)]; means != "" {
		if n := strings.TrimSuffix(rest, ")"); means == "string" && n != "" {
			means += " .." + n
		}
		l.fault(p.text.pos, place, fmt.Sprintf("no type '%s'", p.s), "write "+means)
		return
	}
	if fieldWords[p.s] || p.s == "=" {
		l.fault(p.text.pos, place, "the type is missing", "a field is 'name: type words', such as 'string optional'")
		return
	}
	if strings.Contains(p.s, "|") {
		l.fault(p.text.pos, place, fmt.Sprintf("no type '%s'", p.s), "for a closed set of words write 'enum "+p.s+"'")
		return
	}
	mend := "write a resource's name or " + orList(typeNames)
	if best := nearest(p.s, append(l.resourceNames(), typeNames...)); best != "" {
		mend = "did you mean '" + best + "'?"
	}
	l.fault(p.text.pos, place, fmt.Sprintf("no type '%s'", p.s), mend)
}

func isRange(s string) bool { return strings.Contains(s, "..") }

// lengths reads a string's min..max, or gives the defaults.
func (l *loader) lengths(t *Type, k kind, place string, rest []piece) []piece {
	low, high := k.low, k.high
	t.Min, t.Max = low, high
	if len(rest) == 0 || !isRange(rest[0].s) {
		l.bareNumber(place, rest)
		return rest
	}
	from, to, _ := strings.Cut(rest[0].s, "..")
	pos := rest[0].text.pos
	if t.Name == "string" || t.Name == "slug" {
		low = 0 // a lower bound is said together with the upper one
	}
	var err error
	if from != "" {
		if low, err = strconv.ParseInt(from, 10, 64); err != nil || low < 0 {
			l.fault(pos, place, fmt.Sprintf("'%s' is no length", from), "write min..max, such as 1..120")
			return rest[1:]
		}
	}
	if to != "" {
		if high, err = strconv.ParseInt(to, 10, 64); err != nil || high < 0 {
			l.fault(pos, place, fmt.Sprintf("'%s' is no length", to), "write min..max, such as 1..120")
			return rest[1:]
		}
	}
	switch {
	case low > high && to == "":
		l.fault(pos, place, fmt.Sprintf("the shortest length, %d, is above the usual longest, %d", low, high), "write the longest as well: "+from+"..…")
	case low > high:
		l.fault(pos, place, fmt.Sprintf("the shortest length, %d, is above the longest, %d", low, high), fmt.Sprintf("write %d..%d", high, low))
	case high == 0:
		l.fault(pos, place, "a text of at most 0 characters holds nothing", "write min..max, such as 1..120")
	case high > k.widest:
		mend := ""
		if t.Name == "string" {
			mend = "write 'text' for long texts"
		}
		l.fault(pos, place, fmt.Sprintf("%s holds at most %d characters", t.Name, k.widest), mend)
	default:
		t.Min, t.Max = low, high
	}
	return rest[1:]
}

// bareNumber explains 'string 80', which other languages know.
func (l *loader) bareNumber(place string, rest []piece) {
	if len(rest) == 0 {
		return
	}
	n := strings.Trim(rest[0].s, "()")
	if _, err := strconv.Atoi(n); err != nil {
		return
	}
	l.fault(rest[0].text.pos, place, fmt.Sprintf("'%s' is neither a lowest nor a highest bound", rest[0].s), fmt.Sprintf("write '..%s' for at most %s", n, n))
	rest[0].s = "" // told
}

const maxInt = 1<<53 - 1

// bounds reads a number's min..max.
func (l *loader) bounds(t *Type, place string, rest []piece) []piece {
	if t.Name == "int" {
		t.Min, t.Max = int64(-maxInt), int64(maxInt)
	}
	if len(rest) == 0 || !isRange(rest[0].s) {
		l.bareNumber(place, rest)
		return rest
	}
	from, to, _ := strings.Cut(rest[0].s, "..")
	low, okLow := l.bound(t, from, place, rest[0])
	high, okHigh := l.bound(t, to, place, rest[0])
	if !okLow || !okHigh {
		return rest[1:]
	}
	if low != nil && high != nil && value.Compare(low, high) > 0 {
		l.fault(rest[0].text.pos, place, fmt.Sprintf("the lowest value, %s, is above the highest, %s", from, to), "write "+to+".."+from)
		return rest[1:]
	}
	if low != nil {
		t.Min = low
	}
	if high != nil {
		t.Max = high
	}
	return rest[1:]
}

// bound reads one bound in the type's own form; nil for none.
func (l *loader) bound(t *Type, s, place string, p piece) (any, bool) {
	if s == "" {
		return nil, true
	}
	bad := func() (any, bool) {
		l.fault(p.text.pos, place, fmt.Sprintf("'%s' is no bound of %s", s, t.Name), "write min..max with numbers of that type")
		return nil, false
	}
	switch t.Name {
	case "float":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return bad()
		}
		return f + 0, true
	case "decimal":
		d, err := value.ParseDecimal(s)
		if err != nil {
			return bad()
		}
		if d, ok := d.Rescale(t.Value.Precision, t.Value.Scale); ok {
			return d, true
		}
		l.fault(p.text.pos, place, fmt.Sprintf("'%s' does not fit decimal %d,%d", s, t.Value.Precision, t.Value.Scale), "")
		return nil, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return bad()
	}
	if t.Name == "int" && (n > maxInt || n < -maxInt) {
		l.fault(p.text.pos, place, fmt.Sprintf("'%s' is beyond ±(2^53−1), where JSON's numbers are no longer exact", s), "write bigint")
		return nil, false
	}
	return n, true
}

var decimalShape = regexp.MustCompile(`^([0-9]{1,4}),([0-9]{1,4})$`)

func (l *loader) decimalOf(t *Type, place string, first piece, rest []piece) (*Type, []piece) {
	t.Value.Precision, t.Value.Scale = value.MaxPrecision, 0 // so that what follows does not fault again
	if len(rest) > 1 && strings.HasSuffix(rest[0].s, ",") && decimalShape.MatchString(rest[0].s+rest[1].s) {
		rest[1].s = rest[0].s + rest[1].s // 'decimal 12, 2'
		rest[1].text = rest[0].text
		rest = rest[1:]
	}
	if len(rest) == 0 || !decimalShape.MatchString(rest[0].s) {
		l.fault(first.text.pos, place, "a decimal says its digits in all and its digits behind the point", "write 'decimal 12,2'")
		if len(rest) > 0 && isDigit(rest[0].s[0]) && !isRange(rest[0].s) {
			rest = rest[1:]
		}
		return unknownType(), rest
	}
	m := decimalShape.FindStringSubmatch(rest[0].s)
	precision, _ := strconv.Atoi(m[1])
	scale, _ := strconv.Atoi(m[2])
	pos := rest[0].text.pos
	switch {
	case precision < 1 || precision > value.MaxPrecision:
		l.fault(pos, place, fmt.Sprintf("a decimal has 1 to %d digits in all, not %d", value.MaxPrecision, precision), "no database keeps more everywhere")
		return unknownType(), rest[1:]
	case scale > precision:
		l.fault(pos, place, fmt.Sprintf("%d digits behind the point are more than the %d in all", scale, precision), fmt.Sprintf("write 'decimal %d,%d'", max(scale, precision), min(scale, precision)))
		return unknownType(), rest[1:]
	}
	t.Value.Precision, t.Value.Scale = precision, scale
	return t, l.bounds(t, place, rest[1:])
}

// enumOf reads a|b|c, with or without spaces around the bars.
func (l *loader) enumOf(t *Type, place string, first piece, rest []piece) (*Type, []piece) {
	if len(rest) == 0 || rest[0].s == "=" {
		l.fault(first.text.pos, place, "an enum lists its words", "write 'enum draft|open|closed'")
		return unknownType(), rest
	}
	n := 1
	for n < len(rest) && (strings.HasSuffix(rest[n-1].s, "|") || strings.HasPrefix(rest[n].s, "|")) {
		n++
	}
	last := rest[n-1]
	bad := false
	for _, w := range splitText(rest[0].whole.cut(rest[0].from, last.from+len(last.text.s)), '|') {
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
	name  string // of the reference field
	pos   Pos
	place string
}

func (l *loader) manyOf(t *Type, where fieldPlace, first piece, rest []piece) (*Type, []piece) {
	t.Value = nil
	if len(rest) == 0 || !strings.Contains(rest[0].s, ".") {
		l.fault(first.text.pos, where.place, "the other end of a reference is named by its resource and field", "write 'many Application.posting'")
		if len(rest) > 0 && rest[0].s[0] >= 'A' && rest[0].s[0] <= 'Z' {
			rest = rest[1:]
		}
		return unknownType(), rest
	}
	resource, field, _ := strings.Cut(rest[0].s, ".")
	t.Target = l.resource(resource)
	if t.Target == nil {
		l.unknown(rest[0].text.pos, where.place, "resource", resource, l.resourceNames())
		return unknownType(), rest[1:]
	}
	if where.field != nil {
		l.manys = append(l.manys, pendingMany{where.field, field, rest[0].text.at(len(resource) + 1), where.place})
	}
	return t, rest[1:]
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
			l.fault(p.text.pos, place, fmt.Sprintf("'%s' is no size", p.s), "write '..10MB', with KB, MB or GB")
			continue
		}
		for _, format := range strings.Split(p.s, "|") {
			if !isName(format, false, false, 20) {
				l.fault(p.text.pos, place, fmt.Sprintf("'%s' is no file format", format), "write 'file pdf|png ..10MB'")
				continue
			}
			t.Formats = append(t.Formats, format)
		}
	}
	return t, rest
}
