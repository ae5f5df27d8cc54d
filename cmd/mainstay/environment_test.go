package main

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestFlagsFromEnvironment(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		want string
		bad  bool
	}{
		{"neither", nil, nil, "0", false},
		{"environment alone", nil, map[string]string{"MAINSTAY_MAX_LINES": "3"}, "3", false},
		{"the command line wins", []string{"--max-lines", "5"}, map[string]string{"MAINSTAY_MAX_LINES": "3"}, "5", false},
		{"a value that the flag cannot take", nil, map[string]string{"MAINSTAY_MAX_LINES": "many"}, "0", true},
		{"another program's variable", nil, map[string]string{"MAX_LINES": "3"}, "0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := &cobra.Command{}
			cmd.Flags().Int("max-lines", 0, "")
			if err := cmd.ParseFlags(tt.args); err != nil {
				t.Fatal(err)
			}
			err := flagsFromEnvironment(cmd, func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok })
			if (err != nil) != tt.bad {
				t.Errorf("error %v, want one: %v", err, tt.bad)
			}
			if got := cmd.Flag("max-lines").Value.String(); got != tt.want {
				t.Errorf("--max-lines is %s, want %s", got, tt.want)
			}
		})
	}
}
