// Package hand is the REST surface that the hand-written references share: what an
// expert would write for these three tables and nothing else. Routing, parameters, the
// callers' tokens and JSON; the statements are each reference's own.
//
// Its answers have Mainstay's members, so that bodies can be compared. What it leaves
// out is said in the documentation: updated_at, ETag, revisions, idempotency.
package hand

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// List is what a list is asked for.
type List struct {
	Status    string
	SalaryMin int64
	Include   string // "company", "applications" or nothing
	Company   string // the caller's; empty: nobody is signed in
	// CursorAt (Unix milliseconds) and CursorID continue a page; CursorAt 0: from the start.
	CursorAt int64
	CursorID string
}

// Application and Patch are bodies.
type (
	Application struct {
		Job           string `json:"job"`
		CandidateName string `json:"candidate_name"`
		Email         string `json:"email"`
		Stage         string `json:"stage"`
	}
	Patch struct {
		Title *string `json:"title"`
	}
)

// Backend appends a JSON body to dst and gives the status.
type Backend interface {
	Reads
	Writes
}

// Reads are the backend's answers to GET.
type Reads interface {
	Get(ctx context.Context, id string, dst []byte) ([]byte, int)
	List(ctx context.Context, q *List, dst []byte) ([]byte, int)
	// Inbox is the newest applications for the jobs of a user's company.
	Inbox(ctx context.Context, user string, dst []byte) ([]byte, int)
	// ByStatus counts a company's jobs and averages their salaries.
	ByStatus(ctx context.Context, company string, dst []byte) ([]byte, int)
	// Search finds profiles that hold all words of a text.
	Search(ctx context.Context, text string, dst []byte) ([]byte, int)
	// Export hands over all jobs, a line for each, in pieces that flush empties.
	Export(ctx context.Context, dst []byte, flush func([]byte) ([]byte, error)) error
}

// Writes are the others.
type Writes interface {
	Create(ctx context.Context, in *Application, dst []byte) ([]byte, int)
	// CreateAll makes all of them or none.
	CreateAll(ctx context.Context, in []Application, dst []byte) ([]byte, int)
	Update(ctx context.Context, id string, p *Patch, dst []byte) ([]byte, int)
}

// BeyondJobs says whether a statement needs more than the columns of jobs, which Mainstay's
// table has as the references' have, and more.
func BeyondJobs(name, _ string) bool {
	return name != "get" && name != "list" && name != "deep" && name != "own"
}

// Secret signs the tokens.
const Secret = "a secret that only measurements use"

func sign(text string) []byte {
	m := hmac.New(sha256.New, []byte(Secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

const tokenHead = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// Token is a JSON Web Token for a user who works for a company.
func Token(user, company string) string {
	claims, _ := json.Marshal(map[string]any{"sub": user, "company": company, "exp": time.Now().Add(24 * time.Hour).Unix()})
	text := tokenHead + "." + base64.RawURLEncoding.EncodeToString(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

// caller is what a token says.
type caller struct {
	User    string `json:"sub"`
	Company string `json:"company"`
	Exp     int64  `json:"exp"`
}

func identify(authorization string) (c caller, ok bool) {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return c, false
	}
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !strings.HasPrefix(token, tokenHead+".") {
		return c, false
	}
	got, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(got, sign(token[:i])) {
		return c, false
	}
	text, err := base64.RawURLEncoding.DecodeString(token[len(tokenHead)+1 : i])
	if err != nil || json.Unmarshal(text, &c) != nil {
		return c, false
	}
	return c, c.Exp >= time.Now().Unix()
}

func (q *List) read(raw string) bool {
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		name, v, _ := strings.Cut(pair, "=")
		switch name {
		case "status":
			q.Status = v
		case "salary_min.gte":
			n, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return false
			}
			q.SalaryMin = n
		case "include":
			q.Include = v
		case "cursor":
			at, id, ok := strings.Cut(v, "_")
			n, err := strconv.ParseInt(at, 10, 64)
			if !ok || err != nil {
				return false
			}
			q.CursorAt, q.CursorID = n, id
		}
	}
	return true
}

func refusal(dst []byte, title string) []byte {
	return append(append(append(dst, `{"title":"`...), title...), `"}`...)
}

type request struct {
	method, path, query, authorization string
	body                               []byte
}

// route is the whole router.
func route(ctx context.Context, b Backend, r request, dst []byte) ([]byte, int) {
	switch r.path {
	case "/v1/jobs":
		return list(ctx, b, r, dst)
	case "/v1/jobs/aggregate":
		_, id, _ := strings.Cut(r.query, "company=")
		return b.ByStatus(ctx, id, dst)
	case "/v1/profiles":
		_, text, _ := strings.Cut(r.query, "search=")
		return b.Search(ctx, strings.ReplaceAll(text, "%20", " "), dst)
	case "/v1/applications":
		if r.method == "POST" {
			return create(ctx, b, r, dst)
		}
		who, ok := identify(r.authorization)
		if !ok {
			return refusal(dst, "unauthorized"), 401
		}
		return b.Inbox(ctx, who.User, dst)
	case "/v1/applications/batch":
		return createAll(ctx, b, r, dst)
	}
	job, ok := strings.CutPrefix(r.path, "/v1/jobs/")
	switch {
	case ok && r.method == "GET":
		return b.Get(ctx, job, dst)
	case ok && r.method == "PATCH":
		var p Patch
		if json.Unmarshal(r.body, &p) != nil || p.Title == nil {
			return refusal(dst, "bad body"), 400
		}
		return b.Update(ctx, job, &p, dst)
	}
	return refusal(dst, "not found"), 404
}

func list(ctx context.Context, b Backend, r request, dst []byte) ([]byte, int) {
	var q List
	if !q.read(r.query) {
		return refusal(dst, "bad query"), 400
	}
	if r.authorization != "" {
		who, ok := identify(r.authorization)
		if !ok {
			return refusal(dst, "unauthorized"), 401
		}
		q.Company = who.Company
	}
	return b.List(ctx, &q, dst)
}

func (a *Application) valid() bool { return a.CandidateName != "" && len(a.Job) == 36 }

func create(ctx context.Context, b Backend, r request, dst []byte) ([]byte, int) {
	var a Application
	if json.Unmarshal(r.body, &a) != nil || !a.valid() {
		return refusal(dst, "bad body"), 400
	}
	return b.Create(ctx, &a, dst)
}

func createAll(ctx context.Context, b Backend, r request, dst []byte) ([]byte, int) {
	var body struct {
		Operations []struct {
			Create Application `json:"create"`
		} `json:"operations"`
	}
	if json.Unmarshal(r.body, &body) != nil || len(body.Operations) == 0 {
		return refusal(dst, "bad body"), 400
	}
	in := make([]Application, len(body.Operations))
	for i := range in {
		if in[i] = body.Operations[i].Create; !in[i].valid() {
			return refusal(dst, "bad body"), 400
		}
	}
	return b.CreateAll(ctx, in, dst)
}

var (
	buffers     = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}
	contentType = []string{"application/json"}
)

// export streams; an error breaks the connection off.
func export(ctx context.Context, b Backend, w http.ResponseWriter, buf []byte) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	err := b.Export(ctx, buf[:0], func(piece []byte) ([]byte, error) {
		_, err := w.Write(piece)
		return piece[:0], err
	})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// Piece is how much of an export is handed over at once.
const Piece = 64 << 10

// Serve answers on addr until it fails. A backend that has Guarantees makes its writes
// with them.
func Serve(addr string, b Backend) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	sure, _ := b.(Guarantees)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body []byte
		if r.Method == "POST" || r.Method == "PATCH" {
			var err error
			if body, err = io.ReadAll(io.LimitReader(r.Body, 1<<20)); err != nil {
				w.WriteHeader(400)
				return
			}
		}
		p := buffers.Get().(*[]byte)
		if r.URL.Path == "/v1/jobs.ndjson" {
			export(r.Context(), b, w, *p)
			buffers.Put(p)
			return
		}
		if sure != nil && body != nil {
			if out, status, revision, ok := guaranteed(r.Context(), sure, r, body, (*p)[:0]); ok {
				if revision > 0 {
					w.Header()["Etag"] = []string{tag(revision)}
				}
				answer(w, out, status)
				*p = out
				buffers.Put(p)
				return
			}
		}
		out, status := route(r.Context(), b, request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), body}, (*p)[:0])
		answer(w, out, status)
		*p = out
		buffers.Put(p)
	})
	return (&http.Server{Handler: handler}).Serve(listener)
}

func answer(w http.ResponseWriter, body []byte, status int) {
	header := w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body)
}
