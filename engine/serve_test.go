package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// compile reads a contract that must be without fault.
func compile(t testing.TB, text string) (*contract.Contract, *rule.Set) {
	t.Helper()
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(text)})
	var set *rule.Set
	if c != nil {
		var more []contract.Fault
		set, more = rule.Compile(c)
		faults = append(faults, more...)
	}
	for _, f := range faults {
		if !f.Warning {
			t.Error(f)
		}
	}
	if set == nil {
		t.Fatal("the contract was not compiled")
	}
	return c, set
}

// serve makes an engine on a new database.
func serve(t testing.TB, c *contract.Contract, set *rule.Set, now func() time.Time) (*Engine, *store.DB) {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { driver.Close() })
	for _, table := range schema.Of(c).Tables {
		if err := driver.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	db := store.New(driver)
	return New(set, db, testKeys(t), Options{Now: now}), db
}

func testKeys(t testing.TB) *keyring.Ring {
	t.Helper()
	keys, err := keyring.FromSecret([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
