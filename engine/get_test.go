package engine

import (
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

func TestGet(t *testing.T) {
	o := openOffice(t)
	dev := o.put("Department", values{"name": "Development", "slug": "dev", "budget": int64(9_007_199_254_740_993)})
	board := o.put("Department", values{"name": "Board", "slug": "board"})
	employees := o.set.Resource("Employee")
	eve := o.employee("Eve \"E\" Ö", values{
		"department": dev, "age": int64(41), "salary": decimal(t, "5000.00"), "bonus": decimal(t, "10.00"),
		"account": o.ann.Caller.ID, "tags": []any{"a", "b"}, "address": map[string]any{"street": "High St", "city": nil}, "pin": "1234",
	})
	gone := o.employee("Gone", values{"active": false})

	t.Run("every readable field is there, in the contract's order, null when empty", func(t *testing.T) {
		want := `{"id":"` + eve.String() + `","created_at":"2026-11-22T12:00:00.000Z","updated_at":"2026-11-22T12:00:00.000Z",` +
			`"name":"Eve \"E\" Ö","department":"` + dev.String() + `","manager":null,"account":"` + o.ann.Caller.ID.String() + `",` +
			`"level":"junior","age":41,"score":null,"started":null,"salary":"5000.00","bonus":"10.00","nickname":null,"bio":null,` +
			`"tags":["a","b"],"address":{"street":"High St","city":null},"active":true}`
		if got := o.get(o.hr, "Employee", eve, Query{}); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
	t.Run("a field whose rule is false does not exist, a masked one is null", func(t *testing.T) {
		ann, bob := o.get(o.ann, "Employee", eve, Query{}), o.get(o.bob, "Employee", eve, Query{})
		if strings.Contains(ann, "salary") || strings.Contains(bob, "salary") {
			t.Errorf("salary is shown: %s", ann)
		}
		if !strings.Contains(ann, `"bonus":"10.00"`) || !strings.Contains(bob, `"bonus":null`) {
			t.Errorf("ann gets %s\nbob gets %s", ann, bob)
		}
	})
	t.Run("no field with a hidden value", func(t *testing.T) {
		if got := o.get(o.hr, "Employee", eve, Query{}); strings.Contains(got, "pin") || strings.Contains(got, "1234") {
			t.Error(got)
		}
	})
	t.Run("an unreadable, a missing and a malformed id are one answer", func(t *testing.T) {
		var texts []string
		for _, id := range []string{gone.String(), value.UUID{15: 255}.String(), "x", "", "1; DROP TABLE employees"} {
			p := o.refused(o.ann, Operation{Kind: Get, Resource: employees, ID: id}, problem.NotFound)
			texts = append(texts, p.Error())
		}
		for _, text := range texts {
			if text != texts[0] {
				t.Errorf("%q and %q", texts[0], text)
			}
		}
		o.get(o.hr, "Employee", gone, Query{})
	})
	t.Run("nobody reads what the rule opens to nobody", func(t *testing.T) {
		if got := o.get(nil, "Employee", eve, Query{Fields: "name,tags"}); got != `{"name":"Eve \"E\" Ö","tags":["a","b"]}` {
			t.Error(got)
		}
		o.refused(nil, Operation{Kind: Get, Resource: employees, ID: eve.String(), Query: Query{Fields: "bonus"}}, problem.InvalidParameter)
	})
	t.Run("a key field addresses a record as well", func(t *testing.T) {
		departments := o.set.Resource("Department")
		res := o.do(o.ann, Operation{Kind: Get, Resource: departments, ID: "Dev"})
		want := `{"id":"` + dev.String() + `","created_at":"2026-11-22T12:00:00.000Z","updated_at":"2026-11-22T12:00:00.000Z","name":"Development","slug":"dev","budget":"9007199254740993"}`
		if string(res.Body) != want {
			t.Errorf("got  %s\nwant %s", res.Body, want)
		}
		o.refused(o.ann, Operation{Kind: Get, Resource: departments, ID: "board"}, problem.NotFound)
		o.refused(o.ann, Operation{Kind: Get, Resource: departments, ID: board.String()}, problem.NotFound)
		o.refused(o.ann, Operation{Kind: Get, Resource: departments, ID: "nowhere"}, problem.NotFound)
	})
	t.Run("a denied resource and one that serves nobody are not found", func(t *testing.T) {
		vault := o.put("Vault", values{"secret": "gold"})
		ghost := o.put("Ghost", values{"name": "boo"})
		a := o.refused(o.ann, Operation{Kind: Get, Resource: o.set.Resource("Vault"), ID: vault.String()}, problem.NotFound)
		b := o.refused(o.ann, Operation{Kind: Get, Resource: o.set.Resource("Ghost"), ID: ghost.String()}, problem.NotFound)
		if a.Error() != b.Error() {
			t.Errorf("%v and %v", a, b)
		}
		o.get(o.admin, "Vault", vault, Query{})
	})
	t.Run("what does not belong to a read of one record is refused", func(t *testing.T) {
		for _, q := range []Query{{Filter: "true"}, {Sort: "name"}, {Limit: "1"}, {Cursor: "x"}, {Search: "x"}, {Equal: []Equal{{"name", []string{"x"}}}}} {
			o.refused(o.ann, Operation{Kind: Get, Resource: employees, ID: eve.String(), Query: q}, problem.UnknownParameter)
		}
	})
	t.Run("one statement", func(t *testing.T) {
		res := o.do(o.ann, Operation{Kind: Get, Resource: employees, ID: eve.String(), Query: Query{Include: "department,manager.department"}})
		if res.Statements != 1 {
			t.Errorf("%d statements", res.Statements)
		}
	})
}

func TestETag(t *testing.T) {
	o := openOffice(t)
	dev := o.put("Department", values{"name": "Development", "slug": "dev"})
	eve := o.employee("Eve", values{"department": dev, "salary": decimal(t, "1.00"), "bonus": decimal(t, "1.00")})
	departments, employees := o.set.Resource("Department"), o.set.Resource("Employee")
	read := func(q Query) string {
		return o.do(o.ann, Operation{Kind: Get, Resource: employees, ID: eve.String(), Query: q}).ETag
	}

	t.Run("who may read everything gets the revision", func(t *testing.T) {
		if got := o.do(o.ann, Operation{Kind: Get, Resource: departments, ID: "dev"}).ETag; got != `"r1"` {
			t.Error(got)
		}
	})
	t.Run("everybody else gets a hash of what is seen, which hidden writes do not move", func(t *testing.T) {
		before := read(Query{})
		o.change("Employee", eve, values{"salary": decimal(t, "2.00"), "bonus": decimal(t, "2.00"), "pin": "9999", revisionColumn: int64(2)})
		if after := read(Query{}); after != before || strings.HasPrefix(after, "W/") {
			t.Errorf("%s became %s", before, after)
		}
		o.change("Employee", eve, values{"name": "Eva", revisionColumn: int64(3)})
		if after := read(Query{}); after == before {
			t.Error("a visible write does not move it")
		}
	})
	t.Run("trimmed and included forms are weak", func(t *testing.T) {
		a, b := read(Query{Fields: "name"}), read(Query{Include: "department"})
		if !strings.HasPrefix(a, "W/") || !strings.HasPrefix(b, "W/") || a == b {
			t.Errorf("%s, %s", a, b)
		}
	})
	t.Run("If-None-Match with the tag, its weak form or * is not modified", func(t *testing.T) {
		tag := read(Query{})
		for _, tags := range [][]string{{tag}, {`"x"`, "W/" + tag}, {"*"}} {
			res := o.do(o.ann, Operation{Kind: Get, Resource: employees, ID: eve.String(), IfNoneMatch: tags})
			if !res.NotModified || res.Body != nil || res.ETag != tag {
				t.Errorf("%q: %+v", tags, res)
			}
		}
		if res := o.do(o.bob, Operation{Kind: Get, Resource: employees, ID: eve.String(), IfNoneMatch: []string{`"x"`}}); res.NotModified {
			t.Error("a foreign tag matches")
		}
	})
	t.Run("a hidden row is not found, whatever tag is sent", func(t *testing.T) {
		gone := o.employee("Gone", values{"active": false})
		tag := o.do(o.hr, Operation{Kind: Get, Resource: employees, ID: gone.String()}).ETag
		for _, tags := range [][]string{{tag}, {`"x"`}, {"*"}} {
			o.refused(o.ann, Operation{Kind: Get, Resource: employees, ID: gone.String(), IfNoneMatch: tags}, problem.NotFound)
		}
	})
	t.Run("If-Match compares strongly", func(t *testing.T) {
		for _, tt := range []struct {
			tags    []string
			current string
			want    bool
		}{
			{[]string{`"a"`}, `"a"`, true},
			{[]string{`"b"`, `"a"`}, `"a"`, true},
			{[]string{`"b"`}, `"a"`, false},
			{[]string{`W/"a"`}, `"a"`, false},
			{[]string{`W/"a"`}, `W/"a"`, false},
			{[]string{"*"}, `"a"`, true},
			{nil, `"a"`, false},
		} {
			if got := o.e.etagMatches(tt.tags, tt.current); got != tt.want {
				t.Errorf("%q against %s: %t", tt.tags, tt.current, got)
			}
		}
	})
}
