package contract

import (
	"strings"
	"unicode"
)

// reserved are names that mean something in every expression, and CEL's own words.
var reserved = wordSet("now caller input old " +
	"true false null in as break const continue else for function if import let loop package namespace return var void while")

// control are the control words of requests and answers.
var control = wordSet("items next prev total filter sort fields include limit cursor offset count search by measures atomic max_affected")

// builtin are the fields that every record has.
var builtin = wordSet("id created_at updated_at")

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// isName reports whether s is a letter followed by letters, digits and, when
// underscore is true, underscores, at most max characters long.
func isName(s string, upper, underscore bool, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	first := s[0]
	if upper && (first < 'A' || first > 'Z') || !upper && (first < 'a' || first > 'z') {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_' && underscore:
		default:
			return false
		}
	}
	return true
}

// segments cuts a name in camel case, snake case or with hyphens into its words, in lower case:
// "JobDescription", "HTTPServer2" → "job description", "http server2".
func segments(name string) []string {
	var words []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
			continue
		case unicode.IsUpper(r) && i > 0:
			next := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if !unicode.IsUpper(runes[i-1]) || next {
				flush()
			}
		}
		word = append(word, r)
	}
	flush()
	return words
}

func snake(name string) string { return strings.Join(segments(name), "_") }
func kebab(name string) string { return strings.Join(segments(name), "-") }

// pascal writes words in camel case that begins with a capital: "mark_paid" → "MarkPaid".
func pascal(name string) string {
	var b strings.Builder
	for _, w := range segments(name) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// camel is pascal with a small first letter.
func camel(name string) string {
	s := pascal(name)
	if s == "" {
		return ""
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// irregular plurals, by the end of a word.
var irregular = []struct{ one, many string }{
	{"person", "people"}, {"child", "children"}, {"woman", "women"}, {"man", "men"},
	{"foot", "feet"}, {"tooth", "teeth"}, {"goose", "geese"}, {"mouse", "mice"}, {"ox", "oxen"},
	{"datum", "data"}, {"medium", "media"}, {"criterion", "criteria"}, {"phenomenon", "phenomena"},
	{"analysis", "analyses"}, {"basis", "bases"}, {"crisis", "crises"}, {"diagnosis", "diagnoses"},
	{"hypothesis", "hypotheses"}, {"thesis", "theses"}, {"axis", "axes"}, {"synopsis", "synopses"},
	{"quiz", "quizzes"}, {"matrix", "matrices"}, {"vertex", "vertices"}, {"bus", "buses"}, {"gas", "gases"}, {"lens", "lenses"},
	{"leaf", "leaves"}, {"shelf", "shelves"}, {"half", "halves"}, {"life", "lives"}, {"knife", "knives"},
	{"wife", "wives"}, {"wolf", "wolves"}, {"thief", "thieves"}, {"loaf", "loaves"}, {"self", "selves"},
	{"hero", "heroes"}, {"potato", "potatoes"}, {"tomato", "tomatoes"}, {"echo", "echoes"}, {"veto", "vetoes"},
}

// regular words that end like an irregular one.
var regular = wordSet("human german roman shaman talisman ottoman box fox inbox outbox mailbox sandbox checkbox toolbox")

var uncountable = wordSet("series species news equipment information sheep fish deer data media metadata software hardware " +
	"feedback staff money research advice evidence people children men women criteria")

// plural is a lower-case English word in the plural; a word that looks plural already stays.
func plural(word string) string {
	if uncountable[word] {
		return word
	}
	if !regular[word] {
		for _, w := range irregular {
			if word == w.one || len(w.one) > 2 && strings.HasSuffix(word, w.one) {
				return strings.TrimSuffix(word, w.one) + w.many
			}
		}
	}
	end := func(suffixes ...string) bool {
		for _, s := range suffixes {
			if strings.HasSuffix(word, s) {
				return true
			}
		}
		return false
	}
	switch {
	case end("ss", "us", "is", "as", "x", "z", "ch", "sh"):
		return word + "es"
	case end("s"):
		return word
	case end("y") && len(word) > 1 && strings.IndexByte("aeiou", word[len(word)-2]) < 0:
		return word[:len(word)-1] + "ies"
	}
	return word + "s"
}

// plurals puts the last of a name's words in the plural.
func plurals(name string) []string {
	words := segments(name)
	if len(words) > 0 {
		words[len(words)-1] = plural(words[len(words)-1])
	}
	return words
}
