package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// problems are the classes and codes (SQLSTATE) that are nobody's bug: what the
// caller is told. A code goes before its class.
var problems = map[string]string{
	"53100": "the database's disk is full",
	"53200": "there is not enough memory",
	"53300": "the database has too many connections",
	"25006": "the database can only be read",
	"57P01": "the database is shutting down",
	"57P02": "the database is shutting down",
	"57P03": "the database is starting",
	"55P03": "the database is in use",
	"08":    "the database does not answer",
	"53":    "the database has no room",
	"58":    "the database's disk does not answer",
	"XX":    "the database is damaged",
	"28":    "the database does not let us in",
	"3D":    "there is no such database",
}

// explained turns a client's error into a problem, a store.ConstraintError or
// store.ErrAgain. ctx is the one whose end may have caused it.
func explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var known *problem.Error
	if errors.As(err, &known) || errors.Is(err, store.ErrAgain) {
		return err
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if ctx.Err() != nil {
			return store.Interrupted(ctx, err)
		}
		return store.Unavailable(err, "the database does not answer")
	}
	switch e.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return fmt.Errorf("%w: %w", store.ErrAgain, err)
	case "23505":
		return &store.ConstraintError{Kind: store.Unique, Table: e.TableName, Cause: err}
	case "23503":
		return &store.ConstraintError{Kind: store.Reference, Table: e.TableName, Cause: err}
	case "57014": // query_canceled
		return store.Interrupted(ctx, err)
	}
	for _, code := range []string{e.Code, e.Code[:2]} {
		if detail := problems[code]; detail != "" {
			return store.Unavailable(err, detail)
		}
	}
	return problem.Wrap(err, problem.Internal, "the database refused a statement")
}
