package plans

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/store/sqlite"
	"github.com/mainstay-run/mainstay/value"
)

var (
	applications = flag.Int("plans.rows", 25000, "how many applications; for each fifth a job")
	database     = flag.String("plans.database", "", "sqlite, postgres, mariadb or mysql; empty: each that is found")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(dbtest.Main(m))
}

// read is a request whose plan is looked at. A caller is an account's number;
// nobody is -1.
type read struct {
	name    string
	caller  int
	op      engine.Operation
	of      string // the resource
	follow  bool   // to the page behind the first, whose plan is looked at as well
	sorts   bool   // no index has the order; what is sorted is what was found by one
	walks   bool   // most records are wanted: they are gone through in the order of an index
	missing bool   // there is no such record for the caller
}

const (
	nobody = -1
	member = 20
)

func reads(d data) []read {
	open := []engine.Equal{{Name: "status", Values: []string{"open"}}}
	page := engine.Query{Sort: "-created_at", Limit: "20"}
	with := func(change func(*engine.Query)) engine.Query {
		q := page
		change(&q)
		return q
	}
	job := id("jobs", d.jobs/4*2).String()
	list := func(name, of string, caller int, q engine.Query) read {
		return read{name: name, of: of, caller: caller, op: engine.Operation{Query: q}}
	}
	under := func(of, many, id string, q engine.Query) engine.Operation {
		return engine.Operation{Parent: &engine.Parent{ID: id, Many: many}, Query: q}
	}
	company := id("companies", member/10).String()
	first := engine.Query{Limit: "20"}
	return []read{
		{name: "a record", of: "Job", caller: member, op: engine.Operation{Kind: engine.Get, ID: job}},
		{name: "a record with its relation", of: "Application", caller: member, op: engine.Operation{Kind: engine.Get, ID: id("applications", d.companies*9+member/10).String(), Query: engine.Query{Include: "company"}}},
		{name: "a record through several relations, not readable", of: "Interview", caller: candidate, op: engine.Operation{Kind: engine.Get, ID: id("interviews", 1).String()}, missing: true},
		list("by id", "Job", nobody, first).followed().walking(),
		list("filtered and sorted", "Job", nobody, with(func(q *engine.Query) { q.Equal, q.Filter = open, "salary_min >= 50000" })).followed().walking(),
		list("sorted under a rule that most records satisfy", "Job", member, page).followed().walking(),
		list("a deep page", "Profile", nobody, engine.Query{Limit: "20", Sort: "-id"}).followed().walking(),
		list("with a relation to one", "Job", nobody, with(func(q *engine.Query) { q.Equal, q.Include = open, "company" })).followed().walking(),
		list("with relations to many", "Company", nobody, engine.Query{Limit: "5", Include: "jobs"}).sorting().walking(),
		{name: "nested", of: "Job", caller: nobody, op: under("Job", "jobs", id("companies", d.companies/2).String(), with(func(q *engine.Query) { q.Equal = open })), sorts: true},
		list("one's own", "Note", candidate, with(func(q *engine.Query) { q.Limit = "3" })).followed(),
		list("one's own, with what they refer to", "Note", candidate, engine.Query{Limit: "3", Include: "job.company"}).followed().sorting(),
		list("one's own or a relation's, of somebody with their own", "Application", candidate, first).sorting(),
		list("one's own or a relation's, of a member", "Application", member, first).sorting().followed(),
		list("one's own or a relation's, of somebody with neither", "Application", d.accounts-9, first).sorting(),
		list("one's own or a relation's, the newest first", "Application", member, page).sorting().followed(),
		list("by two ways through a relation", "Invoice", member, first).sorting(),
		list("through several relations", "Interview", member, first).sorting(),
		list("through several relations, of nobody's", "Interview", candidate, first).sorting(),
		list("related records that are looked for", "Company", nobody, engine.Query{Limit: "20", Filter: fmt.Sprintf("jobs.exists(j, j.id == '%s')", job)}).sorting(),
		list("what a reference leads to", "Job", nobody, engine.Query{Limit: "20", Filter: fmt.Sprintf("company.id == '%s'", company)}).sorting(),
		list("search", "Profile", nobody, engine.Query{Limit: "20", Search: "engineer w17"}).sorting(),
		list("search for what is rare", "Profile", nobody, engine.Query{Limit: "20", Search: "w17"}).sorting(),
		{name: "a relation's of a parent", of: "Application", caller: member, op: under("Application", "applications", job, first), sorts: true},
		{name: "a count", of: "Application", caller: member, op: engine.Operation{Kind: engine.Count}, sorts: true},
		{name: "measures by group", of: "Job", caller: nobody, op: engine.Operation{Kind: engine.Aggregate, Query: engine.Query{By: "status", Measures: "count,max:salary_min", Filter: fmt.Sprintf("company == '%s'", company)}}, sorts: true},
		{name: "measures by group, under a rule over relations", of: "Application", caller: member, op: engine.Operation{Kind: engine.Aggregate, Query: engine.Query{By: "stage", Measures: "count"}}, sorts: true},
	}
}

func (r read) followed() read { r.follow = true; return r }
func (r read) sorting() read  { r.sorts = true; return r }
func (r read) walking() read  { r.walks = true; return r }

func TestReadsUseTheIndexesThatTheContractPlans(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	for _, k := range kinds {
		if !strings.HasPrefix(strings.ToLower(k.Name), *database) {
			continue
		}
		if reason := planless[k.Name]; reason != "" {
			t.Logf("%s: not looked at; %s", k.Name, reason)
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			d := sized(*applications)
			p := setUp(t, k, d)
			for _, r := range reads(d) {
				t.Run(r.name, func(t *testing.T) { p.holds(t, r, d.small()) })
			}
		})
	}
	for _, reason := range absent {
		t.Log(reason)
	}
}

// planless are the databases whose plans cannot be asked for here, with the reason.
var planless = map[string]string{
	"MongoDB": "the stand-in has no explain",
}

// place is a filled database and its engine.
type place struct {
	set    *rule.Set
	driver *watched
	engine *engine.Engine
}

func setUp(t *testing.T, k dbtest.Kind, d data) *place {
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(contractText)})
	set, more := rule.Compile(c)
	for _, f := range append(faults, more...) {
		if !f.Warning {
			t.Fatal(f)
		}
	}
	url, want := k.URL(t), migrate.Desired(set)
	driver := open(t, url)
	for _, table := range want.Tables {
		if err := driver.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.fill(t.Context(), store.New(driver), want); err != nil {
		t.Fatal(err)
	}
	if err := driver.Close(); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(url, "sqlite:") { // which looks at its tables when it is opened
		for _, table := range d.tables() {
			statement := "ANALYZE " + table.name
			if !strings.HasPrefix(url, "postgres") {
				statement = "ANALYZE TABLE " + table.name
			}
			if err := dbtest.Run(url, statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	p := &place{set: set, driver: &watched{Driver: open(t, url)}}
	t.Cleanup(func() { p.driver.Close() })
	keys, err := keyring.FromSecret([]byte(strings.Repeat("p", 32)))
	if err != nil {
		t.Fatal(err)
	}
	now := (began + value.Timestamp(d.applications)*1000).Time()
	p.engine = engine.New(set, store.New(p.driver), keys, engine.Options{Now: func() time.Time { return now }})
	return p
}

func open(t *testing.T, url string) store.Driver {
	var d store.Driver
	var err error
	switch path, isFile := strings.CutPrefix(url, "sqlite:"); {
	case isFile:
		d, err = sqlite.Open(t.Context(), path, sqlite.Options{})
	case strings.HasPrefix(url, "postgres"):
		d, err = postgres.Open(t.Context(), url, postgres.Options{})
	default:
		d, err = mysql.Open(t.Context(), url, mysql.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (p *place) holds(t *testing.T, r read, small []string) {
	op := r.op
	op.Resource = p.set.Resource(r.of)
	if op.Parent != nil {
		parent := *op.Parent
		parent.Resource = p.set.Resource(map[string]string{"jobs": "Company", "applications": "Job"}[parent.Many])
		op.Parent = &parent
	}
	who := auth.Nobody
	if r.caller != nobody {
		account := id("accounts", r.caller)
		who = &auth.Principal{Session: "s", Caller: &rule.Caller{ID: account, Record: rule.Record{"id": account, "email": "a@example.org"}}}
	}
	p.driver.selects = nil
	res, err := p.engine.Do(t.Context(), who, &op)
	if r.missing && problem.KindOf(err) == problem.NotFound {
		err = nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.follow {
		if res.Next == "" {
			t.Fatalf("there is no next page: %s", res.Body)
		}
		op.Query.Cursor = res.Next
		if _, err := p.engine.Do(t.Context(), who, &op); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range p.driver.selects {
		plan, err := p.driver.Explain(t.Context(), s.q, s.args)
		if err != nil {
			t.Fatal(err)
		}
		isSmall := func(table string) bool { return slices.Contains(small, table) }
		scans, walks := slices.DeleteFunc(plan.Scans, isSmall), slices.DeleteFunc(plan.Walks, isSmall)
		if len(scans) > 0 || len(walks) > 0 && !r.walks || plan.Sorts && !r.sorts {
			t.Errorf("scans %v, goes through %v, sorts %t:\n%s\n\n%s", scans, walks, plan.Sorts, plan.Statement, strings.Join(plan.Lines, "\n"))
		}
	}
}
