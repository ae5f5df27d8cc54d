package oracle

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// aggregate groups and measures.
func (m *model) aggregate(q request, resource string, found []rule.Record) (string, faults) {
	var bads faults
	var by []*contract.Field
	for _, name := range q.by {
		f := m.field(resource, name)
		if f == nil || !f.Stored() || !ordered(f) {
			bads.add(bad(problem.InvalidParameter))
			continue
		}
		by = append(by, f)
	}
	measures := q.measures
	if len(measures) == 0 {
		measures = []string{"count"}
	}
	for _, text := range measures {
		verb, name, _ := strings.Cut(text, ":")
		if f := m.field(resource, name); verb != "count" && (f == nil || !f.Stored() || !measurable(verb, f)) {
			bads.add(bad(problem.InvalidParameter))
		}
	}
	if len(bads) > 0 {
		return "", bads
	}
	compare := func(a, b rule.Record) int {
		for _, f := range by {
			if c := f.Type.Value.Compare(a[f.Name], b[f.Name]); c != 0 {
				return c
			}
		}
		return 0
	}
	slices.SortStableFunc(found, compare)
	var groups []string
	for len(found) > 0 || len(by) == 0 && len(groups) == 0 {
		n := 0
		for n < len(found) && compare(found[0], found[n]) == 0 {
			n++
		}
		groups = append(groups, m.groupText(resource, by, measures, found[:n]))
		found = found[n:]
	}
	if len(groups) > maxGroups {
		return "", faults{bad(problem.InvalidParameter)}
	}
	return `{"items":[` + strings.Join(groups, ",") + `]}`, nil
}

func (m *model) groupText(resource string, by []*contract.Field, measures []string, records []rule.Record) string {
	var parts []string
	for _, f := range by {
		parts = append(parts, `"`+f.Name+`":`+string(f.Type.Value.AppendJSON(nil, records[0][f.Name])))
	}
	for _, text := range measures {
		verb, name, _ := strings.Cut(text, ":")
		if verb == "count" {
			parts = append(parts, fmt.Sprintf(`"count":%d`, len(records)))
			continue
		}
		f := m.field(resource, name)
		var values []any
		for _, rec := range records {
			if rec[name] != nil {
				values = append(values, rec[name])
			}
		}
		v, t := measured(verb, f.Type.Value, values)
		parts = append(parts, `"`+verb+`_`+name+`":`+string(t.AppendJSON(nil, v)))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func measurable(verb string, f *contract.Field) bool {
	switch f.Type.Value.Kind {
	case value.Bool, value.ID:
		return false
	case value.Int, value.BigInt, value.DecimalKind, value.Float:
		return true
	case value.DurationKind:
		return verb != "avg"
	}
	return (verb == "min" || verb == "max") && ordered(f)
}

// measured is a measure over values that are not null, with its type.
func measured(verb string, t *value.Type, values []any) (any, *value.Type) {
	if verb == "min" || verb == "max" {
		slices.SortFunc(values, t.Compare)
		switch {
		case len(values) == 0:
			return nil, t
		case verb == "min":
			return values[0], t
		}
		return values[len(values)-1], t
	}
	sum, st := summed(t, values)
	if verb == "sum" {
		return sum, st
	}
	at := &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: min(t.Scale+6, value.MaxPrecision)}
	if t.Kind == value.Float {
		at = t
	}
	if sum == nil || len(values) == 0 {
		return nil, at
	}
	if whole, ok := sum.(int64); ok {
		sum = value.DecimalOf(whole)
	}
	return value.Div(sum, int64(len(values))), at
}

// summed adds exactly: null when the sum does not fit the type.
func summed(t *value.Type, values []any) (any, *value.Type) {
	if t.Kind == value.DecimalKind {
		t = &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: t.Scale}
	}
	if len(values) == 0 {
		return nil, t
	}
	total := new(big.Rat)
	floats := 0.0
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			total.Add(total, new(big.Rat).SetInt64(v))
		case value.Duration:
			total.Add(total, new(big.Rat).SetInt64(int64(v)))
		case value.Decimal:
			r, _ := new(big.Rat).SetString(v.String())
			total.Add(total, r)
		case float64:
			floats += v
		}
	}
	switch t.Kind {
	case value.DecimalKind:
		d, err := value.ParseDecimal(total.FloatString(t.Scale))
		if err != nil {
			return nil, t
		}
		d, ok := d.Rescale(t.Precision, t.Scale)
		if !ok {
			return nil, t
		}
		return d, t
	case value.Float:
		return floats, t
	}
	if !total.Num().IsInt64() {
		return nil, t
	}
	if t.Kind == value.DurationKind {
		return value.Duration(total.Num().Int64()), t
	}
	return total.Num().Int64(), t
}
