package conformance

import (
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

func TestScripts(t *testing.T) {
	suite, err := Scripts()
	if err != nil || len(suite) == 0 {
		t.Fatalf("%d scripts: %v", len(suite), err)
	}
	kinds, absent := dbtest.Kinds()
	for _, text := range absent {
		t.Log(text)
	}
	for _, kind := range kinds {
		t.Run(kind.Name, func(t *testing.T) {
			for _, script := range suite {
				t.Run(script.Name, func(t *testing.T) {
					t.Parallel()
					if reason := script.Lacks(kind.Name); reason != "" {
						t.Logf("not played: %s", reason)
						return
					}
					folder := t.TempDir()
					if err := script.Write(folder); err != nil {
						t.Fatal(err)
					}
					s := serve(t, folder, "--database", kind.URL(t))
					_, faults := script.Play(t.Context(), s.url)
					for _, f := range faults {
						t.Errorf("testdata/%s.txtar:%d: %s\n%s", script.Name, f.Line, f.Request, f.Why)
					}
				})
			}
		})
	}
}

func TestWhatIsLackingIsAboutScriptsThatAreThere(t *testing.T) {
	suite, err := Scripts()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range suite {
		names[s.Name] = true
	}
	for _, l := range Lacking {
		if !names[l.Script] || l.Reason == "" {
			t.Errorf("%+v", l)
		}
	}
}
