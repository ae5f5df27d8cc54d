package engine

import (
	"strconv"
	"testing"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// cells is a row of numbers and ids.
type cells []any

var _ store.Row = cells(nil)

func (r cells) Null(i int) bool { return r[i] == nil }

func (r cells) AppendJSON(dst []byte, i int) []byte {
	switch v := r[i].(type) {
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case value.UUID:
		return strconv.AppendInt(dst, int64(v[15]), 10)
	}
	return append(dst, "null"...)
}

func (r cells) Value(i int) (any, error) { return r[i], nil }

func id(n byte) value.UUID { return value.UUID{15: n} }

func TestProjectionOfFieldsAndAnIncludedReference(t *testing.T) {
	to := &record{id: 2}
	to.add("id", member{column: 2})
	to.add("size", member{column: 3})
	rec := &record{id: -1}
	rec.add("id", member{column: 0})
	rec.add("company", member{to: to})
	rec.add("age", member{column: 1})

	var p rows
	p.add(rec, cells{id(1), 40, id(7), nil})
	p.add(rec, cells{id(2), nil, nil, nil})
	for i, want := range []string{
		`{"id":1,"company":{"id":7,"size":null},"age":40}`,
		`{"id":2,"company":null,"age":null}`,
	} {
		s := p.ends[i]
		if got := string(p.text[s.from:s.to]); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestProjectionPutsListsIntoTheirRecordsAndNamesTheCutOnes(t *testing.T) {
	child := &record{id: 0}
	child.add("id", member{column: 0})
	notes := &many{name: "notes", level: &level{rec: child}}
	tasks := &many{name: "tasks", level: &level{rec: child}}
	rec := &record{id: 0}
	rec.add("id", member{column: 0})
	rec.add("notes", member{many: notes})
	rec.add("tasks", member{many: tasks})
	rec.add("age", member{column: 1})

	var p rows
	p.add(rec, cells{id(1), 40})
	p.add(rec, cells{id(2), 41})
	many := &children{groups: map[value.UUID]group{id(1): {from: 0, to: 2, more: true}}}
	many.add(child, cells{id(8)})
	many.add(child, cells{id(9)})
	found := lists{notes: many}
	for i, want := range []string{
		`{"id":1,"notes":[{"id":8},{"id":9}],"tasks":[],"age":40,"_more":["notes"]}`,
		`{"id":2,"notes":[],"tasks":[],"age":41}`,
	} {
		if got := string(found.fill(nil, &p, p.ends[i])); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := len(p.keys(notes)); got != 2 {
		t.Errorf("%d keys, want 2", got)
	}
}
