package contract

import (
	"regexp"
	"strings"
)

// What people write who come from elsewhere, at the front of a short form; each
// has the type's name as its first group.
var (
	listForm   = regexp.MustCompile(`^(\w+)\[\]`)                           // string[]
	callForm   = regexp.MustCompile(`^(\w+) ?[(\[]([^()\[\]]+)[)\]]`)       // int(1, 5), enum [a, b]
	commaForm  = regexp.MustCompile(`^(enum) (\w+(?:, \w+)+)`)              // enum a, b
	dashForm   = regexp.MustCompile(`^(\w+) ([0-9]+-[0-9]+)\b`)             // int 1-5
	minMaxForm = regexp.MustCompile(`^(\w+)(?: min (\S+))?(?: max (\S+))?`) // int min 1 max 5
)

// ownForm finds a type in another language's form at the front of s, and says how
// it is written here; both are empty when there is none.
func ownForm(s string) (other, own string) {
	if !strings.ContainsAny(s, "([,-") && !strings.Contains(s, " min ") && !strings.Contains(s, " max ") {
		return "", "" // as nearly always
	}
	if m := listForm.FindStringSubmatch(s); m != nil {
		if name := ownType(m[1]); name != "" {
			return m[0], "[" + name + "]"
		}
		return "", ""
	}
	for _, form := range []*regexp.Regexp{callForm, commaForm, dashForm} {
		m := form.FindStringSubmatch(s)
		if m == nil {
			continue
		}
		args := strings.FieldsFunc(m[2], func(r rune) bool { return strings.ContainsRune(", -|", r) })
		switch name := ownType(m[1]); {
		case name == "" || len(args) == 0:
		case name == "enum":
			return m[0], "enum " + strings.Join(args, "|")
		case name == "decimal":
			return m[0], "decimal " + strings.Join(args, ",")
		case len(args) == 1:
			return m[0], name + " .." + args[0]
		case len(args) == 2:
			return m[0], name + " " + args[0] + ".." + args[1]
		}
	}
	if m := minMaxForm.FindStringSubmatch(s); m != nil && m[2]+m[3] != "" && ownType(m[1]) != "" {
		return m[0], ownType(m[1]) + " " + m[2] + ".." + m[3]
	}
	return "", ""
}

// ownType is the name of a type whose other or own name is given, "" when there is
// no such type.
func ownType(name string) string {
	if other := otherTypes[strings.ToLower(name)]; other != "" {
		name, _, _ = strings.Cut(other, " ")
	}
	if _, ok := kinds[name]; !ok {
		return ""
	}
	return name
}
