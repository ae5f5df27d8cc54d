package value

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Number is a JSON number as it was written.
type Number string

// SyntaxError is what is wrong with a JSON text, and where.
type SyntaxError struct {
	Offset int // bytes from the start
	What   string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.What, e.Offset) }

// DecodeJSON reads one JSON text (RFC 8259) into nil, bool, string, Number,
// []any and map[string]any. It is strict: members twice in one object, invalid
// UTF-8, lone surrogates, NUL characters, more than maxDepth nested lists and
// objects, and anything behind the text are a *SyntaxError.
func DecodeJSON(data []byte, maxDepth int) (any, error) {
	d := decoder{data: data, depth: maxDepth}
	if len(data) <= maxShared {
		d.shared = string(data)
	}
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	if d.space(); d.pos < len(data) {
		return nil, d.fault("something follows the JSON text")
	}
	return v, nil
}

// maxShared is the longest JSON text, in bytes, of which one copy serves for all strings
// in it. Those of a longer one are copied one by one, so that none keeps all of it.
const maxShared = 4 << 10

type decoder struct {
	data   []byte
	shared string // data, or empty
	pos    int
	depth  int // how much deeper it may go
}

func (d *decoder) fault(what string) error {
	if d.pos >= len(d.data) {
		return &SyntaxError{len(d.data), "the JSON text ends too early"}
	}
	return &SyntaxError{d.pos, what}
}

func (d *decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// next skips white space and looks at the next byte, 0 at the end.
func (d *decoder) next() byte {
	d.space()
	if d.pos == len(d.data) {
		return 0
	}
	return d.data[d.pos]
}

func (d *decoder) value() (any, error) {
	switch c := d.next(); {
	case c == '{':
		return d.object()
	case c == '[':
		return d.list()
	case c == '"':
		return d.text()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case d.word("true"):
		return true, nil
	case d.word("false"):
		return false, nil
	case d.word("null"):
		return nil, nil
	}
	return nil, d.fault("expected a JSON value")
}

func (d *decoder) word(w string) bool {
	if len(d.data)-d.pos < len(w) || string(d.data[d.pos:d.pos+len(w)]) != w {
		return false
	}
	d.pos += len(w)
	return true
}

// enter goes one level down into the list or object that begins here.
func (d *decoder) enter() error {
	if d.depth == 0 {
		return d.fault("too many nested lists and objects")
	}
	d.depth--
	d.pos++
	return nil
}

func (d *decoder) object() (any, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	members := map[string]any{}
	for first := true; ; first = false {
		c := d.next()
		if c == '}' && first {
			break
		}
		if c != '"' {
			return nil, d.fault("expected a member's name in quotes")
		}
		start := d.pos
		name, err := d.text()
		if err != nil {
			return nil, err
		}
		if _, twice := members[name]; twice {
			return nil, &SyntaxError{start, "the member " + strconv.Quote(name) + " stands twice in one object"}
		}
		if d.next() != ':' {
			return nil, d.fault("expected a colon")
		}
		d.pos++
		if members[name], err = d.value(); err != nil {
			return nil, err
		}
		if c = d.next(); c == '}' {
			break
		}
		if c != ',' {
			return nil, d.fault("expected a comma or the end of the object")
		}
		d.pos++
	}
	d.pos++
	d.depth++
	return members, nil
}

func (d *decoder) list() (any, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	items := []any{}
	for first := true; ; first = false {
		if d.next() == ']' && first {
			break
		}
		item, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		c := d.next()
		if c == ']' {
			break
		}
		if c != ',' {
			return nil, d.fault("expected a comma or the end of the list")
		}
		d.pos++
	}
	d.pos++
	d.depth++
	return items, nil
}

// part is a part of the text, as a string.
func (d *decoder) part(start, end int) string {
	if d.shared != "" {
		return d.shared[start:end]
	}
	return string(d.data[start:end])
}

// text reads the string whose opening quote stands here.
func (d *decoder) text() (string, error) {
	d.pos++
	start := d.pos
	var unescaped []byte // what came before start, once an escape was met
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			end := d.pos
			d.pos++
			if unescaped == nil {
				return d.part(start, end), nil
			}
			return string(append(unescaped, d.data[start:end]...)), nil
		case c == '\\':
			if unescaped == nil {
				unescaped = make([]byte, 0, 2*(d.pos-start)+16)
			}
			unescaped = append(unescaped, d.data[start:d.pos]...)
			var err error
			if unescaped, err = d.escape(unescaped); err != nil {
				return "", err
			}
			start = d.pos
		case c < 0x20:
			return "", d.fault("a control character in a string must be escaped")
		case c < utf8.RuneSelf:
			d.pos++
		default:
			r, size := utf8.DecodeRune(d.data[d.pos:])
			if r == utf8.RuneError && size == 1 {
				return "", d.fault("invalid UTF-8")
			}
			d.pos += size
		}
	}
	return "", d.fault("")
}

// escape reads the escape that begins here and appends what it stands for.
func (d *decoder) escape(dst []byte) ([]byte, error) {
	if d.pos+1 == len(d.data) {
		d.pos++
		return nil, d.fault("")
	}
	const letters, meaning = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	for i := range len(letters) {
		if d.data[d.pos+1] == letters[i] {
			d.pos += 2
			return append(dst, meaning[i]), nil
		}
	}
	r, ok := d.unicodeEscape(d.pos)
	size := 6
	if ok && r >= 0xdc00 && r < 0xe000 {
		return nil, d.fault("half of a surrogate pair")
	}
	if ok && r >= 0xd800 && r < 0xdc00 {
		low, both := d.unicodeEscape(d.pos + 6)
		if !both || low < 0xdc00 || low > 0xdfff {
			return nil, d.fault("half of a surrogate pair")
		}
		r = (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
		size = 12
	}
	switch {
	case !ok:
		return nil, d.fault("unknown escape in a string")
	case r == 0:
		return nil, d.fault("the character NUL is not allowed")
	}
	d.pos += size
	return utf8.AppendRune(dst, r), nil
}

// unicodeEscape reads \u and four hexadecimal digits at pos.
func (d *decoder) unicodeEscape(pos int) (rune, bool) {
	if pos+6 > len(d.data) || d.data[pos] != '\\' || d.data[pos+1] != 'u' {
		return 0, false
	}
	r := rune(0)
	for _, c := range d.data[pos+2 : pos+6] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

func (d *decoder) number() (any, error) {
	start := d.pos
	if d.data[d.pos] == '-' {
		d.pos++
	}
	leading := d.pos
	if d.digits() == 0 {
		return nil, d.fault("expected a digit")
	}
	if d.data[leading] == '0' && d.pos > leading+1 {
		d.pos = leading
		return nil, d.fault("a number must not begin with 0")
	}
	if d.pos < len(d.data) && d.data[d.pos] == '.' {
		d.pos++
		if d.digits() == 0 {
			return nil, d.fault("expected a digit")
		}
	}
	if d.pos < len(d.data) && d.data[d.pos]|0x20 == 'e' {
		d.pos++
		if d.pos < len(d.data) && (d.data[d.pos] == '+' || d.data[d.pos] == '-') {
			d.pos++
		}
		if d.digits() == 0 {
			return nil, d.fault("expected a digit")
		}
	}
	return Number(d.part(start, d.pos)), nil
}

// digits skips a run of digits and counts them.
func (d *decoder) digits() int {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos] >= '0' && d.data[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}
