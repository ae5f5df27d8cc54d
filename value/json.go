package value

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxInt is the largest Int; the smallest is -MaxInt. Every program that reads
// JSON numbers as doubles keeps these exact.
const MaxInt = 1<<53 - 1

// AppendJSON appends v, a value of this type, in its one canonical JSON form;
// "null" for nil. It panics when v is not of the type's Go form.
func (t *Type) AppendJSON(dst []byte, v any) []byte {
	if v == nil {
		return append(dst, "null"...)
	}
	switch t.Kind {
	case Bool:
		return strconv.AppendBool(dst, v.(bool))
	case Int:
		return strconv.AppendInt(dst, v.(int64), 10)
	case BigInt:
		dst = strconv.AppendInt(append(dst, '"'), v.(int64), 10)
		return append(dst, '"')
	case Float:
		return appendFloat(dst, v.(float64))
	case DecimalKind:
		d := v.(Decimal)
		if scaled, ok := d.Rescale(MaxPrecision, t.Scale); ok {
			d = scaled
		}
		return append(d.AppendTo(append(dst, '"')), '"')
	case String, Enum:
		return AppendString(dst, v.(string))
	case DateKind:
		return append(v.(Date).AppendTo(append(dst, '"')), '"')
	case TimeKind:
		return append(v.(Time).AppendTo(append(dst, '"')), '"')
	case TimestampKind:
		return append(v.(Timestamp).AppendTo(append(dst, '"')), '"')
	case DurationKind:
		return append(v.(Duration).AppendTo(append(dst, '"')), '"')
	case ID:
		return append(v.(UUID).AppendTo(append(dst, '"')), '"')
	case JSON:
		return append(dst, v.(Raw)...)
	case List:
		dst = append(dst, '[')
		for i, item := range v.([]any) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = t.Elem.AppendJSON(dst, item)
		}
		return append(dst, ']')
	case Struct:
		members := v.(map[string]any)
		dst = append(dst, '{')
		for i, m := range t.Members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, m.Name), ':')
			dst = m.Type.AppendJSON(dst, members[m.Name])
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("value: a type of kind %d has no JSON form", t.Kind))
}

// appendFloat appends f as ECMAScript and RFC 8785 write it.
func appendFloat(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0')
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-4] == 'e' && dst[n-2] == '0' { // e-07 is written e-7
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// AppendString appends s, valid UTF-8, as a JSON string with only the escapes that must be.
func AppendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i+1) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// plain is the index of the first byte of s from i on that AppendString may have
// to escape, len(s) if there is none. It looks at eight bytes at a time.
func plain[T string | []byte](s T, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// Below n: the subtraction borrows into a top bit that was not set.
		if ((w-ones*0x20)&^w|(quote-ones)&^quote|(slash-ones)&^slash)&tops != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' {
			return i
		}
	}
	return i
}

// FromJSON turns what DecodeJSON gave into a value of this type; null is nil for
// every type. The error says in plain words what it must be. Bounds and formats
// are the contract's affair.
func (t *Type) FromJSON(j any) (any, error) {
	if j == nil {
		return nil, nil
	}
	switch t.Kind {
	case Bool:
		if b, ok := j.(bool); ok {
			return b, nil
		}
		return nil, errors.New("must be true or false")
	case Int, Float:
		n, ok := j.(Number)
		if !ok {
			return nil, errors.New("must be a number")
		}
		return t.parseScalar(string(n))
	case JSON:
		return boxed(canonicalTree(j))
	case List:
		return t.listFromJSON(j)
	case Struct:
		return t.structFromJSON(j)
	}
	s, ok := j.(string)
	if !ok {
		return nil, errors.New("must be a string")
	}
	if t.Kind == String {
		if err := CheckText(s); err != nil {
			return nil, err
		}
		return j, nil // s as it came, which parseScalar would box anew
	}
	return t.parseScalar(s)
}

func (t *Type) listFromJSON(j any) (any, error) {
	items, ok := j.([]any)
	if !ok {
		return nil, errors.New("must be a list")
	}
	list := make([]any, len(items))
	for i, item := range items {
		v, err := t.Elem.FromJSON(item)
		if err == nil && v == nil {
			err = errors.New("must not be null")
		}
		if err != nil {
			return nil, fmt.Errorf("item %d %w", i+1, err)
		}
		list[i] = v
	}
	return list, nil
}

func (t *Type) structFromJSON(j any) (any, error) {
	given, ok := j.(map[string]any)
	if !ok {
		return nil, errors.New("must be an object")
	}
	members := make(map[string]any, len(t.Members))
	for _, m := range t.Members {
		v, err := m.Type.FromJSON(given[m.Name])
		if err == nil && v == nil && !m.Optional {
			err = errors.New("is required")
		}
		if err != nil {
			return nil, fmt.Errorf("member %q %w", m.Name, err)
		}
		members[m.Name] = v
	}
	unknown := []string{}
	for name := range given {
		if _, known := members[name]; !known {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return nil, fmt.Errorf("has no member %q", unknown[0])
	}
	return members, nil
}

// boxed keeps a failed parse from becoming a value.
func boxed[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// CheckText refuses what no string may hold: invalid UTF-8 (lone surrogates
// among it) and the character NUL.
func CheckText(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("must be valid UTF-8")
	}
	if strings.IndexByte(s, 0) >= 0 {
		return errors.New("must not hold the character NUL")
	}
	return nil
}
