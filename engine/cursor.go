package engine

import (
	"encoding/binary"
	"math"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// cursor is a place in a list: the sort keys of one record, its id last, and
// which way to go from it. On the wire it is sealed, and bound to the caller
// and to everything that decides which records the list has and in which order.
type cursor struct {
	back bool
	keys []any
}

// maxCursor bounds a cursor's text, as sent: sort keys are bounded.
const maxCursor = 64 << 10

// The tags tell what kind of value follows; they never change once published,
// since cursors outlive a deploy.
const (
	tagNull byte = iota
	tagFalse
	tagTrue
	tagInt
	tagFloat
	tagDecimal
	tagString
	tagDate
	tagTime
	tagTimestamp
	tagDuration
	tagID
)

// append writes c compactly: a direction, then a tag and a value per key.
func (c cursor) append(dst []byte) []byte {
	dst = append(dst, direction(c.back))
	for _, v := range c.keys {
		dst = append(dst, tagOf(v))
		switch v := v.(type) {
		case int64:
			dst = binary.AppendVarint(dst, v)
		case float64:
			dst = binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
		case value.Decimal:
			dst = appendText(dst, v.String())
		case string:
			dst = appendText(dst, v)
		case value.Date:
			dst = binary.AppendVarint(dst, int64(v))
		case value.Time:
			dst = binary.AppendVarint(dst, int64(v))
		case value.Timestamp:
			dst = binary.AppendVarint(dst, int64(v))
		case value.Duration:
			dst = binary.AppendVarint(dst, int64(v))
		case value.UUID:
			dst = append(dst, v[:]...)
		}
	}
	return dst
}

func direction(back bool) byte {
	if back {
		return 'b'
	}
	return 'f'
}

func tagOf(v any) byte {
	switch v := v.(type) {
	case bool:
		if v {
			return tagTrue
		}
		return tagFalse
	case int64:
		return tagInt
	case float64:
		return tagFloat
	case value.Decimal:
		return tagDecimal
	case string:
		return tagString
	case value.Date:
		return tagDate
	case value.Time:
		return tagTime
	case value.Timestamp:
		return tagTimestamp
	case value.Duration:
		return tagDuration
	case value.UUID:
		return tagID
	}
	return tagNull
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// readCursor is the inverse of append. What it accepts was sealed by us, so a
// fault here is a cursor of an older version.
func readCursor(data []byte) (c cursor, ok bool) {
	if len(data) == 0 || data[0] != direction(false) && data[0] != direction(true) {
		return c, false
	}
	c.back = data[0] == direction(true)
	for data = data[1:]; len(data) > 0; {
		v, n := readKey(data[0], data[1:])
		if n < 0 || len(c.keys) > maxSort {
			return c, false
		}
		c.keys = append(c.keys, v)
		data = data[1+n:]
	}
	return c, true
}

// readKey reads one value and tells its length, -1 when it is none.
func readKey(tag byte, data []byte) (v any, n int) {
	switch tag {
	case tagNull:
		return nil, 0
	case tagFalse, tagTrue:
		return tag == tagTrue, 0
	case tagFloat:
		if len(data) < 8 {
			return nil, -1
		}
		return math.Float64frombits(binary.BigEndian.Uint64(data)), 8
	case tagID:
		if len(data) < 16 {
			return nil, -1
		}
		return value.UUID(data[:16]), 16
	case tagDecimal, tagString:
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return nil, -1
		}
		end := n + int(length)
		text := string(data[n:end])
		if tag == tagString {
			return text, end
		}
		d, err := value.ParseDecimal(text)
		if err != nil {
			return nil, -1
		}
		return d, end
	}
	i, n := binary.Varint(data)
	if n <= 0 {
		return nil, -1
	}
	switch tag {
	case tagInt:
		return i, n
	case tagDate:
		return value.Date(i), n
	case tagTime:
		return value.Time(i), n
	case tagTimestamp:
		return value.Timestamp(i), n
	case tagDuration:
		return value.Duration(i), n
	}
	return nil, -1
}

// tagsFor reports whether a value of this kind may carry the tag.
func tagsFor(t *value.Type, tag byte) bool {
	switch t.Kind {
	case value.Bool:
		return tag == tagFalse || tag == tagTrue
	case value.Int, value.BigInt:
		return tag == tagInt
	case value.Float:
		return tag == tagFloat
	case value.DecimalKind:
		return tag == tagDecimal
	case value.String, value.Enum:
		return tag == tagString
	case value.DateKind:
		return tag == tagDate
	case value.TimeKind:
		return tag == tagTime
	case value.TimestampKind:
		return tag == tagTimestamp
	case value.DurationKind:
		return tag == tagDuration
	case value.ID:
		return tag == tagID
	}
	return false
}

// boundTo is what a cursor of this list is bound to besides its own content:
// caller, resource, parent, order and every condition with its values.
func (a *ask) boundTo() []byte {
	if len(a.bound) > 0 {
		return a.bound
	}
	op, dst := a.op, a.bound
	if who := a.env.Caller; who != nil {
		dst = appendText(dst, string(who.ID[:]))
	} else {
		dst = appendText(dst, "")
	}
	dst = appendText(dst, op.Resource.Name)
	if op.Parent != nil {
		dst = appendText(dst, op.Parent.Resource.Name)
		dst = appendText(dst, op.Parent.ID)
		dst = appendText(dst, op.Parent.Many)
	} else {
		dst = appendText(dst, "")
	}
	dst = appendText(dst, op.Query.Sort)
	dst = appendText(dst, op.Query.Filter)
	dst = appendText(dst, op.Query.Search)
	for _, q := range op.Query.Equal {
		dst = appendText(dst, q.Name)
		dst = binary.AppendUvarint(dst, uint64(len(q.Values)))
		for _, v := range q.Values {
			dst = appendText(dst, v)
		}
	}
	a.bound = dst
	return dst
}

// readCursor opens the cursor of a list and puts its keys among the literals. A
// cursor that was altered or belongs to another caller or list is CursorInvalid.
func (e *Engine) readCursor(a *ask) error {
	text := a.op.Query.Cursor
	if text == "" {
		return nil
	}
	if len(text) > maxCursor {
		return badCursor()
	}
	plain, err := e.keys.Unseal("cursor", text, a.boundTo())
	if err != nil {
		return badCursor()
	}
	c, ok := readCursor(plain)
	if !ok || len(c.keys) == 0 {
		return badCursor()
	}
	a.cursor = c
	a.after = a.push(c.keys...)
	a.key = append(a.key, 'c', direction(c.back))
	for _, v := range c.keys {
		tag := tagOf(v)
		if tag == tagFalse {
			tag = tagTrue // a value must not make another plan
		}
		a.key = append(a.key, tag)
	}
	return nil
}

func badCursor() error {
	return problem.Errorf(problem.CursorInvalid, "the cursor does not belong to this list; begin again without it")
}

// sealCursor is the text of a cursor.
func (e *Engine) sealCursor(a *ask, c cursor) string {
	return e.keys.Seal("cursor", c.append(make([]byte, 0, 64)), a.boundTo())
}
