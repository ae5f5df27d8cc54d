package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

const (
	maxFileBytes   = 8 << 20
	maxYAMLFaults  = 30
	byteOrderMark  = "\ufeff"
	oneValueALine  = "write each entry as 'name: value' on its own line"
	blockNotInline = "write it as a block, one 'name: value' a line, or put the value in single quotes"
)

// read parses one file's YAML. Every fault of its text and layout is reported;
// what is broken is taken out, so that the rest can be checked in the same run.
// nil when nothing is left.
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
	told := map[int]bool{} // lines whose fault has been reported
	for range maxYAMLFaults {
		var doc yaml.Node
		err := yaml.Load([]byte(strings.Join(lines, "\n")), &doc, yaml.WithUniqueKeys(false))
		if err == nil {
			if len(doc.Content) == 0 {
				break
			}
			f.root = doc.Content[0]
			return f
		}
		var bad *yaml.LoadError
		if !errors.As(err, &bad) || bad.Mark.Line == 0 {
			break // no document: nothing but comments
		}
		line := l.explain(f, bad, lines, told)
		if !takeOut(lines, line) {
			break
		}
	}
	if len(told) == 0 {
		l.fault(Pos{name, 1, 1}, "", "the file is empty", "begin with 'mainstay: 1'")
	}
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
		r >= 0x2060 && r <= 0x2069, r == 0xfeff, r >= 0xe000 && r <= 0xf8ff:
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

// explain reports the parser's error in the contract's own words and tells the
// line to take out.
func (l *loader) explain(f *file, bad *yaml.LoadError, lines []string, told map[int]bool) int {
	at, opener := bad.Mark, bad.ContextMark
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
		return report(opener.Line, opener.Column, "this line has no 'name: value'", oneValueALine)
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
	if at.Line != opener.Line && strings.TrimSpace(lines[line-1]) != "" && indent(lines[line-1]) > indent(lines[opener.Line-1]) {
		line = at.Line
	} else if at.Line != opener.Line {
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

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// lineRest is what stands on the node's line from its first sign on, when it is
// the value of the line's own key.
func (v node) lineRest() string {
	line := v.f.line(v.n.Line)
	end := keyEnd(line)
	if end == 0 || strings.TrimSpace(string([]rune(line)[:v.n.Column-1])) != strings.TrimSpace(line[:end]) {
		return ""
	}
	return line[end:]
}

// strict walks a file's nodes and takes out what the strict subset of YAML does
// not know: tags, anchors, aliases, merge keys, duplicate keys, keys that are no
// plain words, bare yes and no, values cut off at ' #' or at a comma.
func (l *loader) strict(v node) { l.strictAt(v, 0) }

// deepest is how far a contract's mappings and lists may be nested.
const deepest = 24

func (l *loader) strictAt(v node, depth int) {
	switch {
	case depth > deepest:
		l.syntax(v.f, v.pos(), fmt.Sprintf("nested more than %d levels deep", deepest), "a contract needs no more than a handful")
		v.breakIt()
	case v.n.Kind == yaml.AliasNode:
		l.syntax(v.f, v.pos(), "a value that begins with '*' is a YAML alias, which a contract has not", quoteWhole(v.lineRest()))
		v.breakIt()
	case v.n.Anchor != "":
		l.syntax(v.f, v.pos(), "a value that begins with '&' is a YAML anchor, which a contract has not", quoteWhole(v.lineRest()))
		v.breakIt()
	case v.n.Style&yaml.TaggedStyle != 0:
		l.syntax(v.f, v.pos(), fmt.Sprintf("'%s' is a YAML tag with an empty value, not a negation", v.n.Tag), quoteWhole(v.lineRest()))
		v.breakIt()
	case v.isMap():
		l.strictMap(v, depth)
	case v.isList():
		for _, item := range v.items() {
			l.strictAt(item, depth+1)
			if v.isFlow() && item.isMap() && item.isFlow() && v.f.src[v.f.offset(item.n.Line, item.n.Column)] != '{' {
				l.syntax(v.f, item.pos(), "a ': ' inside [] makes a mapping of its item", "write {…} around it, or quotes")
				item.breakIt()
			}
		}
	case v.isPlain():
		l.strictPlain(v)
	case v.n.Style&blocks != 0:
		header := v.f.src[v.f.offset(v.n.Line, v.n.Column)+1:]
		if len(header) > 1 && (isDigit(header[0]) || isDigit(header[1]) && header[0] != '\n') {
			l.syntax(v.f, v.pos(), "a number behind '|' or '>' says how far the text is indented", "leave it out")
			v.breakIt()
		}
	}
}

func (l *loader) strictMap(v node, depth int) {
	seen := make(map[string]node, len(v.n.Content)/2)
	kept := v.n.Content[:0]
	for _, p := range v.pairs() {
		first, again := seen[p.name]
		switch {
		case p.key.n.Kind != yaml.ScalarNode || p.key.n.Anchor != "" || p.key.n.Style&(yaml.TaggedStyle|blocks) != 0:
			l.syntax(v.f, p.key.pos(), "a name stands before every ':', and this is none", "write a word, or quote it")
			continue
		case p.name == "<<":
			l.syntax(v.f, p.key.pos(), "'<<' is a YAML merge key, which a contract has not", "write the entries out")
			continue
		case p.key.isPlain() && isSwitchWord(p.name):
			l.syntax(v.f, p.key.pos(), fmt.Sprintf("bare '%s' is a boolean to some YAML readers, a word to others", p.name), "choose another name, or put it in quotes")
			continue
		case p.name == broken:
			continue
		case again:
			l.syntax(v.f, p.key.pos(), fmt.Sprintf("'%s' stands twice in one mapping, first at %s", p.name, first.pos()), "remove one, or join the two")
			continue
		}
		seen[p.name] = p.key
		if v.isFlow() && p.value.isEmpty() && p.value.n.Value == "" && !colonFollows(p.key) {
			l.cutAtComma(v, p, kept)
			continue
		}
		l.strictAt(p.value, depth+1)
		kept = append(kept, p.key.n, p.value.n)
	}
	v.n.Content = kept
}

// cutAtComma reports a key without a colon inside {}: in truth the rest of the
// value before it.
func (l *loader) cutAtComma(v node, p pair, kept []*yaml.Node) {
	if len(kept) == 0 {
		l.syntax(v.f, p.key.pos(), fmt.Sprintf("'%s' inside {} has no value", p.name), "write 'name: value'")
		return
	}
	last := node{kept[len(kept)-1], v.f}
	if last.isBroken() {
		return
	}
	what := fmt.Sprintf("the value inside {} is cut at its comma, before '%s'", p.name)
	mend := "put the value in quotes, or write a block instead of {}"
	if strings.HasPrefix(last.n.Value, "decimal ") {
		mend = fmt.Sprintf("put it in quotes: \"%s,%s\", or write a block instead of {}", last.n.Value, p.name)
	}
	l.syntax(v.f, p.key.pos(), what, mend)
	last.breakIt()
}

func colonFollows(key node) bool {
	rest := strings.TrimLeft(key.f.src[key.end():], " ")
	return strings.HasPrefix(rest, ":")
}

func isSwitchWord(s string) bool {
	switch strings.ToLower(s) {
	case "yes", "no", "on", "off":
		return true
	}
	return false
}

func (l *loader) strictPlain(v node) {
	if isSwitchWord(v.n.Value) {
		l.syntax(v.f, v.pos(), fmt.Sprintf("bare '%s' is a boolean to some YAML readers, a word to others", v.n.Value), "write true or false, or put the word in quotes")
		v.breakIt()
		return
	}
	if v.n.Value == "" || v.isBroken() {
		return
	}
	end := v.end()
	rest := v.f.src[end:]
	comment := strings.TrimLeft(rest, " ")
	if len(comment) == len(rest) || !strings.HasPrefix(comment, "#") || !openEnded(v.n.Value) {
		return
	}
	l.syntax(v.f, v.f.place(end+len(rest)-len(comment)), "the value is cut at ' #', where a comment begins", quoteWhole(v.lineRest()))
	v.breakIt()
}

// openEnded reports whether an expression obviously goes on: a quote or bracket
// is open, or an operator has no right side.
func openEnded(s string) bool {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"', '\'':
			end := quoteEnd(s, i)
			if end == len(s) && (s[end-1] != s[i] || end-1 == i) {
				return s[i] == '"' || i == 0 || !isLetter(s[i-1]) // else an apostrophe
			}
			i = end - 1
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		}
	}
	return depth > 0 || strings.IndexByte("=<>&|!+*/,?:", s[len(s)-1]) >= 0
}
