package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// scripted stands in for the engine: it answers with result or err and keeps
// what it was asked.
type scripted struct {
	result *engine.Result
	err    error
	do     func(ctx context.Context, op *engine.Operation) (*engine.Result, error)

	mu     sync.Mutex
	op     *engine.Operation
	who    *auth.Principal
	called string
	body   []byte
	client string
	id     string
}

func (s *scripted) Do(ctx context.Context, who *auth.Principal, op *engine.Operation) (*engine.Result, error) {
	kept := *op // the handler uses its own again
	s.mu.Lock()
	s.called, s.op, s.who = "Do", &kept, who
	s.mu.Unlock()
	if s.do != nil {
		return s.do(ctx, op)
	}
	return s.answer("Do")
}

func (s *scripted) answer(name string) (*engine.Result, error) {
	s.mu.Lock()
	s.called = name
	s.mu.Unlock()
	if s.err != nil || s.result != nil {
		return s.result, s.err
	}
	return &engine.Result{Body: []byte(`{"ok":true}`)}, nil
}

func (s *scripted) Signup(_ context.Context, body []byte, client string) (*engine.Result, error) {
	s.body, s.client = body, client
	return s.answer("Signup")
}

func (s *scripted) Login(_ context.Context, body []byte, client string) (*engine.Result, error) {
	s.body, s.client = body, client
	return s.answer("Login")
}

func (s *scripted) Logout(_ context.Context, who *auth.Principal) (*engine.Result, error) {
	s.who = who
	return s.answer("Logout")
}

func (s *scripted) Me(_ context.Context, who *auth.Principal) (*engine.Result, error) {
	s.who = who
	return s.answer("Me")
}

func (s *scripted) ChangePassword(_ context.Context, who *auth.Principal, body []byte, client string) (*engine.Result, error) {
	s.who, s.body, s.client = who, body, client
	return s.answer("ChangePassword")
}

func (s *scripted) CreateKey(_ context.Context, who *auth.Principal, body []byte) (*engine.Result, error) {
	s.who, s.body = who, body
	return s.answer("CreateKey")
}

func (s *scripted) ListKeys(_ context.Context, who *auth.Principal) (*engine.Result, error) {
	s.who = who
	return s.answer("ListKeys")
}

func (s *scripted) DeleteKey(_ context.Context, who *auth.Principal, id string) (*engine.Result, error) {
	s.who, s.id = who, id
	return s.answer("DeleteKey")
}

// Identify knows one token.
func (s *scripted) Identify(_ context.Context, authorization string) (*auth.Principal, error) {
	if authorization != "Bearer good" {
		return nil, problem.Errorf(problem.Unauthenticated, "the token is not valid")
	}
	return ann, nil
}

var ann = &auth.Principal{Caller: &rule.Caller{ID: value.UUID{1}}, Session: "s"}

// hiring is a small contract: postings with applications and an action, sealed serves nobody.
func hiring() *contract.Contract {
	open := []*contract.Access{{Operation: "read"}}
	application := &contract.Resource{Name: "Application", Path: "applications", Access: open}
	posting := &contract.Resource{Name: "Posting", Path: "postings", Access: open,
		Actions: []*contract.Action{{Name: "close"}}}
	inverse := &contract.Field{Name: "posting", Resource: application, Type: &contract.Type{Name: "ref", Target: posting}}
	application.Fields = []*contract.Field{inverse}
	posting.Fields = []*contract.Field{
		{Name: "title", Resource: posting, Type: &contract.Type{Name: "string"}},
		{Name: "applications", Resource: posting, Type: &contract.Type{Name: "many", Target: application, Inverse: inverse}},
	}
	sealed := &contract.Resource{Name: "Sealed", Path: "sealed"}
	return &contract.Contract{
		Name: "hiring", BasePath: "/v1",
		Accounts:  &contract.Accounts{Signup: "open", APIKeys: true},
		Resources: []*contract.Resource{posting, application, sealed},
	}
}

func serve(s *scripted, o Options) *handler { return serveContract(s, hiring(), o) }

func serveContract(s *scripted, c *contract.Contract, o Options) *handler {
	find := func(name string) *rule.Resource { return &rule.Resource{Resource: c.Resource(name)} }
	return newHandler(s, s, c, find, o)
}

// send makes a request of "GET /path" followed by header lines, with a body
// behind an empty line, and gives the answer.
func send(t *testing.T, h http.Handler, text string) *httptest.ResponseRecorder {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	method, target, _ := strings.Cut(lines[0], " ")
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, content)
	for _, line := range lines[1:] {
		name, setting, _ := strings.Cut(line, ": ")
		r.Header.Add(name, setting)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problemOf reads a problem+json answer.
func problemOf(t *testing.T, w *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("Content-Type %q, want a problem; status %d, body %s", got, w.Code, w.Body)
	}
	var p map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("problem is not JSON: %v\n%s", err, w.Body)
	}
	return p
}

// kindOf is the last segment of a problem's type, "" for an answer that is none.
func kindOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < 400 {
		return ""
	}
	kind, ok := strings.CutPrefix(problemOf(t, w)["type"].(string), "https://mainstay.run/problems/")
	if !ok {
		t.Errorf("type of problem is %v", problemOf(t, w)["type"])
	}
	return kind
}

// logTo collects a log.
func logTo(b *bytes.Buffer) *slog.Logger { return slog.New(slog.NewJSONHandler(b, nil)) }

// sendIn is send for a caller whose connection ends with ctx.
func sendIn(t *testing.T, ctx context.Context, h http.Handler, text string) *httptest.ResponseRecorder {
	t.Helper()
	method, target, _ := strings.Cut(text, " ")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, target, nil))
	return w
}
