package main

import (
	"flag"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

func TestMain(m *testing.M) {
	testscript.Main(withServers{m}, map[string]func(){"mainstay": main, "half-move": halfMove})
}

// withServers runs tests that may start database servers.
type withServers struct{ *testing.M }

func (m withServers) Run() int { return dbtest.Main(m.M) }

// TestScripts runs the commands as a person types them; see testdata/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", UpdateScripts: *update})
}

func TestColoursAreForTerminalsOnly(t *testing.T) {
	if got := paint(os.Stderr, red, "fault"); got != "fault" && !colourful(os.Stderr) {
		t.Errorf("painted %q", got)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := paint(file, red, "fault"); got != "fault" {
		t.Errorf("a file gets %q", got)
	}
}
