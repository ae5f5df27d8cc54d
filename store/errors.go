package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mainstay-run/mainstay/problem"
)

// retryAfter is told with what may be over soon.
const retryAfter = time.Second

// Unavailable is what may be over soon, in detail's words; cause is for the log.
func Unavailable(cause error, detail string) error {
	p := problem.Wrap(cause, problem.Unavailable, "%s", detail)
	p.RetryAfter = retryAfter
	return p
}

// Interrupted says why a statement or a wait of ctx was given up.
func Interrupted(ctx context.Context, cause error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return problem.Wrap(fmt.Errorf("%w: %w", ctx.Err(), cause), problem.Timeout, "the request took too long")
	}
	if err := ctx.Err(); err != nil {
		cause = fmt.Errorf("%w: %w", err, cause)
	}
	return problem.Wrap(cause, problem.Unavailable, "the request was given up")
}
