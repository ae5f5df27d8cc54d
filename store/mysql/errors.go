package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// problems are the servers' numbers that are nobody's bug: what the caller is told.
var problems = map[uint16]string{
	1021: "the database's disk is full",
	1114: "the database's disk is full",
	1037: "there is not enough memory",
	1038: "there is not enough memory",
	1041: "there is not enough memory",
	1040: "the database has too many connections",
	1203: "the database has too many connections",
	1226: "the database has too many connections",
	1461: "the database keeps too many prepared statements",
	1044: "the database does not let us in",
	1045: "the database does not let us in",
	1698: "the database does not let us in",
	1049: "there is no such database",
	1047: "the database has lost its quorum",
	1053: "the database is shutting down",
	1927: "the database is shutting down",
	4031: "the database is shutting down",
	1290: "the database can only be read",
	1792: "the database can only be read",
	1836: "the database can only be read",
	1142: "the database does not allow us this",
	1143: "the database does not allow us this",
	1227: "the database does not allow us this",
	126:  "the database is damaged",
	1034: "the database is damaged",
	1712: "the database is damaged",
}

// The servers' numbers that mean something to us.
const (
	errDuplicate      = 1062
	errLockWait       = 1205
	errDeadlock       = 1213
	errInterrupted    = 1317
	errStatementTime  = 1969 // MariaDB's max_statement_time
	errExecutionTime  = 3024 // MySQL's max_execution_time
	errParentMissing  = 1452
	errParentMissing2 = 1216
	errParentNeeded   = 1451
	errParentNeeded2  = 1217
	errTooDeep        = 3008
	errPrepared       = 1461
	errOfEngine       = 1296 // MariaDB's way to say that a cascade is too deep
	errRecordChanged  = 1020 // MariaDB's innodb_snapshot_isolation
	errShutdown       = 1053
	errDuringCommit   = 1180
	errKilled         = 1927 // MariaDB's: the connection
	errDisconnected   = 4031 // MySQL's: for having been idle
)

// lastWord reports whether a server has ended the connection with an error.
func lastWord(e *mysql.MySQLError) bool {
	switch e.Number {
	case errShutdown, errKilled, errDisconnected:
		return true
	}
	return false
}

// explained turns a client's error into a problem, a store.ConstraintError (its
// columns still unknown) or store.ErrAgain. ctx is the one whose end may have
// caused it.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *problem.Error
	var constraint *store.ConstraintError
	if errors.As(err, &known) || errors.As(err, &constraint) || errors.Is(err, store.ErrAgain) {
		return err
	}
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		if ctx.Err() != nil {
			return store.Interrupted(ctx, err)
		}
		return store.Unavailable(err, "the database does not answer")
	}
	switch e.Number {
	case errDeadlock, errLockWait, errRecordChanged:
		return fmt.Errorf("%w: %w", store.ErrAgain, err)
	case errDuplicate:
		return &store.ConstraintError{Kind: store.Unique, Cause: err}
	case errParentMissing, errParentMissing2:
		return &store.ConstraintError{Kind: store.Reference, Cause: err}
	case errInterrupted:
		return store.Interrupted(ctx, err)
	case errStatementTime, errExecutionTime:
		return problem.Wrap(err, problem.Timeout, "the request took too long")
	}
	if needed(err) {
		return &store.ConstraintError{Kind: store.Reference, Cause: err}
	}
	if detail := problems[e.Number]; detail != "" {
		return store.Unavailable(err, detail)
	}
	return problem.Wrap(err, problem.Internal, "the database refused a statement")
}

// violatedIndex reads the index out of "Duplicate entry 'x' for key 'people.email'",
// where MySQL says the table and MariaDB does not.
func violatedIndex(err error) (index string, ok bool) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != errDuplicate {
		return "", false
	}
	const before = " for key '"
	at := strings.LastIndex(e.Message, before)
	if at < 0 {
		return "", false
	}
	index = strings.TrimSuffix(e.Message[at+len(before):], "'")
	if point := strings.LastIndexByte(index, '.'); point >= 0 {
		index = index[point+1:]
	}
	return index, true
}

// primary is the name of every primary key.
const primary = "PRIMARY"

// tooManyPrepared reports that max_prepared_stmt_count is reached.
func tooManyPrepared(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && e.Number == errPrepared
}

// needed reports whether rows could not be removed because others refer to them.
func needed(err error) bool {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Number {
	case errParentNeeded, errParentNeeded2, errTooDeep:
		return true
	}
	return e.Number == errOfEngine && strings.Contains(e.Message, "error 193 ")
}

// violatedReference reads the column out of "… CONSTRAINT `x` FOREIGN KEY
// (`company`) REFERENCES …".
func violatedReference(err error) []string {
	_, rest, ok := strings.Cut(err.Error(), "FOREIGN KEY (`")
	if !ok {
		return nil
	}
	column, _, ok := strings.Cut(rest, "`)")
	if !ok {
		return nil
	}
	return []string{column}
}
