package dataset_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// TestSameBytes fails when a change would make figures of different days incomparable.
func TestSameBytes(t *testing.T) {
	h := sha256.New()
	size := dataset.Full
	for i := 0; i < size.Companies; i += 10 {
		fmt.Fprintln(h, dataset.CompanyAt(i))
	}
	for i := 0; i < size.Jobs; i += 1000 {
		fmt.Fprintln(h, size.JobAt(i))
	}
	for i := 0; i < size.Applications; i += 5000 {
		fmt.Fprintln(h, size.ApplicationAt(i))
	}
	const want = "cd7b8b7d8f22a6aad36592809908558ed47a5c8bbf97869592032f408a98a9cd"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the data are other ones: %s, want %s", got, want)
	}
}

func TestIDs(t *testing.T) {
	a, b := dataset.JobID(1), dataset.JobID(2)
	if a.String() >= b.String() || a[6]>>4 != 7 || a[8]>>6 != 2 {
		t.Errorf("%s and %s are not UUIDs of version 7 in the order of time", a, b)
	}
}
