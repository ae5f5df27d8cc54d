// Command mainstay serves a contract as a protected REST API, and does what a
// team needs around it: check and lay out the contract, plan and carry out what
// a database needs, fill it with sample data. Flags, environment and the choice
// of a database driver end here.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
)

func main() {
	code := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	runtime.KeepAlive(floor)
	os.Exit(code)
}

// The exit codes of every command.
const (
	exitFailed = 1 // failed, or found what it was told to look for
	exitMisuse = 2 // an unknown command or flag, a value that cannot be read
	exitSteps  = 3 // plan: the database needs steps
)

// exit ends the program with a code. err is printed; nil: everything is said already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func misuse(format string, args ...any) error {
	return &exit{exitMisuse, fmt.Errorf(format, args...)}
}

// run carries out one command line and gives the code to exit with.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot(&console{in: in, out: out, errs: errs})
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	var stray error
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if cmd == root && cmd.Flags().NArg() > 0 { // "nonsense --help"
			stray = unknownCommand(cmd, cmd.Flags().Arg(0))
			return
		}
		help(cmd, args)
	})
	err := root.ExecuteContext(context.Background())
	if err == nil {
		err = stray
	}
	if err == nil {
		return 0
	}
	var e *exit
	if !errors.As(err, &e) {
		e = &exit{exitFailed, err}
	}
	var faults contract.Faults
	switch {
	case errors.As(e.err, &faults):
		(&console{out: errs}).faults(faults)
	case e.err != nil:
		fmt.Fprintf(errs, "mainstay: %s\n", words(e.err))
	}
	return e.code
}

// words is an error as people read it. What is unavailable says itself why and
// where, without what it was that noticed.
func words(err error) string {
	var p *problem.Error
	if errors.As(err, &p) && p.Kind == problem.Unavailable {
		return p.Detail
	}
	return err.Error()
}

// newRoot makes the command with all its commands. Cobra, not package flag,
// because a flag may then follow the folder ("dev examples/hiring --listen …"),
// which is how people type, and shells get completion for nothing.
func newRoot(c *console) *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "mainstay COMMAND [FOLDER] [flags]",
		Short: "From one contract to a protected REST API",
		Long: `Mainstay serves a contract as a protected REST API: the database is made for it,
the access rules run inside the database's own statements, and the documentation
is written from it.

FOLDER holds contract.yaml, or contract/*.yaml, and defaults to the current one.
Every flag may also be given by environment: --listen is MAINSTAY_LISTEN.
A command exits with 0 when it is done, 1 when it failed or found a fault, and
2 when it was used wrongly. None ever waits for a key.`,
		Example: `  mainstay dev examples/hiring            serve the example, with sample data
  mainstay check                          find every fault of ./contract.yaml
  mainstay routes --json                  list the paths of the API for a script`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case version && len(args) == 0:
				c.version(currentVersion())
				return nil
			case len(args) == 0:
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return flagsFromEnvironment(cmd, os.LookupEnv) },
	}
	root.Flags().BoolVar(&version, "version", false, "tell the version, like the command")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misuse("%v; %s --help explains", err, cmd.CommandPath())
	})
	root.AddGroup(&cobra.Group{ID: "serve", Title: "Serve:"},
		&cobra.Group{ID: "contract", Title: "The contract:"},
		&cobra.Group{ID: "database", Title: "The database:"})
	for group, commands := range map[string][]*cobra.Command{
		"serve":    {devCommand(c), serveCommand(c)},
		"contract": {checkCommand(c), fmtCommand(c), schemaCommand(c), routesCommand(c), openapiCommand(c)},
		"database": {planCommand(c), migrateCommand(c), seedCommand(c), moveCommand(c), explainCommand(c), conformCommand(c)},
	} {
		for _, command := range commands {
			command.GroupID = group
			nameVariables(command)
			root.AddCommand(command)
		}
	}
	root.AddCommand(versionCommand(c))
	root.SetHelpCommand(&cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		RunE: func(_ *cobra.Command, args []string) error {
			about, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(root, strings.Join(args, " "))
			}
			return about.Help()
		},
	})
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(),
		"{{if .HasAvailableSubCommands}}\n  {{.CommandPath}} [command]{{end}}", "", 1)) // Use says it already
	root.CompletionOptions.HiddenDefaultCmd = true
	return root
}

// unknownCommand says which command a word was probably meant to be.
func unknownCommand(root *cobra.Command, word string) error {
	var known []string
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			known = append(known, cmd.Name())
		}
	}
	if near := contract.Closest(word, known); near != "" {
		return misuse("unknown command %q; did you mean %q?", word, near)
	}
	return misuse("unknown command %q; mainstay --help lists the commands", word)
}

// folder is the argument of every command that takes a contract. Whoever names
// the contract.yaml in it, as a shell completes it, means the folder.
func folder(args []string) string {
	if len(args) == 0 {
		return "."
	}
	if info, err := os.Stat(args[0]); err == nil && !info.IsDir() && filepath.Base(args[0]) == contract.Single {
		return filepath.Dir(args[0])
	}
	return args[0]
}

// oneFolder accepts a folder or none.
func oneFolder(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return misuse("one FOLDER at most, not %d: %q", len(args), args)
	}
	return nil
}

// noArgument accepts none.
func noArgument(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misuse("%s takes no argument, not %q", cmd.Name(), args)
	}
	return nil
}
