package engine

import (
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

const (
	maxSort       = 5
	maxSortLength = 2000 // code points of a text that may be sorted by
)

// sortKey is one key of a list's order; the last one is always the id.
type sortKey struct {
	field  *rule.Handle
	desc   bool
	column int // of the row, for cursors
}

// sorted understands `sort`. Ties are broken by id in the direction of the last key.
func sorted(sight *rule.Sight, text string) ([]sortKey, []problem.Field) {
	var keys []sortKey
	var faults []problem.Field
	refuse := func(code, format string, args ...any) {
		faults = append(faults, badParameter("sort", code, format, args...))
	}
	names := strings.Split(text, ",")
	switch {
	case text == "":
		names = nil
	case len(names) > maxSort:
		refuse("max", "must have at most %d fields", maxSort)
		return nil, faults
	}
	desc := false
	seen := map[string]bool{}
	for _, name := range names {
		name, desc = strings.CutPrefix(name, "-")
		h := sight.Handle(name)
		switch {
		case h == nil || !h.Field.Stored():
			fault := noColumn(name, sight, sortable)
			fault.Parameter = "sort"
			faults = append(faults, *fault)
			continue
		case !sortable(h):
			refuse("type", "cannot sort by %q: its values have no order or no bound", name)
			continue
		case seen[name]:
			refuse("duplicate", "%q stands there twice", name)
			continue
		}
		seen[name] = true
		keys = append(keys, sortKey{field: h, desc: desc})
	}
	for i, k := range keys {
		if k.field.Field.Name == "id" {
			return keys[:i+1], faults // nothing behind a unique key can matter
		}
	}
	if id := sight.Handle("id"); id != nil {
		keys = append(keys, sortKey{field: id, desc: desc})
	}
	return keys, faults
}

// sortable reports whether a field's values have an order and a bounded length.
func sortable(h *rule.Handle) bool {
	t := h.Field.Type
	if t.Value == nil {
		return false
	}
	switch t.Value.Kind {
	case value.List, value.Struct, value.JSON:
		return false
	case value.String:
		longest, bounded := t.Max.(int64)
		return t.Name != "text" || bounded && longest <= maxSortLength
	}
	return true
}

var intType = &value.Type{Kind: value.Int}
