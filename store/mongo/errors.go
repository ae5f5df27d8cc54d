package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// The server's codes and labels that mean something to us.
const (
	codeDuplicate     = 11000
	codeNamespace     = 48 // a collection is there already
	codeNoIndex       = 27
	codeMaxTime       = 50
	labelAgain        = "TransientTransactionError"
	labelUnknown      = "UnknownTransactionCommitResult"
	codeWriteConflict = 112
	codeNoSnapshot    = 246 // a collection is newer than the snapshot
)

// problems are the server's codes that are nobody's bug: what the caller is told.
var problems = map[int]string{
	6:     "the database does not answer", // HostUnreachable
	7:     "the database does not answer", // HostNotFound
	89:    "the database does not answer", // NetworkTimeout
	8000:  "the database does not let us in",
	18:    "the database does not let us in", // AuthenticationFailed
	11:    "the database does not let us in", // UserNotFound
	13:    "the database does not allow us this",
	91:    "the database is shutting down",
	11600: "the database is shutting down",
	189:   "the database has no primary at the moment",
	10107: "the database has no primary at the moment",
	13435: "the database has no primary at the moment",
	13436: "the database has no primary at the moment",
	64:    "the database could not make the write safe in time",
	239:   "the read took longer than the database keeps its snapshots",
	100:   "the database has too few members to make a write safe",
	14031: "the database's disk is full",
}

// explained turns a client's error into a problem, a store.ConstraintError or
// store.ErrAgain. ctx is the one whose end may have caused it.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *problem.Error
	var constraint *store.ConstraintError
	if errors.As(err, &known) || errors.As(err, &constraint) || errors.Is(err, store.ErrAgain) {
		return err
	}
	if ctx.Err() != nil {
		return store.Interrupted(ctx, err)
	}
	var server mongo.ServerError
	switch {
	case errors.As(err, &server) && server.HasErrorCode(codeDuplicate):
		return duplicate(err)
	case errors.As(err, &server) && server.HasErrorCode(codeMaxTime), errors.Is(err, context.DeadlineExceeded):
		return problem.Wrap(err, problem.Timeout, "the request took too long")
	case !errors.As(err, &server):
		return store.Unavailable(err, "the database does not answer")
	case server.HasErrorCode(codeWriteConflict) || server.HasErrorCode(codeNoSnapshot) || server.HasErrorLabel(labelAgain):
		return fmt.Errorf("%w: %w", store.ErrAgain, err)
	}
	for _, code := range server.ErrorCodes() {
		if detail := problems[code]; detail != "" {
			return store.Unavailable(err, detail)
		}
	}
	if mongo.IsNetworkError(err) {
		return store.Unavailable(err, "the database does not answer")
	}
	return problem.Wrap(err, problem.Internal, "the database refused a statement")
}

// duplicate reads the columns of a unique violation out of what the server says.
func duplicate(err error) error {
	violation := &store.ConstraintError{Kind: store.Unique, Cause: err}
	var raws []bson.Raw
	var command mongo.CommandError
	if errors.As(err, &command) {
		raws = append(raws, command.Raw)
	}
	var writes mongo.WriteException
	if errors.As(err, &writes) {
		for _, e := range writes.WriteErrors {
			raws = append(raws, e.Raw)
		}
	}
	var bulk mongo.BulkWriteException
	if errors.As(err, &bulk) {
		for _, e := range bulk.WriteErrors {
			raws = append(raws, e.Raw)
		}
	}
	for _, raw := range raws {
		pattern, ok := raw.Lookup("keyPattern").DocumentOK()
		if !ok {
			continue
		}
		elements, _ := pattern.Elements()
		for _, e := range elements {
			violation.Columns = append(violation.Columns, e.Key())
		}
		return violation
	}
	return violation
}

// named completes a violation with its table, and its columns by the name of the
// index when the server gives no more.
func named(t *table, err error) error {
	var violation *store.ConstraintError
	if !errors.As(err, &violation) || violation.Table != "" {
		return err
	}
	violation.Table = t.Name
	if len(violation.Columns) == 0 {
		violation.Columns = t.columnsOfIndexIn(violation.Cause.Error())
	}
	for i, name := range violation.Columns {
		violation.Columns[i] = t.column(name)
	}
	return err
}
