package conformance

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// TestTheWayToProduction is plan, migrate, seed and serve, as docs/operate.md
// tells it, on every database.
func TestTheWayToProduction(t *testing.T) {
	suite, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	kinds, _ := dbtest.Kinds()
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			folder, keys, database := t.TempDir(), t.TempDir(), kind.URL(t)
			if err := suite[0].Write(folder); err != nil {
				t.Fatal(err)
			}
			run := func(want int, says string, args ...string) {
				t.Helper()
				cmd := command(append(args, "--database", database)...)
				out, _ := cmd.CombinedOutput()
				if code := cmd.ProcessState.ExitCode(); code != want || !strings.Contains(string(out), says) {
					t.Fatalf("mainstay %s: it ends with %d, want %d, and is to say %q:\n%s", args[0], code, want, says, out)
				}
			}
			run(1, "the database lacks something that this contract needs", "serve", folder, "--keys", keys, "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0")
			run(3, "create table applications", "plan", folder)
			run(0, "done: ", "migrate", folder)
			run(0, "nothing to do", "plan", folder)
			run(0, "nothing to do", "migrate", folder)
			run(0, " can sign in", "seed", folder)
			run(0, "nothing added", "seed", folder)
			p := start(t, command("serve", folder, "--database", database, "--keys", keys, "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0"))
			if p.url == "" {
				t.Fatalf("it does not serve:\n%s", &p.out)
			}
			if _, err := newPlayer(p.url).token(t.Context(), "ann@example.org"); err != nil {
				t.Error(err)
			}
			if a := ask(t, http.MethodGet, p.url+"/v1/postings/count", ""); a.body != `{"total":3}` || a.header.Get("Server-Timing") != "" {
				t.Errorf("the postings are %s, %v", a.body, a.header)
			}

			// What the contract adds is made while it is served, and served when it is told so.
			contract := filepath.Join(folder, "contract.yaml")
			text, err := os.ReadFile(contract)
			if err == nil {
				err = os.WriteFile(contract, []byte(strings.Replace(string(text), "      slug:    slug unique\n", "      slug:    slug unique\n      motto: string 1..80 optional index\n", 1)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			run(3, "motto", "plan", folder)
			if kind.Name == "SQLite" { // a file has one writer
				if code := p.stop(t); code != 0 {
					t.Errorf("it ends with %d", code)
				}
				run(0, "done: ", "migrate", folder)
				return
			}
			run(0, "done: ", "migrate", folder)
			if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
			p.await(t, "contract loaded", 1)
			if a := ask(t, http.MethodGet, p.url+"/v1/companies?fields=motto&limit=1", ""); !strings.Contains(a.body, `{"motto":null}`) {
				t.Errorf("the new field is not served: %d %s", a.status, a.body)
			}
			if code := p.stop(t); code != 0 {
				t.Errorf("it ends with %d:\n%s", code, &p.out)
			}
		})
	}
}
