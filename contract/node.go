package contract

import (
	"sort"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// file is one file of a contract.
type file struct {
	name   string
	src    string // as written, without a byte order mark
	starts []int  // byte offset of each line
	root   *yaml.Node
}

func newFile(name, src string) *file {
	f := &file{name: name, src: src, starts: []int{0}}
	for i := range len(src) {
		if src[i] == '\n' {
			f.starts = append(f.starts, i+1)
		}
	}
	return f
}

// offset is the byte offset of a place, both 1-based, col in code points.
func (f *file) offset(line, col int) int {
	if line < 1 || line > len(f.starts) {
		return len(f.src)
	}
	i := f.starts[line-1]
	for ; col > 1 && i < len(f.src) && f.src[i] != '\n'; col-- {
		if f.src[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, n := utf8.DecodeRuneInString(f.src[i:])
		i += n
	}
	return i
}

// place is the position of a byte offset.
func (f *file) place(offset int) Pos {
	line := sort.SearchInts(f.starts, offset+1)
	return Pos{f.name, line, utf8.RuneCountInString(f.src[f.starts[line-1]:offset]) + 1}
}

// line is a line's text without its end; line is 1-based.
func (f *file) line(line int) string {
	if line < 1 || line > len(f.starts) {
		return ""
	}
	end := len(f.src)
	if line < len(f.starts) {
		end = f.starts[line] - 1
	}
	return strings.TrimSuffix(f.src[f.starts[line-1]:end], "\r")
}

// node is a YAML node that knows its file.
type node struct {
	n *yaml.Node
	f *file
}

// pair is a key of a mapping and its value.
type pair struct {
	name       string
	key, value node
}

const (
	broken   = "\ue000" // stands for a value whose fault has been reported
	quotes   = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle
	blocks   = yaml.LiteralStyle | yaml.FoldedStyle
	notPlain = quotes | blocks
)

func (v node) pos() Pos       { return Pos{v.f.name, v.n.Line, v.n.Column} }
func (v node) isMap() bool    { return v.n.Kind == yaml.MappingNode }
func (v node) isList() bool   { return v.n.Kind == yaml.SequenceNode }
func (v node) isScalar() bool { return v.n.Kind == yaml.ScalarNode }
func (v node) isPlain() bool  { return v.isScalar() && v.n.Style&notPlain == 0 }
func (v node) isFlow() bool   { return v.n.Style&yaml.FlowStyle != 0 }
func (v node) isBroken() bool { return v.isScalar() && v.n.Value == broken }

// isEmpty is true for no value at all, ~ and null.
func (v node) isEmpty() bool { return v.isPlain() && v.n.Tag == "!!null" }

func (v node) breakIt() {
	*v.n = yaml.Node{Kind: yaml.ScalarNode, Value: broken, Line: v.n.Line, Column: v.n.Column}
}

// pairs lists a mapping's entries in the order written.
func (v node) pairs() []pair {
	list := make([]pair, 0, len(v.n.Content)/2)
	for i := 0; i+1 < len(v.n.Content); i += 2 {
		k := v.n.Content[i]
		list = append(list, pair{k.Value, node{k, v.f}, node{v.n.Content[i+1], v.f}})
	}
	return list
}

// items lists a sequence's elements.
func (v node) items() []node {
	list := make([]node, 0, len(v.n.Content))
	for _, n := range v.n.Content {
		list = append(list, node{n, v.f})
	}
	return list
}

// text is a scalar's value with its places.
func (v node) text() text {
	pos := v.pos()
	start := v.f.offset(pos.Line, pos.Col)
	quote := byte(0)
	switch {
	case v.n.Style&blocks != 0:
		end := strings.IndexByte(v.f.src[start:], '\n')
		if end < 0 {
			return text{s: v.n.Value, pos: pos}
		}
		start += end + 1
		pos = Pos{pos.File, pos.Line + 1, 1}
		t := text{s: v.n.Value, pos: pos, origin: align(v.n.Value, v.f.src[start:], pos, 0)}
		t.pos = t.at(0)
		return t
	case v.n.Style&quotes != 0:
		quote = v.f.src[start]
		start++
		pos.Col++
	}
	if strings.HasPrefix(v.f.src[start:], v.n.Value) && !strings.Contains(v.n.Value, "\n") {
		return text{s: v.n.Value, pos: pos}
	}
	return text{s: v.n.Value, pos: pos, origin: align(v.n.Value, v.f.src[start:], pos, quote)}
}

// end is the byte offset after a scalar or a flow collection.
func (v node) end() int {
	start := v.f.offset(v.n.Line, v.n.Column)
	switch {
	case v.isFlow() && !v.isScalar():
		end, _ := flowEnd(v.f.src, start)
		return end
	case v.n.Style&quotes != 0:
		return quoteEnd(v.f.src, start)
	case v.n.Style&blocks != 0:
		return v.blockEnd(start)
	}
	t := v.text()
	if t.origin == nil {
		return start + len(t.s)
	}
	last := t.at(len(t.s))
	return v.f.offset(last.Line, last.Col)
}

// blockEnd is the offset after the last line of a block scalar's content: the
// lines that are blank or indented as far as the first one.
func (v node) blockEnd(start int) int {
	end := start + strings.IndexByte(v.f.src[start:]+"\n", '\n')
	if strings.TrimSpace(v.n.Value) == "" {
		return end
	}
	bound := -1
	for n := v.n.Line + 1; n <= len(v.f.starts); n++ {
		line := v.f.line(n)
		if strings.TrimSpace(line) == "" {
			continue
		}
		if bound < 0 {
			bound = indent(line)
		}
		if indent(line) < bound {
			break
		}
		end = v.f.starts[n-1] + len(line)
	}
	return min(end, len(v.f.src))
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// quoteEnd is the offset after a quoted text's closing quote.
func quoteEnd(s string, start int) int {
	quote := s[start]
	for i := start + 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] == quote && quote == '\'' && i+1 < len(s) && s[i+1] == quote:
			i++
		case s[i] == quote:
			return i + 1
		}
	}
	return len(s)
}

// flowEnd is the offset after the bracket that closes the one at start; when none
// does, the end of s.
func flowEnd(s string, start int) (end int, closed bool) {
	depth := 0
	for i := start; i < len(s); i++ {
		switch c := s[i]; c {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, true
			}
		case '"', '\'':
			// A quote opens a quoted text only where a value begins; inside a plain
			// one it is a letter like any other, but the expressions that stand there
			// close their quotes too.
			if end := quoteEnd(s, i); end <= len(s) && beginsValue(s, i) {
				i = end - 1
			}
		case '#':
			if i > 0 && strings.IndexByte(" \n", s[i-1]) >= 0 {
				i += strings.IndexByte(s[i:]+"\n", '\n')
			}
		}
	}
	return len(s), false
}

// beginsValue reports whether a flow value or key may begin at i.
func beginsValue(s string, i int) bool {
	before := strings.TrimRight(s[:i], " \t\r\n")
	return before == "" || strings.IndexByte("[{,:", before[len(before)-1]) >= 0
}
