package seed

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlite"
	"github.com/mainstay-run/mainstay/value"
)

const hiring = "../examples/hiring"

// compiled is a contract's rules, which must be without faults.
func compiled(t testing.TB, text string) *rule.Set {
	t.Helper()
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(text)})
	var set *rule.Set
	if c != nil {
		var more []contract.Fault
		set, more = rule.Compile(c)
		faults = append(faults, more...)
	}
	for _, f := range faults {
		if !f.Warning {
			t.Fatal(f)
		}
	}
	return set
}

func hiringSet(t testing.TB) *rule.Set {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(hiring, "contract.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return compiled(t, string(text))
}

// database is a new one with the tables of a contract.
func database(t *testing.T, set *rule.Set) *store.DB {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	steps, refusals := schema.Diff(&schema.Schema{}, schema.Of(set.Contract))
	if len(refusals) > 0 {
		t.Fatal(refusals)
	}
	for _, step := range steps {
		if err := driver.Apply(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	return store.New(driver)
}

// column reads a column of every row of a table, by another column's order.
func column(t *testing.T, db *store.DB, table, name, order string, kind value.Kind) []any {
	t.Helper()
	typ := &value.Type{Kind: kind}
	q := &query.Select{
		From:    query.Table{Name: table, Alias: 1},
		Columns: []query.Column{{Expr: query.Col{Alias: 1, Name: name, Type: typ}, Type: typ}},
		OrderBy: []query.Order{{Expr: query.Col{Alias: 1, Name: order, Type: &value.Type{Kind: value.String}}}},
	}
	var out []any
	err := db.InTx(t.Context(), store.ReadOne, nil, func(tx store.Tx) error {
		out = nil
		for row, err := range tx.Select(t.Context(), q, nil) {
			if err != nil {
				return err
			}
			v, err := row.Value(0)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheExampleIsLoadedOnce(t *testing.T) {
	set := hiringSet(t)
	db := database(t, set)
	file := filepath.Join(hiring, "seed.yaml")
	report, err := Load(t.Context(), db, set, file)
	if err != nil {
		t.Fatal(err)
	}
	const password = "correct horse battery"
	want := &Report{Loaded: true, Records: 31, Accounts: []Account{
		{"owner@acme.example", password}, {"recruiter@acme.example", password}, {"owner@borealis.example", password},
		{"ann@example.org", password}, {"bob@example.org", password},
	}}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}

	statuses := column(t, db, "postings", "status", "status", value.String)
	if diff := cmp.Diff([]any{"closed", "closed", "draft", "draft", "open", "open", "open", "paused"}, statuses); diff != "" {
		t.Errorf("statuses %s", diff)
	}
	if words := column(t, db, "postings_words", "word", "word", value.String); len(words) == 0 || words[0] != "backend" {
		t.Errorf("words %v", words)
	}
	hashes := column(t, db, "mainstay_credentials", "hash", "hash", value.String)
	if len(hashes) != 5 {
		t.Fatalf("%d credentials", len(hashes))
	}
	if ok, err := auth.VerifyPassword(t.Context(), hashes[0].(string), password); !ok || err != nil {
		t.Errorf("the password does not fit its hash: %v", err)
	}

	again, err := Load(t.Context(), db, set, file)
	if err != nil {
		t.Fatal(err)
	}
	want.Loaded, want.Records = false, 0
	if diff := cmp.Diff(want, again); diff != "" {
		t.Errorf("the second time %s", diff)
	}
	if after := column(t, db, "postings", "status", "status", value.String); len(after) != len(statuses) {
		t.Errorf("%d postings after the second time", len(after))
	}
}

const small = `
mainstay: 1
name: small
accounts:
  resource: User
  password: {min: 12}
resources:
  User:
    fields:
      email: email unique personal
    access:
      read: true
  Team:
    fields:
      name:  string 2..10 unique
      owner: User = caller
      lead:  Member optional
      level: int 1..5 = 3
      tasks: many Task.team
    access:
      read: true
  Member:
    fields:
      team: Team
      user: User
      role: enum boss|staff = staff
    unique: [[team, user]]
    access:
      read: true
  Task:
    fields:
      team:   Team
      owner:  User = team.owner
      starts: date optional
      ends:   date optional
      price:  decimal 6,2 optional
      takes:  duration optional
      data:   json optional
      done:   bool = false
      parts:  [{name: string 1..5, count: int = 1}]
    check:
      it ends after it starts: starts == null || ends == null || starts <= ends
    access:
      read: true
`

func TestEveryFaultOfASeedIsTold(t *testing.T) {
	const head = "User:\n  ann: {email: ann@example.org}\nTeam:\n  a: {name: Alpha, owner: ann}\n"
	for _, tt := range []struct {
		name, text string
		want       []string // empty: none
	}{
		{"nothing", "", nil},
		{"a comment only", "# nothing yet\n", nil},
		{"records", head + "Task:\n  t: {team: a, starts: 2026-01-01, price: 1.5, takes: 2d, data: {a: [1, x]}, done: true, parts: [{name: x}]}\n", nil},
		{"a section without records", "User:\n", nil},

		{"no resource", "Users:\n  ann: {}\n", []string{"seed.yaml:1:1: no resource 'Users'; did you mean 'User'?"}},
		{"no such resource", "Person:\n  ann: {}\n", []string{"seed.yaml:1:1: no resource 'Person'; there is User, Team, Member or Task"}},
		{"no enum value", head + "Member:\n  m: {team: a, user: ann, role: stafff}\n  n: {team: a, user: ann, role: guest}\n", []string{
			"seed.yaml:6:33: Member.m.role: must be one of boss, staff; did you mean 'staff'?",
			"seed.yaml:7:33: Member.n.role: must be one of boss, staff",
		}},
		{"a password misspelt", "User:\n  ann: {email: ann@example.org, pasword: correct horse battery}\n", []string{
			"seed.yaml:2:33: User.ann: no field 'pasword'; did you mean 'password'?"}},
		{"no such field", "User:\n  ann: {email: ann@example.org, secret: x}\n", []string{
			"seed.yaml:2:33: User.ann: no field 'secret'; there is id, created_at, updated_at, email or password"}},
		{"no field", "User:\n  ann: {mail: a}\n", []string{
			"seed.yaml:2:3: User.ann.email: is required",
			"seed.yaml:2:9: User.ann: no field 'mail'; did you mean 'email'?",
		}},
		{"a field of the other end", head + "  b: {name: Beta, owner: ann, tasks: []}\n", []string{
			"seed.yaml:5:31: Team.b.tasks: is the other end of a reference and is not stored; name this record in the field team of each Task"}},
		{"no such name", head + "Task:\n  t: {team: b, parts: []}\n", []string{"seed.yaml:6:13: Task.t.team: no Team is named 'b' in this file; there is a"}},
		{"a default without a caller", "Team:\n  a: {name: Alpha}\n", []string{
			"seed.yaml:2:3: Team.a.owner: is required; its default, caller, has no value in a seed"}},
		{"types and bounds", head + "  b: {name: B, owner: ann, level: 9}\n  c: {name: Gamma, owner: ann, level: high}\n", []string{
			"seed.yaml:5:13: Team.b.name: must have at least 2 characters",
			"seed.yaml:5:35: Team.b.level: must be at most 5",
			"seed.yaml:6:39: Team.c.level: must be a number",
		}},
		{"inside a list", head + "Task:\n  t:\n    team: a\n    parts:\n      - {name: x}\n      - {name: too long, size: 1}\n", []string{
			"seed.yaml:10:16: Task.t.parts.1.name: must have at most 5 characters",
			"seed.yaml:10:32: Task.t.parts.1.size: there is no such field",
		}},
		{"a broken check", head + "Task:\n  t: {team: a, parts: [], starts: 2026-02-01, ends: 2026-01-01}\n", []string{
			"seed.yaml:6:3: Task.t: must hold: it ends after it starts"}},
		{"the same twice", head + "  b: {name: Alpha, owner: ann}\nMember:\n  x: {team: a, user: ann}\n  y: {team: a, user: ann}\n", []string{
			"seed.yaml:5:3: Team.b: has the same name as 'a'",
			"seed.yaml:8:3: Member.y: has the same team and user as 'x'",
		}},
		{"a circle", "User:\n  ann: {email: ann@example.org}\nTeam:\n  a: {name: Alpha, owner: ann, lead: m}\nMember:\n  m: {team: a, user: ann}\n", []string{
			"seed.yaml:6:3: Member.m: refers to Team.a, which refers back to it; leave one of the references out"}},
		{"a name twice", head + "  a: {name: Beta, owner: ann}\n", []string{"seed.yaml:5:3: Team: 'a' stands here twice, first in line 4"}},
		{"a short password", "User:\n  ann: {email: ann@example.org, password: short}\n", []string{
			"seed.yaml:2:43: User.ann.password: must have at least 12 characters"}},
		{"a password for no account", "User:\n  ann: {email: ann@example.org}\nTeam:\n  a: {name: Alpha, owner: ann, password: correct horse}\n", []string{
			"seed.yaml:4:32: Team.a: no field 'password'; there is id, created_at, updated_at, name, owner, lead or level"}},
		{"a list of records", "User:\n  - {email: ann@example.org}\n", []string{"seed.yaml:2:3: User: expected records, each with a name: 'ann: {…}'"}},
		{"text for a record", "User:\n  ann: ann@example.org\n", []string{
			"seed.yaml:2:3: User.ann.email: is required", "seed.yaml:2:8: User.ann: expected fields, each with its value"}},
		{"an anchor and an alias", "User:\n  ann: &a {email: ann@example.org}\n  bob: *a\n", []string{
			"seed.yaml:2:8: an anchor, '&a'; leave it out, or put the value in quotes",
			"seed.yaml:3:3: User.bob.email: is required",
			"seed.yaml:3:8: an alias, '*a'; write the value again, or put it in quotes",
			"seed.yaml:3:8: User.bob: expected fields, each with its value",
		}},
		{"a tag", "User:\n  ann: {email: !!str ann@example.org}\n", []string{"seed.yaml:2:16: a tag, '!!str'; leave it out, or put the value in quotes"}},
		{"no YAML", "User:\n  ann: {email: ann@example.org\n", []string{
			"seed.yaml:3:1: this cannot be read as YAML; look for a missing quote, colon or bracket and at the indentation, which is made of spaces; a file is one document"}},
		{"no UTF-8", "User: \xff\n", []string{"seed.yaml:1:1: the file is not UTF-8 text; save it as UTF-8"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, faults := read(compiled(t, small), "seed.yaml", []byte(tt.text), time.Now())
			var got []string
			for _, f := range faults {
				got = append(got, f.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestValuesOfASeed(t *testing.T) {
	text := `User:
  ann: {email: " Ann@Example.ORG "}
Team:
  a: {id: 0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e, created_at: 2026-01-02T03:04:05Z, name: "123", owner: ann}
Task:
  t: {team: a, price: 1.5, takes: 2d, data: {b: [1, 'x', null], a: 1.0}, parts: [{name: 7}]}
`
	seeds, faults := read(compiled(t, small), "seed.yaml", []byte(text), time.Now())
	if len(faults) > 0 {
		t.Fatal(contract.Faults(faults))
	}
	user, team, task := seeds[0].record, seeds[1].record, seeds[2].record
	price, err := value.ParseDecimal("1.50")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what      string
		got, want any
	}{
		{"an email", user["email"], "ann@example.org"},
		{"an id", team["id"].(value.UUID).String(), "0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e"},
		{"the time of an update", team["updated_at"].(value.Timestamp).String(), "2026-01-02T03:04:05.000Z"},
		{"digits as text", team["name"], "123"},
		{"a default", team["level"], int64(3)},
		{"a reference", task["team"], team["id"]},
		{"a default by a path", task["owner"], user["id"]},
		{"a decimal", task["price"], price},
		{"a duration", task["takes"].(value.Duration).String(), "P2D"},
		{"json", task["data"], value.Raw(`{"a":1,"b":[1,"x",null]}`)},
		{"members", task["parts"], []any{map[string]any{"name": "7", "count": int64(1)}}},
		{"null", task["starts"], nil},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: %s", tt.what, diff)
		}
	}
}

func TestASeedThatDoesNotFitAddsNothing(t *testing.T) {
	set := compiled(t, small)
	db := database(t, set)
	file := filepath.Join(t.TempDir(), "seed.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(t.Context(), db, set, file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	write("User:\n  ann: {email: nobody}\n")
	var faults contract.Faults
	if _, err := Load(t.Context(), db, set, file); !errors.As(err, &faults) {
		t.Errorf("a wrong file: %v", err)
	}

	write("User:\n  ann: {id: 0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e, email: ann@example.org}\n")
	if _, err := Load(t.Context(), db, set, file); err != nil {
		t.Fatal(err)
	}
	forget(t, db)
	write("User:\n  bob: {email: bob@example.org}\n  ann: {email: ann@example.org}\n")
	_, err := Load(t.Context(), db, set, file)
	if err == nil || err.Error() != "seed: the database has a User already with the same email; nothing was added" {
		t.Errorf("a record that is there already: %v", err)
	}
	if emails := column(t, db, "users", "email", "email", value.String); len(emails) != 1 {
		t.Errorf("the database holds %v", emails)
	}
}

func TestTheExampleOfTheDocumentationIsSound(t *testing.T) {
	page, err := os.ReadFile("../docs/seed.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```\n")
	seeds, faults := read(hiringSet(t), "seed.yaml", []byte(example), time.Now())
	if len(seeds) != 5 || len(faults) > 0 {
		t.Errorf("%d records, faults %v", len(seeds), faults)
	}
}

func TestASeedThatChangedIsToldAndNotLoadedAgain(t *testing.T) {
	set := compiled(t, small)
	db := database(t, set)
	file := filepath.Join(t.TempDir(), "seed.yaml")
	for _, tt := range []struct {
		text string
		want Report
	}{
		{"User:\n  ann: {email: ann@example.org, password: correct horse battery}\n",
			Report{Loaded: true, Records: 1, Accounts: []Account{{"ann@example.org", "correct horse battery"}}}},
		{"User:\n  ann: {email: ann@example.org, password: correct horse battery}\n",
			Report{Accounts: []Account{{"ann@example.org", "correct horse battery"}}}},
		{"User:\n  bob: {email: bob@example.org, password: correct horse battery}\n", Report{Changed: true}},
	} {
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := Load(t.Context(), db, set, file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&tt.want, report); diff != "" {
			t.Errorf("%s: %s", tt.text, diff)
		}
	}
	if emails := column(t, db, "users", "email", "email", value.String); len(emails) != 1 {
		t.Errorf("the database holds %v", emails)
	}
}

// forget takes the mark of a loaded seed away.
func forget(t *testing.T, db *store.DB) {
	t.Helper()
	text := &value.Type{Kind: value.String}
	q := &query.Delete{Table: query.Table{Name: "mainstay_meta", Alias: 1},
		Where: query.Cmp{Op: query.Eq, L: query.Col{Alias: 1, Name: "name", Type: text}, R: query.Const{Value: schema.SeedMark, Type: text}}}
	err := db.InTx(context.Background(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Delete(context.Background(), q, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzRead(f *testing.F) {
	example, err := os.ReadFile(filepath.Join(hiring, "seed.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	set := hiringSet(f)
	f.Add(string(example))
	f.Add("User:\n  ann: {email: ann@example.org, name: Ann}\nCompany:\n  a: {name: A, slug: a, owner: ann}\n")
	f.Add("Posting: {a: {company: b}}\nJobDescription: {x: {skills: [{name: 1}], faq: [[]]}}\n")
	f.Fuzz(func(t *testing.T, text string) {
		seeds, faults := read(set, "seed.yaml", []byte(text), time.Now())
		for _, fault := range faults {
			if fault.Pos.Line < 1 || fault.Pos.Line > strings.Count(text, "\n")+2 || fault.Pos.Col < 1 || fault.What == "" {
				t.Fatalf("%q: %v", text, fault)
			}
		}
		if len(faults) > 0 {
			return
		}
		met := map[*seedling]bool{}
		for _, s := range seeds {
			met[s] = true
			for _, target := range s.targets {
				if !met[target] {
					t.Fatalf("%q: %s comes before %s", text, s.place(), target.place())
				}
			}
			for _, f := range stored(s.resource) {
				if v := s.record[f.Name]; v == nil && !f.Optional {
					t.Fatalf("%q: %s has no %s", text, s.place(), f.Name)
				}
			}
		}
	})
}
