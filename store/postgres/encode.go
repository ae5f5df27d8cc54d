package postgres

import (
	"encoding/binary"
	"math"
	"strings"

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
	switch v := v.(type) {
	case nil:
		return nil, inBinary
	case bool:
		if v {
			return []byte{1}, inBinary
		}
		return []byte{0}, inBinary
	case int64:
		switch t.Kind {
		case value.DecimalKind:
			return []byte(value.DecimalOf(v).String()), inText
		case value.Float:
			return uint64Bytes(math.Float64bits(float64(v))), inBinary
		}
		return uint64Bytes(uint64(v)), inBinary
	case float64:
		return uint64Bytes(math.Float64bits(v)), inBinary
	case value.Decimal:
		return []byte(v.String()), inText
	case string:
		return []byte(v), inBinary
	case value.Date:
		return binary.BigEndian.AppendUint32(nil, uint32(int32(v)-days2000)), inBinary
	case value.Time:
		return uint64Bytes(uint64(v) * 1000), inBinary
	case value.Timestamp:
		return uint64Bytes(uint64((int64(v) - millis2000) * 1000)), inBinary
	case value.Duration:
		return uint64Bytes(uint64(v)), inBinary
	case value.UUID:
		return v[:], inBinary
	case value.Raw:
		return []byte(v), inBinary
	}
	return t.AppendJSON(nil, v), inBinary
}

func uint64Bytes(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// encodeList is an array's text form: {"a","b",NULL}.
func encodeList(list []any, t *value.Type) ([]byte, int16) {
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
	return []byte(b.String()), inText
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
