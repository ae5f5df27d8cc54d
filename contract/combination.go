package contract

import (
	"fmt"

	"github.com/mainstay-run/mainstay/value"
)

// maxIndexed is the longest string, in code points, that can be unique, indexed
// or sorted by on every database.
const maxIndexed = 500

// maxIndexBytes is what one index entry may hold on every database: a third of a page of
// PostgreSQL (2704), without the id and what lies between the values.
const maxIndexBytes = 2600

var (
	lengthKinds    = wordSet("string text email url phone slug")
	searchKinds    = wordSet("string text")
	encryptedKinds = wordSet("string text email url phone slug int bigint float decimal date time timestamp duration json")
	lookupKinds    = wordSet("string email url phone slug int bigint date")
)

// combination reports words that do not go with the type or with each other.
func (l *loader) combination(f *Field, where fieldPlace) {
	name := f.Type.Name
	wrong := func(word, what, mend string) {
		l.fault(f.Pos, where.place, fmt.Sprintf("'%s' %s", word, what), mend)
	}
	if where.in == ofInput && (name == "file" || name == "many") || where.in == ofFilter && !isScalarKind(name) {
		l.fault(f.Pos, where.place, fmt.Sprintf("%s is no type for an input here", name), "choose a type with one value")
	}
	if name == "many" {
		l.manyWords(f, wrong)
		return
	}
	if f.Unique || f.Index {
		l.indexable(f, wrong)
	}
	if f.Search && !searchKinds[name] {
		wrong("search", "is for string and text, not for "+kindWords(f.Type), "leave it out; a filter finds the others")
	}
	if f.Search && (f.Encrypted || f.Hidden) {
		wrong("search", "finds nothing in what is encrypted or hidden", "leave one of the two out")
	}
	if f.Fixed && f.Readonly {
		wrong("fixed", "and 'readonly' say different things: set once by the caller, never set by the caller", "leave one of the two out")
	}
	if name == "list" && f.Optional {
		wrong("optional", "does not go with a list: it is never null, only empty", "leave it out")
	}
	if f.Encrypted && !encryptedKinds[name] {
		wrong("encrypted", "is not for "+kindWords(f.Type), "leave it out, or protect the field with a 'field' rule")
	}
	if f.Encrypted && f.Index {
		wrong("index", "is of no use on an encrypted field", "write lookup for finding it by equality")
	}
	if f.Encrypted && f.Unique && !f.Lookup {
		wrong("unique", "cannot be held on an encrypted field without lookup", "write 'encrypted lookup unique'")
	}
	if f.Lookup && !f.Encrypted {
		wrong("lookup", "goes with encrypted only", "write index, or 'encrypted lookup'")
	}
	if f.Lookup && f.Encrypted && !lookupKinds[name] {
		wrong("lookup", "is not for "+kindWords(f.Type), "leave it out")
	}
	if f.OnDelete == "clear" && !f.Optional {
		wrong("on delete clear", "makes the reference null, and it is not optional", "write 'optional on delete clear', or cascade")
	}
	if f.Readonly && !f.Optional && f.Default == nil && name != "list" {
		wrong("readonly", "and required, but without a default: nothing could ever create the record", "write '= value', or optional")
	}
	if name == "ref" && f.OnDelete == "" {
		f.OnDelete = "refuse"
	}
	l.unbuiltWords(f, where)
}

func (l *loader) unbuiltWords(f *Field, where fieldPlace) {
	if f.Encrypted {
		l.unbuilt(f.Pos, where.place, "encrypted fields are")
	}
	if f.Lookup {
		l.unbuilt(f.Pos, where.place, "lookup in encrypted fields is")
	}
	if f.Type.Name == "file" {
		l.unbuilt(f.Pos, where.place, "stored files are")
	}
}

func (l *loader) manyWords(f *Field, wrong func(word, what, mend string)) {
	for _, word := range fieldWordList[:11] {
		if *f.word(word) && word != "deprecated" {
			wrong(word, "does not go with 'many', which is not stored", "write it at the reference, or leave it out")
		}
	}
	if f.Default != nil {
		wrong("=", "gives 'many' a default, and it is not stored", "leave it out")
	}
	if f.Was != "" {
		wrong("was", "does not go with 'many', which is not stored", "leave it out")
	}
}

// indexable reports what cannot be unique or indexed on every database.
func (l *loader) indexable(f *Field, wrong func(word, what, mend string)) {
	word := "index"
	if f.Unique {
		word = "unique"
	}
	switch name := f.Type.Name; {
	case name == "text":
		wrong(word, "needs a bounded length, and text is long", fmt.Sprintf("write 'string ..%d %s'", maxIndexed, word))
	case lengthKinds[name]:
		if longest, _ := f.Type.Max.(int64); longest > maxIndexed {
			wrong(word, fmt.Sprintf("needs at most %d characters, and these are %d", maxIndexed, longest), fmt.Sprintf("write '%s ..%d %s'", name, maxIndexed, word))
		}
	case name == "list" || name == "struct" || name == "json" || name == "file":
		wrong(word, "is not for "+kindWords(f.Type)+", which have no order", "leave it out")
	case f.Unique && name == "bool":
		wrong(word, "on a bool leaves room for two records", "leave it out")
	}
}

func isScalarKind(name string) bool {
	switch name {
	case "list", "struct", "json", "file", "many":
		return false
	}
	return true
}

// kindWords names a type's values in the plural.
func kindWords(t *Type) string {
	switch t.Name {
	case "ref":
		return "references"
	case "json":
		return "json values"
	case "bool", "enum", "file", "list", "struct":
		return t.Name + "s"
	}
	return t.Name + " fields"
}

// indexBytes is the most that a field takes in an index entry.
func indexBytes(f *Field) int {
	switch f.Type.Value.Kind {
	case value.String:
		longest, _ := f.Type.Max.(int64)
		return 4 * int(longest)
	case value.Enum:
		longest := 0
		for _, w := range f.Type.Value.Enum {
			longest = max(longest, len(w))
		}
		return 4 * longest
	case value.DecimalKind:
		return 40
	}
	return 16
}
