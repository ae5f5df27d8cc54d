package rule

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// FilterShape cuts the literals out of a filter's text without parsing it: key
// names the shape, raw are the literals in the order of the text, for
// Expr.Literals of an expression with the same key. ok is false when the text
// holds a literal that cannot be cut simply (escapes, other bases) or is too
// long; such a filter has to be parsed each time.
func FilterShape(text string) (key string, raw []any, ok bool) {
	if utf8.RuneCountInString(text) > maxText {
		return "", nil, false
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		ch := text[i]
		switch {
		case ch == '"' || ch == '\'':
			end := strings.IndexByte(text[i+1:], ch)
			if end < 0 || wordBefore(text, i) {
				return "", nil, false
			}
			s := text[i+1 : i+1+end]
			if strings.ContainsAny(s, "\\\n\r\x00") || s == "" && strings.HasPrefix(text[i+2:], text[i:i+1]) {
				return "", nil, false
			}
			raw = append(raw, s)
			b.WriteByte('"')
			if strings.Trim(strings.TrimPrefix(s, "-"), ".0123456789") == "" {
				// It may be a decimal, whose type depends on its digits.
				whole, fraction := digits(s)
				b.WriteString(strconv.Itoa(whole) + "." + strconv.Itoa(fraction))
			}
			b.WriteByte('"')
			i += end + 2
		case ch == '/' && strings.HasPrefix(text[i:], "//"), ch >= '0' && ch <= '9' && i > 0 && text[i-1] == '.':
			return "", nil, false // a comment; a number such as .5
		case ch >= '0' && ch <= '9' && !wordBefore(text, i):
			n, width, simple := number(text[i:])
			if !simple {
				return "", nil, false
			}
			raw = append(raw, n)
			switch v := n.(type) {
			case int64:
				b.WriteString("#" + strconv.Itoa(integerDigits(v)))
			case float64:
				b.WriteString("#f")
			}
			i += width
		default:
			b.WriteByte(ch)
			i++
		}
	}
	return b.String(), raw, true
}

// wordBefore reports whether text[i] continues a word: x1, or the prefix of r"…".
func wordBefore(text string, i int) bool {
	if i == 0 {
		return false
	}
	c := text[i-1]
	return c == '_' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// number reads a decimal integer or float at the start of s.
func number(s string) (v any, width int, ok bool) {
	float := false
	for width < len(s) {
		c := s[width]
		if c == '.' && !float && width+1 < len(s) && s[width+1] >= '0' && s[width+1] <= '9' {
			float = true
		} else if c < '0' || c > '9' {
			break
		}
		width++
	}
	if width < len(s) {
		if c := s[width] | 0x20; c >= 'a' && c <= 'z' || s[width] == '_' || s[width] == '.' {
			return nil, 0, false // 1e3, 0x1F, 5u, 1.
		}
	}
	if float {
		f, err := strconv.ParseFloat(s[:width], 64)
		return f, width, err == nil
	}
	n, err := strconv.ParseInt(s[:width], 10, 64)
	return n, width, err == nil
}
