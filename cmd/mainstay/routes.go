package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/contract"
)

func routesCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "routes [FOLDER]",
		Short: "List the paths of the API",
		Long: `Routes lists every method and path that the contract gives, with the operation's
name in the OpenAPI document. "(nobody)" marks one that no rule admits anybody to.`,
		Example: `  mainstay routes examples/hiring
  mainstay routes --json | jq -r '.[].path' | sort -u`,
		Args: oneFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := c.loaded(folder(args))
			if err != nil {
				return err
			}
			routes := routesOf(set.Contract)
			if asJSON {
				return c.json(routes)
			}
			w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
			for _, r := range routes {
				closed := ""
				if r.Nobody {
					closed = " (nobody)"
				}
				fmt.Fprintf(w, "%s\t%s\t%s%s\n", r.Method, r.Path, r.Operation, closed)
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON array instead of lines")
	return cmd
}

// route is one route as people and scripts see it; its members are part of the command's promise.
type route struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Operation string `json:"operation"` // its id in the OpenAPI document
	Resource  string `json:"resource,omitempty"`
	// Nobody: the contract's rules admit nobody, whatever the record.
	Nobody bool `json:"nobody,omitempty"`
}

func routesOf(read *contract.Contract) []route {
	list := []route{}
	for _, r := range contract.Routes(read) {
		list = append(list, route{r.Method, read.BasePath + r.Path, r.Operation, r.Resource, r.Nobody})
	}
	return list
}
