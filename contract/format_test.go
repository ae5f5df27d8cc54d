package contract

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheExampleIsInCanonicalLayout(t *testing.T) {
	src, err := os.ReadFile("testdata/hiring/contract.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Format(src)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(src), string(got)); diff != "" {
		t.Error(diff)
	}
}
