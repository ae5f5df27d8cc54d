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

// What the role, the database or the server is set to does not reach our sessions.
func TestASessionIsSetToWhatStatementsRelyOn(t *testing.T) {
	at := dbtest.OwnPostgres(t).URL("")
	var statements []string
	for setting, spoilt := range map[string]string{
		"statement_timeout": "20ms", "lock_timeout": "20ms", "idle_in_transaction_session_timeout": "20ms", "idle_session_timeout": "20ms",
		"default_transaction_isolation": "serializable", "default_transaction_read_only": "on", "transform_null_equals": "on", "array_nulls": "off",
		"timezone": "Asia/Tokyo", "datestyle": "German", "extra_float_digits": "-5", "standard_conforming_strings": "off", "row_security": "off",
		"bytea_output": "escape", "intervalstyle": "sql_standard", "quote_all_identifiers": "on", "enable_seqscan": "off",
	} {
		statements = append(statements, "ALTER ROLE postgres SET "+setting+" = '"+spoilt+"'")
	}
	if err := dbtest.Run(at, statements...); err != nil {
		t.Fatal(err)
	}
	d, err := postgres.Open(t.Context(), at, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for setting, want := range map[string]string{
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0",
		"default_transaction_isolation": "read committed", "default_transaction_read_only": "off", "transform_null_equals": "off", "array_nulls": "on",
		"timezone": "UTC", "datestyle": "ISO, MDY", "extra_float_digits": "1", "standard_conforming_strings": "on", "row_security": "on",
	} {
		found, err := d.One(t.Context(), "SELECT current_setting($1)", setting)
		if err != nil || found != want {
			t.Errorf("%s is %q (%v), want %s", setting, found, err, want)
		}
	}
}
