package contract

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

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
	case v.n.Style&yaml.TaggedStyle != 0 || v.isScalar() && !v.isBroken() && strings.HasPrefix(v.tag(), "!"):
		l.syntax(v.f, v.pos(), fmt.Sprintf("'%s' is a YAML tag with an empty value, not a negation", v.tag()), quoteWhole(v.lineRest()))
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

// tag is the first word of a node as written, which is its tag when it has one.
func (v node) tag() string {
	written := v.f.src[v.f.offset(v.n.Line, v.n.Column):]
	if end := strings.IndexAny(written, " \n"); end > 0 {
		return written[:end]
	}
	return written
}

func (l *loader) strictMap(v node, depth int) {
	seen := make(map[string]node, len(v.n.Content)/2)
	kept := v.n.Content[:0]
	for _, p := range v.pairs() {
		first, again := seen[p.name]
		switch {
		case p.key.n.Kind != yaml.ScalarNode || p.key.n.Anchor != "" || p.key.n.Style&(yaml.TaggedStyle|blocks) != 0 || strings.HasPrefix(p.key.tag(), "!"):
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
	if len(s) < 2 || len(s) > 3 {
		return false
	}
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
