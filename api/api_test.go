package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

const jsonBody = "\nContent-Type: application/json\n\n{}"

func TestOperations(t *testing.T) {
	for _, tt := range []struct {
		request string
		want    engine.Operation
	}{
		{"GET /v1/postings?status=open", engine.Operation{Kind: engine.List, Query: engine.Query{Equal: []engine.Equal{{Name: "status", Values: []string{"open"}}}}}},
		{"GET /v1/postings/7?fields=id&include=company", engine.Operation{Kind: engine.Get, ID: "7", Query: engine.Query{Fields: "id", Include: "company"}}},
		{"HEAD /v1/postings/7", engine.Operation{Kind: engine.Get, ID: "7"}},
		{"GET /v1/postings/ann%40example.org", engine.Operation{Kind: engine.Get, ID: "ann@example.org"}},
		{"POST /v1/postings" + jsonBody, engine.Operation{Kind: engine.Create, Body: []byte("{}")}},
		{"PATCH /v1/postings/7" + jsonBody, engine.Operation{Kind: engine.Update, ID: "7", Body: []byte("{}")}},
		{"PATCH /v1/postings/7\nContent-Type: application/merge-patch+json\n\n{}", engine.Operation{Kind: engine.Update, ID: "7", Body: []byte("{}")}},
		{"PUT /v1/postings/7\nIf-None-Match: *" + jsonBody, engine.Operation{Kind: engine.Replace, ID: "7", Body: []byte("{}"), IfNoneMatch: []string{"*"}}},
		{"DELETE /v1/postings/7\nIf-Match: \"r1\", \"r2-gzip\"", engine.Operation{Kind: engine.Delete, ID: "7", IfMatch: []string{`"r1"`, `"r2"`}}},
		{"POST /v1/postings/7/close", engine.Operation{Kind: engine.Act, ID: "7", Action: "close"}},
		{"POST /v1/postings/7/close\nPrefer: return=minimal, respond-async" + jsonBody, engine.Operation{Kind: engine.Act, ID: "7", Action: "close", Body: []byte("{}"), Minimal: true}},
		{"GET /v1/postings/aggregate?by=status&measures=count,avg:salary_min", engine.Operation{Kind: engine.Aggregate, Query: engine.Query{By: "status", Measures: "count,avg:salary_min"}}},
		{"GET /v1/postings/count?filter=a", engine.Operation{Kind: engine.Count, Query: engine.Query{Filter: "a"}}},
		{"GET /v1/postings.csv?sort=a", engine.Operation{Kind: engine.Export, Format: "csv", Query: engine.Query{Sort: "a"}}},
		{"GET /v1/postings.ndjson", engine.Operation{Kind: engine.Export, Format: "ndjson"}},
		{"POST /v1/postings/batch?atomic=false" + jsonBody, engine.Operation{Kind: engine.Bulk, NotAtomic: true, Body: []byte("{}")}},
		{"PATCH /v1/postings?filter=a&max_affected=500" + jsonBody, engine.Operation{Kind: engine.UpdateWhere, Query: engine.Query{Filter: "a"}, MaxAffected: 500, Body: []byte("{}")}},
		{"DELETE /v1/postings?status=open&max_affected=1", engine.Operation{Kind: engine.DeleteWhere, MaxAffected: 1, Query: engine.Query{Equal: []engine.Equal{{Name: "status", Values: []string{"open"}}}}}},
		{"POST /v1/batch" + jsonBody, engine.Operation{Kind: engine.Transact, Body: []byte("{}")}},
		{"GET /v1/postings/7/applications?limit=3", engine.Operation{Kind: engine.List, Parent: &engine.Parent{ID: "7", Many: "applications"}, Query: engine.Query{Limit: "3"}}},
	} {
		t.Run(tt.request, func(t *testing.T) {
			s := &scripted{}
			if w := send(t, serve(s, Options{}), tt.request); w.Code != 200 {
				t.Fatalf("status %d %s", w.Code, w.Body)
			}
			got := *s.op
			if tt.want.Kind != engine.Transact && got.Resource == nil {
				t.Error("no resource")
			}
			got.Resource = nil
			if got.Parent != nil {
				got.Parent.Resource = nil
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAccountRoutes(t *testing.T) {
	for _, tt := range []struct {
		request, called string
		status          int
	}{
		{"POST /v1/auth/signup" + jsonBody, "Signup", 201},
		{"POST /v1/auth/login" + jsonBody, "Login", 200},
		{"POST /v1/auth/login\nAuthorization: Bearer expired" + jsonBody, "Login", 200}, // an old token does not keep anybody out
		{"POST /v1/auth/logout\nAuthorization: Bearer good", "Logout", 200},
		{"GET /v1/auth/me\nAuthorization: Bearer good", "Me", 200},
		{"POST /v1/auth/password\nAuthorization: Bearer good" + jsonBody, "ChangePassword", 200},
		{"POST /v1/auth/keys\nAuthorization: Bearer good" + jsonBody, "CreateKey", 201},
		{"GET /v1/auth/keys\nAuthorization: Bearer good", "ListKeys", 200},
		{"DELETE /v1/auth/keys/7\nAuthorization: Bearer good", "DeleteKey", 200},
	} {
		t.Run(tt.request, func(t *testing.T) {
			s := &scripted{}
			w := send(t, serve(s, Options{}), tt.request)
			if w.Code != tt.status || s.called != tt.called {
				t.Errorf("status %d, called %q %s", w.Code, s.called, w.Body)
			}
		})
	}
	s := &scripted{}
	send(t, serve(s, Options{}), "POST /v1/auth/login"+jsonBody)
	if s.client != "192.0.2.1" {
		t.Errorf("client %q, want the address of the connection", s.client)
	}
}

func TestAccountRoutesFollowTheContract(t *testing.T) {
	keyless, without := hiring(), hiring()
	keyless.Accounts.APIKeys = false
	without.Accounts = nil
	if w := send(t, serveContract(&scripted{}, keyless, Options{}), "GET /v1/auth/keys"); w.Code != 404 {
		t.Errorf("keys without api_keys: status %d, want 404", w.Code)
	}
	if w := send(t, serveContract(&scripted{}, without, Options{}), "POST /v1/auth/login"+jsonBody); w.Code != 404 {
		t.Errorf("login without accounts: status %d, want 404", w.Code)
	}
}

// Every row of the dialect's table of errors.
func TestStatusOfEveryKind(t *testing.T) {
	for kind, want := range map[problem.Kind]int{
		problem.MalformedJSON: 400, problem.UnknownParameter: 400, problem.InvalidParameter: 400, problem.InvalidFilter: 400, problem.CursorInvalid: 400,
		problem.Unauthenticated: 401, problem.Forbidden: 403, problem.NotFound: 404, problem.MethodNotAllowed: 405, problem.NotAcceptable: 406,
		problem.RequestTimeout: 408, problem.UniqueViolation: 409, problem.ReferenceViolation: 409, problem.StateConflict: 409,
		problem.IdempotencyInProgress: 409, problem.TooManyAffected: 409, problem.PreconditionFailed: 412,
		problem.TooLarge: 413, problem.URITooLong: 414, problem.UnsupportedMedia: 415,
		problem.Validation: 422, problem.CheckViolation: 422, problem.UnknownField: 422, problem.IdempotencyKeyReused: 422,
		problem.QuotaExceeded: 429, problem.Internal: 500, problem.Unavailable: 503, problem.Timeout: 504,
	} {
		t.Run(string(kind), func(t *testing.T) {
			s := &scripted{err: fmt.Errorf("engine: %w", problem.Errorf(kind, "plain words"))}
			w := send(t, serve(s, Options{}), "GET /v1/postings/7")
			p := problemOf(t, w)
			if w.Code != want || p["status"] != float64(want) || kindOf(t, w) != string(kind) {
				t.Errorf("status %d, body %s; want %d", w.Code, w.Body, want)
			}
			if p["title"] == "" || p["detail"] == nil {
				t.Errorf("no title or detail: %s", w.Body)
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

func TestProblemHoldsAllFaults(t *testing.T) {
	s := &scripted{err: problem.Invalid(problem.Validation, []problem.Field{
		{Pointer: "#/salary_min", Code: "min", Detail: "must be at least 0"},
		{Pointer: "#/skills/0/name", Code: "required", Detail: "is \"required\""},
	})}
	w := send(t, serve(s, Options{}), "POST /v1/postings\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"+jsonBody)
	want := `{"type":"https://mainstay.run/problems/validation","title":"Validation failed","status":422,"detail":"2 fields are invalid",` +
		`"instance":"urn:trace:4bf92f3577b34da6a3ce929d0e0e4736","errors":[` +
		`{"pointer":"#/salary_min","code":"min","detail":"must be at least 0"},` +
		`{"pointer":"#/skills/0/name","code":"required","detail":"is \"required\""}]}`
	if got := w.Body.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestProblemHeaders(t *testing.T) {
	filter := problem.Errorf(problem.InvalidFilter, "no field 'x'")
	filter.Position = 7
	for _, tt := range []struct {
		name         string
		err          error
		header, want string
		body         string
	}{
		{"401 names the scheme", problem.Errorf(problem.Unauthenticated, "who?"), "Www-Authenticate", "Bearer", ""},
		{"429 says when", &problem.Error{Kind: problem.QuotaExceeded, RetryAfter: 1500 * time.Millisecond}, "Retry-After", "2", ""},
		{"429 has a quota", &problem.Error{Kind: problem.QuotaExceeded, RetryAfter: time.Minute}, "Ratelimit", `"default";r=0;t=60`, ""},
		{"503 says when", &problem.Error{Kind: problem.Unavailable, RetryAfter: time.Second}, "Retry-After", "1", ""},
		{"a filter has a position", filter, "Content-Type", "application/problem+json", `"position":7`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := send(t, serve(&scripted{err: tt.err}, Options{}), "GET /v1/postings")
			if got := w.Header().Get(tt.header); got != tt.want {
				t.Errorf("%s is %q, want %q", tt.header, got, tt.want)
			}
			if !strings.Contains(w.Body.String(), tt.body) {
				t.Errorf("body %s lacks %s", w.Body, tt.body)
			}
		})
	}
}

func TestInternalErrorsAreLoggedNotShown(t *testing.T) {
	for name, err := range map[string]error{
		"any error":           errors.New("SELECT secret FROM postings"),
		"an internal problem": problem.Wrap(errors.New("SELECT secret"), problem.Internal, "column secret"),
		"an unknown kind":     problem.Errorf("column-missing", "secret"),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w := send(t, serve(&scripted{err: err}, Options{Log: logTo(&log)}), "GET /v1/postings?title=private")
			if w.Code != 500 || kindOf(t, w) != "internal" || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("status %d %s", w.Code, w.Body)
			}
			trace := strings.TrimPrefix(problemOf(t, w)["instance"].(string), "urn:trace:")
			if !strings.Contains(log.String(), trace) || !strings.Contains(log.String(), "secret") {
				t.Errorf("log %s lacks the trace %s or the cause", log.String(), trace)
			}
			if strings.Contains(log.String(), "private") {
				t.Errorf("log %s holds the caller's query", log.String())
			}
		})
	}
}

func TestCallersFaultsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	send(t, serve(&scripted{err: problem.Errorf(problem.Forbidden, "no")}, Options{Log: logTo(&log)}), "GET /v1/postings")
	if log.Len() > 0 {
		t.Errorf("log: %s", log.String())
	}
}

func TestPanicIs500(t *testing.T) {
	var log bytes.Buffer
	var status int
	s := &scripted{do: func(context.Context, *engine.Operation) (*engine.Result, error) { panic("secret state") }}
	h := serve(s, Options{Log: logTo(&log), Observe: func(_, _ string, got int, _ time.Duration) { status = got }})
	w := send(t, h, "GET /v1/postings")
	if w.Code != 500 || kindOf(t, w) != "internal" || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Body.String(), "goroutine") {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "secret state") || !strings.Contains(log.String(), "api_test.go") {
		t.Errorf("log has no panic with its stack: %s", log.String())
	}
	if status != 500 {
		t.Errorf("observed %d, want 500", status)
	}
	if n := h.running.Load(); n != 0 {
		t.Errorf("%d requests still count as under way", n)
	}
}

// An earlier check answers even when every later one would fail too.
func TestOrderOfChecks(t *testing.T) {
	long := "?title=" + strings.Repeat("a", maxQuery)
	for _, tt := range []struct {
		name, request string
		status        int
	}{
		{"route first", "POST /v1/nothing" + long + "\nAuthorization: Bearer bad\nContent-Type: text/plain\n\nx", 404},
		{"then method", "PUT /v1/postings" + long + "\nAuthorization: Bearer bad\nContent-Type: text/plain\n\nx", 405},
		{"then credentials", "POST /v1/postings" + long + "\nAuthorization: Bearer bad\nContent-Type: text/plain\n\nx", 401},
		{"then the length of the query", "POST /v1/postings" + long + "\nAuthorization: Bearer good\nContent-Type: text/plain\n\nx", 414},
		{"then the body's size", "POST /v1/postings?limit=1\nContent-Type: text/plain\n\n" + strings.Repeat("x", 101), 413},
		{"then its media type", "POST /v1/postings?limit=1\nContent-Type: text/plain\n\nx", 415},
		{"then what is accepted", "POST /v1/postings?limit=1\nAccept: text/html" + jsonBody, 406},
		{"then parameters", "POST /v1/postings?limit=1" + jsonBody, 400},
		{"then the engine", "POST /v1/postings" + jsonBody, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &scripted{err: problem.Errorf(problem.Forbidden, "no")}
			if w := send(t, serve(s, Options{MaxBody: 100}), tt.request); w.Code != tt.status {
				t.Errorf("status %d %s, want %d", w.Code, w.Body, tt.status)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	for _, tt := range []struct{ request, allow string }{
		{"PUT /v1/postings", "GET, HEAD, POST, PATCH, DELETE, QUERY, OPTIONS"},
		{"POST /v1/postings/7" + jsonBody, "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"},
		{"GET /v1/postings/7/close", "POST, OPTIONS"},
		{"GET /v1/postings/batch", "POST, OPTIONS"},
		{"TRACE /v1/postings/count", "GET, HEAD, OPTIONS"},
		{"get /v1/postings/count", "GET, HEAD, OPTIONS"},
		{"POST /v1/postings/7\nX-HTTP-Method-Override: PATCH" + jsonBody, "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"},
		{"POST /v1/postings/7?_method=PATCH" + jsonBody, "GET, HEAD, PATCH, PUT, DELETE, OPTIONS"},
	} {
		t.Run(tt.request, func(t *testing.T) {
			w := send(t, serve(&scripted{}, Options{}), tt.request)
			if w.Code != 405 || kindOf(t, w) != "method-not-allowed" || w.Header().Get("Allow") != tt.allow {
				t.Errorf("status %d, Allow %q, want 405, %q", w.Code, w.Header().Get("Allow"), tt.allow)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	w := send(t, serve(&scripted{}, Options{}), "OPTIONS /v1/postings/7")
	if w.Code != 204 || w.Header().Get("Allow") != "GET, HEAD, PATCH, PUT, DELETE, OPTIONS" ||
		w.Header().Get("Accept-Patch") != "application/merge-patch+json, application/json" {
		t.Errorf("status %d, headers %v", w.Code, w.Header())
	}
	w = send(t, serve(&scripted{}, Options{}), "OPTIONS /v1/postings")
	if w.Header().Get("Accept-Post") != "application/json" || w.Header().Get("Accept-Query") != "application/json" {
		t.Errorf("headers %v", w.Header())
	}
	if w = send(t, serve(&scripted{}, Options{}), "OPTIONS /v1/nothing"); w.Code != 404 {
		t.Errorf("OPTIONS of no path: status %d, want 404", w.Code)
	}
}

func TestCredentials(t *testing.T) {
	s := &scripted{}
	h := serve(s, Options{})
	if w := send(t, h, "GET /v1/postings"); w.Code != 200 || s.who.Caller != nil {
		t.Errorf("nobody: status %d as %v", w.Code, s.who)
	}
	if w := send(t, h, "GET /v1/postings\nAuthorization: Bearer good"); w.Code != 200 || s.who != ann {
		t.Errorf("ann: status %d as %v", w.Code, s.who)
	}
	for name, lines := range map[string]string{
		"a bad token":    "Authorization: Bearer bad",
		"another scheme": "Authorization: Basic YTpi",
		"empty":          "Authorization: ",
		"two of them":    "Authorization: Bearer good\nAuthorization: Bearer good",
	} {
		w := send(t, h, "GET /v1/postings\n"+lines)
		if w.Code != 401 || w.Header().Get("Www-Authenticate") != "Bearer" {
			t.Errorf("%s: status %d, WWW-Authenticate %q", name, w.Code, w.Header().Get("Www-Authenticate"))
		}
	}
}

func TestTimeout(t *testing.T) {
	s := &scripted{do: func(ctx context.Context, _ *engine.Operation) (*engine.Result, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("store: select: %w", ctx.Err())
	}}
	w := send(t, serve(s, Options{Timeout: time.Millisecond}), "GET /v1/postings")
	if w.Code != 504 || kindOf(t, w) != "timeout" {
		t.Errorf("status %d %s, want 504 timeout", w.Code, w.Body)
	}
}

func TestCallerWhoGoesAwayCancels(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := &scripted{do: func(ctx context.Context, _ *engine.Operation) (*engine.Result, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	var status int
	var log bytes.Buffer
	h := serve(s, Options{Log: logTo(&log), Observe: func(_, _ string, got int, _ time.Duration) { status = got }})
	sendIn(t, ctx, h, "GET /v1/postings")
	if status != 499 || log.Len() > 0 {
		t.Errorf("observed %d, want 499; log %s", status, log.String())
	}
}

func TestTooManyAtOnce(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := &scripted{do: func(context.Context, *engine.Operation) (*engine.Result, error) {
		inside <- struct{}{}
		<-release
		return &engine.Result{Body: []byte("{}")}, nil
	}}
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) })
	h := serve(s, Options{MaxConcurrent: 1, Operator: ok})
	done := make(chan int)
	go func() { done <- send(t, h, "GET /v1/postings").Code }()
	<-inside
	w := send(t, h, "GET /v1/postings/7\nAuthorization: Bearer bad")
	if w.Code != 503 || kindOf(t, w) != "unavailable" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("the second request: status %d %v, want 503 before anything else is looked at", w.Code, w.Header())
	}
	if w := send(t, h, "GET /livez"); w.Code != 200 {
		t.Errorf("health: status %d, want 200", w.Code)
	}
	close(release)
	if status := <-done; status != 200 {
		t.Errorf("the first request: status %d", status)
	}
	go func() { <-inside }()
	if w := send(t, h, "GET /v1/postings"); w.Code != 200 {
		t.Errorf("afterwards: status %d", w.Code)
	}
}

func TestObserveSeesOnlyTheRouteTable(t *testing.T) {
	for request, want := range map[string]string{
		"GET /v1/postings/7":                "/v1/postings/{id} GET 200",
		"HEAD /v1/postings":                 "/v1/postings HEAD 200",
		"GET /v1/secret":                    " GET 404",
		"BREW /v1/postings":                 "/v1/postings other 405",
		"OPTIONS /v1/postings/7":            "/v1/postings/{id} OPTIONS 204",
		"GET /.well-known/api-catalog":      "/.well-known/api-catalog GET 200",
		"POST /v1/postings/7/close?x=1":     "/v1/postings/{id}/close POST 400",
		"GET /v1/auth/me\nAuthorization: x": "/v1/auth/me GET 401",
	} {
		var got string
		h := serve(&scripted{}, Options{Observe: func(route, method string, status int, took time.Duration) {
			got = fmt.Sprint(route, " ", method, " ", status)
		}})
		if send(t, h, request); got != want {
			t.Errorf("%s: observed %q, want %q", request, got, want)
		}
	}
}

func TestTraceIDs(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, tt := range []struct {
		name, header string
		continued    bool
	}{
		{"a parent's", "00-" + id + "-00f067aa0ba902b7-01", true},
		{"a later version's", "01-" + id + "-00f067aa0ba902b7-01-more", true},
		{"too long for its version", "00-" + id + "-00f067aa0ba902b7-01-more", false},
		{"upper case", "00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01", false},
		{"all zeros", "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", false},
		{"no parent", "00-" + id + "-0000000000000000-01", false},
		{"the forbidden version", "ff-" + id + "-00f067aa0ba902b7-01", false},
		{"quotes", `00-` + id[:31] + `"-00f067aa0ba902b7-01`, false},
		{"nothing", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := traceID([]string{tt.header})
			if len(got) != 32 || !isHex(got) || (got == id) != tt.continued {
				t.Errorf("trace id %s", got)
			}
		})
	}
}
