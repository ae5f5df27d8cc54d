package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/store/sqlite"
)

// release is set when a release is built: -ldflags "-X main.release=1.2.3".
var release = ""

func versionCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Tell version, commit, Go and SQLite",
		Example: "  mainstay version --json",
		Args:    noArgument,
		RunE: func(*cobra.Command, []string) error {
			v := currentVersion()
			if asJSON {
				return c.json(v)
			}
			c.version(v)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of lines")
	return cmd
}

func (c *console) version(v version) {
	c.printf("mainstay %s\ncommit   %s\ngo       %s\nsqlite   %s\n", v.Version, v.Commit, v.Go, v.SQLite)
}

// version is what this program is made of.
type version struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	SQLite  string `json:"sqlite"`
}

// currentVersion asks the program itself: the go command writes the commit in.
func currentVersion() version {
	v := version{Version: "development", Commit: "unknown", Go: runtime.Version(), SQLite: sqlite.Version}
	if release != "" {
		v.Version = release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	modified := ""
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				modified = " with changes"
			}
		}
	}
	v.Commit += modified
	return v
}
