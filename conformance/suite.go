// Package conformance is the suite of scripts that speak HTTP with the program, one
// file for each topic, and one expected answer on every database; README.md
// describes their form. It knows nothing of the program but its address: the tests
// of this room play the scripts to the built program, `mainstay conform` to itself
// on a user's own database.
package conformance

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/mainstay-run/mainstay/examples"
)

//go:embed testdata/*.txtar
var scripts embed.FS

// Script is one topic: a contract with sample data, and what is asked of it.
type Script struct {
	Name  string
	steps []*step
	files map[string][]byte
}

// sample is what a script without a contract of its own is about.
const sample = "hiring"

// Scripts reads the suite, in the order of its names.
func Scripts() ([]*Script, error) {
	names, err := fs.Glob(scripts, "testdata/*.txtar")
	if err != nil {
		return nil, err
	}
	var suite []*Script
	for _, name := range names {
		text, err := scripts.ReadFile(name)
		if err != nil {
			return nil, err
		}
		archive := txtar.Parse(text)
		s := &Script{Name: strings.TrimSuffix(path.Base(name), ".txtar"), files: map[string][]byte{}}
		if s.steps, err = parseScript(string(archive.Comment)); err != nil {
			return nil, fmt.Errorf("%s:%w", name, err)
		}
		for _, f := range archive.Files {
			s.files[f.Name] = f.Data
		}
		if len(s.files) > 0 {
			suite = append(suite, s)
			continue
		}
		for _, file := range []string{"contract.yaml", "seed.yaml"} {
			if s.files[file], err = examples.Files.ReadFile(path.Join(sample, file)); err != nil {
				return nil, err
			}
		}
		suite = append(suite, s)
	}
	return suite, nil
}

// Write puts the contract and the sample data that are to be served into a folder.
func (s *Script) Write(folder string) error {
	for name, content := range s.files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Fault is a request whose answer is not the expected one.
type Fault struct {
	Line    int    `json:"line"` // of the script
	Request string `json:"request"`
	Why     string `json:"why"` // every difference, and the answer
}

// Play plays the script to the program that serves its folder at url, in dev's
// way. After a fault it goes on, but what comes later may follow from it.
func (s *Script) Play(ctx context.Context, url string) (requests int, faults []Fault) {
	p := newPlayer(url)
	for _, step := range s.steps {
		if err := p.play(ctx, step); err != nil {
			faults = append(faults, Fault{step.line, step.request(), err.Error()})
		}
	}
	return len(s.steps), faults
}
