package main

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/server"
)

// loaded is the contract in a folder when it has no fault. Faults and warnings are printed.
func (c *console) loaded(folder string) (*rule.Set, error) {
	_, set, faults := server.Load(folder)
	(&console{out: c.errs}).faults(faults)
	if set == nil {
		return nil, &exit{exitFailed, fmt.Errorf("the contract in %s has faults", folder)}
	}
	return set, nil
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
