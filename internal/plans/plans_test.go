package plans

import (
	"flag"
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
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/store/sqlite"
	"github.com/mainstay-run/mainstay/value"
)

var (
	applications = flag.Int("plans.n", 25000, "how many applications; for each fifth a job and for each five hundredth a company")
	database     = flag.String("plans.database", "", "sqlite, postgres, mariadb or mysql; empty: each that is found")
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(dbtest.Main(m))
}

// read is a request whose plan is looked at. A caller is an account's number;
// nobody is -1.
type read struct {
	name   string
	caller int
	op     engine.Operation
	of     string // the resource
	follow bool   // to the page behind the first, whose plan is looked at as well
	sorts  bool   // no index has the order, or what one finds is so few that sorting is as good
	// known tells, by database, of a plan that is not as it should be.
	known map[string]string
}

// small tables have so few pages that a database may well read them whole.
var small = []string{"accounts", "companies", "memberships"}

const (
	nobody    = -1
	candidate = 11 // no member of any company
	member    = 20
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
	return []read{
		{name: "a record", of: "Job", caller: member, op: engine.Operation{Kind: engine.Get, ID: job}},
		{name: "a record with its relation", of: "Application", caller: member, op: engine.Operation{Kind: engine.Get, ID: id("applications", d.companies*9+member/10).String(), Query: engine.Query{Include: "company"}}},
		{name: "by id", of: "Job", caller: nobody, op: engine.Operation{Query: engine.Query{Limit: "20"}}, follow: true,
			known: map[string]string{"SQLite": "sorts all open jobs by id, found in the index on status, instead of going through them by id"}},
		{name: "filtered and sorted", of: "Job", caller: nobody, op: engine.Operation{Query: with(func(q *engine.Query) { q.Equal, q.Filter = open, "salary_min >= 50000" })}, follow: true},
		{name: "sorted under a rule over relations", of: "Job", caller: member, op: engine.Operation{Query: page}, follow: true},
		{name: "with a relation to one", of: "Job", caller: nobody, op: engine.Operation{Query: with(func(q *engine.Query) { q.Equal, q.Include = open, "company" })}, follow: true},
		{name: "with relations to many", of: "Company", caller: nobody, op: engine.Operation{Query: engine.Query{Limit: "5", Include: "jobs"}}, sorts: true},
		{name: "nested", of: "Job", caller: nobody, op: engine.Operation{Parent: &engine.Parent{ID: id("companies", d.companies/2).String(), Many: "jobs"}, Query: with(func(q *engine.Query) { q.Equal = open })}, follow: true, sorts: true},
		{name: "one's own", of: "Note", caller: candidate, op: engine.Operation{Query: with(func(q *engine.Query) { q.Limit = "3" })}, follow: true},
		{name: "one's own or a relation's, of somebody with their own", of: "Application", caller: candidate, op: engine.Operation{Query: engine.Query{Limit: "20"}}, sorts: true},
		{name: "one's own or a relation's, of a member", of: "Application", caller: member, op: engine.Operation{Query: engine.Query{Limit: "20"}}, sorts: true},
		{name: "a relation's of a parent", of: "Application", caller: member, op: engine.Operation{Parent: &engine.Parent{ID: job, Many: "applications"}, Query: engine.Query{Limit: "20"}}, sorts: true},
	}
}

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
				t.Run(r.name, func(t *testing.T) {
					if reason := r.known[k.Name]; reason != "" {
						t.Skip(reason)
					}
					p.holds(t, r)
				})
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

func (p *place) holds(t *testing.T, r read) {
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
		scans := slices.DeleteFunc(plan.Scans, func(table string) bool { return slices.Contains(small, table) })
		if len(scans) > 0 || plan.Sorts && !r.sorts {
			t.Errorf("scans %v, sorts %t:\n%s\n\n%s", plan.Scans, plan.Sorts, plan.Statement, strings.Join(plan.Lines, "\n"))
		}
	}
}
