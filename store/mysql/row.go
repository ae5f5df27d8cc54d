package mysql

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// row is the raw columns of the current row: int64, float64, or bytes that lie in
// the connection's buffer until the next row.
type row struct {
	raw   []driver.Value
	types []*value.Type
	// rewritten are the columns whose JSON text the database has put together itself.
	rewritten []bool
	err       error // a stored value that is not what its type says
}

var _ store.Row = (*row)(nil)

func (r *row) Null(i int) bool {
	f, ok := r.raw[i].(float64)
	return r.raw[i] == nil || ok && (math.IsInf(f, 0) || math.IsNaN(f))
}

func (r *row) AppendJSON(dst []byte, i int) []byte {
	t := r.types[i]
	switch v := r.raw[i].(type) {
	case nil:
		return append(dst, "null"...)
	case int64:
		switch t.Kind {
		case value.Bool:
			return strconv.AppendBool(dst, v != 0)
		case value.Int:
			return strconv.AppendInt(dst, v, 10)
		}
	case []byte:
		if out, ok := r.appendBytes(dst, v, i); ok {
			return out
		}
	}
	v, err := r.Value(i)
	if err != nil {
		r.err = err
		return append(dst, "null"...)
	}
	return t.AppendJSON(dst, v)
}

// appendBytes appends what has its JSON form already, or nearly.
func (r *row) appendBytes(dst, b []byte, i int) ([]byte, bool) {
	switch t := r.types[i]; t.Kind {
	case value.String, value.Enum:
		return value.AppendString(dst, b), true
	case value.JSON, value.List, value.Struct:
		if !r.rewritten[i] {
			return append(dst, b...), true
		}
	case value.ID:
		if len(b) == 16 {
			return append(value.UUID(b).AppendTo(append(dst, '"')), '"'), true
		}
	case value.DecimalKind:
		if scale(b) == t.Scale {
			return append(append(append(dst, '"'), b...), '"'), true
		}
	case value.DateKind:
		if len(b) == len("2006-01-02") {
			return append(append(append(dst, '"'), b...), '"'), true
		}
	case value.TimeKind:
		if len(b) == len("15:04:05.000") {
			return append(append(append(dst, '"'), b...), '"'), true
		}
	case value.TimestampKind:
		if len(b) == len("2006-01-02 15:04:05.000") {
			dst = append(append(append(dst, '"'), b[:10]...), 'T')
			return append(append(dst, b[11:]...), 'Z', '"'), true
		}
	}
	return dst, false
}

// scale is the number of digits after the point.
func scale(number []byte) int {
	for i, c := range number {
		if c == '.' {
			return len(number) - i - 1
		}
	}
	return 0
}

func (r *row) Value(i int) (any, error) {
	var v any
	var err error
	switch raw := r.raw[i].(type) {
	case nil:
		return nil, nil
	case int64:
		v, err = ofInt(raw, r.types[i])
	case float64:
		v, err = ofFloat(raw, r.types[i])
	case []byte:
		v, err = ofBytes(raw, r.types[i])
	default:
		err = fmt.Errorf("a %T", raw)
	}
	if err != nil {
		return nil, fmt.Errorf("mysql: column %d is not a stored value: %w", i, err)
	}
	return v, nil
}

var errKind = errors.New("a value of another kind")

func ofInt(n int64, t *value.Type) (any, error) {
	switch t.Kind {
	case value.Bool:
		return n != 0, nil
	case value.Int, value.BigInt:
		return n, nil
	case value.DurationKind:
		return value.Duration(n), nil
	case value.Float:
		return float64(n), nil
	case value.DecimalKind:
		return rescaled(value.DecimalOf(n), t), nil
	}
	return nil, errKind
}

func ofFloat(f float64, t *value.Type) (any, error) {
	switch {
	case t.Kind != value.Float:
		return nil, errKind
	case math.IsInf(f, 0) || math.IsNaN(f):
		return nil, nil
	}
	return f + 0, nil // −0 becomes 0
}

func ofBytes(b []byte, t *value.Type) (any, error) {
	switch t.Kind {
	case value.String, value.Enum:
		return string(b), nil
	case value.JSON:
		return value.Raw(b), nil
	case value.ID:
		if len(b) != 16 {
			return nil, fmt.Errorf("an id of %d bytes", len(b))
		}
		return value.UUID(b), nil
	case value.DecimalKind:
		return boxed(decimal(b, t))
	case value.DateKind:
		return boxed(value.ParseDate(string(b)))
	case value.TimeKind:
		return boxed(value.ParseTime(string(b)))
	case value.TimestampKind:
		return boxed(timestamp(b))
	case value.Bool, value.Int, value.BigInt, value.DurationKind:
		n, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			return nil, err
		}
		return ofInt(n, t)
	case value.Float:
		f, err := strconv.ParseFloat(string(b), 64)
		if err != nil {
			return nil, err
		}
		return ofFloat(f, t)
	}
	j, err := value.DecodeJSON(b, maxStoredDepth)
	if err != nil {
		return nil, err
	}
	return t.FromJSON(j)
}

// maxStoredDepth is far above what a request may send.
const maxStoredDepth = 1000

func boxed[T any](v T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// decimal reads a number, which may have many more zeros at its end than t has
// digits after the point.
func decimal(b []byte, t *value.Type) (value.Decimal, error) {
	for scale(b) > t.Scale && b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if n := len(b); n > 0 && b[n-1] == '.' {
		b = b[:n-1]
	}
	d, err := value.ParseDecimal(string(b))
	if err != nil {
		return d, err
	}
	return rescaled(d, t), nil
}

func rescaled(d value.Decimal, t *value.Type) value.Decimal {
	if scaled, ok := d.Rescale(value.MaxPrecision, t.Scale); ok {
		return scaled
	}
	return d
}

func timestamp(b []byte) (value.Timestamp, error) {
	text := append(append(make([]byte, 0, len(b)+1), b...), 'Z')
	if len(text) > len("2006-01-02") {
		text[len("2006-01-02")] = 'T'
	}
	return value.ParseTimestamp(string(text))
}

// bound is an argument as the protocol takes it.
func bound(v any, t *value.Type) driver.Value {
	switch v := v.(type) {
	case nil:
		return nil
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	case int64:
		switch t.Kind {
		case value.DecimalKind:
			return strconv.FormatInt(v, 10)
		case value.Float:
			return float64(v)
		}
		return v
	case float64:
		return v
	case value.Decimal:
		return v.String()
	case string:
		return v
	case value.Date:
		return v.String()
	case value.Time: // with a day before it, since MySQL takes 01:00:00 for a date
		return "0 " + v.String()
	case value.Timestamp:
		return string(appendDatetime(make([]byte, 0, len("2006-01-02 15:04:05.000Z")), v))
	case value.Duration:
		return int64(v)
	case value.UUID:
		return v[:]
	case value.Raw:
		return string(v)
	}
	return string(t.AppendJSON(nil, v))
}
