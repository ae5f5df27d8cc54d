package value

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Compare orders two values of one kind, null lowest; int64 is promoted to
// Decimal or float64. Strings order by code point, ids by their bytes. Enums
// need their type: see Type.Compare. Lists, structs and JSON have no order in
// the language; the one given here is only stable.
func Compare(a, b any) int {
	if a == nil || b == nil {
		return compareBool(a != nil, b != nil)
	}
	switch a := a.(type) {
	case int64:
		switch b := b.(type) {
		case int64:
			return cmp.Compare(a, b)
		case Decimal:
			return DecimalOf(a).Compare(b)
		case float64:
			return cmp.Compare(float64(a), b)
		}
	case Decimal:
		switch b := b.(type) {
		case Decimal:
			return a.Compare(b)
		case int64:
			return a.Compare(DecimalOf(b))
		}
	case float64:
		switch b := b.(type) {
		case float64:
			return cmp.Compare(a, b)
		case int64:
			return cmp.Compare(a, float64(b))
		}
	default:
		if c, ok := compareSame(a, b); ok {
			return c
		}
	}
	return cmp.Compare(rank(a), rank(b))
}

// compareSame orders values of one Go type other than numbers.
func compareSame(a, b any) (int, bool) {
	switch a := a.(type) {
	case bool:
		b, ok := b.(bool)
		return compareBool(a, b), ok
	case string:
		b, ok := b.(string)
		return strings.Compare(a, b), ok
	case Date:
		b, ok := b.(Date)
		return cmp.Compare(a, b), ok
	case Time:
		b, ok := b.(Time)
		return cmp.Compare(a, b), ok
	case Timestamp:
		b, ok := b.(Timestamp)
		return cmp.Compare(a, b), ok
	case Duration:
		b, ok := b.(Duration)
		return cmp.Compare(a, b), ok
	case UUID:
		b, ok := b.(UUID)
		return bytes.Compare(a[:], b[:]), ok
	case Raw:
		b, ok := b.(Raw)
		return cmp.Compare(a, b), ok
	case []any:
		b, ok := b.([]any)
		return slices.CompareFunc(a, b, Compare), ok
	case map[string]any:
		b, ok := b.(map[string]any)
		return compareMembers(a, b), ok
	}
	return 0, false
}

func compareMembers(a, b map[string]any) int {
	names := slices.Sorted(maps.Keys(a))
	if c := slices.Compare(names, slices.Sorted(maps.Keys(b))); c != 0 {
		return c
	}
	for _, name := range names {
		if c := Compare(a[name], b[name]); c != 0 {
			return c
		}
	}
	return 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// rank keeps values of different kinds apart.
func rank(v any) int {
	switch v.(type) {
	case bool:
		return 1
	case int64:
		return 2
	case float64:
		return 3
	case Decimal:
		return 4
	case string:
		return 5
	case Date:
		return 6
	case Time:
		return 7
	case Timestamp:
		return 8
	case Duration:
		return 9
	case UUID:
		return 10
	case Raw:
		return 11
	case []any:
		return 12
	case map[string]any:
		return 13
	}
	return 14
}

// Equal reports whether two values are the same: numbers as numbers, lists and
// structs member by member; nil equals nil.
func Equal(a, b any) bool { return Compare(a, b) == 0 }

// Compare orders two values of this type; enums sort in the order written, a
// word that the type does not have above all others.
func (t *Type) Compare(a, b any) int {
	if t.Kind == Enum {
		a, aok := a.(string)
		b, bok := b.(string)
		if aok && bok {
			return cmp.Or(cmp.Compare(uint(t.Rank(a)), uint(t.Rank(b))), strings.Compare(a, b))
		}
	}
	return Compare(a, b)
}

// Rank is the position of an enum's word in its type's order, -1 when it has none.
func (t *Type) Rank(word string) int { return slices.Index(t.Enum, word) }
