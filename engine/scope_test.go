package engine

import (
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
)

func TestScopesLimitAKey(t *testing.T) {
	o := openOffice(t)
	dev, _ := o.crowd()
	key := func(scopes ...string) *auth.Principal {
		return &auth.Principal{Caller: o.hr.Caller, Key: dev, Scopes: scopes}
	}
	employees, departments := o.set.Resource("Employee"), o.set.Resource("Department")
	list := func(q Query) Operation { return Operation{Kind: List, Resource: employees, Query: q} }

	for _, tt := range []struct {
		name   string
		scopes []string
		op     Operation
		ok     bool
	}{
		{"read admits everything", []string{"read"}, list(Query{Include: "department", Filter: `department.slug == "dev"`}), true},
		{"the resource's own scope", []string{"employees:read"}, list(Query{Filter: `age > 20`}), true},
		{"no scopes", []string{}, list(Query{}), false},
		{"write is not read", []string{"write", "employees:write"}, list(Query{}), false},
		{"another resource's scope", []string{"departments:read"}, list(Query{}), false},
		{"an included resource needs its own", []string{"employees:read"}, list(Query{Include: "department"}), false},
		{"so does one in fields", []string{"employees:read"}, list(Query{Fields: "department.name"}), false},
		{"a list's too", []string{"employees:read"}, list(Query{Include: "notes"}), false},
		{"and one that a filter looks into", []string{"employees:read"}, list(Query{Filter: `department.slug == "dev"`}), false},
		{"or quantifies over", []string{"departments:read"}, Operation{Kind: List, Resource: departments, Query: Query{Filter: `employees.exists(e, e.age > 20)`}}, false},
		{"comparing a reference reaches nothing", []string{"employees:read"}, list(Query{Filter: `department != null`, Equal: []Equal{{"department", []string{dev.String()}}}}), true},
		{"both scopes", []string{"employees:read", "departments:read"}, list(Query{Include: "department", Filter: `department.slug == "dev"`}), true},
		{"the parent of a collection", []string{"employees:read"}, Operation{Kind: List, Resource: employees, Parent: &Parent{Resource: departments, ID: "dev", Many: "employees"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o.do(o.hr, tt.op) // the plan is there already
			if tt.ok {
				o.do(key(tt.scopes...), tt.op)
			} else {
				o.refused(key(tt.scopes...), tt.op, problem.Forbidden)
			}
		})
	}
}
