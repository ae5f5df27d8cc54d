package value

import (
	"strings"
	"unicode/utf8"
)

// Lower is s with its ASCII letters in lower case; every other character stays.
func Lower(s string) string { return letters(s, 'A', 'Z', 'a'-'A') }

// Upper is s with its ASCII letters in upper case; every other character stays.
func Upper(s string) string { return letters(s, 'a', 'z', 'A'-'a') }

// letters moves those from first to last by step.
func letters(s string, first, last, step rune) string {
	return strings.Map(func(r rune) rune {
		if r >= first && r <= last {
			return r + step
		}
		return r
	}, s)
}

// Size is how many elements a list has, or a string code points.
func Size(v any) int64 {
	if list, ok := v.([]any); ok {
		return int64(len(list))
	}
	return int64(utf8.RuneCountInString(v.(string)))
}
