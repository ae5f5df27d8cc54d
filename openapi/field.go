package openapi

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
)

// form is which body a schema is for. A record is what is answered: every
// member present, null when empty. Input schemas refuse unknown members.
type form int

const (
	record form = iota
	create      // POST and PUT: required members, defaults for the rest
	update      // PATCH: absent members stay as they are
)

// suffix is what a form adds to the name of a schema.
func (f form) suffix() string {
	return [...]string{"", "Create", "Update"}[f]
}

// field is the schema of a field in a form; owner is the name of the schema
// that the field is a member of.
func (d *document) field(f *contract.Field, in form, owner string) object {
	s := d.typed(f.Type, in, owner+pascal(f.Name))
	if d.mayBeNull(f, in) {
		s = d.nullable(s)
	}
	return d.annotate(s, d.describeField(f, in), f.Deprecated)
}

// annotate adds words to a schema. Version 3.0 knows no words beside a reference.
func (d *document) annotate(s object, description string, deprecated bool) object {
	if d.three0 && s.get("$ref") != nil {
		return s
	}
	return s.with("description", description).with("deprecated", deprecated)
}

// mayBeNull reports whether a field's member may be null. In an answer these are
// also fields that only some may read, and references, whose record may be one
// that the caller cannot read when it is included.
func (d *document) mayBeNull(f *contract.Field, in form) bool {
	if f.Optional {
		return true
	}
	if in != record || f.Resource == nil {
		return false
	}
	return len(d.fieldRules(f, false)) > 0 || f.Type.Name == "ref" && !readByAll(f.Type.Target)
}

// nullable admits null.
func (d *document) nullable(s object) object {
	if d.three0 {
		if s.get("$ref") != nil {
			s = object{{"oneOf", []object{s}}}
		}
		return s.with("nullable", true)
	}
	if ref := s.get("$ref"); ref != nil {
		return object{{"oneOf", []object{s, {{"type", "null"}}}}}
	}
	if kind, ok := s.get("type").(string); ok {
		s = append(object{{"type", []string{kind, "null"}}}, s[1:]...)
	}
	return s // without a type it admits null already
}

// typed is the schema of a type's values without null; name is what an enum or
// struct inside it is called, before the form's suffix.
func (d *document) typed(t *contract.Type, in form, name string) object {
	switch t.Name {
	case "enum":
		return d.enum(t, name)
	case "struct":
		return d.structure(t, in, name)
	case "list":
		return d.listOf(t, in, name)
	case "many":
		return object{{"type", "array"}, {"items", d.record(t.Target)}}
	case "ref":
		if in == record && isReadable(t.Target) {
			return d.reference(t.Target)
		}
		return uuid()
	}
	if in == record {
		return plain(t)
	}
	return scalar(t)
}

// plain is the schema of a scalar without its bounds: what is answered, compared
// with and grouped by has the type's form, whatever the bounds are today.
func plain(t *contract.Type) object {
	s := scalar(t)
	return object{}.with("type", s.get("type")).with("format", s.get("format"))
}

// reference is an id, or the record itself when the request included it. The id
// is a plain string here: with a format, generated Java does not compile.
func (d *document) reference(to *contract.Resource) object {
	return d.named(to, referenceForm, func() string { return d.names.take(to.Name + "Reference") }, func(string) object {
		return object{
			{"description", "The id, or the record when included."},
			{"oneOf", []object{{{"type", "string"}}, d.record(to)}},
		}
	})
}

func (d *document) listOf(t *contract.Type, in form, name string) object {
	if in == update {
		in = create // a list is replaced whole
	}
	s := object{{"type", "array"}, {"items", d.typed(t.Elem, in, singularName(name))}}
	if in == record {
		return s
	}
	if t.MinItems > 0 {
		s = append(s, member{"minItems", t.MinItems})
	}
	most := t.MaxItems
	if most == 0 {
		most = 1000
	}
	return append(s, member{"maxItems", most})
}

// singularName is the schema name for an element: JobDescriptionSkills → JobDescriptionSkill.
func singularName(name string) string {
	return singular(name)
}

func (d *document) enum(t *contract.Type, name string) object {
	return d.named(t, record, func() string { return d.names.take(name, name+"Value") }, func(string) object {
		return object{{"type", "string"}, {"enum", t.Value.Enum}}
	})
}

func (d *document) structure(t *contract.Type, in form, name string) object {
	taken := func() string { return d.names.take(name+in.suffix(), name+"Value"+in.suffix()) }
	return d.named(t, in, taken, func(string) object {
		properties, required := object{}, []string{}
		for _, m := range t.Members {
			properties = append(properties, member{m.Name, d.field(m, in, name)})
			if in == record || in == create && !m.Dispensable() && m.Default == nil {
				required = append(required, m.Name)
			}
		}
		s := object{{"type", "object"}}.with("required", required).with("properties", properties)
		if in != record {
			s = append(s, member{"additionalProperties", false})
		}
		return s
	})
}

func uuid() object { return object{{"type", "string"}, {"format", "uuid"}} }

const (
	slugPattern = `^[a-z0-9]+(-[a-z0-9]+)*$`
	timePattern = `^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,3})?$`
	int64Digits = `^-?[0-9]{1,19}$`
	safeInteger = int64(1)<<53 - 1
)

// scalar is the schema of a plain value.
func scalar(t *contract.Type) object {
	switch t.Name {
	case "bool":
		return object{{"type", "boolean"}}
	case "int":
		return bounded(object{{"type", "integer"}, {"format", "int64"}}, t, -safeInteger, safeInteger)
	case "float":
		return bounded(object{{"type", "number"}, {"format", "double"}}, t, nil, nil)
	case "bigint":
		return object{{"type", "string"}, {"pattern", int64Digits}}
	case "decimal":
		return object{{"type", "string"}, {"format", "decimal"}, {"pattern", decimalPattern(t)}}
	case "date":
		return object{{"type", "string"}, {"format", "date"}}
	case "time":
		return object{{"type", "string"}, {"pattern", timePattern}}
	case "timestamp":
		return object{{"type", "string"}, {"format", "date-time"}}
	case "duration":
		return object{{"type", "string"}, {"format", "duration"}}
	case "uuid", "ref":
		return uuid()
	case "json":
		return object{}
	}
	return text(t)
}

// text is the schema of the kinds that are texts.
func text(t *contract.Type) object {
	s := object{{"type", "string"}}
	switch t.Name {
	case "email":
		s = s.with("format", "email")
	case "url":
		s = s.with("format", "uri")
	case "slug":
		s = s.with("pattern", slugPattern)
	}
	if n, ok := t.Min.(int64); ok && n > 0 {
		s = append(s, member{"minLength", n})
	}
	if n, ok := t.Max.(int64); ok {
		s = append(s, member{"maxLength", n})
	}
	return s
}

func bounded(s object, t *contract.Type, least, most any) object {
	if t.Min != nil {
		least = t.Min
	}
	if t.Max != nil {
		most = t.Max
	}
	return s.with("minimum", number(least)).with("maximum", number(most))
}

// decimalPattern admits what fits the precision, with up to scale digits after the point.
func decimalPattern(t *contract.Type) string {
	whole := max(t.Value.Precision-t.Value.Scale, 1)
	if t.Value.Scale == 0 {
		return fmt.Sprintf(`^-?[0-9]{1,%d}$`, whole)
	}
	return fmt.Sprintf(`^-?[0-9]{1,%d}(\.[0-9]{1,%d})?$`, whole, t.Value.Scale)
}

// describeField says in words what the schema cannot.
func (d *document) describeField(f *contract.Field, in form) string {
	var said []string
	if f.Description != "" {
		said = append(said, f.Description)
	}
	if bounds := boundsInWords(f.Type); bounds != "" && in != record {
		said = append(said, bounds)
	}
	switch in {
	case record:
		said = append(said, d.readInWords(f)...)
	case create, update:
		switch {
		case in != create:
		case f.Default != nil:
			said = append(said, "Default: `"+f.Default.Source+"`.")
		case f.Dispensable() && !f.Optional:
			said = append(said, "Default: empty.")
		}
		if f.Hidden {
			said = append(said, "Never returned.")
		}
		if rules := append(d.fieldRules(f, false), d.fieldRules(f, true)...); f.Resource != nil && len(rules) > 0 {
			said = append(said, "May be set where "+either(rules)+".")
		}
	}
	return strings.Join(said, " ")
}

func (d *document) readInWords(f *contract.Field) []string {
	var said []string
	if f.Type.Name == "many" {
		said = append(said, "Present when included.")
	}
	if rules := d.fieldRules(f, false); len(rules) > 0 {
		said = append(said, "Shown where "+either(rules)+", else null or absent.")
	}
	if f.Builtin {
		return said
	}
	if f.Fixed {
		said = append(said, "Never changes.")
	}
	if f.Readonly {
		said = append(said, "Set by the server.")
	}
	return said
}

// boundsInWords says the bounds of types whose JSON form is a string.
func boundsInWords(t *contract.Type) string {
	if t.Name != "decimal" && t.Name != "bigint" {
		return ""
	}
	switch {
	case t.Min != nil && t.Max != nil:
		return fmt.Sprintf("From %v to %v.", t.Min, t.Max)
	case t.Min != nil:
		return fmt.Sprintf("At least %v.", t.Min)
	case t.Max != nil:
		return fmt.Sprintf("At most %v.", t.Max)
	}
	return ""
}

// fieldRules are the sources of the rules on reading (or setting) a field.
func (d *document) fieldRules(f *contract.Field, set bool) []string {
	if f.Resource == nil {
		return nil
	}
	var rules []string
	for _, a := range f.Resource.FieldAccess {
		if a.Set != set {
			continue
		}
		for _, g := range a.Fields {
			if g == f {
				rules = append(rules, a.Expr.Source)
			}
		}
	}
	return rules
}

// either joins rules of which one suffices.
func either(rules []string) string {
	quoted := make([]string, len(rules))
	for i, r := range rules {
		quoted[i] = "`" + r + "`"
	}
	return strings.Join(quoted, " or ")
}
