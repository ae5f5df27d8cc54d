package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mainstay-run/mainstay/server"
)

func TestTheSmallestContractHasNoFault(t *testing.T) {
	folder := t.TempDir()
	if !bare(folder) {
		t.Error("an empty folder holds a contract")
	}
	if err := os.WriteFile(filepath.Join(folder, "contract.yaml"), []byte(smallest), 0o600); err != nil {
		t.Fatal(err)
	}
	if bare(folder) {
		t.Error("contract.yaml is no contract")
	}
	_, set, faults := server.Load(folder)
	if set == nil || len(faults) > 0 {
		t.Errorf("%v", faults)
	}
}
