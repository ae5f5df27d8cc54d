package postgres_test

import (
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

func TestUnsafeNamesTheSettingsOfAServerMadeForTests(t *testing.T) {
	list, err := dbtest.Postgres(t).Unsafe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(list, "fsync is off") {
		t.Errorf("got %q, want fsync among them", list)
	}
}
