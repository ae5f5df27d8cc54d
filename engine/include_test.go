package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

func TestInclude(t *testing.T) {
	o := openOffice(t)
	dev := o.put("Department", values{"name": "Development", "slug": "dev"})
	board := o.put("Department", values{"name": "Board", "slug": "board"})
	boss := o.employee("Boss", values{"department": board, "account": o.bob.Caller.ID})
	secret := o.employee("Secret", values{"active": false, "department": dev})
	eve := o.employee("Eve", values{"department": dev, "manager": boss, "account": o.ann.Caller.ID, "bonus": decimal(t, "1.00")})
	max := o.employee("Max", values{"department": dev, "manager": secret})
	ids := map[string]value.UUID{"dev": dev, "board": board, "boss": boss, "secret": secret, "eve": eve, "max": max, "ann": o.ann.Caller.ID, "bob": o.bob.Caller.ID}
	for i, owner := range []string{"ann", "bob", "ann"} {
		name := fmt.Sprintf("note%d", i+1)
		ids[name] = o.put("Note", values{"employee": eve, "owner": ids[owner], "body": name})
		ids["comment on "+name] = o.put("Comment", values{"note": ids[name], "body": "on " + name})
	}
	named := func(text string) string { // ids as names
		for name, id := range ids {
			text = strings.ReplaceAll(text, id.String(), name)
		}
		return text
	}

	for _, tt := range []struct {
		name       string
		q          Query
		statements int
		want       string
	}{
		{"a reference", Query{Fields: "name,department", Include: "department", Filter: `name == "Eve"`}, 1,
			`{"name":"Eve","department":{"id":"dev","created_at":"2026-11-22T12:00:00.000Z","updated_at":"2026-11-22T12:00:00.000Z","name":"Development","slug":"dev","budget":null}}`},
		{"fields imply the include and trim it", Query{Fields: "name,department.slug", Sort: "name"}, 1,
			`{"name":"Boss","department":null},{"name":"Eve","department":{"slug":"dev"}},{"name":"Max","department":{"slug":"dev"}}`},
		{"an unreadable reference is null, its id is not", Query{Fields: "name,department,manager.name", Sort: "name"}, 1,
			`{"name":"Boss","department":"board","manager":null},{"name":"Eve","department":"dev","manager":{"name":"Boss"}},{"name":"Max","department":"dev","manager":null}`},
		{"behind an unreadable reference there is nothing", Query{Fields: "manager.department.name", Filter: `name == "Max"`}, 1, `{"manager":null}`},
		{"three deep", Query{Fields: "manager.manager.manager.name", Filter: `name == "Eve"`}, 1, `{"manager":{"manager":null}}`},
		{"four deep", Query{Fields: "manager.reports.manager.reports.name", Filter: `name == "Eve"`, Limit: "1"}, 3,
			`{"manager":{"reports":[{"manager":{"reports":[{"name":"Eve"}]}}]}}`},
		{"masks hold in an include", Query{Fields: "name,reports.bonus,reports.name", Filter: `name == "Boss"`}, 2,
			`{"name":"Boss","reports":[{"name":"Eve","bonus":"1.00"}]}`},
		{"a list, readable records only, by id", Query{Fields: "name,notes.body", Sort: "-name"}, 2,
			`{"name":"Max","notes":[]},{"name":"Eve","notes":[{"body":"note1"},{"body":"note3"}]},{"name":"Boss","notes":[]}`},
		{"a list without dots is whole", Query{Fields: "notes", Filter: `name == "Max"`}, 2, `{"notes":[]}`},
		{"a list in a list", Query{Fields: "notes.comments.body", Filter: `name == "Eve"`, Limit: "1"}, 3,
			`{"notes":[{"comments":[{"body":"on note1"}]},{"comments":[{"body":"on note3"}]}]}`},
		{"a list behind a reference", Query{Fields: "name,manager.reports.name", Filter: `name == "Eve"`}, 2,
			`{"name":"Eve","manager":{"reports":[{"name":"Eve"}]}}`},
		{"a reference behind a list", Query{Fields: "reports.department.slug", Filter: `name == "Boss"`}, 2,
			`{"reports":[{"department":{"slug":"dev"}}]}`},
		{"two lists", Query{Fields: "name,reports.name,notes.body", Filter: `name == "Boss"`}, 3,
			`{"name":"Boss","reports":[{"name":"Eve"}],"notes":[]}`},
		{"a star is every field", Query{Fields: "reports.name,department.*,name", Filter: `name == "Eve"`}, 2,
			`{"name":"Eve","department":{"id":"dev","created_at":"2026-11-22T12:00:00.000Z","updated_at":"2026-11-22T12:00:00.000Z","name":"Development","slug":"dev","budget":null},"reports":[]}`},
		{"an account that is not the caller's is null", Query{Fields: "name,account.email", Sort: "name"}, 1,
			`{"name":"Boss","account":null},{"name":"Eve","account":{"email":"ann@office.example"}},{"name":"Max","account":null}`},
		{"no lists without records", Query{Include: "notes", Filter: `name == "Nobody"`}, 1, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := o.list(o.ann, "Employee", tt.q)
			if want := `{"items":[` + tt.want + `],"next":null,"prev":null}`; named(string(p.Body)) != want {
				t.Errorf("got  %s\nwant %s", named(string(p.Body)), want)
			}
			if p.Statements != tt.statements {
				t.Errorf("%d statements, want %d", p.Statements, tt.statements)
			}
		})
	}
	t.Run("fields=* shows what may be read and nothing else", func(t *testing.T) {
		if all, star := o.get(o.ann, "Employee", eve, Query{}), o.get(o.ann, "Employee", eve, Query{Fields: "*"}); all != star {
			t.Errorf("%s\n%s", all, star)
		}
	})
	t.Run("one record with lists", func(t *testing.T) {
		got := named(o.get(o.ann, "Employee", eve, Query{Fields: "name,notes.body,manager.reports.name"}))
		if want := `{"name":"Eve","manager":{"reports":[{"name":"Eve"}]},"notes":[{"body":"note1"},{"body":"note3"}]}`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("a backward page has its lists at the right records", func(t *testing.T) {
		q := Query{Fields: "name,notes.body", Sort: "name", Limit: "1"}
		first := o.list(o.ann, "Employee", q)
		q.Cursor = *first.Next
		second := o.list(o.ann, "Employee", q)
		q.Cursor = *second.Next
		third := o.list(o.ann, "Employee", q)
		q.Cursor, q.Limit = *third.Prev, "2"
		back := o.list(o.ann, "Employee", q)
		if want := `{"items":[{"name":"Boss","notes":[]},{"name":"Eve","notes":[{"body":"note1"},{"body":"note3"}]}],"next":`; !strings.HasPrefix(string(back.Body), want) {
			t.Error(string(back.Body))
		}
	})
}

func TestIncludeIsBounded(t *testing.T) {
	o := openOffice(t)
	var boss value.UUID
	o.together(func() {
		boss = o.employee("Boss", values{})
		lone := o.employee("Lone", values{})
		for i := range 103 {
			o.employee(fmt.Sprintf("R%03d", i), values{"manager": boss, "active": i != 0})
		}
		o.employee("R", values{"manager": lone})
	})

	t.Run("a list ends at 100 and says so", func(t *testing.T) {
		p := o.list(o.ann, "Employee", Query{Fields: "name,reports.name", Filter: `name == "Boss" || name == "Lone"`})
		reports := p.Items[0]["reports"].([]any)
		if len(reports) != 100 || reports[0].(map[string]any)["name"] != "R001" {
			t.Errorf("%d reports, the first is %v", len(reports), reports[0])
		}
		if more := fmt.Sprint(p.Items[0]["_more"]); more != "[reports]" {
			t.Error(more)
		}
		if _, ok := p.Items[1]["_more"]; ok {
			t.Error("a list that is whole is said to be cut")
		}
	})
	t.Run("exactly 100 are not cut", func(t *testing.T) {
		var id value.UUID
		for i, item := range o.list(o.hr, "Employee", Query{Filter: `name >= "R100"`}).Items {
			id, _ = value.ParseID(item["id"].(string))
			if i < 2 {
				o.change("Employee", id, values{"manager": nil})
			}
		}
		p := o.list(o.ann, "Employee", Query{Fields: "reports.name", Filter: `name == "Boss"`})
		if n := len(p.Items[0]["reports"].([]any)); n != 100 || p.Items[0]["_more"] != nil {
			t.Errorf("%d, more %v", n, p.Items[0]["_more"])
		}
	})
	t.Run("the whole answer is bounded before it runs", func(t *testing.T) {
		employees := o.set.Resource("Employee")
		o.list(o.ann, "Employee", Query{Include: "reports", Limit: "100"})
		p := o.refused(o.ann, Operation{Kind: List, Resource: employees, Query: Query{Include: "reports", Limit: "101"}}, problem.InvalidParameter)
		if p.Fields[0].Parameter != "limit" || !strings.Contains(p.Fields[0].Detail, "100") {
			t.Error(p)
		}
		for parameter, q := range map[string]Query{"include": {Include: "reports.notes"}, "fields": {Fields: "reports.notes.body"}} {
			p := o.refused(o.ann, Operation{Kind: List, Resource: employees, Query: q}, problem.InvalidParameter)
			want := "brings in up to 10000 records for each one listed, too many for the 50 that are listed by default: write limit=1 or less"
			if p.Fields[0].Parameter != parameter || p.Fields[0].Detail != want {
				t.Errorf("without a limit: %v", p)
			}
		}
		o.list(o.ann, "Employee", Query{Include: "reports.department,notes", Limit: "50"})
		o.list(o.ann, "Employee", Query{Include: "reports.notes", Limit: "1"})
		o.refused(o.ann, Operation{Kind: List, Resource: employees, Query: Query{Include: "reports.notes", Limit: "2"}}, problem.InvalidParameter)
		o.refused(o.ann, Operation{Kind: Get, ID: boss.String(), Resource: employees, Query: Query{Include: "reports.reports.reports"}}, problem.InvalidParameter)
	})
}
