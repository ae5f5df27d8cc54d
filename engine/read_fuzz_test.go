package engine

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// Whatever a caller who may not read them asks, no statement names the columns
// of fields that do not exist for that caller, every table that the request
// reaches carries its row rule, and every refusal is the caller's fault.
func FuzzNoParameterReachesAHiddenColumn(f *testing.F) {
	for _, seed := range [][7]string{
		{"name,manager.salary", "reports.manager", "-bonus,level", `manager.bonus > decimal("1") && reports.exists(r, r.age > 1)`, "eagle", "level", "sum:bonus,avg:age"},
		{"name,notes.comments.body", "department.employees", "id", `department.name == "x"`, "eagle", "level", "sum:bonus,avg:age"},
		{"*,department.*,notes.comments.body", "", "id", `salary > decimal("1")`, "", "salary", "max:salary"},
		{"pin", "pin", "pin", `pin == "1234"`, "pin", "pin", "min:pin"},
		{"reports.reports.reports.name", "manager.manager.department", "score,-age", `department == null || tags == []`, "a b c", "active,started", "count"},
		{"a..b,", ".", "-", `"`, "\xff", ",", ":"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4], seed[5], seed[6])
	}
	_, set := readOffice(f)
	ring, err := keyring.FromSecret(make([]byte, 32))
	if err != nil {
		f.Fatal(err)
	}
	e := New(set, nil, ring, Options{Auth: &auth.Authenticator{}})
	ann := &auth.Principal{Caller: &rule.Caller{ID: value.UUID{1}, Record: rule.Record{"id": value.UUID{1}, "email": "ann@office.example", "role": "staff"}}}
	f.Fuzz(func(t *testing.T, fields, include, sort, filter, search, by, measures string) {
		employees := set.Resource("Employee")
		list := Query{Fields: fields, Include: include, Sort: sort, Filter: filter, Search: search, Limit: "1"}
		for _, op := range []*Operation{
			{Kind: List, Resource: employees, Query: list},
			{Kind: List, Resource: employees, Query: Query{Fields: fields}},
			{Kind: List, Resource: employees, Query: Query{Filter: filter, Sort: sort}},
			{Kind: Get, Resource: employees, ID: value.UUID{}.String(), Query: Query{Fields: fields, Include: include}},
			{Kind: Aggregate, Resource: employees, Query: Query{By: by, Measures: measures, Filter: filter}},
		} {
			c := e.begin(ann)
			read := e.planList
			switch op.Kind {
			case Get:
				read = e.planGet
			case Aggregate:
				read = e.planChosen(pFilter|pBy|pMeasures, e.buildAggregate)
			}
			a, p, err := e.understand(c, op, read)
			if err != nil {
				switch problem.KindOf(err) {
				case problem.InvalidFilter, problem.InvalidParameter, problem.UnknownParameter:
				default:
					t.Errorf("%+v: %v", op.Query, err)
				}
				continue
			}
			statements := []*query.Select{p.root.sel}
			for _, l := range p.root.lists {
				statements = append(statements, l.level.sel)
			}
			for _, sel := range statements {
				if wrong := ungoverned(sel); wrong != "" {
					t.Errorf("%+v: %s", op.Query, wrong)
				}
			}
			a.release()
		}
	})
}

// ungoverned says what a statement for ann names that it must not, or which
// table it reads without the column that the table's row rule is about.
func ungoverned(sel *query.Select) string {
	// The column that each table's row rule is about.
	ruled := map[string]string{"employees": "active", "departments": "slug", "notes": "owner"}
	_, columns := inspect(sel)
	for _, c := range columns {
		if c.Name == "salary" || c.Name == "pin" {
			return "reaches " + c.Name
		}
	}
	// Only what stands in WHERE and ON keeps a row out.
	tables, columns := inspect(&query.Select{From: sel.From, Joins: sel.Joins, Where: sel.Where})
	named := map[query.Col]bool{}
	for _, c := range columns {
		named[query.Col{Alias: c.Alias, Name: c.Name}] = true
	}
	for _, table := range tables {
		if by := ruled[table.Name]; by != "" && !named[query.Col{Alias: table.Alias, Name: by}] {
			return fmt.Sprintf("%s (t%d) has no row rule", table.Name, table.Alias)
		}
	}
	return ""
}

// inspect lists every table and column that a statement names.
func inspect(sel *query.Select) (tables []query.Table, columns []query.Col) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch x := v.Interface().(type) {
		case query.Col:
			columns = append(columns, x)
			return
		case query.Table:
			tables = append(tables, x)
			return
		case query.Const, *value.Type, value.Type:
			return
		}
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				visit(v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		}
	}
	visit(reflect.ValueOf(sel))
	return tables, columns
}

func TestRequestsAtOnceKeepTheirValuesApart(t *testing.T) {
	o := openOffice(t)
	dev, _ := o.crowd()
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 40 {
				age := 20 + (worker+i)%5
				q := Query{Filter: fmt.Sprintf("age == %d", age), Sort: []string{"name", "-level"}[i%2], Limit: "3", Count: "exact"}
				if i%3 == 0 {
					q.Include = "department,manager,reports"
				}
				res, err := o.e.Do(t.Context(), []*auth.Principal{o.ann, o.hr, nil}[i%3], &Operation{Kind: List, Resource: o.set.Resource("Employee"), Query: q})
				if err != nil {
					t.Error(err)
					return
				}
				for _, item := range o.page(res).Items {
					if item["age"] != float64(age) {
						t.Errorf("age %v, want %d", item["age"], age)
					}
				}
				one, err := o.e.Do(t.Context(), o.bob, &Operation{Kind: Get, Resource: o.set.Resource("Department"), ID: dev.String(), Query: Query{Fields: "slug"}})
				if err != nil || string(one.Body) != `{"slug":"dev"}` {
					t.Errorf("%v, %v", one, err)
				}
			}
		})
	}
	all.Wait()
}

func TestPlansAreBounded(t *testing.T) {
	_, set := readOffice(t)
	e := New(set, nil, nil, Options{Auth: &auth.Authenticator{}})
	employees := set.Resource("Employee")
	for i := range 3 * maxPlans {
		c := e.begin(nil)
		op := &Operation{Kind: Count, Resource: employees, Query: Query{Filter: fmt.Sprintf("age == 1%s", repeatOr(i))}}
		a, _, err := e.understand(c, op, e.planChosen(pFilter, buildCount))
		if err != nil {
			t.Fatal(err)
		}
		a.release()
	}
	if n := len(e.young) + len(e.old); n > maxPlans {
		t.Errorf("%d plans are kept", n)
	}
}

// repeatOr is a different shape for every number: fields in the order of its digits.
func repeatOr(n int) string {
	text := ""
	for ; n > 0; n /= 6 {
		text += " || " + []string{"active", "age == 2", `name == "x"`, "score == 1.5", "department == null", "manager == null"}[n%6]
	}
	return text
}
