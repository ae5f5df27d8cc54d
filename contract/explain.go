package contract

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const blockNotInline = "write it as a block, one 'name: value' a line, or put the value in single quotes"

// explain reports the parser's error in the contract's own words and tells the
// line to take out.
func (l *loader) explain(f *file, bad *yaml.LoadError, lines []string, told map[int]bool) int {
	at, opener := bad.Mark, bad.ContextMark
	if opener.Line == 0 {
		opener = at
	}
	line := min(at.Line, len(lines))
	report := func(line, col int, what, mend string) int {
		if !told[line] {
			told[line] = true
			l.syntax(f, Pos{f.name, line, col}, what, mend)
		}
		return line
	}
	text := lines[line-1]
	rest := ""
	if from := f.offset(line, at.Column); from < len(f.src) {
		rest, _, _ = strings.Cut(f.src[from:], "\n")
	}
	value, valueCol := "", 0
	if end := keyEnd(text); end > 0 {
		value = strings.TrimSpace(text[end:])
		valueCol = utf8.RuneCountInString(text[:end]) + 1 + indent(text[end:])
	}
	first := byte(0)
	if value != "" {
		first = value[0]
	}
	whole := quoteWhole(value)
	if line, col, bracket := unclosed(lines, line); line > 0 {
		return report(line, col, fmt.Sprintf("the bracket that opens here is not closed with '%s'", bracket), "close it on the same line, or write a block")
	}
	switch in := bad.ContextMsg; {
	case in == "while parsing a flow mapping" || in == "while parsing a flow sequence":
		return l.explainInline(f, bad, lines, report)
	case first == '!':
		return report(line, valueCol, "a value that begins with '!' is a YAML tag, not a negation", whole)
	case first == '&' || first == '*':
		return report(line, valueCol, "a value that begins with '&' or '*' is a YAML anchor or alias, which a contract has not", whole)
	case in == "while scanning a quoted scalar" && strings.Contains(bad.Message, "escape"):
		return report(line, at.Column, "a backslash in double quotes begins an escape, and this is none", "put the whole value in single quotes, where a backslash is itself")
	case in == "while scanning a quoted scalar":
		return report(opener.Line, opener.Column, "the quote that opens here is never closed", "close it; a quote inside single quotes is doubled: ''")
	case in == "while scanning a block scalar":
		return report(line, opener.Column, "'|' and '>' begin a text of several lines and stand alone at the end of their line", "write the text on the lines below, indented")
	case in == "while scanning a simple key" && bad.Message == "could not find expected ':'":
		return report(opener.Line, opener.Column, "this line has no 'name: value'", "write each entry as 'name: value' on its own line")
	case strings.Contains(bad.Message, "cannot start any token") && rest != "":
		r, _ := utf8.DecodeRuneInString(rest)
		return report(line, at.Column, fmt.Sprintf("a value cannot begin with '%c'", r), whole)
	case bad.Message == "mapping values are not allowed in this context" && value != "" && at.Column > keyEnd(text):
		if strings.Contains(value, " ? ") {
			return report(line, at.Column, "the ' : ' of a '?:' ends the value here", whole)
		}
		return report(line, at.Column, "a second ': ' on one line", "put the value in single quotes, or what is under it on lines of its own")
	case bad.Message == "mapping values are not allowed in this context":
		return report(line, indent(text)+1, "this line is indented under one that has a value already", "indent it like its neighbours, or remove the value above")
	case bad.Message == "did not find expected key" && value != "" && strings.IndexByte(`"'`, value[0]) >= 0:
		return report(line, at.Column, "the value begins with a quote and ends where the quote closes; the rest is lost", whole)
	case bad.Message == "did not find expected key" && value != "" && strings.IndexByte("[{", value[0]) >= 0:
		return report(line, at.Column, "the value ends at its closing bracket; the rest is lost", "for words after a list or a struct use the long form, name: {type: […], readonly: true}; put an expression in single quotes")
	case strings.Contains(bad.Message, "did not find expected") && in != "while parsing a flow node" && in != "while parsing a block node":
		return report(line, indent(text)+1, "this line is not indented like its neighbours", "entries of one list or mapping begin in the same column")
	case strings.Contains(bad.Message, "block sequence entries"):
		return report(line, at.Column, "a list's '- ' cannot stand behind a name on the same line", "begin the list on the next line, or write it as [a, b]")
	case strings.Contains(bad.Message, "mapping keys are not allowed"):
		return report(line, at.Column, "a '? ' cannot begin a value", whole)
	case strings.Contains(bad.Message, "depth"):
		return report(line, max(1, at.Column), "nested much too deeply", "a contract needs no more than a handful of levels")
	}
	return report(line, max(1, at.Column), "a value is missing or begins with a sign that it cannot begin with", whole)
}

// unclosed finds a value up to line that begins with a bracket which is open
// when the next entry of its neighbours begins.
func unclosed(lines []string, upTo int) (line, col int, bracket string) {
	for n := 1; n <= upTo; n++ {
		text := lines[n-1]
		start := keyEnd(text)
		if start == 0 {
			continue
		}
		start += indent(text[start:])
		if text[start] != '{' && text[start] != '[' {
			continue
		}
		value := text[start:]
		under := indent(text)
		end := n
		for end < len(lines) && (strings.TrimSpace(lines[end]) == "" || indent(lines[end]) > under || strings.Trim(lines[end], "}], ") == "") {
			value += "\n" + lines[end]
			end++
		}
		if _, closed := flowEnd(value, 0); closed {
			continue
		}
		bracket = "}"
		if text[start] == '[' {
			bracket = "]"
		}
		return n, utf8.RuneCountInString(text[:start]) + 1, bracket
	}
	return 0, 0, ""
}

// explainInline is explain inside {…} and […].
func (l *loader) explainInline(f *file, bad *yaml.LoadError, lines []string, report func(line, col int, what, mend string) int) int {
	at, opener := bad.Mark, bad.ContextMark
	bracket, kind := "}", "{}"
	if bad.ContextMsg == "while parsing a flow sequence" {
		bracket, kind = "]", "[]"
	}
	line := min(at.Line, len(lines))
	under := strings.TrimSpace(lines[line-1]) != "" && indent(lines[line-1]) > indent(lines[opener.Line-1])
	if at.Line != opener.Line && !under {
		return report(opener.Line, opener.Column, fmt.Sprintf("the bracket that opens here is not closed with '%s'", bracket), "close it on the same line, or write a block")
	}
	start := f.offset(line, at.Column)
	before := f.src[f.starts[line-1]:start]
	sign := byte(0)
	if start < len(f.src) {
		sign = f.src[start]
	}
	value := before[strings.LastIndexAny(before, "{,")+1:]
	switch {
	case strings.Contains(before, "? ") || strings.Contains(before, " ?"):
		report(line, at.Column, "a '?:' inside "+kind+" is cut at its colon", blockNotInline)
	case sign == '[' || sign == '{':
		report(line, at.Column, fmt.Sprintf("the value inside %s is cut at '%c', where a list or struct of YAML begins", kind, sign), blockNotInline)
	case strings.ContainsAny(value, `"'`):
		report(line, at.Column, "a value that begins with a quote ends where the quote closes; the rest is lost", blockNotInline)
	case sign == ':':
		report(line, at.Column, "a second ':' in one value inside "+kind, blockNotInline)
	default:
		report(line, at.Column, fmt.Sprintf("the bracket that opens in column %d is not closed with '%s'", opener.Column, bracket), "close it on the same line, or write a block")
	}
	return opener.Line
}
