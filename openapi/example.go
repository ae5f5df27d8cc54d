package openapi

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode/utf8"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// Examples are made from names and bounds alone, so that they are the same every
// time, and each is valid under its own schema: a test holds them to it.

// exampleRecord is a whole record as answered, nothing included.
func (d *document) exampleRecord(r *contract.Resource) object {
	o := object{}
	for _, f := range answered(r) {
		if f.Type.Name == "many" {
			continue
		}
		o = append(o, member{f.Name, exampleField(f)})
	}
	return o
}

// exampleInput is a body that makes a record of these fields: what is required
// and the first few that are not.
func exampleInput(fields []*contract.Field) object {
	o := object{}
	for _, f := range fields {
		if f.Name == "id" && f.Builtin || f.Default != nil {
			continue
		}
		o = append(o, member{f.Name, exampleField(f)})
	}
	return o
}

// exampleUpdate changes the first field that can be.
func exampleUpdate(fields []*contract.Field) object {
	for _, f := range fields {
		if f.Type.Name != "ref" {
			return object{{f.Name, exampleField(f)}}
		}
	}
	return object{}
}

func exampleField(f *contract.Field) any {
	if f.Builtin && f.Name == "id" {
		return exampleID(f.Resource.Name)
	}
	return exampleValue(f, f.Type)
}

func exampleValue(f *contract.Field, t *contract.Type) any {
	switch t.Name {
	case "bool":
		return true
	case "int":
		return exampleInt(t)
	case "float":
		return number(clamp(t, 1.5))
	case "bigint":
		return fmt.Sprint(clamp(t, int64(42)))
	case "decimal":
		return exampleDecimal(t)
	case "date":
		return "2026-11-22"
	case "time":
		return "09:30:00.000"
	case "timestamp":
		return "2026-11-22T10:00:00.000Z"
	case "duration":
		return "P90D"
	case "enum":
		return t.Value.Enum[0]
	case "uuid":
		return exampleID(f.Name)
	case "ref":
		return exampleID(t.Target.Name)
	case "json":
		return object{{"any", "value"}}
	case "list":
		items := []any{}
		for range max(t.MinItems, 1) {
			items = append(items, exampleValue(f, t.Elem))
		}
		return items
	case "struct":
		o := object{}
		for _, m := range t.Members {
			o = append(o, member{m.Name, exampleValue(m, m.Type)})
		}
		return o
	}
	return exampleText(f, t)
}

// exampleID is a version 7 id that differs from name to name.
func exampleID(name string) string {
	h := fnv.New64a()
	h.Write([]byte(name))
	return fmt.Sprintf("0193530a-7c40-7%03x-8%03x-%012x", h.Sum64()>>52, h.Sum64()>>40&0xfff, h.Sum64()&0xffffffffffff)
}

func exampleInt(t *contract.Type) any {
	return clamp(t, int64(3))
}

// clamp moves v into the bounds of a number's type.
func clamp(t *contract.Type, v any) any {
	if t.Min != nil && value.Compare(v, t.Min) < 0 {
		return t.Min
	}
	if t.Max != nil && value.Compare(v, t.Max) > 0 {
		return t.Max
	}
	return v
}

func exampleDecimal(t *contract.Type) string {
	whole := t.Value.Precision - t.Value.Scale
	amount := int64(1)
	for range min(whole-1, 4) {
		amount *= 10
	}
	if whole < 1 {
		amount = 0
	}
	v, _ := clamp(t, value.DecimalOf(amount)).(value.Decimal)
	v, _ = v.Rescale(t.Value.Precision, t.Value.Scale)
	return v.String()
}

// exampleText is a text of the field's kind and length.
func exampleText(f *contract.Field, t *contract.Type) string {
	least, _ := t.Min.(int64)
	most, bounded := t.Max.(int64)
	s := textOf(f, t)
	for int64(utf8.RuneCountInString(s)) < least {
		s += textFill(t)
	}
	if bounded && int64(utf8.RuneCountInString(s)) > most {
		s = strings.TrimRight(string([]rune(s)[:most]), " .-")
	}
	for int64(utf8.RuneCountInString(s)) < least {
		s += "x"
	}
	return s
}

func textFill(t *contract.Type) string {
	if t.Name == "string" || t.Name == "text" {
		return " and so on"
	}
	return "x"
}

func textOf(f *contract.Field, t *contract.Type) string {
	switch t.Name {
	case "email":
		return "ann@example.org"
	case "url":
		return "https://example.org/" + f.Name
	case "phone":
		return "+43 660 1234567"
	case "slug":
		return "an-example"
	case "text":
		return "The " + spoken(f.Name) + ", in a few sentences."
	}
	if f.Resource != nil && (f.Name == "name" || f.Name == "title") {
		return "Example " + spoken(f.Resource.Name)
	}
	s := spoken(f.Name)
	return strings.ToUpper(s[:1]) + s[1:]
}

// number is a JSON number of a bound or example in package value's form.
func number(v any) any {
	switch v := v.(type) {
	case int64:
		return v
	case float64:
		return json.Number((&value.Type{Kind: value.Float}).AppendJSON(nil, v))
	}
	return nil
}
