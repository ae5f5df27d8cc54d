package openapi

import (
	"strconv"
	"strings"
)

// names hands out names that are used once in a document.
type names map[string]bool

// take gives the first of the wanted names that is free, else the last with a
// number. Two contracts that differ elsewhere get the same names.
func (n names) take(wanted ...string) string {
	for _, name := range wanted {
		if !n[name] {
			n[name] = true
			return name
		}
	}
	last := wanted[len(wanted)-1]
	for i := 2; ; i++ {
		if name := last + strconv.Itoa(i); !n[name] {
			n[name] = true
			return name
		}
	}
}

// pascal joins the words of a field's or path's name: job-descriptions, job_descriptions → JobDescriptions.
func pascal(name string) string {
	var b strings.Builder
	for _, word := range words(name) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '_' || r == '-' || r == '.' })
}

// singular is the English singular of a field's name, for the schema of one
// element of a list: skills → skill, entries → entry, addresses → address.
func singular(name string) string {
	for _, end := range []string{"ss", "us", "is"} {
		if strings.HasSuffix(name, end) {
			return name
		}
	}
	if s, ok := strings.CutSuffix(name, "ies"); ok && len(s) > 1 {
		return s + "y"
	}
	for _, end := range []string{"sses", "shes", "ches", "xes", "zes"} {
		if strings.HasSuffix(name, end) {
			return strings.TrimSuffix(name, "es")
		}
	}
	return strings.TrimSuffix(name, "s")
}

// spoken is a name as words: salary_min → salary min, JobDescription → job description.
func spoken(name string) string {
	var b strings.Builder
	for i, r := range name {
		switch {
		case r == '_' || r == '-':
			b.WriteByte(' ')
		case r >= 'A' && r <= 'Z':
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteRune(r + 'a' - 'A')
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
