// Package examples holds the example applications, which are also what the
// conformance suite asks its questions about.
package examples

import "embed"

// Files are the contract and the sample data of each example, by its folder.
//
//go:embed */contract.yaml */seed.yaml
var Files embed.FS
