package migrate

import (
	"fmt"

	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// beyond lists what of want a database with these limits cannot hold.
func beyond(limits store.Limits, want *schema.Schema) (refusals []schema.Refusal) {
	name := func(kind, name string) {
		if limits.MaxIdentifierBytes > 0 && len(name) > limits.MaxIdentifierBytes {
			refusals = append(refusals, schema.Refusal{
				What: fmt.Sprintf("%s %s has a name of %d bytes", kind, name, len(name)),
				Why:  fmt.Sprintf("%s takes at most %d", limits.Name, limits.MaxIdentifierBytes),
			})
		}
	}
	for _, t := range want.Tables {
		name("table", t.Name)
		for _, c := range t.Columns {
			name("column", c.Name)
		}
		for _, x := range t.Indexes {
			name("index", x.Name)
			for _, key := range x.Columns {
				if c := t.Column(key.Name); tooLong(limits, c) {
					refusals = append(refusals, schema.Refusal{
						What: fmt.Sprintf("column %s.%s is indexed and holds up to %d characters", t.Name, c.Name, c.MaxLength),
						Why:  fmt.Sprintf("%s indexes at most %d", limits.Name, limits.MaxIndexedLength),
					})
				}
			}
		}
	}
	return refusals
}

// tooLong reports whether a database cannot index a column for the length of its values.
func tooLong(limits store.Limits, c *schema.Column) bool {
	return limits.MaxIndexedLength > 0 && c.Type.Kind == value.String && c.MaxLength > limits.MaxIndexedLength
}
