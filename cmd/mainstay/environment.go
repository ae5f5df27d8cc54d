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
		if f.Changed || !ok || text == "" || handmade(f) || err != nil {
			return
		}
		if bad := cmd.Flags().Set(f.Name, text); bad != nil {
			err = misuse("%s: %v", variable(f.Name), bad)
		}
	})
	return err
}

// onlyByHand marks a flag that no variable of the environment stands for.
const onlyByHand = "only-by-hand"

// byHand marks a flag that is too grave to be set from afar.
func byHand(cmd *cobra.Command, name string) {
	if err := cmd.Flags().SetAnnotation(name, onlyByHand, nil); err != nil {
		panic(err) // there is no such flag
	}
}

func handmade(f *pflag.Flag) bool {
	_, marked := f.Annotations[onlyByHand]
	return marked || f.Name == "help" || f.Name == "version"
}

// nameVariables adds to each flag's help the variable that stands for it.
func nameVariables(cmd *cobra.Command) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !handmade(f) {
			f.Usage += " [" + variable(f.Name) + "]"
		}
	})
}
