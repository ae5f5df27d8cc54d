package contract

import (
	"bytes"
	"os"
	"testing"
)

// The example's first line names the schema for editors, so it lies beside it.
func TestTheExamplesSchemaIsUpToDate(t *testing.T) {
	const file = "../examples/hiring/contract.schema.json"
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(Schema())) {
		t.Errorf("%s is out of date; write it with: go run ./cmd/mainstay schema > examples/hiring/contract.schema.json", file)
	}
}
