package engine

import (
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/store"
)

// TestIndexesSettleAPage: a page is settled when one index has what is asked for by =
// and then its order, and no other index could be a better way for some values.
func TestIndexesSettleAPage(t *testing.T) {
	_, set := compile(t, `mainstay: 1
name: posts
resources:
  Writer:
    fields:
      name:  string 1..100
      posts: many Post.writer
    access:
      read: true
  Post:
    fields:
      writer: Writer
      status: enum draft|open|closed
      stars:  int
      price:  int index
      title:  string 1..100
    index: [[status, -created_at], [-created_at]]
    access:
      read: true
`)
	driver := dbtest.SQLite(t)
	if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		q    Query
		want bool
	}{
		{"by id", Query{}, true},
		{"by id, from behind", Query{Sort: "-id"}, true},
		{"in an index's order", Query{Sort: "-created_at"}, true},
		{"turned round", Query{Sort: "created_at"}, true},
		{"turned in part", Query{Sort: "-created_at,id"}, false},
		{"in no index's order", Query{Sort: "stars"}, false},
		{"of one kind, in order", Query{Equal: []Equal{{Name: "status", Values: []string{"open"}}}, Sort: "-created_at"}, true},
		{"and more that no index serves", Query{Equal: []Equal{{Name: "status", Values: []string{"open"}}}, Filter: "stars > 3 || title == 'a'", Sort: "-created_at"}, true},
		{"and more that an index serves", Query{Equal: []Equal{{Name: "status", Values: []string{"open"}}}, Filter: "price > 3", Sort: "-created_at"}, false},
		{"equal to what another index serves", Query{Filter: "price == 3", Sort: "-created_at"}, false},
		{"of two kinds", Query{Equal: []Equal{{Name: "status", Values: []string{"open", "draft"}}}, Sort: "-created_at"}, false},
		{"by the order of an enum", Query{Sort: "status,-created_at"}, false},
		{"what is related", Query{Filter: "writer.name == 'a'"}, false},
		{"with what is related", Query{Include: "writer"}, true},
		{"a later page", Query{Offset: "20"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := New(set, store.New(driver), testKeys(t), Options{})
			if _, err := e.Do(t.Context(), auth.Nobody, &Operation{Resource: set.Resource("Post"), Query: tt.q}); err != nil {
				t.Fatal(err)
			}
			for _, p := range e.readPlans.young {
				if p.root.sel.Settled != tt.want {
					t.Errorf("%+v: settled %t", tt.q, p.root.sel.Settled)
				}
			}
		})
	}
}
