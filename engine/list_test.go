package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// crowd puts 25 employees into the office, E01 to E25; every third is not active.
func (o *office) crowd() (dev, ops value.UUID) {
	o.together(func() { dev, ops = o.crowded() })
	return dev, ops
}

func (o *office) crowded() (dev, ops value.UUID) {
	dev = o.put("Department", values{"name": "Development", "slug": "dev"})
	ops = o.put("Department", values{"name": "Operations", "slug": "ops"})
	for i := 1; i <= 25; i++ {
		v := values{"age": int64(20 + i%5), "level": []string{"senior", "junior", "lead"}[i%3], "active": i%3 != 0}
		if i%2 == 0 {
			v["department"] = dev
			v["score"] = float64(i) / 4
		} else {
			v["department"] = ops
		}
		if i%4 == 0 {
			v["account"], v["bonus"] = o.ann.Caller.ID, decimal(o.t, fmt.Sprintf("%d.00", i))
		} else {
			v["bonus"] = decimal(o.t, "7.00")
		}
		v["salary"] = decimal(o.t, fmt.Sprintf("%d.50", 100*i))
		o.employee(fmt.Sprintf("E%02d", i), v)
	}
	return dev, ops
}

func TestList(t *testing.T) {
	o := openOffice(t)
	dev, _ := o.crowd()
	names := func(who *auth.Principal, q Query) string {
		t.Helper()
		q.Fields = "name"
		return o.list(who, "Employee", q).names("name")
	}
	eq := func(name string, values ...string) []Equal { return []Equal{{name, values}} }

	t.Run("by id, readable ones only, with null cursors on a page that holds all", func(t *testing.T) {
		p := o.list(o.ann, "Employee", Query{})
		if len(p.Items) != 17 || p.Next != nil || p.Prev != nil || p.Total != nil || p.Statements != 1 {
			t.Errorf("%d items, next %v, prev %v, total %v, %d statements", len(p.Items), p.Next, p.Prev, p.Total, p.Statements)
		}
		if !strings.HasSuffix(string(p.Body), `],"next":null,"prev":null}`) {
			t.Error(string(p.Body[len(p.Body)-60:]))
		}
		if all := o.list(o.hr, "Employee", Query{}); len(all.Items) != 25 {
			t.Errorf("hr sees %d", len(all.Items))
		}
	})
	t.Run("conditions", func(t *testing.T) {
		for _, tt := range []struct {
			name string
			who  *auth.Principal
			q    Query
			want string
		}{
			{"equality", o.hr, Query{Equal: eq("name", "E07")}, "E07"},
			{"any of several values", o.hr, Query{Equal: eq("name", "E07", "E01", "E09")}, "E01 E07 E09"},
			{"different fields together", o.hr, Query{Equal: []Equal{{"age", []string{"20"}}, {"department", []string{dev.String()}}}}, "E10 E20"},
			{"an enum's word", o.hr, Query{Equal: []Equal{{"level", []string{"lead"}}, {"age", []string{"20"}}}}, "E05 E20"},
			{"a reference by id", o.ann, Query{Equal: eq("department", dev.String()), Limit: "2"}, "E02 E04"},
			{"a bool", o.hr, Query{Equal: eq("active", "false"), Limit: "3"}, "E03 E06 E09"},
			{"filter", o.ann, Query{Filter: `age > 22 && name < "E10"`}, "E04 E08"},
			{"filter over a reference", o.ann, Query{Filter: `department.slug == "dev" && age == 22`}, "E02 E22"},
			{"an unreadable row matches nothing", o.ann, Query{Equal: eq("name", "E03")}, ""},
			{"a declared filter", o.ann, Query{Equal: eq("older", "24"), Limit: "2"}, "E04 E14"},
			{"a switch", o.ann, Query{Equal: eq("grown", "true"), Limit: "1"}, "E01"},
			{"a switch that is off", o.ann, Query{Equal: eq("grown", "false"), Limit: "1"}, "E01"},
			{"a masked field matches where it may be read", o.ann, Query{Filter: `bonus > decimal("0")`}, "E04 E08 E16 E20"},
			{"also as equality", o.ann, Query{Equal: eq("bonus", "7.00")}, ""},
			{"also in a declared filter", o.ann, Query{Equal: eq("rich", "10")}, "E16 E20"},
			{"null is never equal", o.ann, Query{Filter: `score == null && age == 21`}, "E01 E11"},
			{"sort", o.hr, Query{Equal: eq("age", "20"), Sort: "-name"}, "E25 E20 E15 E10 E05"},
			{"an enum sorts in the order written, ties by id", o.hr, Query{Equal: eq("age", "20"), Sort: "level"}, "E10 E25 E15 E05 E20"},
			{"ties go the way of the last key", o.hr, Query{Equal: eq("age", "20"), Sort: "-level"}, "E20 E05 E15 E25 E10"},
			{"null is lowest", o.hr, Query{Equal: eq("age", "20"), Sort: "score"}, "E05 E15 E25 E10 E20"},
			{"null is last when it goes down", o.hr, Query{Equal: eq("age", "20"), Sort: "-score"}, "E20 E10 E25 E15 E05"},
			{"a masked key is null", o.ann, Query{Sort: "-bonus", Limit: "5"}, "E20 E16 E08 E04 E25"},
			{"offset", o.hr, Query{Offset: "23"}, "E24 E25"},
			{"offset behind everything", o.hr, Query{Offset: "10000"}, ""},
		} {
			t.Run(tt.name, func(t *testing.T) {
				if got := names(tt.who, tt.q); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	})
	t.Run("values of one shape share a plan and stay apart", func(t *testing.T) {
		for _, age := range []string{"20", "21", "22"} {
			for _, q := range []Query{
				{Equal: eq("age", age)}, {Filter: "age == " + age}, {Equal: eq("older", age), Filter: "age < " + age + " + 1"},
			} {
				for _, item := range o.list(o.hr, "Employee", q).Items {
					if fmt.Sprint(item["age"]) != age {
						t.Errorf("%+v finds %v", q, item)
					}
				}
			}
		}
		plans := len(o.e.young)
		names(o.hr, Query{Equal: eq("age", "23")})
		names(o.hr, Query{Equal: eq("name", "a", "b", "c")})
		before := len(o.e.young)
		names(o.hr, Query{Equal: eq("age", "24")})
		names(o.hr, Query{Equal: eq("name", "a", "b", "c", "d")})
		if len(o.e.young) != before {
			t.Errorf("%d plans became %d, then %d", plans, before, len(o.e.young))
		}
	})
	t.Run("limit is coerced from above", func(t *testing.T) {
		for _, limit := range []string{"201", "99999999999999999999"} {
			if got := len(o.list(o.hr, "Employee", Query{Limit: limit}).Items); got != 25 {
				t.Errorf("limit=%s: %d", limit, got)
			}
		}
	})
	t.Run("total only when asked, of what the caller sees", func(t *testing.T) {
		for _, tt := range []struct {
			who        *auth.Principal
			q          Query
			total      int64
			statements int
		}{
			{o.ann, Query{Count: "exact"}, 17, 1},
			{o.ann, Query{Count: "exact", Limit: "2"}, 17, 2},
			{o.ann, Query{Count: "exact", Limit: "2", Offset: "16"}, 17, 2},
			{o.hr, Query{Count: "exact", Limit: "1", Filter: "age == 20"}, 5, 2},
			{o.ann, Query{Count: "exact", Filter: `bonus > decimal("0")`}, 4, 1},
		} {
			p := o.list(tt.who, "Employee", tt.q)
			if p.Total == nil || *p.Total != tt.total || p.Statements != tt.statements {
				t.Errorf("%+v: %s, %d statements", tt.q, p.Body[len(p.Body)-20:], p.Statements)
			}
		}
	})
	t.Run("a denied resource is an empty list", func(t *testing.T) {
		o.put("Vault", values{"secret": "gold"})
		for _, who := range []*auth.Principal{nil, o.ann} {
			p := o.list(who, "Vault", Query{Count: "exact"})
			if string(p.Body) != `{"items":[],"next":null,"prev":null,"total":0}` || p.Statements != 0 {
				t.Errorf("%s, %d statements", p.Body, p.Statements)
			}
		}
		o.refused(o.admin, Operation{Kind: List, Resource: o.set.Resource("Ghost")}, problem.NotFound)
	})
}

func TestListRefusesWhatItDoesNotKnow(t *testing.T) {
	o := openOffice(t)
	dev, _ := o.crowd()
	employees := o.set.Resource("Employee")
	eq := func(name string, values ...string) []Equal { return []Equal{{name, values}} }
	long := strings.Split(strings.Repeat("x,", 101)+"x", ",")

	for _, tt := range []struct {
		name string
		q    Query
		kind problem.Kind
	}{
		{"unknown field", Query{Equal: eq("shoe", "1")}, problem.UnknownParameter},
		{"a list's name", Query{Equal: eq("reports", "1")}, problem.UnknownParameter},
		{"hidden field", Query{Equal: eq("pin", "1234")}, problem.UnknownParameter},
		{"a parameter of another operation", Query{By: "level"}, problem.UnknownParameter},
		{"value of a wrong type", Query{Equal: eq("age", "old")}, problem.InvalidParameter},
		{"no enum word", Query{Equal: eq("level", "boss")}, problem.InvalidParameter},
		{"no id", Query{Equal: eq("department", "dev")}, problem.InvalidParameter},
		{"equality on a list", Query{Equal: eq("tags", "a")}, problem.InvalidParameter},
		{"too many values", Query{Equal: eq("name", long...)}, problem.InvalidParameter},
		{"declared filter twice", Query{Equal: eq("older", "1", "2")}, problem.InvalidParameter},
		{"declared filter's type", Query{Equal: eq("older", "x")}, problem.InvalidParameter},
		{"declared filter's bounds", Query{Equal: eq("older", "151")}, problem.InvalidParameter},
		{"a text that no record can hold", Query{Equal: eq("name", "a\x00b")}, problem.InvalidParameter},
		{"switch", Query{Equal: eq("grown", "yes")}, problem.InvalidParameter},
		{"limit 0", Query{Limit: "0"}, problem.InvalidParameter},
		{"limit -1", Query{Limit: "-1"}, problem.InvalidParameter},
		{"limit 1e3", Query{Limit: "1e3"}, problem.InvalidParameter},
		{"offset too far", Query{Offset: "10001"}, problem.InvalidParameter},
		{"offset and cursor", Query{Offset: "1", Cursor: "x"}, problem.InvalidParameter},
		{"count", Query{Count: "yes"}, problem.InvalidParameter},
		{"sort by a list", Query{Sort: "tags"}, problem.InvalidParameter},
		{"sort by a struct", Query{Sort: "address"}, problem.InvalidParameter},
		{"sort by an unbounded text", Query{Sort: "bio"}, problem.InvalidParameter},
		{"sort twice", Query{Sort: "name,-name"}, problem.InvalidParameter},
		{"sort by nothing", Query{Sort: "name,"}, problem.InvalidParameter},
		{"sort by too much", Query{Sort: "name,age,level,score,active,started"}, problem.InvalidParameter},
		{"fields", Query{Fields: "name,shoe"}, problem.InvalidParameter},
		{"fields of no relation", Query{Fields: "name.first"}, problem.InvalidParameter},
		{"include of a field", Query{Include: "name"}, problem.InvalidParameter},
		{"include of nothing", Query{Include: "shoe"}, problem.InvalidParameter},
		{"include too deep", Query{Include: "manager.manager.manager.manager.manager"}, problem.InvalidParameter},
		{"include too long", Query{Include: strings.Join(long, ",")}, problem.InvalidParameter},
		{"search without a word", Query{Search: "!?"}, problem.InvalidParameter},
		{"search of too much", Query{Search: "a b c d e f g h i j k"}, problem.InvalidParameter},
		{"filter", Query{Filter: "age >"}, problem.InvalidFilter},
		{"filter on an unknown field", Query{Filter: "shoe == 1"}, problem.InvalidFilter},
		{"cursor", Query{Cursor: "AbC"}, problem.CursorInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o.refused(o.ann, Operation{Kind: List, Resource: employees, Query: tt.q}, tt.kind)
		})
	}
	t.Run("all faults at once", func(t *testing.T) {
		equal := []Equal{{"level", []string{"boss"}}, {"shoe", []string{"1"}}}
		for _, tt := range []struct {
			name string
			op   Operation
			want string
			kind problem.Kind
		}{
			{"list", Operation{Kind: List, Query: Query{Equal: equal, Limit: "0", Count: "y", Sort: "foo", Fields: "bar", Include: "clubb", Filter: "age >"}},
				"level shoe limit count include fields sort filter", problem.UnknownParameter},
			{"with a literal that does not fit", Operation{Kind: List, Query: Query{Sort: "foo", Filter: `age > "x"`}}, "sort filter", problem.InvalidParameter},
			{"with a filter that has to be parsed each time", Operation{Kind: List, Query: Query{Sort: "foo", Filter: `name == "\q"`}}, "sort filter", problem.InvalidParameter},
			{"shapes alone", Operation{Kind: List, Query: Query{Sort: "foo", Fields: "bar", Include: "clubb"}}, "include fields sort", problem.InvalidParameter},
			{"export", Operation{Kind: Export, Format: "csv", Query: Query{Equal: equal, Limit: "5", Sort: "foo", Fields: "bar"}}, "level shoe limit fields sort", problem.UnknownParameter},
			{"count", Operation{Kind: Count, Query: Query{Equal: equal, Sort: "foo", Filter: "age >"}}, "level shoe sort filter", problem.UnknownParameter},
			{"aggregate", Operation{Kind: Aggregate, Query: Query{Equal: equal, By: "foo", Measures: "sum:bar,avg", Filter: "shoe == 1"}},
				"level shoe by measures measures filter", problem.UnknownParameter},
			{"get", Operation{Kind: Get, ID: dev.String(), Query: Query{Sort: "name", Fields: "bar", Include: "clubb"}}, "sort include fields", problem.UnknownParameter},
		} {
			t.Run(tt.name, func(t *testing.T) {
				tt.op.Resource = employees
				p := o.refused(o.ann, tt.op, tt.kind)
				var names []string
				for _, f := range p.Fields {
					names = append(names, f.Parameter)
				}
				if got := strings.Join(names, " "); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	})
	t.Run("a misspelt name has the nearest beside it that the caller sees", func(t *testing.T) {
		list := func(q Query) Operation { return Operation{Kind: List, Query: q} }
		for _, tt := range []struct {
			name string
			who  *auth.Principal
			op   Operation
			want string
		}{
			{"sort", o.ann, list(Query{Sort: "-nmae"}), `there is no field "nmae"; did you mean 'name'?`},
			{"sort by what has no order", o.ann, list(Query{Sort: "tagss"}), `there is no field "tagss"`},
			{"fields", o.ann, list(Query{Fields: "nicknam"}), `there is no field "nicknam"; did you mean 'nickname'?`},
			{"fields within a relation", o.ann, list(Query{Fields: "department.nmae"}), `there is no field "department.nmae"; did you mean 'department.name'?`},
			{"fields through a relation", o.ann, list(Query{Fields: "departmnt.name"}), `there is no field "departmnt.name"; did you mean 'department.name'?`},
			{"include", o.ann, list(Query{Include: "reprots.manager"}), `there is no field "reprots.manager"; did you mean 'reports.manager'?`},
			{"include of what is no relation", o.ann, list(Query{Include: "nmae"}), `there is no field "nmae"`},
			{"by", o.ann, Operation{Kind: Aggregate, Query: Query{By: "levl"}}, `there is no field "levl"; did you mean 'level'?`},
			{"measures", o.ann, Operation{Kind: Aggregate, Query: Query{Measures: "avg:scroe"}}, `there is no field "scroe"; did you mean 'score'?`},
			{"measures of a field that hr reads", o.hr, Operation{Kind: Aggregate, Query: Query{Measures: "sum:salry"}}, `there is no field "salry"; did you mean 'salary'?`},
			{"measures of a field that is not there for ann", o.ann, Operation{Kind: Aggregate, Query: Query{Measures: "sum:salry"}}, `there is no field "salry"`},
			{"sort by a hidden field", o.hr, list(Query{Sort: "pinn"}), `there is no field "pinn"`},
			{"sort by a field that is not there for ann", o.ann, list(Query{Sort: "salary"}), `there is no field "salary"`},
			{"nothing near", o.ann, list(Query{Sort: "elephant"}), `there is no field "elephant"`},
		} {
			t.Run(tt.name, func(t *testing.T) {
				tt.op.Resource = employees
				p := o.refused(tt.who, tt.op, problem.InvalidParameter)
				if len(p.Fields) != 1 || p.Fields[0].Detail != tt.want {
					t.Errorf("got %v, want %s", p.Fields, tt.want)
				}
			})
		}
	})
	t.Run("a path is refused as such, whatever stands in it", func(t *testing.T) {
		for _, path := range []string{"department.slug", "salary.x", "foo.bar"} {
			for _, op := range []Operation{
				{Kind: List, Query: Query{Sort: "-" + path}},
				{Kind: Aggregate, Query: Query{By: path}},
				{Kind: Aggregate, Query: Query{Measures: "max:" + path}},
			} {
				op.Resource = employees
				p := o.refused(o.ann, op, problem.InvalidParameter)
				if got, want := p.Fields[0].Detail, `"`+path+`": paths are not possible here`; got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			}
		}
	})
	t.Run("an unreadable field is refused as a misspelt one is", func(t *testing.T) {
		// salary does not exist for ann; the same request with a word of the
		// same length must give the same answer.
		for _, q := range []Query{
			{Equal: eq("salary", "1")}, {Fields: "salary"}, {Fields: "manager.salary"}, {Sort: "-salary"}, {Include: "salary"},
			{Filter: `salary > 1`}, {Filter: `manager.salary > 1`}, {Equal: eq("paid", "1")},
		} {
			other := q
			for _, s := range []*string{&other.Fields, &other.Sort, &other.Include, &other.Filter} {
				*s = strings.ReplaceAll(*s, "salary", "celery")
			}
			if len(q.Equal) > 0 {
				other.Equal = eq(map[string]string{"salary": "celery", "paid": "pied"}[q.Equal[0].Name], "1")
			}
			for _, kind := range []Kind{List, Export} {
				if kind == Export && q.Include != "" {
					continue
				}
				a, aerr := o.e.Do(t.Context(), o.ann, &Operation{Kind: kind, Format: "csv", Resource: employees, Query: q})
				_, berr := o.e.Do(t.Context(), o.ann, &Operation{Kind: kind, Format: "csv", Resource: employees, Query: other})
				if aerr == nil || berr == nil {
					t.Fatalf("%+v: %+v", q, a)
				}
				text := strings.NewReplacer("salary", "celery", "paid", "pied").Replace(aerr.Error())
				if text != berr.Error() {
					t.Errorf("%+v\n got %s\nwant %s", q, text, berr)
				}
			}
			o.e.Do(t.Context(), o.hr, &Operation{Kind: List, Resource: employees, Query: q}) // shares no plan with ann
		}
	})
}

// What others have asked before must not show in an answer.
func TestFilterIsRefusedAlikeWhetherItsShapeIsKnownOrNot(t *testing.T) {
	o := openOffice(t)
	employees := o.set.Resource("Employee")
	for _, tt := range []struct{ known, refused string }{
		{`level == "junior"`, `level == "jun"`},
		{`manager == "01900000-0000-7000-8000-000000000000"`, `manager == "x"`},
		{`started > date("2026-01-31")`, `started > date("2026-02-31")`},
		{`name == "x"`, `name == "` + strings.Repeat("x", 9000) + `"`},
	} {
		cold := o.refused(o.ann, Operation{Kind: List, Resource: employees, Query: Query{Filter: tt.refused}}, problem.InvalidFilter)
		o.list(o.ann, "Employee", Query{Filter: tt.known})
		warm := o.refused(o.ann, Operation{Kind: List, Resource: employees, Query: Query{Filter: tt.refused}}, problem.InvalidFilter)
		if cold.Error() != warm.Error() || cold.Position != warm.Position {
			t.Errorf("%s\n%v at %d, then %v at %d", tt.known, cold, cold.Position, warm, warm.Position)
		}
	}
	for _, filter := range []string{`decimal( "1.5") > decimal( "1.2")`, `decimal( "1.55") > decimal( "1.22")`} {
		o.list(o.ann, "Employee", Query{Filter: filter})
	}
}

func TestLongShapesAreNotKept(t *testing.T) {
	w := openWorkshop(t)
	reads, writes := len(w.e.readPlans.young), len(w.e.writePlans.rows)
	for i := range 10 {
		filter := fmt.Sprint("urgent // ", i, strings.Repeat("x", maxShape))
		w.ok(w.ann, "GET /tasks?filter="+filter, "")
		w.ok(w.ann, "PATCH /tasks?max_affected=1&filter="+filter, `{"title":"Saw wood"}`)
	}
	if r, wr := len(w.e.readPlans.young), len(w.e.writePlans.rows); r != reads || wr != writes {
		t.Errorf("%d plans of reads and %d of writes are kept", r-reads, wr-writes)
	}
}

func TestListPages(t *testing.T) {
	o := openOffice(t)
	o.crowd()
	employees := o.set.Resource("Employee")
	for _, q := range []Query{
		{}, {Sort: "-id"}, {Sort: "level"}, {Sort: "-level,age"}, {Sort: "score"}, {Sort: "-score"}, {Sort: "score,-age"}, {Sort: "-bonus"},
		{Sort: "active,-name"}, {Filter: `age > 20`, Sort: "-age"}, {Fields: "name", Sort: "level,score"}, {Include: "department"}, {Sort: "-score", Include: "reports"},
	} {
		t.Run(fmt.Sprintf("sort=%s filter=%s include=%s", q.Sort, q.Filter, q.Include), func(t *testing.T) {
			for _, who := range []*auth.Principal{o.ann, o.hr} {
				all := o.list(who, "Employee", q)
				q := q
				q.Limit = "4"
				q.Count = "exact"
				var pages []page
				for {
					p := o.list(who, "Employee", q)
					pages = append(pages, p)
					if len(p.Items) != 4 && p.Next != nil || len(p.Items) == 0 {
						t.Fatalf("a page of %d", len(p.Items))
					}
					if *p.Total != int64(len(all.Items)) {
						t.Errorf("total is %d, want %d", *p.Total, len(all.Items))
					}
					if p.Next == nil {
						break
					}
					if *p.Next != p.Result.Next {
						t.Error("the cursor for Link differs")
					}
					q.Cursor = *p.Next
				}
				var walked []string
				for _, p := range pages {
					walked = append(walked, p.names("id"))
				}
				if got := strings.Join(walked, " "); got != all.names("id") {
					t.Errorf("got  %s\nwant %s", got, all.names("id"))
				}
				if pages[0].Prev != nil {
					t.Error("there is a page before the first")
				}
				for i := len(pages) - 1; i > 0; i-- {
					q.Cursor = *pages[i].Prev
					p := o.list(who, "Employee", q)
					if p.names("id") != pages[i-1].names("id") {
						t.Errorf("back to page %d\n got %s\nwant %s", i, p.names("id"), pages[i-1].names("id"))
					}
					if p.Next == nil || (p.Prev == nil) != (i == 1) {
						t.Errorf("page %d: next %v, prev %v", i, p.Next, p.Prev)
					}
					q.Cursor = *p.Next
					if again := o.list(who, "Employee", q); again.names("id") != pages[i].names("id") {
						t.Errorf("forth to page %d: %s", i+1, again.names("id"))
					}
				}
			}
		})
	}
	t.Run("a cursor belongs to its caller and its list", func(t *testing.T) {
		q := Query{Sort: "name", Limit: "2", Filter: "age > 20", Equal: []Equal{{"level", []string{"lead"}}}}
		p := o.list(o.ann, "Employee", q)
		if p.Next == nil {
			t.Fatal("one page")
		}
		q.Cursor = *p.Next
		o.list(o.ann, "Employee", q)
		for name, other := range map[string]func(q *Query, op *Operation) *auth.Principal{
			"caller":   func(*Query, *Operation) *auth.Principal { return o.bob },
			"nobody":   func(*Query, *Operation) *auth.Principal { return nil },
			"sort":     func(q *Query, _ *Operation) *auth.Principal { q.Sort = "-name"; return o.ann },
			"filter":   func(q *Query, _ *Operation) *auth.Principal { q.Filter = "age > 21"; return o.ann },
			"equality": func(q *Query, _ *Operation) *auth.Principal { q.Equal = nil; return o.ann },
			"value": func(q *Query, _ *Operation) *auth.Principal {
				q.Equal = []Equal{{"level", []string{"junior"}}}
				return o.ann
			},
			"search": func(q *Query, _ *Operation) *auth.Principal { q.Search = "E01"; return o.ann },
			"resource": func(q *Query, op *Operation) *auth.Principal {
				op.Resource, q.Equal, q.Filter = o.set.Resource("Department"), nil, ""
				return o.ann
			},
			"altered": func(q *Query, _ *Operation) *auth.Principal {
				q.Cursor = strings.ToUpper(q.Cursor)
				return o.ann
			},
		} {
			op := Operation{Kind: List, Resource: employees, Query: q}
			who := other(&op.Query, &op)
			t.Run(name, func(t *testing.T) { o.refused(who, op, problem.CursorInvalid) })
		}
		q.Limit, q.Fields, q.Include = "3", "name", "department"
		o.list(o.ann, "Employee", q) // what is shown may change
	})
	t.Run("a page after an offset leads back", func(t *testing.T) {
		p := o.list(o.hr, "Employee", Query{Offset: "4", Limit: "4"})
		if p.Prev == nil {
			t.Fatal("no page before")
		}
		if back := o.list(o.hr, "Employee", Query{Cursor: *p.Prev, Limit: "4"}); back.names("name") != "E01 E02 E03 E04" {
			t.Error(back.names("name"))
		}
	})
}
