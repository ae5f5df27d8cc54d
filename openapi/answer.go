package openapi

import (
	"strconv"

	"github.com/mainstay-run/mainstay/problem"
)

// failure is one status that an operation may answer with, described once among
// the shared responses.
type failure struct {
	name, description string
	status            int
	headers           []string
	kinds             []problem.Kind // the first makes the example
	title, detail     string
}

var failures = []failure{
	{"BadRequest", "The request is not well formed: its JSON, a parameter, a filter or a cursor.", 400, nil,
		[]problem.Kind{problem.InvalidParameter, problem.UnknownParameter, problem.InvalidFilter, problem.CursorInvalid, problem.MalformedJSON},
		"Invalid parameter", "the parameter 'limit' must be a whole number"},
	{"Unauthenticated", "No credentials, or they are not valid.", 401, []string{"WWW-Authenticate"},
		[]problem.Kind{problem.Unauthenticated}, "Sign-in needed", "sign in first"},
	{"Forbidden", "The record is readable, but this may not be done with it.", 403, nil,
		[]problem.Kind{problem.Forbidden}, "Not allowed", "you may not do this"},
	{"NotFound", "There is no such record, or it is not readable.", 404, nil,
		[]problem.Kind{problem.NotFound}, "Not found", "there is nothing here that you can read"},
	{"NotAcceptable", "No form of the answer is acceptable to the client.", 406, nil,
		[]problem.Kind{problem.NotAcceptable}, "Not acceptable", "this path answers application/json"},
	{"RequestTimeout", "The body came too slowly.", 408, nil,
		[]problem.Kind{problem.RequestTimeout}, "Request too slow", "the body came too slowly"},
	{"Conflict", "The current state does not admit it: a unique value is taken, a reference stands in the way, or the record is in another state.", 409, nil,
		[]problem.Kind{problem.UniqueViolation, problem.ReferenceViolation, problem.StateConflict, problem.IdempotencyInProgress, problem.TooManyAffected},
		"Already taken", "another record has this value already"},
	{"PreconditionFailed", "The record is no longer what If-Match or If-None-Match says.", 412, nil,
		[]problem.Kind{problem.PreconditionFailed}, "Changed meanwhile", "the record was changed meanwhile"},
	{"TooLarge", "The body is too large.", 413, nil,
		[]problem.Kind{problem.TooLarge}, "Body too large", "the body is larger than 1 MB"},
	{"URITooLong", "The query is too long; send it as the body of a query.", 414, nil,
		[]problem.Kind{problem.URITooLong}, "Query too long", "the query is longer than 16 KB"},
	{"UnsupportedMedia", "The body is of another media type.", 415, nil,
		[]problem.Kind{problem.UnsupportedMedia}, "Unsupported media type", "send application/json"},
	{"Invalid", "The body is well formed but not acceptable; every fault is listed.", 422, nil,
		[]problem.Kind{problem.Validation, problem.CheckViolation, problem.UnknownField, problem.IdempotencyKeyReused},
		"Validation failed", "1 field is invalid"},
	{"QuotaExceeded", "Too many requests.", 429, []string{"Retry-After", "RateLimit"},
		[]problem.Kind{problem.QuotaExceeded}, "Too many requests", "try again in 30 seconds"},
	{"Internal", "A fault of the server; the instance finds it in the log.", 500, nil,
		[]problem.Kind{problem.Internal}, "Internal error", "something went wrong on our side; the instance finds it in the log"},
	{"Unavailable", "The server or its database cannot answer now.", 503, []string{"Retry-After"},
		[]problem.Kind{problem.Unavailable}, "Unavailable", "the database is not available"},
	{"Timeout", "It took longer than allowed.", 504, nil,
		[]problem.Kind{problem.Timeout}, "Timed out", "the request took longer than allowed"},
}

// What can go wrong, by what an operation does.
var (
	everywhere = []int{400, 401, 403, 404, 406, 414, 429, 500, 503, 504}
	withBody   = []int{408, 413, 415, 422}
	conflicts  = []int{409}
	ifMatched  = []int{412}
)

// failing adds the answers for these statuses to an operation's responses, by status.
func failing(responses object, statuses ...[]int) object {
	may := map[int]bool{}
	for _, list := range statuses {
		for _, status := range list {
			may[status] = true
		}
	}
	for _, f := range failures {
		if may[f.status] {
			responses = append(responses, member{strconv.Itoa(f.status), object{{"$ref", "#/components/responses/" + f.name + "Problem"}}})
		}
	}
	return responses
}

// problemTypes is what a problem's type URI begins with.
const problemTypes = "https://mainstay.run/problems/"

// sharedResponses are the components that failing refers to.
func (d *document) sharedResponses() object {
	responses := object{}
	for _, f := range failures {
		headers := object{}
		for _, h := range f.headers {
			headers = append(headers, member{h, headerRef(h)})
		}
		description := f.description + " Types: "
		for i, k := range f.kinds {
			if i > 0 {
				description += ", "
			}
			description += "`" + string(k) + "`"
		}
		responses = append(responses, member{f.name + "Problem", object{{"description", description + "."}}.
			with("headers", headers).
			with("content", object{{"application/problem+json", object{
				{"schema", d.problem()},
				{"example", f.example()},
			}}})})
	}
	return responses
}

func (f failure) example() object {
	o := object{
		{"type", problemTypes + string(f.kinds[0])},
		{"title", f.title},
		{"status", f.status},
		{"detail", f.detail},
		{"instance", "urn:trace:4bf92f3577b34da6a3ce929d0e0e4736"},
	}
	switch f.status {
	case 400:
		return append(o, member{"errors", []object{{{"parameter", "limit"}, {"code", "type"}, {"detail", "must be a whole number"}}}})
	case 422:
		return append(o, member{"errors", []object{{{"pointer", "#/name"}, {"code", "required"}, {"detail", "is required"}}}})
	}
	return o
}

// problem is RFC 9457's problem details with the faults of a body or query.
func (d *document) problem() object {
	return d.word("problem", []string{"Problem", "ProblemDetails"}, func(name string) object {
		return object{
			{"type", "object"},
			{"description", "What went wrong (RFC 9457). Programs look at `type`, people at `detail`."},
			{"required", []string{"type", "title", "status"}},
			{"properties", object{
				{"type", object{{"type", "string"}, {"format", "uri"}, {"description", "The kind of error; its last segment is stable."}}},
				{"title", object{{"type", "string"}}},
				{"status", object{{"type", "integer"}, {"format", "int32"}}},
				{"detail", object{{"type", "string"}}},
				{"instance", object{{"type", "string"}, {"format", "uri"}, {"description", "Finds this answer in the server's log."}}},
				{"position", object{{"type", "integer"}, {"format", "int32"}, {"description", "Where in a filter, counted from 1."}}},
				{"errors", object{{"type", "array"}, {"items", d.fault(name)}, {"description", "All the faults, in the order in which they stand in the request."}}},
			}},
		}
	})
}

func (d *document) fault(owner string) object {
	return d.word("fault", []string{owner + "Error"}, func(string) object {
		return object{
			{"type", "object"},
			{"required", []string{"code", "detail"}},
			{"properties", object{
				{"pointer", object{{"type", "string"}, {"description", "The place in the body, as a JSON pointer (RFC 6901)."}}},
				{"parameter", object{{"type", "string"}, {"description", "The parameter of the query."}}},
				{"code", object{{"type", "string"}, {"description", "Stable: required, min, max, format, type, unknown, readonly …"}}},
				{"detail", object{{"type", "string"}}},
			}},
		}
	})
}

// word is a shared schema that belongs to no resource, under the first of the names that is free.
func (d *document) word(key string, wanted []string, build func(name string) object) object {
	return d.named(key, record, func() string { return d.names.take(wanted...) }, build)
}

// answer is a success: one media type, or no body when schema is nil.
func answer(description, media string, schema object, headers ...string) object {
	o := object{{"description", description}}
	hs := object{}
	for _, h := range headers {
		hs = append(hs, member{h, headerRef(h)})
	}
	o = o.with("headers", hs)
	if schema != nil {
		o = append(o, member{"content", object{{media, object{{"schema", schema}}}}})
	}
	return o
}

func headerRef(name string) object {
	return object{{"$ref", "#/components/headers/" + name}}
}

// sharedHeaders are the components that headerRef refers to.
func sharedHeaders() object {
	header := func(description string, kind ...string) object {
		schema := object{{"type", "string"}}
		if len(kind) > 0 {
			schema = object{{"type", kind[0]}}
		}
		return object{{"description", description}, {"schema", schema}}
	}
	return object{
		{"ETag", header("The version of the record as the caller sees it, for If-Match and If-None-Match.")},
		{"Location", header("The path of the new record.")},
		{"Link", header("The next and the previous page (RFC 8288).")},
		{"Idempotent-Replayed", header("`true` when the Idempotency-Key had been seen before and nothing was done again.")},
		{"WWW-Authenticate", header("`Bearer`")},
		{"Retry-After", header("Seconds to wait.", "integer")},
		{"RateLimit", header("What is left, and when it is filled up again.")},
	}
}
