package postgres

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/mainstay-run/mainstay/value"
)

// The wire's two formats.
const (
	inText   = 0
	inBinary = 1
)

// epoch2000 is PostgreSQL's zero: 2000-01-01, in days and milliseconds of ours.
const (
	days2000   = 10957
	millis2000 = days2000 * 86400000
)

// encode gives an argument's bytes and format; nil bytes are null.
func encode(v any, t *value.Type) ([]byte, int16) {
	if v == nil {
		return nil, inBinary
	}
	return appendArgument([]byte{}, v, t)
}

// appendArgument appends an argument that is not null, and tells its format.
func appendArgument(dst []byte, v any, t *value.Type) ([]byte, int16) {
	switch v := v.(type) {
	case bool:
		if v {
			return append(dst, 1), inBinary
		}
		return append(dst, 0), inBinary
	case int64:
		switch t.Kind {
		case value.DecimalKind:
			return append(dst, value.DecimalOf(v).String()...), inText
		case value.Float:
			return appendUint64(dst, math.Float64bits(float64(v))), inBinary
		}
		return appendUint64(dst, uint64(v)), inBinary
	case float64:
		return appendUint64(dst, math.Float64bits(v)), inBinary
	case value.Decimal:
		return append(dst, v.String()...), inText
	case string:
		return append(dst, v...), inBinary
	case value.Date:
		return binary.BigEndian.AppendUint32(dst, uint32(int32(v)-days2000)), inBinary
	case value.Time:
		return appendUint64(dst, uint64(v)*1000), inBinary
	case value.Timestamp:
		return appendUint64(dst, uint64((int64(v)-millis2000)*1000)), inBinary
	case value.Duration:
		return appendUint64(dst, uint64(v)), inBinary
	case value.UUID:
		return append(dst, v[:]...), inBinary
	case value.Raw:
		return append(dst, v...), inBinary
	}
	return t.AppendJSON(dst, v), inBinary
}

func appendUint64(dst []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(dst, n) }

// encodeList is an array: in binary, unless an element is in text.
func encodeList(list []any, t *value.Type) ([]byte, int16) {
	const dimensions, hasNulls, from = 1, 1, 1
	dst := make([]byte, 0, 20*(1+len(list)))
	for _, n := range [...]uint32{dimensions, hasNulls, elementOID(t), uint32(len(list)), from} {
		dst = binary.BigEndian.AppendUint32(dst, n)
	}
	for _, v := range list {
		at, format := len(dst), int16(inBinary)
		dst = append(dst, 0xff, 0xff, 0xff, 0xff) // the length: of null it is -1
		if v == nil {
			continue
		}
		if dst, format = appendArgument(dst, v, t); format == inText {
			return encodeTextList(list, t), inText
		}
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst, inBinary
}

// elementOID is the number under which PostgreSQL knows the type of typeName.
func elementOID(t *value.Type) uint32 {
	switch t.Kind {
	case value.Bool:
		return pgtype.BoolOID
	case value.Int, value.BigInt, value.DurationKind:
		return pgtype.Int8OID
	case value.Float:
		return pgtype.Float8OID
	case value.DecimalKind:
		return pgtype.NumericOID
	case value.DateKind:
		return pgtype.DateOID
	case value.TimeKind:
		return pgtype.TimeOID
	case value.TimestampKind:
		return pgtype.TimestamptzOID
	case value.ID:
		return pgtype.UUIDOID
	case value.JSON, value.List, value.Struct:
		return pgtype.JSONOID
	}
	return pgtype.TextOID
}

// encodeTextList is an array's text form: {"a","b",NULL}.
func encodeTextList(list []any, t *value.Type) []byte {
	var b strings.Builder
	b.WriteByte('{')
	for i, v := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		if v == nil {
			b.WriteString("NULL")
			continue
		}
		b.WriteByte('"')
		b.WriteString(escaper.Replace(listed(v, t)))
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return []byte(b.String())
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// listed is a value's text form in PostgreSQL.
func listed(v any, t *value.Type) string {
	switch v := v.(type) {
	case string:
		return v
	case int64:
		return literalNumber(v)
	case value.Decimal:
		return v.String()
	case value.Duration:
		return literalNumber(int64(v))
	}
	return strings.Trim(string(t.AppendJSON(nil, v)), `"`)
}
