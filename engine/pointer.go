package engine

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxShown is how much of a name is said back, in code points.
const maxShown = 64

// spot is a place in a body, as the chain of members and items that lead to it. The zero
// spot is the body itself; one of its members is not on the heap, like most that are made.
type spot struct {
	up   *spot // nil: the body
	name string
	item int // so many'th of a list, from 1; 0: the body, -1: a member
}

func (s spot) member(name string) spot { return spot{s.parent(), name, -1} }
func (s spot) at(item int) spot        { return spot{s.parent(), "", item + 1} }

func (s spot) parent() *spot {
	if s.item == 0 {
		return nil
	}
	up := s
	return &up
}

// String is the spot as a JSON pointer in a URI fragment (RFC 6901, 6).
func (s spot) String() string {
	up := "#"
	if s.up != nil {
		up = s.up.String()
	}
	switch {
	case s.item == 0:
		return up
	case s.item > 0:
		return up + "/" + strconv.Itoa(s.item-1)
	}
	return up + "/" + escapePointer(s.name)
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
