package api

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func TestMediaTypes(t *testing.T) {
	for _, tt := range []struct {
		method, contentType string
		ok                  bool
	}{
		{"POST", "application/json", true},
		{"POST", "application/json; charset=utf-8", true},
		{"POST", `Application/JSON;charset="UTF-8"`, true},
		{"POST", "application/json;", true},
		{"POST", "application/merge-patch+json", false},
		{"POST", "application/json; charset=utf-7", false},
		{"POST", "application/json; charset=latin1", false},
		{"POST", "application/json; charset=", false},
		{"POST", "application/json; charset=utf-8; charset=utf-7", false},
		{"POST", "application/json; profile=x", false},
		{"POST", "application/jsonp", false},
		{"POST", "application/problem+json", false},
		{"POST", "text/json", false},
		{"POST", "text/plain", false},
		{"POST", "application/x-www-form-urlencoded", false},
		{"POST", "multipart/form-data; boundary=x", false},
		{"POST", "application/json, text/plain", false},
		{"POST", "", false},
		{"PATCH", "application/json", true},
		{"PATCH", "application/merge-patch+json; charset=utf-8", true},
		{"PATCH", "application/json-patch+json", false},
	} {
		t.Run(tt.method+" "+tt.contentType, func(t *testing.T) {
			path := map[string]string{"POST": "/v1/postings", "PATCH": "/v1/postings/7"}[tt.method]
			w := send(t, serve(&scripted{}, Options{}), tt.method+" "+path+"\nContent-Type: "+tt.contentType+"\n\n{}")
			if (w.Code == 200) != tt.ok {
				t.Fatalf("status %d %s", w.Code, w.Body)
			}
			if tt.ok {
				return
			}
			if kindOf(t, w) != "unsupported-media-type" || w.Code != 415 {
				t.Errorf("status %d %s", w.Code, w.Body)
			}
			if tt.method == "PATCH" && w.Header().Get("Accept-Patch") != "application/merge-patch+json, application/json" {
				t.Errorf("Accept-Patch %q", w.Header().Get("Accept-Patch"))
			}
			if tt.method == "POST" && w.Header().Get("Accept-Post") != "application/json" {
				t.Errorf("Accept-Post %q", w.Header().Get("Accept-Post"))
			}
		})
	}
	if w := send(t, serve(&scripted{}, Options{}), "POST /v1/postings\nContent-Type: application/json\nContent-Type: text/plain\n\n{}"); w.Code != 415 {
		t.Errorf("two content types: status %d, want 415", w.Code)
	}
}

func TestBodies(t *testing.T) {
	type request struct {
		name, method, target string
		body                 io.Reader
		length               int64 // -1: chunked
		header               string
		status               int
		kind                 string
	}
	zeros := func() io.Reader { return endless('0') }
	var bomb bytes.Buffer
	packed := gzip.NewWriter(&bomb)
	io.CopyN(packed, zeros(), 8<<20)
	packed.Close()
	for _, tt := range []request{
		{"as large as may be", "POST", "/v1/postings", zeros(), 100, "", 200, ""},
		{"one byte more", "POST", "/v1/postings", zeros(), 101, "", 413, "too-large"},
		{"ten gigabytes", "POST", "/v1/postings", zeros(), 10 << 30, "", 413, "too-large"},
		{"chunked without end", "POST", "/v1/postings", zeros(), -1, "", 413, "too-large"},
		{"a gzip bomb", "POST", "/v1/postings", bytes.NewReader(bomb.Bytes()[:50]), 50, "Content-Encoding: gzip", 415, "unsupported-media-type"},
		{"brotli", "POST", "/v1/postings", zeros(), 50, "Content-Encoding: br", 415, "unsupported-media-type"},
		{"two codings", "POST", "/v1/postings", zeros(), 50, "Content-Encoding: identity, gzip", 415, "unsupported-media-type"},
		{"identity", "POST", "/v1/postings", zeros(), 50, "Content-Encoding: identity", 200, ""},
		{"none", "POST", "/v1/postings", nil, 0, "", 400, "malformed-json"},
		{"none, chunked", "POST", "/v1/postings", strings.NewReader(""), -1, "", 400, "malformed-json"},
		{"cut short", "POST", "/v1/postings", strings.NewReader("{"), 50, "", 400, "malformed-json"},
		{"none for an action", "POST", "/v1/postings/7/close", nil, 0, "", 200, ""},
		{"one for a read", "GET", "/v1/postings", strings.NewReader("{}"), 2, "", 400, "invalid-parameter"},
		{"one for a delete, chunked", "DELETE", "/v1/postings/7", strings.NewReader("{}"), -1, "", 400, "invalid-parameter"},
		{"an empty one for a delete, chunked", "DELETE", "/v1/postings/7", strings.NewReader(""), -1, "", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, tt.body)
			r.ContentLength = tt.length
			if tt.body != nil && tt.length > 0 {
				r.Body = io.NopCloser(io.LimitReader(tt.body, tt.length))
			}
			r.Header.Set("Content-Type", "application/json")
			if name, setting, ok := strings.Cut(tt.header, ": "); ok {
				r.Header.Set(name, setting)
			}
			w := httptest.NewRecorder()
			serve(&scripted{}, Options{MaxBody: 100}).ServeHTTP(w, r)
			if w.Code != tt.status || kindOf(t, w) != tt.kind {
				t.Errorf("status %d %s, want %d %s", w.Code, w.Body, tt.status, tt.kind)
			}
		})
	}
}

// endless reads as one byte again and again.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestAccept(t *testing.T) {
	for _, tt := range []struct {
		path, accept string
		ok           bool
	}{
		{"/v1/postings", "", true},
		{"/v1/postings", "*/*", true},
		{"/v1/postings", "application/json", true},
		{"/v1/postings", "application/json;q=0.1, text/html", true},
		{"/v1/postings", "application/*", true},
		{"/v1/postings", "text/html,application/xhtml+xml,*/*;q=0.8", true},
		{"/v1/postings", "APPLICATION/JSON; charset=utf-8", true},
		{"/v1/postings", "text/html", false},
		{"/v1/postings", "application/json;q=0", false},
		{"/v1/postings.csv", "text/csv", true},
		{"/v1/postings.csv", "application/json", false},
		{"/v1/postings.ndjson", "application/x-ndjson", true},
	} {
		w := send(t, serve(&scripted{}, Options{}), "GET "+tt.path+"\nAccept: "+tt.accept)
		if tt.ok && w.Code != 200 || !tt.ok && (w.Code != 406 || kindOf(t, w) != "not-acceptable") {
			t.Errorf("%s with Accept: %s: status %d", tt.path, tt.accept, w.Code)
		}
	}
}

func TestIdempotencyKey(t *testing.T) {
	const as = "\nAuthorization: Bearer good"
	key := func(request string) (string, [32]byte, int) {
		s := &scripted{}
		w := send(t, serve(s, Options{}), request)
		if s.op == nil {
			return "", [32]byte{}, w.Code
		}
		return s.op.IdempotencyKey, s.op.Fingerprint, w.Code
	}
	got, first, _ := key("POST /v1/postings" + as + "\nIdempotency-Key: a-1" + jsonBody)
	if got != "a-1" || first == [32]byte{} {
		t.Errorf("key %q, fingerprint %x", got, first)
	}
	if _, again, _ := key("POST /v1/postings" + as + "\nIdempotency-Key: a-1" + jsonBody); again != first {
		t.Error("the same request has another fingerprint")
	}
	for _, request := range []string{
		"PATCH /v1/postings/7" + as + "\nIdempotency-Key: a-1" + jsonBody,
		"POST /v1/postings?fields=id" + as + "\nIdempotency-Key: a-1" + jsonBody,
		"POST /v1/applications" + as + "\nIdempotency-Key: a-1" + jsonBody,
		"POST /v1/postings" + as + "\nIdempotency-Key: a-1" + jsonBody + " ",
	} {
		if _, other, _ := key(request); other == first || other == [32]byte{} {
			t.Errorf("%s has the fingerprint of another request", request)
		}
	}
	for name, request := range map[string]string{
		"of nobody":  "POST /v1/postings\nIdempotency-Key: a" + jsonBody,
		"twice":      "POST /v1/postings" + as + "\nIdempotency-Key: a\nIdempotency-Key: b" + jsonBody,
		"empty":      "POST /v1/postings" + as + "\nIdempotency-Key: " + jsonBody,
		"too long":   "POST /v1/postings" + as + "\nIdempotency-Key: " + strings.Repeat("a", 256) + jsonBody,
		"a space":    "POST /v1/postings" + as + "\nIdempotency-Key: a b" + jsonBody,
		"not ASCII":  "POST /v1/postings" + as + "\nIdempotency-Key: ä" + jsonBody,
		"under auth": "POST /v1/auth/login\nIdempotency-Key: a" + jsonBody,
	} {
		if _, _, status := key(request); status != 400 {
			t.Errorf("%s: status %d, want 400", name, status)
		}
	}
	if got, _, status := key("DELETE /v1/postings/7" + as + "\nIdempotency-Key: a"); got != "" || status != 200 {
		t.Errorf("delete, which is idempotent by itself: key %q, status %d", got, status)
	}
}
