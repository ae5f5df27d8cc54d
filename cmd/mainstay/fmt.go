package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/contract"
)

func fmtCommand(c *console) *cobra.Command {
	var write, asDiff bool
	cmd := &cobra.Command{
		Use:   "fmt [FOLDER | FILE… | -]",
		Short: "Write the contract in its one layout",
		Long: `Fmt lays the contract out in the one canonical way and keeps its comments. It
prints the result; -w writes it into the files instead and names those that
changed; --diff prints what would change and exits with 1 when something would.
"-" reads the contract from standard input.`,
		Example: `  mainstay fmt -w
  mainstay fmt --diff examples/hiring
  mainstay fmt - < contract.yaml`,
		RunE: func(_ *cobra.Command, args []string) error {
			if write && asDiff {
				return misuse("-w and --diff exclude each other")
			}
			if len(args) == 1 && args[0] == "-" {
				if write {
					return misuse("-w needs files, not standard input")
				}
				source, err := io.ReadAll(c.in)
				if err != nil {
					return err
				}
				_, err = c.format("<stdin>", source, asDiff)
				return err
			}
			files, err := contractFiles(args)
			if err != nil {
				return err
			}
			return c.formatFiles(files, write, asDiff)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write into the files")
	cmd.Flags().BoolVar(&asDiff, "diff", false, "print what would change; exit 1 when something would")
	return cmd
}

// contractFiles are the files that the arguments name: a folder stands for its contract.
func contractFiles(args []string) (files []string, err error) {
	if len(args) == 0 {
		args = []string{"."}
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		read, faults := contract.Load(arg)
		if read == nil {
			return nil, contract.Faults(faults)
		}
		files = append(files, read.Files...)
	}
	return files, nil
}

func (c *console) formatFiles(files []string, write, asDiff bool) error {
	differs := false
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if !write {
			changed, err := c.format(name, source, asDiff)
			if err != nil {
				return err
			}
			differs = differs || changed
			continue
		}
		tidy, err := contract.Format(name, source)
		if err != nil {
			return err
		}
		if bytes.Equal(source, tidy) {
			continue
		}
		if err := replace(name, tidy); err != nil {
			return err
		}
		c.printf("%s\n", name)
	}
	if asDiff && differs {
		return &exit{code: exitFailed}
	}
	return nil
}

// format prints one file's canonical layout, or how it differs.
func (c *console) format(name string, source []byte, asDiff bool) (changed bool, err error) {
	tidy, err := contract.Format(name, source)
	if err != nil {
		return false, err
	}
	if asDiff {
		tidy = diff.Diff(name, source, name+" (formatted)", tidy) // nothing when they are equal
		changed = len(tidy) > 0
	}
	_, err = c.out.Write(tidy)
	return changed, err
}

// replace puts content in a file's place in one step, so that nobody, a running
// dev least of all, reads half of it.
func replace(name string, content []byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left to remove once it is renamed
	_, err = f.Write(content)
	if bad := f.Chmod(info.Mode().Perm()); err == nil {
		err = bad
	}
	if bad := f.Close(); err == nil {
		err = bad
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
