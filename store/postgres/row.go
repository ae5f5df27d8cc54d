package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// row is the raw columns of the current row: binary, decimals as text.
type row struct {
	raw   [][]byte
	types []*value.Type
	err   error // a stored value that is not what its type says
}

var _ store.Row = (*row)(nil)

// format is how a column of this type is asked for.
func format(t *value.Type) int16 {
	if t.Kind == value.DecimalKind {
		return inText
	}
	return inBinary
}

func (r *row) Null(i int) bool { return r.raw[i] == nil }

func (r *row) AppendJSON(dst []byte, i int) []byte {
	b, t := r.raw[i], r.types[i]
	if b == nil {
		return append(dst, "null"...)
	}
	switch t.Kind {
	case value.String, value.Enum:
		return value.AppendString(dst, b)
	case value.JSON, value.List, value.Struct:
		return append(dst, b...)
	case value.DecimalKind:
		if point := bytes.IndexByte(b, '.'); point < 0 && t.Scale == 0 || point >= 0 && len(b)-point-1 == t.Scale {
			return append(append(append(dst, '"'), b...), '"')
		}
	case value.ID:
		if len(b) == 16 {
			return append(value.UUID(b).AppendTo(append(dst, '"')), '"')
		}
	case value.Bool:
		return strconv.AppendBool(dst, b[0] != 0)
	case value.Int:
		return strconv.AppendInt(dst, number(b), 10)
	case value.BigInt:
		return append(strconv.AppendInt(append(dst, '"'), number(b), 10), '"')
	case value.TimestampKind:
		return append(timestamp(b).AppendTo(append(dst, '"')), '"')
	}
	v, err := r.Value(i)
	if err != nil {
		r.err = err
		return append(dst, "null"...)
	}
	return t.AppendJSON(dst, v)
}

func number(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

func timestamp(b []byte) value.Timestamp { return value.Timestamp(number(b)/1000 + millis2000) }

func (r *row) Value(i int) (any, error) {
	b, t := r.raw[i], r.types[i]
	if b == nil {
		return nil, nil
	}
	v, err := decode(b, t)
	if err != nil {
		return nil, fmt.Errorf("postgres: column %d is not a stored value: %w", i, err)
	}
	return v, nil
}

func decode(b []byte, t *value.Type) (any, error) {
	if size := sizes[t.Kind]; size != 0 && len(b) != size {
		return nil, fmt.Errorf("%d bytes", len(b))
	}
	switch t.Kind {
	case value.Bool:
		return b[0] != 0, nil
	case value.Int, value.BigInt:
		return number(b), nil
	case value.Float:
		f := math.Float64frombits(binary.BigEndian.Uint64(b))
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, nil
		}
		return f + 0, nil
	case value.DecimalKind:
		d, err := value.ParseDecimal(string(b))
		if err != nil {
			return nil, err
		}
		if scaled, ok := d.Rescale(value.MaxPrecision, t.Scale); ok {
			d = scaled
		}
		return d, nil
	case value.String, value.Enum:
		return string(b), nil
	case value.DateKind:
		return value.Date(int32(binary.BigEndian.Uint32(b)) + days2000), nil
	case value.TimeKind:
		return value.Time(number(b) / 1000), nil
	case value.TimestampKind:
		return timestamp(b), nil
	case value.DurationKind:
		return value.Duration(number(b)), nil
	case value.ID:
		return value.UUID(b), nil
	case value.JSON:
		return value.Raw(b), nil
	}
	j, err := value.DecodeJSON(b, maxStoredDepth)
	if err != nil {
		return nil, err
	}
	return t.FromJSON(j)
}

// maxStoredDepth is far above what a request may send.
const maxStoredDepth = 1000

var sizes = map[value.Kind]int{
	value.Bool: 1, value.Int: 8, value.BigInt: 8, value.Float: 8, value.DateKind: 4,
	value.TimeKind: 8, value.TimestampKind: 8, value.DurationKind: 8, value.ID: 16,
}

func literalNumber(n int64) string { return strconv.FormatInt(n, 10) }
