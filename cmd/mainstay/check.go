package main

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/server"
)

func checkCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [FOLDER]",
		Short: "Find every fault of the contract",
		Long: `Check reads the whole contract and prints every fault in one run, each with its
file, line and column, the place in words and what to write instead. What is
asked for and not built yet is listed too; it is no fault, but dev and serve
refuse to start while it is there.

Exits with 1 when there is a fault; warnings alone exit with 0.`,
		Example: `  mainstay check
  mainstay check examples/hiring
  mainstay check --json | jq '.faults[].what'`,
		Args: oneFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			debug.SetGCPercent(800) // it is over before a collection pays
			read, _, faults := server.Load(folder(args))
			if asJSON {
				if err := c.json(checkReport(read, faults)); err != nil {
					return err
				}
			} else {
				c.faults(faults)
				if read != nil {
					c.faults(read.Unbuilt)
					c.printf("%s\n", summary(read, faults))
				}
			}
			if server.Broken(faults) {
				return &exit{code: exitFailed}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of lines")
	return cmd
}

func summary(read *contract.Contract, faults []contract.Fault) string {
	name := read.Name
	if name == "" { // which is a fault itself
		name = "the contract"
	}
	text := fmt.Sprintf("%s: %s", name, count(len(read.Resources), "resource"))
	errors, warnings := 0, 0
	for _, f := range faults {
		if f.Warning {
			warnings++
		} else {
			errors++
		}
	}
	text += ", " + count(errors, "fault")
	if warnings > 0 {
		text += ", " + count(warnings, "warning")
	}
	if n := len(read.Unbuilt); n > 0 {
		text += ", " + count(n, "part") + " not built yet"
	}
	return text
}

// faultJSON is one fault for scripts; its members are part of the command's promise.
type faultJSON struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Place   string `json:"place"`
	What    string `json:"what"`
	Mend    string `json:"mend"`
	Warning bool   `json:"warning"`
}

func checkReport(read *contract.Contract, faults []contract.Fault) any {
	report := struct {
		Sound   bool        `json:"sound"`
		Faults  []faultJSON `json:"faults"`
		Unbuilt []faultJSON `json:"unbuilt"`
	}{!server.Broken(faults), faultsJSON(faults), []faultJSON{}}
	if read != nil {
		report.Unbuilt = faultsJSON(read.Unbuilt)
	}
	return report
}

func faultsJSON(faults []contract.Fault) []faultJSON {
	list := make([]faultJSON, 0, len(faults))
	for _, f := range faults {
		list = append(list, faultJSON{f.Pos.File, f.Pos.Line, f.Pos.Col, f.Place, f.What, f.Mend, f.Warning})
	}
	return list
}
