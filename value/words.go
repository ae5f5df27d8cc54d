package value

import (
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// MaxWord is where long words are cut, in code points, so that every database
// can index them. Queries are cut the same way.
const MaxWord = 64

// Words cuts a text into what search compares: runs of letters and digits (with
// the marks that belong to them), NFKC and case-folded, each once, in the order
// of their first place.
func Words(text string) []string {
	folded := []rune(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(text))))
	var words []string
	seen := map[string]bool{}
	for i := 0; i < len(folded); {
		if !unicode.IsLetter(folded[i]) && !unicode.IsDigit(folded[i]) {
			i++
			continue
		}
		start := i
		for i < len(folded) && inWord(folded[i]) {
			i++
		}
		word := string(folded[start:min(i, start+MaxWord)])
		if !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
	}
	return words
}

func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}
