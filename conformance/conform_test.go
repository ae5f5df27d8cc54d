package conformance

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

func TestConformPlaysTheSuiteAndLeavesTheDatabaseEmpty(t *testing.T) {
	kinds, _ := dbtest.Kinds()
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			url, page := kind.URL(t), filepath.Join(t.TempDir(), "page.md")
			if err := os.WriteFile(page, []byte("# Results\n\n## "+kind.Name+" 0.1\nold\n\n## Zebra 1\nkept\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				out, err := command("conform", "--database", url, "--only", "lists", "--json", "--page", page).Output()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				var report struct {
					Database string
					Scripts  []struct {
						Name     string
						Requests int
						Faults   []Fault
					}
				}
				if err := json.Unmarshal(out, &report); err != nil {
					t.Fatal(err)
				}
				if !strings.HasPrefix(report.Database, kind.Name+" ") || len(report.Scripts) != 1 || report.Scripts[0].Requests == 0 || report.Scripts[0].Faults != nil {
					t.Errorf("%+v", report)
				}
			}
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(text); strings.Contains(got, "old") || strings.Count(got, "\n## "+kind.Name+" ") != 1 || !strings.Contains(got, "| lists | ") || !strings.HasSuffix(got, "\n\n## Zebra 1\nkept\n") {
				t.Errorf("the page is\n%s", got)
			}
		})
	}
}

func TestConformRefusesADatabaseThatHoldsSomething(t *testing.T) {
	kinds, _ := dbtest.Kinds()
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			url, contract := kind.URL(t), t.TempDir()
			if err := os.WriteFile(filepath.Join(contract, "contract.yaml"), []byte(shopContract), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := command("migrate", contract, "--database", url).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			want := "this one holds 7 tables of mainstay's"
			if kind.Name == "SQLite" {
				want = "is there already"
			}
			refusesConform(t, url, want)
			if out, err := command("plan", contract, "--database", url).CombinedOutput(); err != nil {
				t.Errorf("it was changed: %v\n%s", err, out)
			}
			if kind.Name == "SQLite" {
				return
			}
			url = kind.URL(t)
			create, drop := "CREATE TABLE mine (id int)", "DROP TABLE mine"
			if kind.Name == "MongoDB" {
				create, drop = `{"create": "mine"}`, `{"drop": "mine"}`
			}
			if err := dbtest.Run(url, create); err != nil {
				t.Fatal(err)
			}
			refusesConform(t, url, "table mine is not one of mainstay's")
			if err := dbtest.Run(url, drop); err != nil {
				t.Error(err)
			}
		})
	}
}

func refusesConform(t *testing.T, url, want string) {
	t.Helper()
	cmd := command("conform", "--database", url)
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), want) {
		t.Errorf("%v, want it to say %q:\n%s", err, want, out)
	}
}

func TestConformNamesTheScriptsThatThereAre(t *testing.T) {
	cmd := command("conform", "--database", "sqlite:"+filepath.Join(t.TempDir(), "new.db"), "--only", "list")
	out, err := cmd.CombinedOutput()
	if err == nil || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "there is no script list; there are accounts, ") {
		t.Errorf("%v\n%s", err, out)
	}
}
