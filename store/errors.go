package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
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

// Untrusted says why a server's TLS certificate was refused, and what mends it;
// signer is how its signer is named.
func Untrusted(err *tls.CertificateVerificationError, signer string) string {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return "its TLS certificate is another's: " + err.Err.Error() + "; name the host in the URL as the certificate does"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its TLS certificate is not valid now: " + err.Err.Error() + "; give the server a new one"
	}
	return "its TLS certificate is not trusted: " + err.Err.Error() + "; name who signed it with " + signer + " in the URL"
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
