package rule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// unify makes two sides comparable: literals take the other side's type,
// everything else must agree already.
func unify(l, r node) (node, node, *flaw) {
	if l.typ() == nil || r.typ() == nil {
		return l, r, &flaw{what: "null can only be asked for: x == null or x != null"}
	}
	if isLiteral(l) && !isLiteral(r) {
		r2, l2, why := unify(r, l)
		return l2, r2, why
	}
	lt, rt := l.typ(), r.typ()
	if isLiteral(r) {
		if conv, why := coerce(r.(lit), lt); why != nil || conv != nil {
			if why != nil {
				return l, r, why
			}
			return l, *conv, nil
		}
		if isLiteral(l) { // two literals: the left may take the right's type instead
			if conv, why := coerce(l.(lit), rt); why == nil && conv != nil {
				return *conv, r, nil
			}
		}
	}
	switch {
	case isInteger(lt) && isInteger(rt):
	case lt.Kind != rt.Kind:
		return l, r, mismatch(l, r)
	case lt.Kind == value.Enum && !slices.Equal(lt.Enum, rt.Enum):
		return l, r, &flaw{what: "the two enums have different values"}
	case lt.Kind == value.ID && lt.Resource != "" && rt.Resource != "" && lt.Resource != rt.Resource:
		return l, r, &flaw{what: fmt.Sprintf("one side is a %s, the other a %s: they are never equal", lt.Resource, rt.Resource)}
	case (lt.Kind == value.List || lt.Kind == value.Struct) && !sameType(lt, rt):
		return l, r, &flaw{what: "the two sides have different shapes"}
	}
	return l, r, nil
}

// mismatch says what cannot be compared and what was probably meant. Only a
// literal, which is r, can be written as another type.
func mismatch(l, r node) *flaw {
	f := &flaw{what: fmt.Sprintf("%s cannot be compared with %s", describe(l), describe(r))}
	if literal, ok := r.(lit); ok {
		if f.mend = rewritten(literal, l.typ()); f.mend == "" {
			f.mend = example(l.typ())
		}
		return f
	}
	if isAccount(l, r) || isAccount(r, l) {
		f.mend = "write caller for the account itself"
	}
	return f
}

// example is how a literal of a type is written that has no signs of its own; "" for others.
func example(t *value.Type) string {
	switch t.Kind {
	case value.TimestampKind:
		return `write timestamp("2026-01-31T00:00:00Z")`
	case value.DateKind:
		return `write date("2026-01-31")`
	case value.TimeKind:
		return `write time("09:30:00")`
	case value.DurationKind:
		return `write duration("P7D")`
	case value.DecimalKind:
		return `write decimal("12.50")`
	}
	return ""
}

// isAccount reports whether ref is a reference to an account and part a field of
// the caller's that is compared with it: user == caller.name.
func isAccount(ref, part node) bool {
	f, ok := part.(field)
	if !ok {
		return false
	}
	caller, ok := f.rec.(callerRecord)
	t := ref.typ()
	return ok && t.Kind == value.ID && t.Resource == caller.res.Name
}

// coerce gives a literal the type t where the language allows it: nil, nil when
// it does not and the types must agree by themselves.
func coerce(n lit, t *value.Type) (*lit, *flaw) {
	switch t.Kind {
	case value.Enum:
		s, ok := n.v.(string)
		if !ok {
			return nil, nil
		}
		if !slices.Contains(t.Enum, s) {
			return nil, &flaw{what: fmt.Sprintf("'%s' is not one of %s", s, strings.Join(t.Enum, ", ")), mend: suggest(s, t.Enum)}
		}
		return &lit{v: s, t: t, slot: n.slot}, nil
	case value.ID:
		s, ok := n.v.(string)
		if !ok {
			return nil, nil
		}
		id, err := value.ParseID(s)
		if err != nil {
			if t.Resource == "" {
				return nil, &flaw{what: fmt.Sprintf("'%s' is not an id", s)}
			}
			return nil, &flaw{what: fmt.Sprintf("'%s' is not the id of a %s", s, t.Resource), mend: "go on with a field of it to compare that, as in company.name"}
		}
		return &lit{v: id, t: t, slot: n.slot}, nil
	case value.Float:
		if i, ok := n.v.(int64); ok {
			return &lit{v: float64(i), t: t, slot: n.slot}, nil
		}
	case value.DecimalKind:
		if i, ok := n.v.(int64); ok {
			d, err := value.ParseDecimal(fmt.Sprint(i))
			if err != nil {
				return nil, &flaw{what: "the number is too large for a decimal"}
			}
			return &lit{v: d, t: decimalType(integerDigits(i), 0, t), slot: n.slot}, nil
		}
		if d, ok := n.v.(value.Decimal); ok {
			whole, fraction := digits(d.String())
			return &lit{v: d, t: decimalType(whole, fraction, t), slot: n.slot}, nil
		}
	}
	return nil, nil
}

// decimalType is want when every decimal with so many digits before and after
// the point fits it, so that an index on such a column serves; else the widest
// type with these fraction digits. It looks at digits alone, never at the value:
// two literals of one shape have one type.
func decimalType(whole, fraction int, want *value.Type) *value.Type {
	if fraction <= want.Scale && whole <= want.Precision-want.Scale {
		return want
	}
	return &value.Type{Kind: value.DecimalKind, Precision: maxPrecision, Scale: min(fraction, maxPrecision)}
}

// digits counts the digits before and after the point of a number's text.
func digits(text string) (whole, fraction int) {
	text = strings.TrimLeft(text, "+-")
	before, after, _ := strings.Cut(text, ".")
	return len(before), len(after)
}

// integerDigits is how many digits an integer literal counts for: short ones
// are all alike, so that they share a shape.
func integerDigits(i int64) int {
	whole, _ := digits(strconv.FormatInt(i, 10))
	return max(9, whole)
}

// widerDecimal is a type that holds the values of both.
func widerDecimal(a, b *value.Type) *value.Type {
	scale := max(a.Scale, b.Scale)
	whole := max(a.Precision-a.Scale, b.Precision-b.Scale)
	return &value.Type{Kind: value.DecimalKind, Precision: min(maxPrecision, whole+scale), Scale: scale}
}

// arithType is the type of l op r; it may replace a literal by its promoted form.
func arithType(op query.ArithOp, l, r *node) (*value.Type, *flaw) {
	lt, rt := (*l).typ(), (*r).typ()
	promote := func(n *node, t *value.Type) bool {
		i, ok := (*n).(lit)
		if !ok {
			return false
		}
		if conv, why := coerce(i, t); why == nil && conv != nil {
			*n = *conv
			return true
		}
		return false
	}
	if isInteger(lt) && (rt.Kind == value.Float || rt.Kind == value.DecimalKind) && promote(l, rt) {
		lt = (*l).typ()
	} else if isInteger(rt) && (lt.Kind == value.Float || lt.Kind == value.DecimalKind) && promote(r, lt) {
		rt = (*r).typ()
	}
	switch {
	case isInteger(lt) && isInteger(rt):
		return intType, nil
	case lt.Kind == value.Float && rt.Kind == value.Float:
		return floatType, nil
	case lt.Kind == value.DecimalKind && rt.Kind == value.DecimalKind:
		switch op {
		case query.Div:
			return nil, &flaw{what: "decimals cannot be divided here: the databases round differently", mend: "multiply the other side instead"}
		case query.Mul:
			return &value.Type{Kind: value.DecimalKind, Precision: maxPrecision, Scale: min(maxPrecision, lt.Scale+rt.Scale)}, nil
		}
		return &value.Type{Kind: value.DecimalKind, Precision: maxPrecision, Scale: max(lt.Scale, rt.Scale)}, nil
	case lt.Kind == value.TimestampKind && rt.Kind == value.DurationKind && (op == query.Add || op == query.Sub):
		return timestampType, nil
	case lt.Kind == value.DurationKind && rt.Kind == value.TimestampKind && op == query.Add:
		return timestampType, nil
	case lt.Kind == value.TimestampKind && rt.Kind == value.TimestampKind && op == query.Sub:
		return durationType, nil
	case lt.Kind == value.DurationKind && rt.Kind == value.DurationKind && (op == query.Add || op == query.Sub):
		return durationType, nil
	case lt.Kind == value.String && rt.Kind == value.String && op == query.Add:
		return nil, &flaw{what: "texts cannot be joined in an expression"}
	}
	f := &flaw{what: fmt.Sprintf("%s and %s cannot be calculated with each other", describe(*l), describe(*r))}
	if isInteger(lt) || isInteger(rt) {
		f.mend = "only whole numbers written in the expression become decimals or floats"
	}
	return nil, f
}

func isInteger(t *value.Type) bool { return t.Kind == value.Int || t.Kind == value.BigInt }

func isLiteral(n node) bool { _, ok := n.(lit); return ok }

func isNullLit(n node) bool {
	l, ok := n.(lit)
	return ok && l.t == nil
}

// sameType reports whether values of the two types have one form.
func sameType(a, b *value.Type) bool {
	if a == nil || b == nil || a.Kind != b.Kind {
		return a == b
	}
	switch a.Kind {
	case value.DecimalKind:
		return a.Precision == b.Precision && a.Scale == b.Scale
	case value.Enum:
		return slices.Equal(a.Enum, b.Enum)
	case value.List:
		return sameType(a.Elem, b.Elem)
	case value.Struct:
		return slices.EqualFunc(a.Members, b.Members, func(x, y value.Member) bool {
			return x.Name == y.Name && sameType(x.Type, y.Type)
		})
	}
	return true
}

// describe names a value in a sentence.
func describe(n node) string {
	t := n.typ()
	if t == nil {
		return "null"
	}
	switch t.Kind {
	case value.Bool:
		return "a condition"
	case value.Int, value.BigInt:
		return "a whole number"
	case value.Float:
		return "a float"
	case value.DecimalKind:
		return "a decimal"
	case value.String:
		return "a text"
	case value.Enum:
		return "an enum"
	case value.DateKind:
		return "a date"
	case value.TimeKind:
		return "a time"
	case value.TimestampKind:
		return "a timestamp"
	case value.DurationKind:
		return "a duration"
	case value.ID:
		if t.Resource != "" {
			return "a " + t.Resource
		}
		return "an id"
	case value.JSON:
		return "json"
	case value.List:
		return "a list"
	}
	return "a struct"
}

// suggest says which of the known names was probably meant.
func suggest(name string, known []string) string {
	if best := contract.Closest(name, known); best != "" {
		return fmt.Sprintf("did you mean '%s'?", best)
	}
	return ""
}

func fieldNames(fields []*contract.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	return names
}

func handleNames(s *Sight) []string {
	names := make([]string, len(s.Handles))
	for i, h := range s.Handles {
		names[i] = h.Field.Name
	}
	return names
}

func memberNames(t *value.Type) []string {
	names := make([]string, len(t.Members))
	for i, m := range t.Members {
		names[i] = m.Name
	}
	return names
}
