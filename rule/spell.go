package rule

import (
	"slices"
	"strings"
	"unicode"
)

// Lower begins the lowering of a statement that has no caller, for checks.
func (s *Set) Lower() *Lowering { return (&View{set: s}).Lower() }

// Spell is an expression as written, followed by the named rules that it uses, so
// that it changes whenever one of them does.
func (s *Set) Spell(e *Expr) string {
	text := e.source
	rules := s.rulesIn(e.source, nil)
	for _, r := range s.Contract.Rules {
		if slices.Contains(rules, r.Name) {
			text += ", where " + r.Name + " is " + r.Expr.Source
		}
	}
	return text
}

// rulesIn adds to known the named rules whose names stand in source.
func (s *Set) rulesIn(source string, known []string) []string {
	words := strings.FieldsFunc(source, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, r := range s.Contract.Rules {
		if slices.Contains(words, r.Name) && !slices.Contains(known, r.Name) {
			known = s.rulesIn(r.Expr.Source, append(known, r.Name))
		}
	}
	return known
}
