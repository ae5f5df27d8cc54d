package contract

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	maxFileBytes  = 8 << 20
	maxYAMLFaults = 30
	byteOrderMark = "\ufeff"
)

var indentedByTab = regexp.MustCompile(`(?m)^ *\t[ \t]*[^ \t\r\n]`)

// read parses one file's YAML. Every fault of its text and layout is reported;
// what is broken is taken out, so that the rest can be checked in the same run.
// nil when nothing is left, or tabs hide what stands under what.
func (l *loader) read(name string, data []byte) *file {
	src := strings.TrimPrefix(string(data), byteOrderMark)
	f := newFile(name, src)
	if len(src) > maxFileBytes {
		l.fault(Pos{name, 1, 1}, "", "the file is larger than 8 MiB", "split it into several files in the folder contract/")
		return nil
	}
	if !l.checkEncoding(f) {
		return nil
	}
	lines := l.cleanLines(f)
	if strings.Contains(src, "\t") && indentedByTab.MatchString(src) {
		return nil // nobody knows what stands under what
	}
	f = l.straighten(f, lines)
	told := map[int]bool{} // lines whose fault has been reported
	for range maxYAMLFaults {
		var doc yaml.Node
		err := yaml.Load([]byte(strings.Join(lines, "\n")), &doc, yaml.WithUniqueKeys(false))
		if err == nil {
			f.root = doc.Content[0]
			return f
		}
		var bad *yaml.LoadError
		if !errors.As(err, &bad) || bad.Mark.Line == 0 || !takeOut(lines, l.explain(f, bad, lines, told)) {
			if len(told) == 0 { // no document: nothing but comments
				l.fault(Pos{name, 1, 1}, "", "the file is empty", "begin with 'mainstay: 1'")
			}
			return nil
		}
	}
	l.fault(Pos{name, slices.Max(slices.Collect(maps.Keys(told))), 1}, "", "too many lines cannot be read: from here on nothing is checked", "mend those above first")
	return nil
}

func (l *loader) checkEncoding(f *file) bool {
	if utf8.ValidString(f.src) {
		return true
	}
	at := 0
	for i, r := range f.src {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(f.src[i:]); n == 1 {
				at = i
				break
			}
		}
	}
	l.syntax(f, f.place(at), "the file is not UTF-8 text", "save it as UTF-8")
	return false
}

// syntax reports a fault of the text itself; its place in words is found by
// indentation.
func (l *loader) syntax(f *file, pos Pos, what, mend string) {
	l.fault(pos, f.wordsAt(pos.Line), what, mend)
}

// wordsAt is the place of a line in words, such as Application.access.read.
func (f *file) wordsAt(line int) string {
	var names []string
	bound := -1
	for first := line; line >= 1; line-- {
		text := strings.ReplaceAll(f.line(line), "\t", " ")
		name, _, found := strings.Cut(strings.TrimLeft(text, " "), ":")
		if !found || name == "" || strings.IndexByte("#-\"'[{?!", name[0]) >= 0 || bound >= 0 && indent(text) >= bound {
			if line == first {
				bound = indent(text)
			}
			continue
		}
		bound = indent(text)
		names = append(names, name)
		if bound == 0 {
			break
		}
	}
	slices.Reverse(names)
	if len(names) > 1 && names[0] == "resources" {
		names = names[1:]
		if len(names) > 2 && names[1] == "fields" {
			names = slices.Delete(names, 1, 2)
		}
	}
	return strings.Join(names, ".")
}

// quoteWhole advises quotes around what stands behind a line's key.
func quoteWhole(value string) string {
	value = strings.TrimSpace(value)
	if value == "" || utf8.RuneCountInString(value) > 80 {
		value = "…"
	}
	return "put the whole value in single quotes: '" + strings.ReplaceAll(value, "'", "''") + "'"
}

// cleanLines gives the lines for the YAML parser: what the strict subset does
// not know is reported and replaced by as many spaces, so that places stay right.
func (l *loader) cleanLines(f *file) []string {
	lines := make([]string, len(f.starts))
	for i := range lines {
		line := f.line(i + 1)
		switch {
		case strings.HasPrefix(line, "---") && (len(line) == 3 || line[3] == ' '), line == "...":
			l.fault(Pos{f.name, i + 1, 1}, "", "a contract's file is one document: '"+line[:3]+"' has no place in it", "remove the line")
			line = ""
		case strings.HasPrefix(line, "%"):
			l.fault(Pos{f.name, i + 1, 1}, "", "a line that begins with '%' is a YAML directive", "remove the line")
			line = ""
		}
		lines[i] = l.cleanLine(f, i+1, line)
	}
	return lines
}

func (l *loader) cleanLine(f *file, number int, line string) string {
	at := strings.IndexFunc(line, isOdd)
	if at < 0 {
		return line
	}
	pos := Pos{f.name, number, utf8.RuneCountInString(line[:at]) + 1}
	if line[at] == '\t' {
		l.syntax(f, pos, "a tab", "indent and align with spaces")
	} else {
		r, _ := utf8.DecodeRuneInString(line[at:])
		l.syntax(f, pos, fmt.Sprintf("the invisible character U+%04X", r), "remove it")
	}
	return strings.Map(func(r rune) rune {
		if isOdd(r) {
			return ' '
		}
		return r
	}, line)
}

// isOdd is true for control characters, for those that look like nothing or turn
// the direction of a line, and for the private ones, of which one is 'broken'.
func isOdd(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r < 0xa0, r == 0xad, r == 0x200b, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e,
		r >= 0x2060 && r <= 0x2069, r == 0xfeff, r >= 0xe000 && r <= 0xf8ff, r&0xfffe == 0xfffe:
		return true
	}
	return false
}

// takeOut removes what the parser could not read at line: the value behind its
// key, else the whole line, with everything that is indented under it. It
// reports whether there was something to remove.
func takeOut(lines []string, line int) bool {
	for line = min(line, len(lines)); line >= 1 && strings.TrimSpace(lines[line-1]) == ""; {
		line--
	}
	if line < 1 {
		return false
	}
	text := lines[line-1]
	under := indent(text)
	lines[line-1] = ""
	if colon := keyEnd(text); colon > 0 && !strings.Contains(text, broken) {
		lines[line-1] = text[:colon] + " " + broken
	}
	for i := line; i < len(lines); i++ {
		trimmed := strings.TrimSpace(lines[i])
		closing := trimmed != "" && strings.Trim(trimmed, "}], ") == ""
		if trimmed != "" && indent(lines[i]) <= under && !closing {
			break
		}
		lines[i] = ""
	}
	return true
}

// keyEnd is the offset after the colon of a line that begins with a plain key
// and goes on with a value; 0 when it does not.
func keyEnd(line string) int {
	key := strings.TrimLeft(line, " ")
	if key == "" || strings.IndexByte("#\"'[{-?&*!|>%@`", key[0]) >= 0 {
		return 0
	}
	at := strings.Index(line, ": ")
	if at < 0 || strings.TrimSpace(line[at+1:]) == "" {
		return 0
	}
	return at + 1
}
