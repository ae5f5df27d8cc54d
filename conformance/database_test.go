package conformance

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"
)

// sound fails the test unless SQLite itself finds nothing wrong with a database
// and every reference in it leads somewhere. No program may have the file open.
func sound(t testing.TB, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for pragma, want := range map[string][]string{"integrity_check": {"ok"}, "foreign_key_check": nil} {
		rows, err := db.Query("PRAGMA " + pragma)
		if err != nil {
			t.Fatalf("%s of %s: %v", pragma, path, err)
		}
		var got []string
		for rows.Next() {
			var first string
			rest := [3]any{new(any), new(any), new(any)}
			columns, _ := rows.Columns()
			if err := rows.Scan(append([]any{&first}, rest[:len(columns)-1]...)...); err != nil {
				t.Fatal(err)
			}
			got = append(got, first)
		}
		if err := rows.Err(); err != nil {
			t.Errorf("%s of %s: %v", pragma, path, err)
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("%s of %s: %q", pragma, path, got)
		}
	}
}

// alter runs statements on a database that no program has open, as somebody with
// a shell of SQLite would.
func alter(t testing.TB, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// copyDatabase copies a database as a killed program left it, the file and its
// write-ahead log, so that it can be looked into without mending the original.
// folder is emptied first.
func copyDatabase(t testing.TB, path, folder string) string {
	t.Helper()
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(folder, filepath.Base(path))
	for _, end := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + end)
		if errors.Is(err, fs.ErrNotExist) && end != "" {
			continue
		}
		if err == nil {
			err = os.WriteFile(to+end, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return to
}
