package mongo

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mainstay-run/mainstay/value"
)

// Values are stored so that MongoDB compares them as package value does: integers,
// times and durations as 64-bit integers, decimals as Decimal128, timestamps as
// dates, ids as binary of subtype 4, dates and enums as text; lists and structs as
// arrays and documents with every member, in their order. JSON is kept as its
// canonical text: a document would not give the same bytes back.

// subtypeUUID is that of an RFC 9562 UUID in network order.
const subtypeUUID = 4

// encode is v as it is stored; nil is null.
func encode(t *value.Type, v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, float64, string:
		return v, nil
	case int64:
		switch t.Kind {
		case value.Float:
			return float64(v), nil
		case value.DecimalKind:
			return encodeDecimal(value.DecimalOf(v))
		}
		return v, nil
	case value.Decimal:
		return encodeDecimal(v)
	case value.Date:
		return v.String(), nil
	case value.Time:
		return int64(v), nil
	case value.Duration:
		return int64(v), nil
	case value.Timestamp:
		return bson.DateTime(v), nil
	case value.UUID:
		return bson.Binary{Subtype: subtypeUUID, Data: v[:]}, nil
	case value.Raw:
		return string(v), nil
	case []any:
		list := make(bson.A, len(v))
		for i := range v {
			one, err := encode(t.Elem, v[i])
			if err != nil {
				return nil, err
			}
			list[i] = one
		}
		return list, nil
	case map[string]any:
		members := make(bson.D, len(t.Members))
		for i, m := range t.Members {
			one, err := encode(m.Type, v[m.Name])
			if err != nil {
				return nil, err
			}
			members[i] = bson.E{Key: m.Name, Value: one}
		}
		return members, nil
	}
	return nil, fmt.Errorf("mongo: no such value: %T", v)
}

func encodeDecimal(d value.Decimal) (any, error) { return bson.ParseDecimal128(d.String()) }

// fitted is v in a column of type t: a decimal has the column's scale.
func fitted(t *value.Type, v any) any {
	if t.Kind != value.DecimalKind || v == nil {
		return v
	}
	d, ok := v.(value.Decimal)
	if n, integer := v.(int64); integer {
		d, ok = value.DecimalOf(n), true
	}
	if ok {
		d, ok = d.Rescale(t.Precision, t.Scale)
	}
	if !ok {
		return nil
	}
	return d
}

// decode reads what is stored as a t.
func decode(t *value.Type, raw bson.RawValue) (any, error) {
	if raw.Type == bson.TypeNull || raw.Type == 0 {
		return nil, nil
	}
	v, ok, err := decodeScalar(t, raw)
	switch {
	case ok || err != nil:
		return v, err
	case t.Kind == value.List && raw.Type == bson.TypeArray:
		return decodeList(t, raw.Array())
	case t.Kind == value.Struct && raw.Type == bson.TypeEmbeddedDocument:
		return decodeStruct(t, raw.Document())
	}
	return nil, fmt.Errorf("mongo: a %s is stored where a value of kind %d is meant", raw.Type, t.Kind)
}

// decodeScalar is false when t and what is stored do not belong together.
func decodeScalar(t *value.Type, raw bson.RawValue) (v any, ok bool, err error) {
	switch t.Kind {
	case value.Bool:
		v, ok = raw.BooleanOK()
	case value.Int, value.BigInt:
		v, ok = integer(raw)
	case value.Float:
		v, ok = raw.DoubleOK()
	case value.DecimalKind:
		if d, is := raw.Decimal128OK(); is {
			v, err = decodeDecimal(t, d)
			ok = err == nil
		}
	case value.String, value.Enum:
		v, ok = raw.StringValueOK()
	case value.JSON:
		if s, is := raw.StringValueOK(); is {
			v, ok = value.Raw(s), true
		}
	case value.DateKind:
		if s, is := raw.StringValueOK(); is {
			v, err = value.ParseDate(s)
			ok = err == nil
		}
	case value.TimeKind:
		n, is := integer(raw)
		v, ok = value.Time(n), is
	case value.DurationKind:
		n, is := integer(raw)
		v, ok = value.Duration(n), is
	case value.TimestampKind:
		n, is := raw.DateTimeOK()
		v, ok = value.Timestamp(n), is
	case value.ID:
		_, data, is := raw.BinaryOK()
		if is && len(data) == len(value.UUID{}) {
			v, ok = value.UUID(data), true
		}
	}
	return v, ok, err
}

// integer reads what another program may have stored shorter.
func integer(raw bson.RawValue) (int64, bool) {
	if n, ok := raw.Int32OK(); ok {
		return int64(n), true
	}
	return raw.Int64OK()
}

// decodeDecimal gives d the digits after the point that its type has.
func decodeDecimal(t *value.Type, d bson.Decimal128) (any, error) {
	n, exponent, err := d.BigInt()
	if err != nil {
		return nil, err
	}
	if exponent > 0 {
		n, exponent = new(big.Int).Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exponent)), nil)), 0
	}
	text := new(big.Int).Abs(n).String()
	if missing := 1 - exponent - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	if exponent < 0 {
		text = text[:len(text)+exponent] + "." + text[len(text)+exponent:]
	}
	if n.Sign() < 0 {
		text = "-" + text
	}
	v, err := value.ParseDecimal(text)
	if err != nil {
		return nil, err
	}
	scaled, ok := v.Rescale(value.MaxPrecision, t.Scale)
	if !ok {
		return nil, fmt.Errorf("mongo: the stored decimal %s does not have %d digits after the point", text, t.Scale)
	}
	return scaled, nil
}

func decodeList(t *value.Type, array bson.RawArray) (any, error) {
	elements, err := array.Values()
	if err != nil {
		return nil, err
	}
	list := make([]any, len(elements))
	for i, e := range elements {
		if list[i], err = decode(t.Elem, e); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func decodeStruct(t *value.Type, document bson.Raw) (any, error) {
	members := make(map[string]any, len(t.Members))
	for _, m := range t.Members {
		v, err := decode(m.Type, document.Lookup(m.Name))
		if err != nil {
			return nil, err
		}
		members[m.Name] = v
	}
	return members, nil
}

// bound is v for a comparison with a stored t that MongoDB makes exactly as
// package value does; false when there is none.
func bound(t *value.Type, v any) (any, bool) {
	switch v := v.(type) {
	case int64:
		switch t.Kind {
		case value.Int, value.BigInt:
			return v, true
		case value.DecimalKind:
			d, err := encodeDecimal(value.DecimalOf(v))
			return d, err == nil
		case value.Float:
			return float64(v), v > -1<<53 && v < 1<<53
		}
		return nil, false
	case value.Decimal:
		if t.Kind == value.DecimalKind {
			d, err := encodeDecimal(v)
			return d, err == nil
		}
		return nil, false
	case float64:
		return v, t.Kind == value.Float && !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	if !scalar(t) {
		return nil, false
	}
	out, err := encode(t, v)
	return out, err == nil
}

// scalar reports whether values of t are one BSON value that is not looked into.
func scalar(t *value.Type) bool {
	switch t.Kind {
	case value.List, value.Struct, value.JSON, value.Invalid:
		return false
	}
	return true
}
