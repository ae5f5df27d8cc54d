package contract

import (
	_ "embed" // the schema
	"slices"
)

//go:embed contract.schema.json
var editorSchema []byte

// Schema is the JSON Schema (draft 2020-12) of a contract's file, from which
// editors complete and explain. It admits every contract that Parse admits, and
// some more: names and expressions are Parse's and package rule's to check.
func Schema() []byte { return slices.Clone(editorSchema) }
