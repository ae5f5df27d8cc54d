package contract

import (
	"encoding/json"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// This file turns a file's nodes and comments into the tree that Format prints.

// width is how long a line with {…} or […] may be before it becomes a block.
const width = 120

// block is a mapping or a list, one entry a line.
type block struct {
	path    []string
	in      *entry // whose value it is; nil for the whole file
	list    bool
	col     int // of its entries in the source; 0 when it was written inline
	entries []*entry
	foot    []string // comments behind the last entry; "" is a blank line
}

// entry is one entry of a block.
type entry struct {
	lead  []string // comments and blank lines above; "" is a blank line
	key   string   // as written; "" in a list
	value string   // the value, or its first line
	more  []string // its other lines, without their indentation
	tail  string   // the comment behind it
	inner *block

	line, start, valueStart int // in the source
	owner                   *block
}

// layout collects the entries of a file in the order in which they stand.
type layout struct {
	f        *file
	comments []comment
	entries  []*entry
}

// block lays out a mapping or list whose entries stand on lines of their own.
func (y *layout) block(v node, path []string, in *entry) *block {
	b := &block{path: path, list: v.isList(), in: in}
	if !v.isFlow() {
		b.col = v.n.Column
	}
	if b.list {
		for _, item := range v.items() {
			e := y.entry(b, item, v.isFlow())
			if b.col > 0 {
				e.start = min(e.start, y.f.offset(item.n.Line, b.col))
			}
			y.value(e, item, append(slices.Clone(path), "-"))
		}
		return b
	}
	for _, p := range v.pairs() {
		e := y.entry(b, p.key, v.isFlow())
		e.key = y.f.src[y.f.offset(p.key.n.Line, p.key.n.Column):p.key.end()]
		inside := append(slices.Clone(path), p.name)
		if len(inside) == 4 && inside[0] == "resources" && inside[2] == "access" {
			e.key = tidyAccess(e.key)
		}
		y.value(e, p.value, inside)
	}
	return b
}

func (y *layout) entry(b *block, v node, inline bool) *entry {
	e := &entry{line: v.n.Line, start: y.f.offset(v.n.Line, v.n.Column), owner: b}
	if !inline && len(b.entries) > 0 && strings.TrimSpace(y.f.line(v.n.Line-1)) == "" {
		e.lead = []string{""}
	}
	b.entries = append(b.entries, e)
	y.entries = append(y.entries, e)
	return e
}

// value lays out an entry's value.
func (y *layout) value(e *entry, v node, path []string) {
	e.valueStart = y.f.offset(v.n.Line, v.n.Column)
	if v.isScalar() {
		e.value, e.more = scalarLines(v)
		if len(e.more) == 0 && v.isPlain() && len(path) > 3 && path[0] == "resources" && path[2] == "fields" {
			e.value = tidySpaces(e.value)
		}
		return
	}
	if v.isFlow() {
		line := inline(v)
		room := width - 2*len(path) - utf8.RuneCountInString(e.key) - utf8.RuneCountInString(line)
		if len(v.n.Content) == 0 || room >= 0 && !y.commentsIn(v) {
			e.value = line
			return
		}
	}
	e.inner = y.block(v, path, e)
}

func (y *layout) commentsIn(v node) bool {
	from, to := y.f.offset(v.n.Line, v.n.Column), v.end()
	return slices.ContainsFunc(y.comments, func(c comment) bool { return c.offset > from && c.offset < to })
}

// scalarLines is a scalar as written, the lines after the first without indentation.
func scalarLines(v node) (first string, more []string) {
	raw := v.f.src[v.f.offset(v.n.Line, v.n.Column):v.end()]
	first, rest, found := strings.Cut(strings.ReplaceAll(raw, "\r", ""), "\n")
	if v.n.Style&blocks != 0 {
		header, _, _ := strings.Cut(first, " ")
		if !found {
			return header, nil
		}
		return header, dedent(strings.Split(rest, "\n"))
	}
	if !found {
		return first, nil
	}
	for _, line := range strings.Split(rest, "\n") {
		line = strings.TrimLeft(line, " ")
		if trimmed := strings.TrimRight(line, " "); !strings.HasSuffix(trimmed, `\`) {
			line = trimmed
		}
		more = append(more, line)
	}
	return strings.TrimRight(first, " "), more
}

// dedent takes the first line's indentation off all lines.
func dedent(lines []string) []string {
	bound := 0
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			bound = indent(line)
			break
		}
	}
	for i, line := range lines {
		lines[i] = strings.TrimRight(line[min(bound, indent(line)):], " ")
	}
	return lines
}

// inline writes a node on one line.
func inline(v node) string {
	if v.isScalar() {
		if first, more := scalarLines(v); len(more) == 0 && v.n.Style&blocks == 0 {
			return first
		}
		if v.isPlain() && !strings.Contains(v.n.Value, "\n") {
			return v.n.Value
		}
		quoted, _ := json.Marshal(v.n.Value)
		return string(quoted)
	}
	var parts []string
	if v.isList() {
		for _, item := range v.items() {
			parts = append(parts, inline(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	for _, p := range v.pairs() {
		parts = append(parts, inline(p.key)+": "+inline(p.value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

var bars = regexp.MustCompile(`([A-Za-z0-9_]) *\| *([A-Za-z0-9_])`)

// tidyAccess puts one space behind each comma of "update,delete".
func tidyAccess(key string) string {
	if strings.ContainsAny(key, `"'`) {
		return key
	}
	parts := strings.Split(key, ",")
	for i := range parts {
		parts[i] = strings.Join(strings.Fields(parts[i]), " ")
	}
	return strings.Join(parts, ", ")
}

// tidySpaces leaves one space between the words of a field, texts in quotes
// aside, and none around the '|' of an enum.
func tidySpaces(s string) string {
	if words, ok := strings.CutPrefix(s, "enum "); ok {
		end := len(words)
		if at := equals(words); at >= 0 {
			end = at
		}
		tidy := bars.ReplaceAllString(words[:end], "$1|$2")
		s = "enum " + bars.ReplaceAllString(tidy, "$1|$2") + words[end:] // twice: neighbours share a letter
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case s[i] == '"' || s[i] == '\'':
			end := celStringEnd(s, i)
			b.WriteString(s[i:end])
			i = end
		case s[i] == ' ':
			b.WriteByte(' ')
			for i < len(s) && s[i] == ' ' {
				i++
			}
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// attach gives every comment to the entry or block that it belongs to.
func (y *layout) attach(root *block) {
	leads := map[*entry][]string{}
	feet := map[*block][]string{}
	for _, c := range y.comments {
		before := sort.Search(len(y.entries), func(i int) bool { return y.entries[i].start > c.offset }) - 1
		var prev, next *entry
		if before >= 0 {
			prev = y.entries[before]
		}
		if before+1 < len(y.entries) {
			next = y.entries[before+1]
		}
		if prev != nil && !c.alone && prev.tail == "" {
			prev.tail = c.text
			continue
		}
		lines := []string{c.text}
		if c.alone && strings.TrimSpace(y.f.line(c.line-1)) == "" {
			lines = []string{"", c.text}
		}
		if prev != nil && prev.inner == nil && prev.valueStart > c.offset {
			leads[prev] = append(leads[prev], lines...)
			continue
		}
		if next == nil && prev == nil {
			feet[root] = append(feet[root], lines...)
			continue
		}
		if b := ending(prev, next, c); b != nil {
			feet[b] = append(feet[b], lines...)
			continue
		}
		leads[next] = append(leads[next], lines...)
	}
	for e, lines := range leads {
		e.lead = append(lines, e.lead...)
	}
	for b, lines := range feet {
		b.foot = lines
	}
}

// ending is the block that a comment is the end of; nil when it leads to next.
func ending(prev, next *entry, c comment) *block {
	if prev == nil {
		return nil
	}
	for b := prev.owner; ; b = b.in.owner {
		if next != nil && b.holds(next) {
			return nil
		}
		if b.in == nil || b.col == 0 || c.col >= b.col {
			return b
		}
	}
}

// holds reports whether an entry stands in b or in a block within it.
func (b *block) holds(e *entry) bool {
	for ; e != nil; e = e.owner.in {
		if e.owner == b {
			return true
		}
	}
	return false
}
