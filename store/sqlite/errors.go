package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// sqliteError is what SQLite said, for the log.
type sqliteError struct {
	code    int32 // extended
	errno   int32 // of the operating system, 0 for none
	message string
}

func (e *sqliteError) Error() string {
	if e.errno != 0 {
		return fmt.Sprintf("sqlite: %s (code %d, errno %d)", e.message, e.code, e.errno)
	}
	return fmt.Sprintf("sqlite: %s (code %d)", e.message, e.code)
}

// problems are SQLite's primary codes that are nobody's bug: what the caller is told.
var problems = map[int32]string{
	lib.SQLITE_FULL:     "the database's disk is full",
	lib.SQLITE_IOERR:    "the database's disk does not answer",
	lib.SQLITE_READONLY: "the database can only be read",
	lib.SQLITE_CANTOPEN: "the database cannot be opened",
	lib.SQLITE_PERM:     "the database cannot be opened",
	lib.SQLITE_BUSY:     "the database is in use",
	lib.SQLITE_LOCKED:   "the database is in use",
	lib.SQLITE_PROTOCOL: "the database is in use",
	lib.SQLITE_NOMEM:    "there is not enough memory",
	lib.SQLITE_CORRUPT:  "the database is damaged",
	lib.SQLITE_NOTADB:   "the file is not a database",
}

// explained turns an error of SQLite into a problem or a store.ConstraintError.
// ctx is the one whose end may have caused it.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var e *sqliteError
	if !errors.As(err, &e) {
		return err
	}
	switch e.code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY:
		table, columns := violated(e.message)
		return &store.ConstraintError{Kind: store.Unique, Table: table, Columns: columns, Cause: err}
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return &store.ConstraintError{Kind: store.Reference, Cause: err}
	}
	primary := e.code & 0xff
	if primary == lib.SQLITE_INTERRUPT {
		return store.Interrupted(ctx, err)
	}
	if detail := problems[primary]; detail != "" {
		return store.Unavailable(err, detail)
	}
	return problem.Wrap(err, problem.Internal, "the database refused a statement")
}

// violated reads "UNIQUE constraint failed: users.email, users.name".
func violated(message string) (table string, columns []string) {
	_, list, ok := strings.Cut(message, "constraint failed: ")
	if !ok {
		return "", nil
	}
	for _, name := range strings.Split(list, ", ") {
		t, column, ok := strings.Cut(name, ".")
		if !ok {
			return "", nil
		}
		table = t
		columns = append(columns, column)
	}
	return table, columns
}
