package value

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
)

// MaxDepth is how deep a `json` value may be nested.
const MaxDepth = 64

// Canonical gives the canonical form of a JSON text: no white space, members in
// the order of RFC 8785 (by UTF-16 code units), numbers as it writes them. A
// number that a double does not hold exactly as written, such as one of 20
// digits, is refused rather than changed. A text that is no JSON is a *SyntaxError.
func Canonical(json []byte) (Raw, error) {
	tree, err := DecodeJSON(json, MaxDepth)
	if err != nil {
		return "", err
	}
	return canonicalTree(tree)
}

func canonicalTree(tree any) (Raw, error) {
	text, err := appendCanonical(nil, tree)
	return Raw(text), err
}

func appendCanonical(dst []byte, tree any) ([]byte, error) {
	switch v := tree.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case string:
		return AppendString(dst, v), nil
	case Number:
		return appendNumber(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = appendCanonical(dst, item); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case map[string]any:
		dst = append(dst, '{')
		for i, name := range slices.SortedFunc(maps.Keys(v), compareUTF16) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, name), ':')
			var err error
			if dst, err = appendCanonical(dst, v[name]); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	}
	return nil, errors.New("must be JSON")
}

func compareUTF16(a, b string) int {
	return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
}

func appendNumber(dst []byte, n Number) ([]byte, error) {
	f, err := strconv.ParseFloat(string(n), 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, errors.New("holds a number that is too large: " + shorten(string(n)))
	}
	start := len(dst)
	dst = appendFloat(dst, f)
	if !sameNumber(string(n), string(dst[start:])) {
		return nil, errors.New("holds a number with more digits than can be kept, send it as a string: " + shorten(string(n)))
	}
	return dst, nil
}

func shorten(s string) string {
	if len(s) > 40 {
		return s[:37] + "..."
	}
	return s
}

// sameNumber compares two JSON numbers digit by digit.
func sameNumber(a, b string) bool {
	da, ea, ok1 := significant(a)
	db, eb, ok2 := significant(b)
	return ok1 && ok2 && da == db && ea == eb
}

// significant splits a JSON number into its sign and digits without zeros at
// either end, and the power of ten of the last of them.
func significant(n string) (digits string, exponent int, ok bool) {
	mantissa, power, hasPower := strings.Cut(strings.ToLower(n), "e")
	if hasPower {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil {
			return "", 0, false
		}
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits = whole + fraction
	exponent -= len(fraction)
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	trimmed = strings.TrimLeft(trimmed, "0")
	if trimmed == "" {
		return "0", 0, true
	}
	return sign + trimmed, exponent, true
}
