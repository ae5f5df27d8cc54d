package rule_test

import (
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
)

// TestUnservedIsTold: what chooses records and is led to by no index is a warning, and
// nothing else is.
func TestUnservedIsTold(t *testing.T) {
	for _, tt := range []struct{ name, rule, filter, want string }{
		{"an equality in a rule gets its index", `stage == "open"`, `stage == "open"`, `filters.some: no index serves stage == "open"`},
		{"an index that is declared", `true`, `city == input`, ""},
		{"the first key of several", `true`, `year > 1990 && title == input`, ""},
		{"a range without an index", `true`, `price > 10`, "write 'index' behind the field price"},
		{"a range of the time of making", `true`, `created_at > now - duration("P7D")`, "write index: [[year, title], [created_at]] in Film"},
		{"a text that is looked into", `title.contains("a")`, `true`, `access.read: no index serves title.contains("a")`},
		{"one branch is enough", `city == "Rome" || price > 10`, `true`, "no index serves price > 10"},
		{"one part is enough", `city == "Rome" && price > 10`, `true`, ""},
		{"who asks is no part", `caller != null && price > 10`, `true`, "no index serves price > 10"},
		{"most records", `hidden == false || stage != "open" || title != null`, `true`, ""},
		{"a reference and what it leads to", `maker == caller || maker.email == "a@b.example"`, `true`, ""},
		{"related records", `scenes.exists(s, s.place == "Rome")`, `scenes.exists(s, s.place == input)`, "filters.some: no index serves s.place == input"},
		{"a list", `true && "a" in tags`, `true`, `no index serves "a" in tags`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(`mainstay: 1
name: films
accounts:
  resource: User
resources:
  User:
    fields:
      email: email unique
    access:
      read: true
  Film:
    fields:
      title:  string 1..100
      city:   string 1..100 index
      stage:  enum open|closed
      year:   int
      price:  int
      hidden: bool
      tags:   [string 1..10]
      maker:  User optional
      scenes: many Scene.film
    index: [[year, title]]
    filters:
      some:
        input: string 1..100
        where: ` + tt.filter + `
    access:
      read: ` + tt.rule + `
  Scene:
    fields:
      film:  Film
      place: string 1..100
    access:
      read: true
`)})
			if len(faults) > 0 {
				t.Fatal(faults)
			}
			_, faults = rule.Compile(c)
			var told []string
			for _, f := range faults {
				if !f.Warning {
					t.Fatal(f)
				}
				told = append(told, f.Place+": "+f.What+"; "+f.Mend)
			}
			got := strings.Join(told, "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) || len(told) > 1 {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
