package contract

import (
	"strings"
	"unicode/utf8"
)

// text is a scalar's value, or a part of it, that knows where each of its
// characters stands in the file.
type text struct {
	s      string
	pos    Pos     // of s[0]
	origin *origin // nil: s stands on one line exactly as it reads
}

// origin says where the characters of a scalar stand when they do not simply
// follow each other: several lines, escapes, doubled quotes.
type origin struct {
	base  int // offset of the text within the whole scalar
	marks []mark
}

// mark is the place of one byte offset; the characters after it follow to its right.
type mark struct{ offset, line, col int }

// at is the place of the byte at offset.
func (t text) at(offset int) Pos {
	offset = min(max(offset, 0), len(t.s))
	if t.origin == nil {
		return Pos{t.pos.File, t.pos.Line, t.pos.Col + utf8.RuneCountInString(t.s[:offset])}
	}
	best := mark{0, t.pos.Line, t.pos.Col}
	for _, m := range t.origin.marks {
		if m.offset-t.origin.base > offset {
			break
		}
		if m.offset >= t.origin.base {
			best = mark{m.offset - t.origin.base, m.line, m.col}
		}
	}
	return Pos{t.pos.File, best.line, best.col + utf8.RuneCountInString(t.s[best.offset:offset])}
}

// cut is the part from one byte offset to another.
func (t text) cut(from, to int) text {
	part := text{s: t.s[from:to], pos: t.at(from)}
	if t.origin != nil {
		part.origin = &origin{t.origin.base + from, t.origin.marks}
	}
	return part
}

// trim cuts white space off both ends.
func (t text) trim() text {
	left := len(t.s) - len(strings.TrimLeft(t.s, " \t\r\n"))
	right := len(strings.TrimRight(t.s, " \t\r\n"))
	if left >= right {
		return t.cut(0, 0)
	}
	return t.cut(left, right)
}

// splitText cuts a text at a sign; white space around the parts is left out.
func splitText(t text, at byte) []text {
	var list []text
	from := 0
	for i := 0; i <= len(t.s); i++ {
		if i == len(t.s) || t.s[i] == at {
			list = append(list, t.cut(from, i).trim())
			from = i + 1
		}
	}
	return list
}

func (t text) expr() Expr { return Expr{Source: t.s, Pos: t.pos, origin: t.origin} }

// At is the place of the byte at offset of Source, also where the expression
// runs over several lines or holds escapes.
func (e Expr) At(offset int) Pos { return text{e.Source, e.Pos, e.origin}.at(offset) }

// align finds where each character of value stands in raw, the source from the
// scalar's first character on, whose place is pos. What raw has more (line breaks
// and indentation that fold to one space, escapes within double quotes, doubled
// single quotes) is skipped; quote is 0 for a scalar without quotes.
func align(value, raw string, pos Pos, quote byte) *origin {
	o := &origin{}
	line, col := pos.Line, pos.Col
	straight := false // the next character follows the one before
	i, j := 0, 0
	step := func() rune {
		r, n := utf8.DecodeRuneInString(raw[j:])
		j += n
		if r == '\n' {
			line, col = line+1, 1
		} else {
			col++
		}
		return r
	}
	for i < len(value) && j < len(raw) {
		want, width := utf8.DecodeRuneInString(value[i:])
		have, _ := utf8.DecodeRuneInString(raw[j:])
		switch {
		case have == want && !(have == '\\' && quote == '"') && !(have == ' ' && blankToEnd(raw[j:])):
			if !straight {
				o.marks = append(o.marks, mark{i, line, col})
			}
			straight = have != '\n'
			step()
			i += width
			if have == '\'' && quote == '\'' && strings.HasPrefix(raw[j:], "'") {
				step()
				straight = false
			}
		case have == ' ' || have == '\n' || have == '\r' || have == '\t':
			if want == ' ' || want == '\n' { // a folded line break
				o.marks = append(o.marks, mark{i, line, col})
				i += width
				for j < len(raw) && strings.ContainsRune(" \t\r\n", rune(raw[j])) {
					step()
				}
				for i < len(value) && value[i] == '\n' {
					i++
				}
			} else {
				step()
			}
			straight = false
		case have == '\\' && quote == '"':
			o.marks = append(o.marks, mark{i, line, col})
			n := escapeLength(raw[j:])
			for end := j + n; j < end && j < len(raw); {
				step()
			}
			if n > 0 && raw[min(j, len(raw))-1] != '\n' {
				i += width
			}
			straight = false
		default:
			return o // not aligned any further: the rest is told by the last mark
		}
	}
	return o
}

func blankToEnd(s string) bool {
	rest := strings.TrimLeft(s, " \t\r")
	return rest == "" || rest[0] == '\n'
}

// escapeLength is the length of the escape at the start of a double-quoted text.
func escapeLength(s string) int {
	if len(s) < 2 {
		return len(s)
	}
	switch s[1] {
	case 'x':
		return 4
	case 'u':
		return 6
	case 'U':
		return 10
	}
	_, n := utf8.DecodeRuneInString(s[1:])
	return 1 + n
}
