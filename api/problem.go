package api

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// problemType is what a kind's type URI begins with. The URIs are names: they
// stay the same wherever Mainstay runs and need not be fetched.
const problemType = "https://mainstay.run/problems/"

// statusOf is the one place where a kind of problem becomes a status and a title.
func statusOf(kind problem.Kind) (status int, title string) {
	switch kind {
	case problem.MalformedJSON:
		return 400, "Malformed JSON"
	case problem.UnknownParameter:
		return 400, "Unknown parameter"
	case problem.InvalidParameter:
		return 400, "Invalid parameter"
	case problem.InvalidFilter:
		return 400, "Invalid filter"
	case problem.CursorInvalid:
		return 400, "Invalid cursor"
	case problem.Unauthenticated:
		return 401, "Sign-in needed"
	case problem.Forbidden:
		return 403, "Not allowed"
	case problem.NotFound:
		return 404, "Not found"
	case problem.MethodNotAllowed:
		return 405, "Method not allowed"
	case problem.NotAcceptable:
		return 406, "Not acceptable"
	case problem.RequestTimeout:
		return 408, "Request too slow"
	case problem.UniqueViolation:
		return 409, "Already taken"
	case problem.ReferenceViolation:
		return 409, "Reference violated"
	case problem.StateConflict:
		return 409, "Not possible in this state"
	case problem.IdempotencyInProgress:
		return 409, "The same request is in progress"
	case problem.TooManyAffected:
		return 409, "Too many records affected"
	case problem.PreconditionFailed:
		return 412, "Changed meanwhile"
	case problem.TooLarge:
		return 413, "Body too large"
	case problem.URITooLong:
		return 414, "Query too long"
	case problem.UnsupportedMedia:
		return 415, "Unsupported media type"
	case problem.Validation:
		return 422, "Validation failed"
	case problem.CheckViolation:
		return 422, "Check failed"
	case problem.UnknownField:
		return 422, "Unknown field"
	case problem.IdempotencyKeyReused:
		return 422, "Idempotency key used for another request"
	case problem.QuotaExceeded:
		return 429, "Too many requests"
	case problem.Unavailable:
		return 503, "Unavailable"
	case problem.Timeout:
		return 504, "Timed out"
	}
	return 500, "Internal error"
}

const internalDetail = "something went wrong on our side; the instance finds it in the log"

// asProblem is what a caller is told of err: a problem as it is, anything else as internal.
func asProblem(err error) *problem.Error {
	var p *problem.Error
	if !errors.As(err, &p) {
		p = problem.Errorf(problem.Internal, "")
	}
	if status, _ := statusOf(p.Kind); status == http.StatusInternalServerError {
		return problem.Errorf(problem.Internal, internalDetail)
	}
	return p
}

// Refuse answers with err for a handler of Options, in the form of every error.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := asProblem(err)
	status, _ := statusOf(p.Kind)
	body := appendProblem(nil, p, traceID(r.Header["Traceparent"]))
	header := w.Header()
	header["Content-Type"] = problemJSON
	header["Cache-Control"] = noStore
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever asked is gone
	}
}

// appendProblem appends p as application/problem+json (RFC 9457).
func appendProblem(dst []byte, p *problem.Error, trace string) []byte {
	status, title := statusOf(p.Kind)
	dst = append(dst, `{"type":"`+problemType...)
	dst = append(dst, p.Kind...)
	dst = value.AppendString(append(dst, `","title":`...), title)
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(status), 10)
	if p.Detail != "" {
		dst = value.AppendString(append(dst, `,"detail":`...), p.Detail)
	}
	dst = append(append(append(dst, `,"instance":"urn:trace:`...), trace...), '"')
	if p.Position > 0 {
		dst = strconv.AppendInt(append(dst, `,"position":`...), int64(p.Position), 10)
	}
	if len(p.Fields) > 0 {
		dst = append(dst, `,"errors":[`...)
		for i, f := range p.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendFault(dst, f)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendFault(dst []byte, f problem.Field) []byte {
	at, place := `{"parameter":`, f.Parameter
	if f.Pointer != "" {
		at, place = `{"pointer":`, f.Pointer
	}
	dst = value.AppendString(append(dst, at...), place)
	dst = value.AppendString(append(dst, `,"code":`...), f.Code)
	dst = value.AppendString(append(dst, `,"detail":`...), f.Detail)
	return append(dst, '}')
}

// problemHeaders are the fields that a problem's kind asks for.
func problemHeaders(h http.Header, p *problem.Error, n *node) {
	if p.RetryAfter > 0 {
		seconds := strconv.FormatInt(int64((p.RetryAfter+time.Second-1)/time.Second), 10)
		h["Retry-After"] = []string{seconds}
		if p.Kind == problem.QuotaExceeded {
			h["Ratelimit"] = []string{`"default";r=0;t=` + seconds}
		}
	}
	switch p.Kind {
	case problem.Unauthenticated:
		h["Www-Authenticate"] = bearer
	case problem.MethodNotAllowed:
		h["Allow"] = []string{cmp.Or(strings.Join(p.Allow, ", "), n.allow[0])}
	case problem.UnsupportedMedia:
		accepts(h, n)
	}
}

// accepts says what a path takes, for OPTIONS and 415.
func accepts(h http.Header, n *node) {
	if n.acceptPost != nil {
		h["Accept-Post"] = n.acceptPost
	}
	if n.acceptPatch != nil {
		h["Accept-Patch"] = n.acceptPatch
	}
	if n.acceptQuery != nil {
		h["Accept-Query"] = n.acceptQuery
	}
}

var bearer = []string{"Bearer"}
