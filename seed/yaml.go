package seed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// source is a seed file as it is read, and what is wrong with it.
type source struct {
	name   string
	faults []contract.Fault
}

func (s *source) at(n *yaml.Node) contract.Pos {
	return contract.Pos{File: s.name, Line: max(n.Line, 1), Col: max(n.Column, 1)}
}

func (s *source) fault(n *yaml.Node, place, mend, what string, args ...any) {
	s.faults = append(s.faults, contract.Fault{Pos: s.at(n), Place: place, What: fmt.Sprintf(what, args...), Mend: mend})
}

// parse reads the YAML of a seed: one document, and of YAML only mappings, lists
// and scalars. nil when there is nothing in it.
func (s *source) parse(text []byte) *yaml.Node {
	if !utf8.Valid(text) {
		s.fault(&yaml.Node{}, "", "save it as UTF-8", "the file is not UTF-8 text")
		return nil
	}
	var doc yaml.Node
	err := yaml.Load(text, &doc, yaml.WithUniqueKeys(false))
	if err == nil && len(doc.Content) > 0 {
		s.plain(doc.Content[0])
		return doc.Content[0]
	}
	var bad *yaml.LoadError
	if errors.As(err, &bad) && bad.Mark.Line > 0 {
		s.fault(&yaml.Node{Line: bad.Mark.Line, Column: bad.Mark.Column}, "",
			"look for a missing quote, colon or bracket and at the indentation, which is made of spaces; a file is one document", "this cannot be read as YAML")
	}
	return nil
}

// plain refuses what a reader would have to look up: anchors, aliases and tags.
func (s *source) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode:
		s.fault(n, "", "write the value again, or put it in quotes", "an alias, '*%s'", n.Value)
		return
	case n.Anchor != "":
		s.fault(n, "", "leave it out, or put the value in quotes", "an anchor, '&%s'", n.Anchor)
	case n.Style&yaml.TaggedStyle != 0:
		s.fault(n, "", "leave it out, or put the value in quotes", "a tag, '%s'", n.Tag)
	}
	for _, c := range n.Content {
		s.plain(c)
	}
}

// entry is one "name: value" of a mapping.
type entry struct {
	name string
	key  *yaml.Node
	node *yaml.Node
}

// entries are those of a mapping, each name once; place says in words where it stands.
func (s *source) entries(n *yaml.Node, place, what string) []entry {
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			s.fault(n, place, "", "expected %s", what)
		}
		return nil
	}
	var out []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case key.Kind != yaml.ScalarNode || key.Value == "":
			s.fault(key, place, "write 'name: value'", "expected a name")
		case lines[key.Value] > 0:
			s.fault(key, place, "", "'%s' stands here twice, first in line %d", key.Value, lines[key.Value])
		default:
			lines[key.Value] = key.Line
			out = append(out, entry{key.Value, key, n.Content[i+1]})
		}
	}
	return out
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// places remembers where the parts of a value stand, by JSON pointer.
type places map[string]*yaml.Node

// find is the place of a pointer, or of the nearest part around it.
func (p places) find(pointer string) *yaml.Node {
	for {
		if n, ok := p[pointer]; ok {
			return n
		}
		cut := strings.LastIndexByte(pointer, '/')
		if cut < 0 {
			return p["#"]
		}
		pointer = pointer[:cut]
	}
}

// tree turns a node into the JSON that a request would hold for a value of type
// t: what is text by its type is text, quoted or not.
func (p places) tree(t *contract.Type, n *yaml.Node, pointer string) any {
	p[pointer] = n
	switch n.Kind {
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			members[name] = p.tree(memberType(t, name), n.Content[i+1], pointer+"/"+name)
		}
		return members
	case yaml.SequenceNode:
		items := make([]any, len(n.Content))
		for i, c := range n.Content {
			items[i] = p.tree(elemType(t), c, pointer+"/"+strconv.Itoa(i))
		}
		return items
	}
	if isNull(n) {
		return nil
	}
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	switch t.Name {
	case "int", "float", "bool", "json":
		if j, err := value.DecodeJSON([]byte(n.Value), 1); err == nil && !quoted {
			return j
		}
	case "duration": // also as the contract itself writes them
		if d, err := value.ParseShort(n.Value); err == nil {
			return d.String()
		}
	}
	return n.Value
}

var anyText = &contract.Type{Name: "string"}

func memberType(t *contract.Type, name string) *contract.Type {
	if t.Name == "json" {
		return t
	}
	for _, m := range t.Members {
		if m.Name == name {
			return m.Type
		}
	}
	return anyText
}

// typeAt is the type of the part of a value of type t that a pointer names.
func typeAt(t *contract.Type, pointer string) *contract.Type {
	for _, part := range strings.Split(pointer, "/")[1:] {
		if t.Elem != nil {
			t = t.Elem
		} else {
			t = memberType(t, part)
		}
	}
	return t
}

func elemType(t *contract.Type) *contract.Type {
	switch {
	case t.Name == "json":
		return t
	case t.Elem != nil:
		return t.Elem
	}
	return anyText
}

// orList writes names as a reader would: "a, b or c".
func orList(names []string, or string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + or + " " + names[last]
}
