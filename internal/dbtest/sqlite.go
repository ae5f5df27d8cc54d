// Package dbtest starts or finds databases for tests, a fresh one for each.
package dbtest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/mainstay-run/mainstay/store/sqlite"
)

// SQLite is an empty database in a file of its own, closed when the test ends.
func SQLite(t testing.TB) *sqlite.Driver {
	t.Helper()
	d, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}
