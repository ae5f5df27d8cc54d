package contract

import (
	"fmt"
	"regexp"
	"strings"
)

// line is a line of a file that says something: no blank one, no comment.
type line struct {
	number, indent int
	text           string // without the indentation
	entry          bool   // it is 'name: value' or 'name:'
	value          string // what the value begins with, empty for none
}

// entryShape matches a line that is 'name: value' or 'name:'; its group is what
// the value begins with, empty for none.
var entryShape = regexp.MustCompile(`^[^\s#"'\-{}\[\]?!&*|>%@,][^#"'{}\[\]]*?:(?: +([^ #])|[ #]|$)`)

// straighten reports every entry that does not begin in the column of its
// neighbours, and moves it there, so that the rest is read as it was meant. What
// most of them do is right, and of two the one that the layout would choose.
// lines are those of f; it gives back the file that they make then.
func (l *loader) straighten(f *file, lines []string) *file {
	var all, moved []line
	for i, text := range lines {
		trimmed := strings.TrimLeft(text, " ")
		if strings.TrimSpace(trimmed) != "" && trimmed[0] != '#' {
			shape := entryShape.FindStringSubmatch(trimmed)
			e := line{number: i + 1, indent: indent(text), text: trimmed, entry: shape != nil}
			if e.entry {
				e.value = shape[1]
			}
			all = append(all, e)
		}
	}
	var block func(all []line, usual int)
	block = func(all []line, usual int) {
		entries, under := entriesOf(all)
		column, count := usual, map[int]int{}
		for _, e := range entries {
			if count[e.indent]++; count[e.indent] > count[column] {
				column = e.indent
			}
		}
		if count[usual] == count[column] {
			column = usual
		}
		for i, e := range entries {
			if e.indent != column {
				moved = append(moved, e)
				lines[e.number-1] = strings.Repeat(" ", column) + e.text
			}
			block(under[i], column+2)
		}
	}
	block(all, 0)
	if len(moved) == 0 {
		return f
	}
	straight := newFile(f.name, strings.Join(lines, "\n"))
	for _, e := range moved {
		l.syntax(straight, Pos{f.name, e.number, e.indent + 1}, "this line is not indented like its neighbours", fmt.Sprintf("begin it in column %d, as they do", indent(lines[e.number-1])+1))
	}
	return straight
}

// entriesOf finds the entries of one block, and what stands under each. A line is
// an entry of the block unless it is deeper than an entry that has room under it:
// a name without a value, or a value of several lines. nil when the block is not
// made of entries.
func entriesOf(all []line) (entries []line, under [][]line) {
	for i := 0; i < len(all); {
		e := all[i]
		if !e.entry {
			return nil, nil
		}
		end := i + 1
		for end < len(all) && all[end].indent > e.indent && !(isPlain(e.value) && all[end].entry) {
			end++
		}
		for end < len(all) && strings.Trim(all[end].text, "}], ") == "" {
			end++ // brackets that close what stands above
		}
		entries = append(entries, e)
		if e.value == "" {
			under = append(under, all[i+1:end])
		} else {
			under = append(under, nil)
		}
		i = end
	}
	return entries, under
}

// isPlain reports whether a value that begins so stands on its line alone or goes
// on in lines that are no entries.
func isPlain(first string) bool {
	return first != "" && !strings.Contains(`|>"'{[`, first)
}
