package engine

import (
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
)

func TestSearch(t *testing.T) {
	o := openOffice(t)
	o.employee("Anna Größe", values{"nickname": "Falcon", "account": o.ann.Caller.ID})
	o.employee("Bert Small", values{"nickname": "Eagle", "account": o.bob.Caller.ID})
	o.employee("Anna Eagle", values{})
	o.employee("Anna Hidden", values{"active": false})
	o.put("Vault", values{"secret": "anna"})

	for _, tt := range []struct {
		name string
		who  *auth.Principal
		q    Query
		want string
	}{
		{"a word", o.ann, Query{Search: "anna"}, "Anna Größe Anna Eagle"},
		{"every word", o.ann, Query{Search: "anna eagle"}, "Anna Eagle"},
		{"case and form do not matter", o.ann, Query{Search: "GRÖSSE"}, "Anna Größe"},
		{"whole words only", o.ann, Query{Search: "ann"}, ""},
		{"words of different fields", o.hr, Query{Search: "small eagle"}, "Bert Small"},
		{"a masked field is searched where it may be read", o.bob, Query{Search: "eagle"}, "Bert Small Anna Eagle"},
		{"and nowhere else", o.ann, Query{Search: "eagle"}, "Anna Eagle"},
		{"in no masked field for nobody", nil, Query{Search: "falcon"}, ""},
		{"with a filter", o.hr, Query{Search: "anna", Filter: `active == false`}, "Anna Hidden"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.q.Count = "exact"
			p := o.list(tt.who, "Employee", tt.q)
			if p.names("name") != tt.want || p.Statements != 1 {
				t.Errorf("got %s, %d statements", p.names("name"), p.Statements)
			}
			count := o.do(tt.who, Operation{Kind: Count, Resource: o.set.Resource("Employee"), Query: Query{Search: tt.q.Search, Filter: tt.q.Filter}})
			if got, want := string(count.Body), fmt.Sprintf(`{"total":%d}`, *p.Total); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	t.Run("without a search field there is no such parameter", func(t *testing.T) {
		o.refused(o.ann, Operation{Kind: List, Resource: o.set.Resource("Comment"), Query: Query{Search: "x"}}, problem.UnknownParameter)
	})
	t.Run("a denied resource stays empty", func(t *testing.T) {
		if p := o.list(o.ann, "Vault", Query{Search: "anna"}); len(p.Items) != 0 {
			t.Error(string(p.Body))
		}
		if p := o.list(o.admin, "Vault", Query{Search: "anna"}); len(p.Items) != 1 {
			t.Error(string(p.Body))
		}
	})
}
