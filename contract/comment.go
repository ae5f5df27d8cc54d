package contract

import (
	"sort"
	"strings"
)

// above is the comment in the lines directly above a key, in the key's own
// column: its description. A blank line or anything else ends it.
func (v node) above() string {
	var lines []string
	for n := v.n.Line - 1; n >= 1; n-- {
		line := v.f.line(n)
		text := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(text, "#") || len(line)-len(text) != v.n.Column-1 {
			break
		}
		lines = append(lines, strings.TrimRight(strings.TrimPrefix(strings.TrimLeft(text, "#"), " "), " "))
	}
	for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
		lines[i], lines[j] = lines[j], lines[i]
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// comment is a comment of the file.
type comment struct {
	offset    int
	line, col int
	text      string // with its '#'
	alone     bool   // nothing stands before it on its line
}

// comments lists a file's comments in order: every '#' at the beginning of a
// line or behind a space that is not within a quoted or a block scalar.
func comments(v node) []comment {
	var spans [][2]int
	var find func(v node)
	find = func(v node) {
		if v.isScalar() && v.n.Style&(quotes|blocks) != 0 {
			start := v.f.offset(v.n.Line, v.n.Column)
			if v.n.Style&blocks != 0 { // its first line may end in a comment
				spans = append(spans, [2]int{start + strings.IndexByte(v.f.src[start:]+"\n", '\n'), v.end()})
				return
			}
			spans = append(spans, [2]int{start, v.end()})
		}
		for _, c := range v.items() {
			find(c)
		}
	}
	find(v)
	var list []comment
	for n := 1; n <= len(v.f.starts); n++ {
		line := v.f.line(n)
		for i := strings.IndexByte(line, '#'); i >= 0 && i < len(line); i++ {
			at := v.f.starts[n-1] + i
			if line[i] != '#' || i > 0 && line[i-1] != ' ' || within(spans, at) {
				continue
			}
			list = append(list, comment{
				offset: at, line: n, col: i + 1,
				text: strings.TrimRight(line[i:], " "), alone: strings.TrimSpace(line[:i]) == "",
			})
			break
		}
	}
	return list
}

// within reports whether an offset is in one of the spans, which are in order.
func within(spans [][2]int, at int) bool {
	i := sort.Search(len(spans), func(i int) bool { return spans[i][1] > at })
	return i < len(spans) && spans[i][0] <= at
}
