package migrate

import (
	"context"
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

// unfit lists the tables that steps lead to and that a database cannot have, if it is
// one that can tell.
func unfit(ctx context.Context, d store.Driver, want *schema.Schema, steps []schema.Step) (refusals []schema.Refusal, err error) {
	able, ok := d.(interface {
		Unfit(context.Context, *schema.Table) (why string, err error)
	})
	if !ok {
		return nil, nil
	}
	changed := map[string]bool{}
	for _, step := range steps {
		switch s := step.(type) {
		case schema.CreateTable:
			changed[s.Table.Name] = true
		case schema.AddColumn:
			changed[s.Table] = true
		case schema.WidenColumn:
			changed[s.Table] = true
		case schema.CreateIndex:
			changed[s.Table] = true
		}
	}
	for _, t := range want.Tables {
		if !changed[t.Name] {
			continue
		}
		why, err := able.Unfit(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("migrate: table %s: %w", t.Name, err)
		}
		if why != "" {
			refusals = append(refusals, schema.Refusal{What: fmt.Sprintf("table %s (%d columns, %d indexes) cannot be made", t.Name, len(t.Columns), len(t.Indexes)), Why: why})
		}
	}
	return refusals, nil
}
