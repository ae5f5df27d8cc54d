package seed

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

func TestGenerateFillsTheExample(t *testing.T) {
	set := hiringSet(t)
	db := database(t, set)
	report, err := Generate(t.Context(), db, set, 300, 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Report{Loaded: true, Records: 7 * 300}, report); diff != "" {
		t.Error(diff)
	}
	if got := column(t, db, "postings", "title", "title", value.String); len(got) != 300 {
		t.Errorf("%d postings", len(got))
	}

	if _, err := Generate(t.Context(), db, set, 300, 1); err == nil || !strings.Contains(err.Error(), "choose another number") {
		t.Errorf("the same again: %v", err)
	}
	if _, err := Generate(t.Context(), db, set, 300, 2); err != nil {
		t.Errorf("another number: %v", err)
	}
}

func TestGeneratedRecordsKeepToTheContract(t *testing.T) {
	set := hiringSet(t)
	made, short, err := generate(set, 200, 7, time.Now())
	if err != nil || len(short) > 0 {
		t.Fatal(short, err)
	}
	w := newWorld(set)
	for _, row := range made {
		w.add(row.resource.Name, row.record)
	}
	statuses := map[any]bool{}
	for _, row := range made {
		env := &rule.Env{Record: row.record, World: w}
		for _, c := range row.resource.Checks {
			if !c.Expr.Holds(env) {
				t.Errorf("a %s breaks: %s", row.resource.Name, c.Sentence)
			}
		}
		for _, f := range stored(row.resource) {
			id, isID := row.record[f.Name].(value.UUID)
			if f.Type.Name == "ref" && isID {
				if _, ok := w.Lookup(f.Type.Target.Name, id); !ok {
					t.Errorf("%s.%s refers to nothing", row.resource.Name, f.Name)
				}
			}
		}
		if row.resource.Name == "Posting" {
			statuses[row.record["status"]] = true
		}
	}
	if len(statuses) != 4 {
		t.Errorf("statuses %v", statuses)
	}
}

func TestTheSameNumberMakesTheSameRecords(t *testing.T) {
	set := hiringSet(t)
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	records := func(number uint64, now time.Time) []rule.Record {
		made, _, err := generate(set, 20, number, now)
		if err != nil {
			t.Fatal(err)
		}
		var out []rule.Record
		for _, row := range made {
			out = append(out, row.record)
		}
		return out
	}
	first := records(1, now)
	if diff := cmp.Diff(first, records(1, now.Add(time.Hour))); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(first, records(2, now)) {
		t.Error("another number makes the same")
	}
}

const kinds = `
mainstay: 1
name: kinds
resources:
  Thing:
    fields:
      string:    string 5..8 unique
      text:      text 300..400
      email:     email
      url:       url
      phone:     phone
      slug:      slug unique
      uuid:      uuid
      int:       int 3..5
      least:     int 5000..
      most:      int ..-7
      bigint:    bigint
      float:     float 0.5..0.6
      decimal:   decimal 4,2 10.5..11
      wide:      decimal 34,10
      bool:      bool
      date:      date
      time:      time
      timestamp: timestamp
      duration:  duration
      enum:      enum a|b|c
      json:      json
      list:      {type: [int 1..2], items: 2..3}
      struct:    {name: string 1..60, level: enum must|nice = must, note: text optional}
      parent:    Thing optional
    access:
      read: true
`

func TestGenerateMakesEveryKind(t *testing.T) {
	set := compiled(t, kinds)
	db := database(t, set)
	report, err := Generate(t.Context(), db, set, 100, 3)
	if err != nil || report.Records != 100 {
		t.Fatalf("%+v, %v", report, err)
	}
	made, _, err := generate(set, 100, 3, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range made {
		for _, f := range stored(row.resource) {
			text := f.Type.Value.AppendJSON(nil, row.record[f.Name])
			tree, err := value.DecodeJSON(text, 10)
			if err != nil {
				t.Fatal(err)
			}
			if _, faults := engine.ReadValue(row.resource, f, tree, &rule.Env{}); len(faults) > 0 && f.Name != "created_at" && f.Name != "updated_at" {
				t.Fatalf("%s is %s: %v", f.Name, text, faults)
			}
		}
	}
}

func TestGenerateSaysWhereItMadeFewer(t *testing.T) {
	set := compiled(t, `
mainstay: 1
name: small
resources:
  Level:
    fields:
      rank: enum low|high unique
    access: {read: true}
  Never:
    fields:
      number: int 1..9
    check:
      it counts to ten: number == 10
    access: {read: true}
  Only:
    fields:
      level: Level unique
    access: {read: true}
`)
	_, short, err := generate(set, 5, 1, time.Now())
	want := []string{
		"2 of 5 records of Level were made: further ones would have the same rank",
		"0 of 5 records of Never were made: none of 200 tries held that it counts to ten",
		"2 of 5 records of Only were made: there is nothing left that level could be",
	}
	if diff := cmp.Diff(want, short); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestGenerateRefusesACircleOfRequiredReferences(t *testing.T) {
	_, _, err := generate(compiled(t, `
mainstay: 1
name: small
resources:
  Hen:
    fields:
      egg: Egg
    access: {read: true}
  Egg:
    fields:
      hen: Hen
    access: {read: true}
`), 1, 1, time.Now())
	if err == nil || err.Error() != "seed: records of Hen cannot be made up: Egg.hen is required and leads back to them" {
		t.Errorf("got %v", err)
	}
}

func TestSignUpGivesWhatIsRequired(t *testing.T) {
	account := func(fields string) string {
		return "mainstay: 1\nname: shop\naccounts: {resource: User, signup: open}\nresources:\n  Club:\n    fields: {name: string}\n    access: {read: true}\n" +
			"  User:\n    access: {read: true}\n    fields:\n      email: email unique\n" + fields
	}
	set := compiled(t, account("      age: int 18..\n      nick: string optional\n      role: enum user|admin = user\n      seen: timestamp = now readonly\n"))
	var body map[string]any
	if err := json.Unmarshal(SignUp(set, "correct horse battery", 1), &body); err != nil {
		t.Fatal(err)
	}
	email, _ := body["email"].(string)
	age, _ := body["age"].(float64)
	if len(body) != 3 || !strings.HasSuffix(email, "@example.org") || age < 18 || body["password"] != "correct horse battery" {
		t.Errorf("%v", body)
	}
	if body := SignUp(compiled(t, account("      club: Club\n")), "correct horse battery", 1); body != nil {
		t.Errorf("an account that needs another record: %s", body)
	}
}
