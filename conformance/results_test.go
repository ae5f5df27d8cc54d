package conformance

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestTheResultsAreOfTheseScripts: docs/databases.md tells of the suite as it is. When
// it does not: mainstay conform --database URL --page docs/databases.md, for each.
func TestTheResultsAreOfTheseScripts(t *testing.T) {
	page, err := os.ReadFile("../docs/databases.md")
	if err != nil {
		t.Fatal(err)
	}
	suite, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	requests, want := 0, ""
	for _, s := range suite {
		requests += len(s.steps)
		want += fmt.Sprintf("| %s | %d | as expected |\n", s.Name, len(s.steps))
	}
	want = fmt.Sprintf("%d requests in %d scripts: every answer as expected.\n\n| script | requests | |\n|---|---|---|\n%s", requests, len(suite), want)
	_, results, _ := strings.Cut(string(page), "\n## Results\n")
	sections := strings.Split(results, "\n## ")[1:]
	for _, section := range sections {
		name, got, _ := strings.Cut(section, "\n")
		if strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	for _, kind := range []string{"SQLite", "PostgreSQL", "MariaDB", "MySQL"} {
		if !strings.Contains(results, "\n## "+kind+" ") {
			t.Errorf("the page has no results of %s", kind)
		}
	}
}
