package contract

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// Format writes one file of a contract in the canonical layout: two spaces of
// indentation, values in one column where lines belong together, a blank line
// between resources, every comment kept. The order of entries and the choice
// between {…} and a block are the author's, but a line longer than 120
// characters becomes a block. It fails when the YAML cannot be read; faults of
// the contract are no hindrance. Formatting twice changes nothing more.
func Format(name string, src []byte) ([]byte, error) {
	root, err := parseFile(name, src)
	if err != nil {
		return nil, err
	}
	y := &layout{f: root.f, comments: comments(root)}
	top := y.block(root, nil, nil)
	y.attach(top)
	var p printer
	p.block(top, 0)
	if len(top.entries) == 0 {
		p.line(0, "{}")
	}
	out := append(bytes.TrimRight(bytes.TrimLeft(p.out.Bytes(), "\n"), "\n"), '\n')
	again, err := parseFile(name, out)
	if err != nil || !sameValues(root.n, again.n) || len(comments(again)) != len(y.comments) {
		return nil, Faults{{Pos: Pos{name, 1, 1}, What: "this file cannot be laid out without changing it", Mend: "please report it with the file"}}
	}
	return out, nil
}

// parseFile reads a file's YAML alone.
func parseFile(name string, src []byte) (node, error) {
	l := &loader{c: &Contract{}}
	f := l.read(name, src)
	if f != nil {
		root := node{f.root, f}
		l.strict(root)
		if len(l.faults) == 0 && root.isMap() {
			return root, nil
		}
		if len(l.faults) == 0 {
			l.fault(root.pos(), "", "a contract is a mapping of names to values", "begin with 'mainstay: 1'")
		}
	}
	return node{}, Faults(Sort(l.faults))
}

// sameValues reports whether two trees say the same, however they are written;
// spaces within plain text do not count.
func sameValues(a, b *yaml.Node) bool {
	if a.Kind != b.Kind || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Kind == yaml.ScalarNode && a.Value != b.Value && strings.Join(strings.Fields(a.Value), "") != strings.Join(strings.Fields(b.Value), "") {
		return false
	}
	for i := range a.Content {
		if !sameValues(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}

type printer struct{ out bytes.Buffer }

func (p *printer) line(depth int, s string) {
	if s != "" {
		fmt.Fprintf(&p.out, "%*s%s", 2*depth, "", s)
	}
	p.out.WriteByte('\n')
}

func (p *printer) block(b *block, depth int) {
	lines := make([]string, len(b.entries))
	for i, pad := range pads(b) {
		lines[i] = b.entries[i].firstLine(pad)
	}
	tails := tailColumns(b, lines, depth)
	for i, e := range b.entries {
		p.lead(b, i, depth)
		line := lines[i]
		if e.tail != "" && (len(e.more) == 0 || isBlockScalar(e)) {
			line += strings.Repeat(" ", max(1, tails[i]-utf8.RuneCountInString(line))) + e.tail
		}
		p.entry(b, e, line, depth)
	}
	p.lines(depth, trimBlank(b.foot))
}

// entry writes one entry, whose first line is ready.
func (p *printer) entry(b *block, e *entry, line string, depth int) {
	if b.list && e.inner != nil { // the first line of what is inside follows the dash
		if e.tail != "" {
			p.line(depth, e.tail)
		}
		var inner printer
		inner.block(e.inner, depth+1)
		text := inner.out.Bytes()
		mark := 2 * depth
		if first := e.inner.entries[0]; len(trimBlank(first.lead)) > 0 {
			p.line(depth, "-")
		} else {
			copy(text[mark:], "- ")
		}
		p.out.Write(text)
		return
	}
	p.line(depth, line)
	for i, more := range e.more {
		if i == len(e.more)-1 && e.tail != "" && !isBlockScalar(e) {
			more += "  " + e.tail
		}
		p.line(depth+1, more)
	}
	if e.inner != nil {
		p.block(e.inner, depth+1)
	}
}

func isBlockScalar(e *entry) bool {
	return e.value != "" && (e.value[0] == '|' || e.value[0] == '>')
}

// lead writes the blank lines and comments above an entry.
func (p *printer) lead(b *block, i, depth int) {
	lead := b.entries[i].lead
	if i == 0 {
		for len(lead) > 0 && lead[0] == "" {
			lead = lead[1:]
		}
	} else if apart(b, i) && (len(lead) == 0 || lead[0] != "") {
		lead = append([]string{""}, lead...)
	}
	p.lines(depth, lead)
}

// apart reports whether a blank line stands above entry i: between resources,
// and between the sections that are blocks.
func apart(b *block, i int) bool {
	switch {
	case len(b.path) == 0:
		return b.entries[i].inner != nil || b.entries[i-1].inner != nil
	case len(b.path) == 1 && b.path[0] == "resources":
		return true
	}
	return false
}

// lines writes comments, never two blank lines together.
func (p *printer) lines(depth int, list []string) {
	for i, s := range list {
		if s == "" && i > 0 && list[i-1] == "" {
			continue
		}
		p.line(depth, s)
	}
}

func trimBlank(list []string) []string {
	for len(list) > 0 && list[len(list)-1] == "" {
		list = list[:len(list)-1]
	}
	return list
}

// firstLine is an entry's line, its value moved right by pad.
func (e *entry) firstLine(pad int) string {
	switch {
	case e.owner.list:
		return strings.TrimRight("- "+e.value, " ")
	case e.value == "":
		return e.key + ":"
	}
	return e.key + ":" + strings.Repeat(" ", 1+pad) + e.value
}

// aligned are the parts of a resource whose values stand in one column.
var aligned = []string{"fields", "access", "actions", "filters", "hooks"}

// aligns reports whether a block's values stand in one column.
func (b *block) aligns() bool {
	if b.list || len(b.path) == 0 {
		return false
	}
	switch b.path[0] {
	case "resources":
		return len(b.path) > 2 && slices.Contains(aligned, b.path[2])
	case "rules", "services", "subscriptions":
		return len(b.path) == 1
	}
	return false
}

// pads is how many spaces more stand before each entry's value. Neighbours of
// one shape share a column; a block between them or a blank line begins anew.
func pads(b *block) []int {
	list := make([]int, len(b.entries))
	if !b.aligns() {
		return list
	}
	for i := 0; i < len(b.entries); {
		end := i + 1
		for end < len(b.entries) && simple(b.entries[i]) && simple(b.entries[end]) &&
			shape(b, b.entries[i]) == shape(b, b.entries[end]) && !slices.Contains(b.entries[end].lead, "") {
			end++
		}
		longest := 0
		for _, e := range b.entries[i:end] {
			longest = max(longest, utf8.RuneCountInString(e.key))
		}
		for j := i; j < end; j++ {
			list[j] = longest - utf8.RuneCountInString(b.entries[j].key)
		}
		i = end
	}
	return list
}

func simple(e *entry) bool { return e.inner == nil && len(e.more) == 0 }

// shape tells single operations, joined ones and fields apart under access.
func shape(b *block, e *entry) int {
	switch {
	case len(b.path) != 3 || b.path[2] != "access":
		return 0
	case strings.HasPrefix(e.key, "field ") || strings.HasPrefix(e.key, "set "):
		return 1
	case strings.Contains(e.key, ","):
		return 2
	}
	return 0
}

// tailColumn is where the comments behind values begin when there is room.
const tailColumn = 34

// tailColumns is the column of each entry's trailing comment within its depth:
// one for all of a run without blank lines.
func tailColumns(b *block, lines []string, depth int) []int {
	columns := make([]int, len(lines))
	for i := 0; i < len(lines); {
		end := i + 1
		for end < len(lines) && !slices.Contains(b.entries[end].lead, "") && !apart(b, end) {
			end++
		}
		column := tailColumn - 2*depth
		for j := i; j < end; j++ {
			if b.entries[j].tail != "" {
				column = max(column, utf8.RuneCountInString(lines[j])+2)
			}
		}
		for j := i; j < end; j++ {
			columns[j] = column
		}
		i = end
	}
	return columns
}
