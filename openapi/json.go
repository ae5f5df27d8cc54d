package openapi

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/mainstay-run/mainstay/value"
)

// object is a JSON object whose members stand in the order written, so that a
// document reads the same, byte for byte, every time it is made. Its members'
// values are objects, []object, []any, []string, string, bool and int.
type object []member

type member struct {
	name  string
	value any
}

// with appends a member, unless its value is empty.
func (o object) with(name string, value any) object {
	switch v := value.(type) {
	case nil:
		return o
	case string:
		if v == "" {
			return o
		}
	case bool:
		if !v {
			return o
		}
	case object:
		if len(v) == 0 {
			return o
		}
	case []object:
		if len(v) == 0 {
			return o
		}
	case []string:
		if len(v) == 0 {
			return o
		}
	}
	return append(o, member{name, value})
}

// get is a member's value, nil when there is none.
func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// appendJSON appends v indented by two spaces a level; a list of plain values
// stays on one line.
func appendJSON(dst []byte, v any, level int) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case json.Number:
		return append(dst, v...)
	case string:
		return value.AppendString(dst, v)
	case object:
		return appendObject(dst, v, level)
	case []object:
		return appendList(dst, len(v), func(i int) any { return v[i] }, level)
	case []string:
		return appendList(dst, len(v), func(i int) any { return v[i] }, level)
	case []any:
		return appendList(dst, len(v), func(i int) any { return v[i] }, level)
	}
	panic(fmt.Sprintf("openapi: a document holds no %T", v))
}

func appendObject(dst []byte, o object, level int) []byte {
	if len(o) == 0 {
		return append(dst, "{}"...)
	}
	dst = append(dst, '{')
	for i, m := range o {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendLine(dst, level+1)
		dst = value.AppendString(dst, m.name)
		dst = append(dst, ": "...)
		dst = appendJSON(dst, m.value, level+1)
	}
	dst = appendLine(dst, level)
	return append(dst, '}')
}

func appendList(dst []byte, n int, at func(int) any, level int) []byte {
	flat := true
	for i := range n {
		switch at(i).(type) {
		case object, []any, []object:
			flat = false
		}
	}
	dst = append(dst, '[')
	for i := range n {
		switch {
		case !flat:
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendLine(dst, level+1)
		case i > 0:
			dst = append(dst, ", "...)
		}
		dst = appendJSON(dst, at(i), level+1)
	}
	if !flat {
		dst = appendLine(dst, level)
	}
	return append(dst, ']')
}

func appendLine(dst []byte, level int) []byte {
	dst = append(dst, '\n')
	for range level {
		dst = append(dst, "  "...)
	}
	return dst
}
