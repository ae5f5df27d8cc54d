package openapi

import (
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

func (d *document) aggregate(rt route) *operation {
	r := rt.of
	groups := d.named(r, groupsForm, func() string { return d.names.take(r.Name+"Aggregate", r.Name+"Groups") }, func(string) object {
		return object{{"type", "object"}, {"required", []string{"items"}}, {"properties", object{
			{"items", object{{"type", "array"}, {"items", d.group(r)}}},
		}}}
	})
	return &operation{
		summary:     "Measure " + spokenPlural(r),
		description: d.access("Those are measured for which this holds:", rulesFor(r, "read")),
		parameters:  append(shared(append([]string{"by", "measures", "MainstayRead"}, whichWords(r)...)...), d.equalities(r)...),
		responses:   failing(object{{"200", answer("The groups, by the fields they are grouped by.", jsonMedia, groups)}}, everywhere),
	}
}

// group is what may stand in one group: the fields it is grouped by and the
// measures, as far as they were asked for.
func (d *document) group(r *contract.Resource) object {
	return d.named(r, groupForm, func() string { return d.names.take(r.Name + "Group") }, func(string) object {
		properties := object{}
		for _, f := range answered(r) {
			if hasOrder(f) {
				properties = append(properties, member{f.Name, d.nullable(d.operand(f, r.Name))})
			}
		}
		properties = append(properties, member{"count", object{{"type", "integer"}, {"format", "int64"}}})
		for _, f := range answered(r) {
			for _, m := range measuresOf(f) {
				properties = append(properties, member{m + "_" + f.Name, d.nullable(d.measure(m, f, r.Name))})
			}
		}
		return object{{"type", "object"}, {"properties", properties}}
	})
}

// operand is a value of a field's type, to compare with or to group by.
func (d *document) operand(f *contract.Field, owner string) object {
	if f.Type.Name == "enum" {
		return d.enum(f.Type, owner+pascal(f.Name))
	}
	return plain(f.Type)
}

func (d *document) measure(measure string, f *contract.Field, owner string) object {
	if measure == "avg" && f.Type.Value.Kind != value.Float {
		return object{{"type", "string"}, {"format", "decimal"}}
	}
	return d.operand(f, owner)
}

// measuresOf are the measures that a field's values have.
func measuresOf(f *contract.Field) []string {
	if !hasOrder(f) {
		return nil
	}
	switch f.Type.Value.Kind {
	case value.Int, value.BigInt, value.Float, value.DecimalKind:
		return []string{"sum", "avg", "min", "max"}
	case value.DurationKind:
		return []string{"sum", "min", "max"}
	case value.Bool, value.ID:
		return nil
	}
	return []string{"min", "max"}
}

// hasOrder reports whether a field's values can be sorted and grouped by: they
// have an order and a bounded length.
func hasOrder(f *contract.Field) bool {
	if !isComparable(f) {
		return false
	}
	longest, bounded := f.Type.Max.(int64)
	return f.Type.Name != "text" || bounded && longest <= 2000
}
