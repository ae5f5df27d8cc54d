package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxShown is how much of a name is said back, in code points.
const maxShown = 64

// spot is a place in a body, as the chain of members and items that lead to it.
// nil is the body itself.
type spot struct {
	up   *spot
	name string
	item int // of a list; -1 for a member
}

func (s *spot) member(name string) *spot { return &spot{s, name, -1} }
func (s *spot) at(item int) *spot        { return &spot{s, "", item} }

// String is the spot as a JSON pointer in a URI fragment (RFC 6901, 6).
func (s *spot) String() string {
	if s == nil {
		return "#"
	}
	if s.item >= 0 {
		return s.up.String() + "/" + strconv.Itoa(s.item)
	}
	return s.up.String() + "/" + escapePointer(s.name)
}

func escapePointer(name string) string {
	if utf8.RuneCountInString(name) > maxShown {
		name = string([]rune(name)[:maxShown]) + "…"
	}
	var b strings.Builder
	for _, c := range []byte(name) {
		switch {
		case c == '~':
			b.WriteString("~0")
		case c == '/':
			b.WriteString("~1")
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._!$&'()*+,;=:@?", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
