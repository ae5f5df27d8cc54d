package contract

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mainstay-run/mainstay/value"
)

// defaultValue checks a default as far as it can be without typing expressions:
// literals, words of an enum, and what takes no default at all. One that is
// reported is taken out, so that nobody reports it again.
func (l *loader) defaultValue(f *Field, where fieldPlace) {
	if f.Default == nil || f.Type.Name == "many" {
		return
	}
	check := func() {
		before := len(l.faults)
		l.checkDefault(f, *f.Default, where)
		if len(l.faults) > before {
			f.Default = nil
		}
	}
	if where.in == ofResource {
		l.later = append(l.later, check) // it may name another field
		return
	}
	check()
}

func (l *loader) checkDefault(f *Field, e Expr, where fieldPlace) {
	if where.in == ofFilter {
		l.fault(e.Pos, where.place, "a filter's input takes no default", "leave it out: without the parameter the filter is not applied")
		return
	}
	switch f.Type.Name {
	case "list", "struct", "json", "file":
		mend := "leave it out"
		if f.Type.Name == "list" {
			mend = "leave it out: a list begins empty"
		}
		l.fault(e.Pos, where.place, kindWords(f.Type)+" take no default", mend)
		return
	}
	if e.Source == "null" {
		mend := "leave it out: an optional field begins as null"
		if !f.Optional {
			mend = "write 'optional', which begins as null"
		}
		l.fault(e.Pos, where.place, "null is no default", mend)
		return
	}
	if where.in != ofResource && !isLiteral(e.Source) && !(f.Type.Name == "enum" && isEnumWord(e.Source)) {
		l.fault(e.Pos, where.place, fmt.Sprintf("the default of %s's member is a literal", where.in), "write a number, a text in quotes, true, false or a word of the enum")
		return
	}
	if f.Type.Name == "enum" && isEnumWord(e.Source) {
		l.enumDefault(f, e, where)
		return
	}
	if what, mend := literalFault(f.Type, e.Source); what != "" {
		l.fault(e.Pos, where.place, what, mend)
		return
	}
	if where.in == ofResource {
		l.nameDefault(f, e, where)
	}
}

func (l *loader) enumDefault(f *Field, e Expr, where fieldPlace) {
	words := f.Type.Value.Enum
	if slices.Contains(words, e.Source) {
		return
	}
	if f.Resource != nil && f.Resource.Field(e.Source) != nil {
		return // another field's value; package rule compares the types
	}
	mend := "write " + orList(words)
	if best := nearest(e.Source, words); best != "" {
		mend = "did you mean '" + best + "'?"
	}
	l.fault(e.Pos, where.place, fmt.Sprintf("the default '%s' is none of the enum's words", e.Source), mend)
}

// nameDefault reports a default that is a bare name of nothing.
func (l *loader) nameDefault(f *Field, e Expr, where fieldPlace) {
	if !isName(e.Source, false, true, 200) && !isName(e.Source, true, true, 200) || e.Source == "true" || e.Source == "false" {
		return
	}
	if e.Source == "now" || e.Source == "caller" || f.Resource.Field(e.Source) != nil {
		return
	}
	if lengthKinds[f.Type.Name] {
		l.fault(e.Pos, where.place, fmt.Sprintf("no field '%s' to take the default from", e.Source), fmt.Sprintf(`a text stands in double quotes: "%s" (within YAML's quotes in the long form: '"%s"')`, e.Source, e.Source))
		return
	}
	var among []string
	for _, other := range f.Resource.Fields {
		if other.Type.Name == f.Type.Name && other != f {
			among = append(among, other.Name)
		}
	}
	l.unknown(e.Pos, where.place, "field", e.Source, append(among, "now", "caller"))
}

// isLiteral reports whether an expression is one literal, or one function of a literal text.
func isLiteral(s string) bool {
	if s == "true" || s == "false" {
		return true
	}
	s = strings.TrimPrefix(s, "-")
	t := celNext(s, 0)
	if t.to == len(s) {
		return t.kind == celNumber || t.kind == celString
	}
	_, _, ok := literalCall(s)
	return ok
}

// literalCall takes duration("P90D") apart.
func literalCall(s string) (name, argument string, ok bool) {
	name, rest, found := strings.Cut(s, "(")
	rest, closed := strings.CutSuffix(rest, ")")
	if !found || !closed {
		return "", "", false
	}
	rest = strings.TrimSpace(rest)
	if t := celNext(rest, 0); t.kind != celString || t.to != len(rest) {
		return "", "", false
	}
	argument, ok = unquote(rest)
	return strings.TrimSpace(name), argument, ok
}

// unquote is the text of a simple CEL string literal; ok is false for escapes.
func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' && s[0] != '\'' || strings.Contains(s, `\`) {
		return "", false
	}
	return s[1 : len(s)-1], true
}

// literalFault says why a literal cannot be a value of type t; "" when it can, or
// when s is no literal.
func literalFault(t *Type, s string) (what, mend string) {
	if !isLiteral(s) {
		return "", ""
	}
	wrong := func(mend string) (string, string) {
		name := t.Name
		if t.Target != nil {
			name = t.Target.Name
		}
		return fmt.Sprintf("the default %s is no value of %s", s, name), mend
	}
	name, argument, isCall := literalCall(s)
	quoted, isText := unquote(s)
	_, err := strconv.ParseFloat(s, 64)
	isNumber := err == nil && isDigit(strings.TrimPrefix(s, "-")[0])
	switch t.Name {
	case "bool":
		if s != "true" && s != "false" {
			return wrong("write true or false")
		}
	case "int", "bigint", "float", "decimal":
		return numberFault(t, s, isNumber, name, argument, wrong)
	case "string", "text", "email", "url", "phone", "slug":
		if isNumber || isCall || s == "true" || s == "false" {
			return wrong("write a text in double quotes")
		}
		if isText {
			return textFault(t, quoted)
		}
	case "enum":
		if isText && !slices.Contains(t.Value.Enum, quoted) || isNumber || isCall || s == "true" || s == "false" {
			return wrong("write " + orList(t.Value.Enum))
		}
	case "date", "time", "uuid":
		if !isText {
			return wrong("write it as a text in double quotes")
		}
		if _, err := t.Value.ParseText(quoted); err != nil {
			return wrong("it " + err.Error())
		}
	case "timestamp", "duration":
		if name != t.Name {
			return wrong(fmt.Sprintf(`write %s("…")`, t.Name))
		}
		if _, err := t.Value.ParseText(argument); err != nil {
			return wrong("it " + err.Error())
		}
	case "ref":
		return wrong("a reference begins as caller or as a path of the new record")
	}
	return "", ""
}

func characters(n int64) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

func textFault(t *Type, s string) (what, mend string) {
	n := int64(utf8.RuneCountInString(s))
	if least := t.Min.(int64); n < least {
		return fmt.Sprintf("the default has %s, and the field at least %d", characters(n), least), ""
	}
	if most := t.Max.(int64); n > most {
		return fmt.Sprintf("the default has %s, and the field at most %d", characters(n), most), ""
	}
	stored, err := value.Format(t.Name, s)
	if err != nil {
		return fmt.Sprintf("the default %q is no %s", s, t.Name), "it " + err.Error()
	}
	if stored != s {
		return fmt.Sprintf("the default %q is not as it would be stored", s), fmt.Sprintf("write %q", stored)
	}
	return "", ""
}

func numberFault(t *Type, s string, isNumber bool, name, argument string, wrong func(string) (string, string)) (what, mend string) {
	var v any
	switch {
	case t.Name == "decimal" && name == "decimal":
		d, err := value.ParseDecimal(argument)
		if err != nil {
			return wrong(`write decimal("1.50")`)
		}
		v = d
	case !isNumber:
		return wrong("write a number")
	case t.Name == "float":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return wrong("write a number")
		}
		v = f
	default:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil && t.Name == "decimal" {
			return wrong(fmt.Sprintf(`write decimal("%s")`, s))
		}
		if err != nil {
			return wrong("write a whole number")
		}
		v = n
		if t.Name == "decimal" {
			v = value.DecimalOf(n)
		}
	}
	if d, ok := v.(value.Decimal); ok {
		if _, fits := d.Rescale(t.Value.Precision, t.Value.Scale); !fits {
			return fmt.Sprintf("the default %s does not fit decimal %d,%d", s, t.Value.Precision, t.Value.Scale), ""
		}
	}
	if t.Min != nil && value.Compare(v, t.Min) < 0 {
		return fmt.Sprintf("the default %s is below the lowest value", s), ""
	}
	if t.Max != nil && value.Compare(v, t.Max) > 0 {
		return fmt.Sprintf("the default %s is above the highest value", s), ""
	}
	return "", ""
}
