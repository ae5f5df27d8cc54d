package contract

// This file knows just enough of CEL's tokens to find where an expression ends
// among the words of a field, and which names it uses; package rule parses it.

// celToken is one token of an expression, from one byte offset to another.
type celToken struct {
	kind     celKind
	from, to int
}

type celKind uint8

const (
	celEnd celKind = iota
	celIdent
	celNumber
	celString
	celPunct
)

// celNext finds the token at or after offset i.
func celNext(s string, i int) celToken {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	if i >= len(s) {
		return celToken{celEnd, len(s), len(s)}
	}
	from := i
	switch c := s[i]; {
	case c == '"' || c == '\'':
		return celToken{celString, from, celStringEnd(s, i)}
	case isLetter(c):
		for i < len(s) && (isLetter(s[i]) || isDigit(s[i])) {
			i++
		}
		if i < len(s) && i-from <= 2 && (s[i] == '"' || s[i] == '\'') && isStringPrefix(s[from:i]) {
			return celToken{celString, from, celStringEnd(s, i)}
		}
		return celToken{celIdent, from, i}
	case isDigit(c):
		for i < len(s) && (isLetter(s[i]) || isDigit(s[i]) || s[i] == '.') {
			i++
		}
		return celToken{celNumber, from, i}
	}
	return celToken{celPunct, from, i + 1}
}

func celStringEnd(s string, i int) int {
	quote := s[i]
	if i+2 < len(s) && s[i+1] == quote && s[i+2] == quote {
		for j := i + 3; j+2 < len(s); j++ {
			if s[j] == '\\' {
				j++
			} else if s[j] == quote && s[j+1] == quote && s[j+2] == quote {
				return j + 3
			}
		}
		return len(s)
	}
	for j := i + 1; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case quote:
			return j + 1
		}
	}
	return len(s)
}

func isStringPrefix(s string) bool {
	for _, c := range s {
		switch c {
		case 'r', 'R', 'b', 'B':
		default:
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// celExtent is the offset at which the expression that begins at i ends: before
// the first name that directly follows a complete operand, which no expression
// can hold, and which is therefore a word of the field.
func celExtent(s string, i int) int {
	depth := 0
	operand := false // the token before ends an operand
	end := i
	for {
		t := celNext(s, i)
		if t.kind == celEnd {
			return end
		}
		word := s[t.from:t.to]
		switch {
		case t.kind == celIdent && word == "in":
			operand = false
		case t.kind == celPunct:
			switch word {
			case "(", "[", "{":
				depth++
				operand = false
			case ")", "]", "}":
				depth--
				operand = true
			default:
				operand = false
			}
		default:
			if operand && depth <= 0 {
				return end
			}
			operand = true
		}
		i, end = t.to, t.to
	}
}

// celNames calls use with every name of an expression that does not stand behind a dot.
func celNames(s string, use func(name string)) {
	dot := false
	for i := 0; ; {
		t := celNext(s, i)
		if t.kind == celEnd {
			return
		}
		if t.kind == celIdent && !dot {
			use(s[t.from:t.to])
		}
		dot = t.kind == celPunct && s[t.from] == '.'
		i = t.to
	}
}
