package contract

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutesOfTheExample(t *testing.T) {
	c, faults := Load("testdata/hiring")
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	var b strings.Builder
	for _, r := range Routes(c) {
		line := fmt.Sprintf("%-6s %-36s %-28s %s", r.Method, r.Path, r.Operation, strings.Join(strings.Fields(strings.Join([]string{r.Kind, r.Resource, r.Action, r.Many, r.Format}, " ")), " "))
		if r.Nobody {
			line += " (nobody)"
		}
		fmt.Fprintln(&b, line)
	}
	const golden = "testdata/hiring/routes.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Error(diff)
	}
}

func TestResourcesThatServeNobodyHaveNoRoutes(t *testing.T) {
	c, _ := Parse(map[string][]byte{"c": []byte(`mainstay: 1
name: test
resources:
  Open:
    fields: {secrets: many Secret.open, notes: many Note.open}
    access: {read: true, delete: false}
  Secret:
    fields: {open: Open}
  Note:
    fields: {open: Open}
    access: {create: true}
  Series:
    fields: {a: int}
    access: {all: true}
`)})
	got := map[string]bool{}
	for _, r := range Routes(c) {
		got[r.Method+" "+r.Path+" "+r.Operation] = r.Nobody
	}
	for route, nobody := range map[string]bool{
		"GET /opens/{id}/notes listOpenNotes":   true, // nobody reads notes
		"DELETE /opens/{id} deleteOpen":         true, // the rule is false
		"GET /opens listOpens":                  false,
		"POST /notes createNote":                false,
		"PATCH /notes/{id} updateNote":          true,
		"PATCH /series/{id} updateSeries":       false,
		"PATCH /series updateManySeries":        false,
		"POST /batch transact":                  false,
		"POST /opens/query queryOpens":          false,
		"QUERY /opens queryOpens":               false,
		"GET /series.csv exportSeriesCsv":       false,
		"GET /series/aggregate aggregateSeries": false,
		"POST /series/batch batchSeries":        false,
		"PUT /series/{id} replaceSeries":        false,
	} {
		if is, ok := got[route]; !ok || is != nobody {
			t.Errorf("%s: there %t, nobody %t", route, ok, is)
		}
	}
	for route := range got {
		if strings.Contains(route, "secret") || strings.Contains(route, "/auth/") {
			t.Errorf("there is a route %s", route)
		}
	}
}
