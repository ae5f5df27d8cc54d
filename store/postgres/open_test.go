package postgres_test

import (
	"runtime"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
)

// TestACallerAloneNeedsOneConnection: a start asks one thing after the other, and each new
// connection costs it as much as ten answers.
func TestACallerAloneNeedsOneConnection(t *testing.T) {
	url := dbtest.PostgresURL(t)
	d, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for range 3 {
		tx, err := d.Begin(t.Context(), store.Snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Inspect(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(t.Context())
	var n int
	if err := other.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'mainstay'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != 1 {
		t.Errorf("%d connections are open", n)
	}
}

// A replica that does not answer is tried again and again.
func TestADatabaseThatDoesNotAnswerLeavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	const attempts = 20
	for range attempts {
		if _, err := postgres.Open(t.Context(), "postgres://nobody@/none?host="+t.TempDir(), postgres.Options{}); err == nil {
			t.Fatal("it answers")
		}
	}
	if n := runtime.NumGoroutine() - before; n >= attempts {
		t.Errorf("%d goroutines are left", n)
	}
}
