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
	Include   bool   // the company of each job
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
	}
	Patch struct {
		Title *string `json:"title"`
	}
)

// Backend appends a JSON body to dst and gives the status.
type Backend interface {
	Get(ctx context.Context, id string, dst []byte) ([]byte, int)
	List(ctx context.Context, q *List, dst []byte) ([]byte, int)
	Create(ctx context.Context, in *Application, dst []byte) ([]byte, int)
	Update(ctx context.Context, id string, p *Patch, dst []byte) ([]byte, int)
}

var secret = []byte("a secret that only measurements use")

func sign(text string) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(text))
	return m.Sum(nil)
}

const tokenHead = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"

// Token is a JSON Web Token for somebody who works for a company.
func Token(company string) string {
	claims, _ := json.Marshal(map[string]any{"sub": "u-" + company, "company": company, "exp": time.Now().Add(24 * time.Hour).Unix()})
	text := tokenHead + "." + base64.RawURLEncoding.EncodeToString(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(sign(text))
}

func company(authorization string) (string, bool) {
	token, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return "", false
	}
	i := strings.LastIndexByte(token, '.')
	if i < 0 || !strings.HasPrefix(token, tokenHead+".") {
		return "", false
	}
	got, err := base64.RawURLEncoding.DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(got, sign(token[:i])) {
		return "", false
	}
	text, err := base64.RawURLEncoding.DecodeString(token[len(tokenHead)+1 : i])
	if err != nil {
		return "", false
	}
	var claims struct {
		Company string `json:"company"`
		Exp     int64  `json:"exp"`
	}
	if json.Unmarshal(text, &claims) != nil || claims.Exp < time.Now().Unix() {
		return "", false
	}
	return claims.Company, true
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
			q.Include = v == "company"
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

// route is the whole router: three shapes of path.
func route(ctx context.Context, b Backend, r request, dst []byte) ([]byte, int) {
	job, one := strings.CutPrefix(r.path, "/v1/jobs/")
	switch {
	case r.method == "GET" && r.path == "/v1/jobs":
		var q List
		if !q.read(r.query) {
			return refusal(dst, "bad query"), 400
		}
		if r.authorization != "" {
			c, ok := company(r.authorization)
			if !ok {
				return refusal(dst, "unauthorized"), 401
			}
			q.Company = c
		}
		return b.List(ctx, &q, dst)
	case r.method == "GET" && one:
		return b.Get(ctx, job, dst)
	case r.method == "PATCH" && one:
		var p Patch
		if json.Unmarshal(r.body, &p) != nil || p.Title == nil {
			return refusal(dst, "bad body"), 400
		}
		return b.Update(ctx, job, &p, dst)
	case r.method == "POST" && r.path == "/v1/applications":
		var a Application
		if json.Unmarshal(r.body, &a) != nil || a.CandidateName == "" || len(a.Job) != 36 {
			return refusal(dst, "bad body"), 400
		}
		return b.Create(ctx, &a, dst)
	}
	return refusal(dst, "not found"), 404
}

var (
	buffers     = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}
	contentType = []string{"application/json"}
)

// Serve answers on addr until it fails.
func Serve(addr string, b Backend) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
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
		out, status := route(r.Context(), b, request{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"), body}, (*p)[:0])
		header := w.Header()
		header["Content-Type"] = contentType
		header["Content-Length"] = []string{strconv.Itoa(len(out))}
		w.WriteHeader(status)
		w.Write(out)
		*p = out
		buffers.Put(p)
	})
	return (&http.Server{Handler: handler}).Serve(listener)
}
