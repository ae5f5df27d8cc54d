// Package problem is the one error vocabulary: what went wrong as a kind for
// programs, a sentence for people and a cause for the log. Every room returns
// these; only api knows which HTTP status a kind becomes. A Detail and the
// fields' details are shown to the caller, so they never hold SQL, a column or
// constraint name, or a value the caller did not send.
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Kind is a stable name of a class of errors: the last segment of the problem's
// type URI (RFC 9457), which never changes once published.
type Kind string

// The kinds, by the status that api gives them.
const (
	MalformedJSON         Kind = "malformed-json"          // 400
	UnknownParameter      Kind = "unknown-parameter"       // 400
	InvalidParameter      Kind = "invalid-parameter"       // 400
	InvalidFilter         Kind = "invalid-filter"          // 400, Position says where
	CursorInvalid         Kind = "cursor-invalid"          // 400
	Unauthenticated       Kind = "unauthenticated"         // 401
	Forbidden             Kind = "forbidden"               // 403
	NotFound              Kind = "not-found"               // 404
	MethodNotAllowed      Kind = "method-not-allowed"      // 405, Allow lists the methods
	NotAcceptable         Kind = "not-acceptable"          // 406
	RequestTimeout        Kind = "request-timeout"         // 408, the body came too slowly
	UniqueViolation       Kind = "unique-violation"        // 409
	ReferenceViolation    Kind = "reference-violation"     // 409
	StateConflict         Kind = "state-conflict"          // 409
	IdempotencyInProgress Kind = "idempotency-in-progress" // 409
	TooManyAffected       Kind = "too-many-affected"       // 409
	PreconditionFailed    Kind = "precondition-failed"     // 412
	TooLarge              Kind = "too-large"               // 413
	URITooLong            Kind = "uri-too-long"            // 414
	UnsupportedMedia      Kind = "unsupported-media-type"  // 415
	Validation            Kind = "validation"              // 422
	CheckViolation        Kind = "check-violation"         // 422
	UnknownField          Kind = "unknown-field"           // 422
	IdempotencyKeyReused  Kind = "idempotency-key-reused"  // 422
	QuotaExceeded         Kind = "quota-exceeded"          // 429, RetryAfter
	Internal              Kind = "internal"                // 500: a bug or a fault of ours; the cause is logged, never shown
	Unavailable           Kind = "unavailable"             // 503, RetryAfter
	Timeout               Kind = "timeout"                 // 504
)

// Error is a kind, a sentence for the caller and, for the log, a cause.
type Error struct {
	Kind   Kind
	Detail string
	// Fields are all the faults of one body or query, in the order in which they stand there.
	Fields []Field
	// Position is the 1-based column in a request's filter; 0 when there is none.
	Position int
	// RetryAfter is rounded up to whole seconds by api; 0 means no such header.
	RetryAfter time.Duration
	// Allow lists what would have been accepted: methods for MethodNotAllowed, media types for UnsupportedMedia.
	Allow []string

	cause error
}

// Field is one fault of a body (Pointer, a JSON pointer as RFC 6901 fragment
// such as "#/skills/0/name") or of a query (Parameter).
type Field struct {
	Pointer   string
	Parameter string
	Code      string // stable: required, min, max, format, type, unknown, readonly, fixed, forbidden, enum, unique, reference, check …
	Detail    string // plain words: "must be at least 0"
}

func (e *Error) Error() string {
	s := string(e.Kind) + ": " + e.Detail
	for _, f := range e.Fields {
		s += fmt.Sprintf("; %s%s %s", f.Pointer, f.Parameter, f.Detail)
	}
	if e.cause != nil {
		s += ": " + e.cause.Error()
	}
	return s
}

// Unwrap gives the cause, which is for the log only.
func (e *Error) Unwrap() error { return e.cause }

// Errorf makes an error whose formatted text is shown to the caller.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Wrap makes an error with a cause that is logged but never shown.
func Wrap(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...), cause: cause}
}

// Invalid makes one error of all the faults of a body or query.
func Invalid(kind Kind, fields []Field) *Error {
	detail := "1 field is invalid"
	if len(fields) != 1 {
		detail = fmt.Sprintf("%d fields are invalid", len(fields))
	}
	return &Error{Kind: kind, Detail: detail, Fields: fields}
}

// KindOf is the kind of the first Error in err's chain, Internal for any other error, "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
