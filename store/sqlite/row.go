package sqlite

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// row is the current row of a statement; nothing is copied before it is asked for.
type row struct {
	s     *stmt
	types []*value.Type
	err   error // a stored value that is not what its type says
}

var _ store.Row = (*row)(nil)

func (r *row) Null(i int) bool { return r.s.null(i) }

func (r *row) AppendJSON(dst []byte, i int) []byte {
	t := r.types[i]
	switch t.Kind {
	case value.String, value.Enum:
		if b := r.s.bytes(i); b != nil {
			return value.AppendString(dst, b)
		}
		return append(dst, "null"...)
	case value.JSON, value.List, value.Struct:
		if b := r.s.bytes(i); b != nil {
			return append(dst, b...)
		}
		return append(dst, "null"...)
	case value.DateKind:
		if b := r.s.bytes(i); b != nil {
			return append(append(append(dst, '"'), b...), '"')
		}
		return append(dst, "null"...)
	case value.ID:
		if b := r.s.blob(i); len(b) == 16 {
			dst = value.UUID(b).AppendTo(append(dst, '"'))
			return append(dst, '"')
		}
	case value.DecimalKind:
		if b := r.s.bytes(i); b != nil {
			if plain, ok := value.AppendPlain(append(dst, '"'), b); ok {
				return append(plain, '"')
			}
		}
	}
	if r.s.null(i) {
		return append(dst, "null"...)
	}
	switch t.Kind {
	case value.Bool:
		return strconv.AppendBool(dst, r.s.int(i) != 0)
	case value.Int:
		return strconv.AppendInt(dst, r.s.int(i), 10)
	case value.BigInt:
		dst = strconv.AppendInt(append(dst, '"'), r.s.int(i), 10)
		return append(dst, '"')
	case value.TimeKind:
		return append(value.Time(r.s.int(i)).AppendTo(append(dst, '"')), '"')
	case value.TimestampKind:
		return append(value.Timestamp(r.s.int(i)).AppendTo(append(dst, '"')), '"')
	case value.DurationKind:
		return append(value.Duration(r.s.int(i)).AppendTo(append(dst, '"')), '"')
	}
	v, err := r.Value(i)
	if err != nil {
		r.err = err
		return append(dst, "null"...)
	}
	return t.AppendJSON(dst, v)
}

func (r *row) Value(i int) (any, error) {
	if r.s.null(i) {
		return nil, nil
	}
	t := r.types[i]
	switch t.Kind {
	case value.Bool:
		return r.s.int(i) != 0, nil
	case value.Int, value.BigInt:
		return r.s.int(i), nil
	case value.Float:
		f := r.s.float(i)
		if math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, nil
		}
		return f + 0, nil
	case value.String, value.Enum:
		return string(r.s.bytes(i)), nil
	case value.TimeKind:
		return value.Time(r.s.int(i)), nil
	case value.TimestampKind:
		return value.Timestamp(r.s.int(i)), nil
	case value.DurationKind:
		return value.Duration(r.s.int(i)), nil
	case value.JSON:
		return value.Raw(r.s.bytes(i)), nil
	}
	v, err := r.parsed(t, i)
	if err != nil {
		return nil, fmt.Errorf("sqlite: column %d is not a stored value: %w", i, err)
	}
	return v, nil
}

// parsed reads the kinds whose stored form could be malformed.
func (r *row) parsed(t *value.Type, i int) (any, error) {
	switch t.Kind {
	case value.ID:
		b := r.s.blob(i)
		if len(b) != 16 {
			return nil, fmt.Errorf("an id of %d bytes", len(b))
		}
		return value.UUID(b), nil
	case value.DateKind:
		return boxed(value.ParseDate(string(r.s.bytes(i))))
	case value.DecimalKind:
		return boxed(value.FromSortable(string(r.s.bytes(i))))
	}
	j, err := value.DecodeJSON(r.s.bytes(i), maxStoredDepth)
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

// bind gives placeholder i a value as t is stored.
func (s *stmt) bind(i int, v any, t *value.Type) {
	switch v := v.(type) {
	case nil:
		s.bindNull(i)
	case bool:
		s.bindInt(i, truth(v))
	case int64:
		switch {
		case t != nil && t.Kind == value.DecimalKind:
			s.bindText(i, value.SortableDecimal(t, value.DecimalOf(v)))
		case t != nil && t.Kind == value.Float:
			s.bindFloat(i, float64(v))
		default:
			s.bindInt(i, v)
		}
	case float64:
		s.bindFloat(i, v)
	case value.Decimal:
		s.bindText(i, value.SortableDecimal(t, v))
	case string:
		s.bindText(i, v)
	case value.Date:
		s.bindText(i, v.String())
	case value.Time:
		s.bindInt(i, int64(v))
	case value.Timestamp:
		s.bindInt(i, int64(v))
	case value.Duration:
		s.bindInt(i, int64(v))
	case value.UUID:
		s.bindBlob(i, v[:])
	case value.Raw:
		s.bindText(i, string(v))
	default:
		s.bindText(i, string(t.AppendJSON(nil, v)))
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// appendList is a list for one placeholder, as inParam reads it.
func appendList(dst []byte, list []any, t *value.Type) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendListed(dst, v, t)
	}
	return append(dst, ']')
}

func appendListed(dst []byte, v any, t *value.Type) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendInt(dst, truth(v), 10)
	case int64:
		if t.Kind == value.DecimalKind {
			return value.AppendString(dst, value.SortableDecimal(t, value.DecimalOf(v)))
		}
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'g', -1, 64)
	case value.Decimal:
		return value.AppendString(dst, value.SortableDecimal(t, v))
	case string:
		return value.AppendString(dst, v)
	case value.Time:
		return strconv.AppendInt(dst, int64(v), 10)
	case value.Timestamp:
		return strconv.AppendInt(dst, int64(v), 10)
	case value.Duration:
		return strconv.AppendInt(dst, int64(v), 10)
	case value.UUID:
		return append(hex.AppendEncode(append(dst, '"'), v[:]), '"')
	case value.Raw:
		return value.AppendString(dst, string(v))
	case value.Date:
		return value.AppendString(dst, v.String())
	}
	return value.AppendString(dst, t.AppendJSON(nil, v))
}
