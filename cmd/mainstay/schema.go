package main

import (
	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/contract"
)

func schemaCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Write the JSON Schema that editors complete the contract by",
		Long: `Schema writes a JSON Schema of the contract's language. Name it in the first
line of the contract, and an editor that knows YAML completes and explains it:

  # yaml-language-server: $schema=contract.schema.json`,
		Example: `  mainstay schema > contract.schema.json`,
		Args:    noArgument,
		RunE: func(*cobra.Command, []string) error {
			_, err := c.out.Write(contract.Schema())
			return err
		},
	}
}
