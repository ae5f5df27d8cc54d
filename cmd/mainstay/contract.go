package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/server"
)

// loaded is the contract in a folder when it has no fault. Faults and warnings are printed.
func (c *console) loaded(folder string) (*rule.Set, error) {
	_, set, faults := server.Load(folder)
	if set == nil && bare(folder) {
		return nil, &exit{exitFailed, fmt.Errorf("there is no contract in %s; a small one to begin with, as %s:\n\n%s\ndocs/contract.md says what else can stand in it",
			folder, filepath.Join(folder, "contract.yaml"), smallest)}
	}
	(&console{out: c.errs}).faults(faults)
	if set == nil {
		return nil, &exit{exitFailed, fmt.Errorf("the contract in %s has faults", folder)}
	}
	return set, nil
}

// smallest is a contract that can be served.
const smallest = `mainstay: 1
name: notes
resources:
  Note:
    fields:
      title: string 1..120
    access:
      all: true # everybody may do everything
`

// bare reports whether nothing in a folder looks like a contract.
func bare(folder string) bool {
	entries, err := os.ReadDir(folder)
	return err == nil && !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "contract") })
}

// servable is the contract in a folder when all of it can be carried out.
func (c *console) servable(folder string) (*rule.Set, error) {
	set, err := c.loaded(folder)
	if err != nil {
		return nil, err
	}
	if unbuilt := set.Contract.Unbuilt; len(unbuilt) > 0 {
		(&console{out: c.errs}).faults(unbuilt)
		return nil, &exit{exitFailed, fmt.Errorf("the contract asks for %s not built yet; it is not served without them", count(len(unbuilt), "part"))}
	}
	return set, nil
}

// faults prints faults one a line, in the form that editors and terminals make clickable.
func (c *console) faults(faults []contract.Fault) {
	for _, f := range faults {
		place := f.Pos.String() + ":"
		text := strings.TrimPrefix(f.String(), place)
		mark := red
		if f.Warning {
			mark = yellow
		}
		c.printf("%s%s\n", paint(c.out, bold, place), paint(c.out, mark, text))
	}
}

// count is "no faults", "1 fault", "2 faults".
func count(n int, noun string) string {
	switch n {
	case 0:
		return "no " + noun + "s"
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
