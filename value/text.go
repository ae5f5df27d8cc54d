package value

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ParseText reads a value from the text of a query parameter or a CSV cell: the
// JSON form without a string's quotes; lists, structs and json as JSON text.
// The error says in plain words what it must be.
func (t *Type) ParseText(s string) (any, error) {
	switch t.Kind {
	case JSON, List, Struct:
		tree, err := DecodeJSON([]byte(s), MaxDepth)
		if err != nil {
			return nil, fmt.Errorf("must be JSON: %w", err)
		}
		return t.FromJSON(tree)
	}
	return t.parseScalar(s)
}

// parseScalar reads a value whose JSON form, quotes aside, is s.
func (t *Type) parseScalar(s string) (any, error) {
	switch t.Kind {
	case Bool:
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return nil, errors.New("must be true or false")
	case Int:
		n, err := parseInteger(s)
		if err != nil || n > MaxInt || n < -MaxInt {
			return nil, errors.New("must be a whole number within ±9007199254740991")
		}
		return n, nil
	case BigInt:
		n, err := parseInteger(s)
		if err != nil {
			return nil, errors.New("must be a whole number of 64 bits")
		}
		return n, nil
	case Float:
		return boxed(parseFloat(s))
	case DecimalKind:
		return boxed(t.parseDecimal(s))
	case String:
		return boxed(s, CheckText(s))
	case Enum:
		if t.Rank(s) < 0 {
			return nil, errors.New("must be one of " + strings.Join(t.Enum, ", "))
		}
		return s, nil
	case DateKind:
		return boxed(ParseDate(s))
	case TimeKind:
		return boxed(ParseTime(s))
	case TimestampKind:
		return boxed(ParseTimestamp(s))
	case DurationKind:
		return boxed(ParseDuration(s))
	case ID:
		return boxed(ParseID(s))
	}
	panic(fmt.Sprintf("value: a type of kind %d has no text form", t.Kind))
}

// parseInteger reads -?digits without leading zeros; 1.0 and 1e0 are no integers.
func parseInteger(s string) (int64, error) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 1 && digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(s, 10, 64)
}

// parseFloat reads a JSON number; one too small to hold becomes 0.
func parseFloat(s string) (float64, error) {
	d := decoder{data: []byte(s)}
	if c := d.next(); d.pos > 0 || c != '-' && (c < '0' || c > '9') {
		return 0, errors.New("must be a number")
	}
	if _, err := d.number(); err != nil || d.pos < len(s) {
		return 0, errors.New("must be a number")
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, errors.New("must be a number that a double can hold")
	}
	return f + 0, nil // −0 becomes 0
}

func (t *Type) parseDecimal(s string) (Decimal, error) {
	d, err := ParseDecimal(s)
	if err != nil {
		return Decimal{}, err
	}
	if d.Scale() > t.Scale {
		return Decimal{}, fmt.Errorf("must have at most %d digits after the point", t.Scale)
	}
	scaled, ok := d.Rescale(t.Precision, t.Scale)
	if !ok {
		return Decimal{}, fmt.Errorf("must have at most %d digits before the point", t.Precision-t.Scale)
	}
	return scaled, nil
}
