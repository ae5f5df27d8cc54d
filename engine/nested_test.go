package engine

import (
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
)

func TestNestedCollection(t *testing.T) {
	o := openOffice(t)
	dev, _ := o.crowd()
	board := o.put("Department", values{"name": "Board", "slug": "board"})
	o.employee("Chair", values{"department": board})
	under := func(parent, id, many string, kind Kind, q Query) Operation {
		to := map[string]string{"employees": "Employee", "notes": "Note", "reports": "Employee"}[many]
		if to == "" {
			to = "Employee"
		}
		return Operation{Kind: kind, Format: "ndjson", Resource: o.set.Resource(to), Parent: &Parent{Resource: o.set.Resource(parent), ID: id, Many: many}, Query: q}
	}

	t.Run("holds the records of the parent", func(t *testing.T) {
		for _, id := range []string{dev.String(), "dev"} {
			p := o.page(o.do(o.ann, under("Department", id, "employees", List, Query{Filter: "age == 22", Count: "exact"})))
			if p.names("name") != "E02 E22" || *p.Total != 2 || p.Statements != 2 {
				t.Errorf("%s: %s, %d statements", id, p.Body, p.Statements)
			}
		}
	})
	t.Run("counts and aggregates under the parent", func(t *testing.T) {
		if got := string(o.do(o.ann, under("Department", "dev", "employees", Count, Query{})).Body); got != `{"total":8}` {
			t.Error(got)
		}
		if got := string(o.do(o.ann, under("Department", "dev", "employees", Aggregate, Query{Measures: "count,max:name"})).Body); got != `{"items":[{"count":8,"max_name":"E22"}]}` {
			t.Error(got)
		}
	})
	t.Run("pages by a cursor that is bound to the parent", func(t *testing.T) {
		p := o.page(o.do(o.ann, under("Department", "dev", "employees", List, Query{Limit: "3"})))
		q := Query{Limit: "5", Cursor: *p.Next}
		if p := o.page(o.do(o.ann, under("Department", "dev", "employees", List, q))); p.names("name") != "E10 E14 E16 E20 E22" {
			t.Error(p.names("name"))
		}
		o.refused(o.ann, under("Department", "ops", "employees", List, q), problem.CursorInvalid)
		o.refused(o.ann, Operation{Kind: List, Resource: o.set.Resource("Employee"), Query: q}, problem.CursorInvalid)
	})
	t.Run("under a parent that cannot be read there is nothing, even what could be read elsewhere", func(t *testing.T) {
		for _, kind := range []Kind{List, Count, Aggregate, Export} {
			for _, id := range []string{board.String(), "board", "nowhere", "x y"} {
				o.refused(o.ann, under("Department", id, "employees", kind, Query{}), problem.NotFound)
			}
		}
		if p := o.page(o.do(o.hr, under("Department", "board", "employees", List, Query{}))); p.names("name") != "Chair" {
			t.Error(p.names("name"))
		}
	})
	t.Run("no list, no path", func(t *testing.T) {
		for _, many := range []string{"name", "shoes", "budget"} {
			o.refused(o.ann, under("Department", "dev", many, List, Query{}), problem.NotFound)
		}
	})
	t.Run("nobody under a readable parent", func(t *testing.T) {
		var nobody *auth.Principal
		if p := o.page(o.do(nobody, under("Department", "dev", "employees", List, Query{Limit: "1"}))); p.names("name") != "E02" {
			t.Error(p.names("name"))
		}
	})
}
