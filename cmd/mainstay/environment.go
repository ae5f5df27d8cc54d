package main

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable is the environment variable that stands for a flag: --listen is MAINSTAY_LISTEN.
func variable(flag string) string {
	return "MAINSTAY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// flagsFromEnvironment sets the flags that the command line leaves open. A value
// that a flag cannot take is refused like one on the command line.
func flagsFromEnvironment(cmd *cobra.Command, lookup func(string) (string, bool)) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		text, ok := lookup(variable(f.Name))
		if f.Changed || !ok || text == "" || f.Name == "help" || f.Name == "version" || err != nil {
			return
		}
		if bad := cmd.Flags().Set(f.Name, text); bad != nil {
			err = misuse("%s: %v", variable(f.Name), bad)
		}
	})
	return err
}

// nameVariables adds to each flag's help the variable that stands for it.
func nameVariables(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Usage += " [" + variable(f.Name) + "]" })
}
