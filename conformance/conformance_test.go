// Package conformance holds scripts that speak HTTP with the built program, one
// file for each topic; README.md describes their form.
package conformance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// sample is the folder that a script without a contract of its own is served from.
const sample = "../examples/hiring"

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := parseScript(string(archive.Comment))
			if err != nil {
				t.Fatalf("%s:%v", file, err)
			}
			s := serve(t, unpack(t, archive))
			p := newPlayer(s.url)
			for _, step := range steps {
				if err := p.play(t.Context(), step); err != nil {
					t.Errorf("%s:%d: %s\n%v", file, step.line, step.request(), err)
				}
			}
		})
	}
}

// unpack makes a folder with the script's own files, or with a copy of the sample.
func unpack(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	folder := t.TempDir()
	if len(archive.Files) > 0 {
		if err := txtar.Write(archive, folder); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	for _, name := range []string{"contract.yaml", "seed.yaml"} {
		content, err := os.ReadFile(filepath.Join(sample, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
