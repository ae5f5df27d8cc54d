package main

import (
	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/openapi"
)

func openapiCommand(c *console) *cobra.Command {
	var asYAML bool
	var options openapi.Options
	cmd := &cobra.Command{
		Use:   "openapi [FOLDER]",
		Short: "Write the API's OpenAPI document",
		Long: `Openapi writes the document that a running server answers at /openapi.json:
the same bytes for the same contract, so that it can be kept in Git and compared.`,
		Example: `  mainstay openapi examples/hiring > openapi.json
  mainstay openapi --yaml --server https://api.example.org
  mainstay openapi --spec 3.0               for tools that do not know 3.1`,
		Args: oneFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			if options.Version != "3.1" && options.Version != "3.0" {
				return misuse("--spec is 3.1 or 3.0, not %q", options.Version)
			}
			set, err := c.loaded(folder(args))
			if err != nil {
				return err
			}
			document, err := openapi.Document(set.Contract, options)
			if err == nil && asYAML {
				document, err = openapi.YAML(document)
			}
			if err != nil {
				return err
			}
			_, err = c.out.Write(document)
			return err
		},
	}
	cmd.Flags().BoolVar(&asYAML, "yaml", false, "write YAML instead of JSON")
	cmd.Flags().StringVar(&options.Version, "spec", "3.1", "version of OpenAPI: 3.1 or 3.0")
	cmd.Flags().StringVar(&options.Server, "server", "", "address that the API is served under, such as https://api.example.org")
	return cmd
}
