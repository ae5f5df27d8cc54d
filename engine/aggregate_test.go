package engine

import (
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

func TestAggregate(t *testing.T) {
	o := openOffice(t)
	dev, ops := o.crowd()
	employees := o.set.Resource("Employee")
	for _, tt := range []struct {
		name string
		who  *auth.Principal
		q    Query
		want string
	}{
		{"a count of everything", o.ann, Query{}, `{"count":17}`},
		{"by a field, in its order", o.hr, Query{By: "level"}, `{"level":"junior","count":9},{"level":"senior","count":8},{"level":"lead","count":8}`},
		{"by two", o.ann, Query{By: "active,level", Measures: "count"}, `{"active":true,"level":"junior","count":9},{"active":true,"level":"lead","count":8}`},
		{"by a reference", o.hr, Query{By: "department"}, `{"department":"` + dev.String() + `","count":12},{"department":"` + ops.String() + `","count":13}`},
		{"measures of an int", o.hr, Query{Measures: "sum:age,avg:age,min:age,max:age", Filter: `name < "E03"`}, `{"sum_age":43,"avg_age":"21.500000","min_age":21,"max_age":22}`},
		{"an average is rounded half to even", o.hr, Query{Measures: "avg:age", Filter: `name < "E04"`}, `{"avg_age":"22.000000"}`},
		{"measures of a decimal", o.hr, Query{Measures: "sum:salary,avg:salary,min:salary,max:salary", Filter: `name < "E04"`},
			`{"sum_salary":"601.50","avg_salary":"200.50000000","min_salary":"100.50","max_salary":"300.50"}`},
		{"measures leave nulls out", o.hr, Query{Measures: "count,sum:score,avg:score,min:score,max:score", Filter: `name < "E05"`},
			`{"count":4,"sum_score":1.5,"avg_score":0.75,"min_score":0.5,"max_score":1}`},
		{"a masked value counts where it may be read", o.ann, Query{Measures: "sum:bonus,avg:bonus,max:bonus"}, `{"sum_bonus":"48.00","avg_bonus":"12.00000000","max_bonus":"20.00"}`},
		{"a masked key is null elsewhere", o.ann, Query{By: "bonus", Filter: "age < 23", Measures: "count"}, `{"bonus":null,"count":9},{"bonus":"16.00","count":1},{"bonus":"20.00","count":1}`},
		{"the least enum", o.hr, Query{Measures: "min:level,max:level"}, `{"min_level":"junior","max_level":"lead"}`},
		{"nothing at all", o.ann, Query{Filter: "age > 100", Measures: "count,sum:age,avg:age,min:name"}, `{"count":0,"sum_age":null,"avg_age":null,"min_name":null}`},
		{"no groups of nothing", o.ann, Query{Filter: "age > 100", By: "level"}, ``},
		{"with equality", o.hr, Query{Equal: []Equal{{"level", []string{"lead"}}}, By: "age"}, `{"age":20,"count":2},{"age":21,"count":1},{"age":22,"count":2},{"age":23,"count":2},{"age":24,"count":1}`},
		{"with search", o.hr, Query{Search: "E01"}, `{"count":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := o.do(tt.who, Operation{Kind: Aggregate, Resource: employees, Query: tt.q})
			if want := `{"items":[` + tt.want + `]}`; string(res.Body) != want || res.Statements != 1 {
				t.Errorf("got  %s\nwant %s; %d statements", res.Body, want, res.Statements)
			}
		})
	}
	t.Run("a denied resource has nothing to count", func(t *testing.T) {
		o.put("Vault", values{"secret": "gold"})
		vault := o.set.Resource("Vault")
		if got := string(o.do(o.ann, Operation{Kind: Aggregate, Resource: vault}).Body); got != `{"items":[{"count":0}]}` {
			t.Error(got)
		}
		if got := string(o.do(o.ann, Operation{Kind: Count, Resource: vault}).Body); got != `{"total":0}` {
			t.Error(got)
		}
		if got := string(o.do(o.admin, Operation{Kind: Count, Resource: vault}).Body); got != `{"total":1}` {
			t.Error(got)
		}
	})
	t.Run("refused", func(t *testing.T) {
		for _, q := range []Query{
			{By: "shoe"}, {By: "salary"}, {By: "tags"}, {By: "bio"}, {By: "level,level"}, {By: "reports"}, {By: "a,b,c,d,e,f"},
			{Measures: "sum"}, {Measures: "sum:name"}, {Measures: "sum:salary"}, {Measures: "median:age"}, {Measures: "avg:level"}, {Measures: "min:active"},
			{Measures: "count,count"}, {Measures: "count:age"}, {Measures: "min:tags"}, {Measures: "max:bio"}, {Measures: ","},
		} {
			o.refused(o.ann, Operation{Kind: Aggregate, Resource: employees, Query: q}, problem.InvalidParameter)
		}
		o.refused(o.ann, Operation{Kind: Aggregate, Resource: employees, Query: Query{Sort: "name"}}, problem.UnknownParameter)
		o.refused(o.ann, Operation{Kind: Count, Resource: employees, Query: Query{Limit: "1"}}, problem.UnknownParameter)
	})
}

func TestAverage(t *testing.T) {
	for _, tt := range []struct{ sum, n, want any }{
		{int64(1), int64(3), "0.333333"},
		{int64(-1), int64(3), "-0.333333"},
		{int64(2), int64(3), "0.666667"},
		{int64(1), int64(2_000_000), "0.000000"}, // 0.0000005: half to even
		{int64(3), int64(2_000_000), "0.000002"}, // 0.0000015
		{decimal(t, "0.10"), int64(3), "0.03333333"},
		{1.0, int64(4), 0.25},
		{nil, int64(0), nil},
		{int64(0), int64(0), nil},
	} {
		got := average(tt.sum, tt.n)
		if d, ok := got.(value.Decimal); ok {
			got = d.String()
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%v / %v = %v, want %v", tt.sum, tt.n, got, tt.want)
		}
	}
}
