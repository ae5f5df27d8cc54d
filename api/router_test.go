package api

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestRoute(t *testing.T) {
	docs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})
	for _, tt := range []struct{ request, want string }{
		{"GET /v1/postings", "/v1/postings"},
		{"HEAD /v1/postings", "/v1/postings"},
		{"QUERY /v1/postings", "/v1/postings"},
		{"POST /v1/postings/query", "/v1/postings/query"},
		{"GET /v1/postings/count", "/v1/postings/count"},
		{"GET /v1/postings/aggregate", "/v1/postings/aggregate"},
		{"GET /v1/postings.ndjson", "/v1/postings.ndjson"},
		{"GET /v1/postings/abc", "/v1/postings/{id}"},
		{"POST /v1/postings/abc/close", "/v1/postings/{id}/close"},
		{"GET /v1/postings/abc/applications", "/v1/postings/{id}/applications"},
		{"POST /v1/batch", "/v1/batch"},
		{"GET /v1/auth/me", "/v1/auth/me"},
		{"DELETE /v1/auth/keys/abc", "/v1/auth/keys/{id}"},
		{"GET /docs", "/docs"},
		{"GET /docs/style.css", "/docs/style.css"},
		{"GET /livez", "/livez"},
		{"GET /.well-known/api-catalog", "/.well-known/api-catalog"},

		{"GET /", ""},
		{"GET /v1", ""},
		{"GET /v1/sealed", ""}, // a resource without access is an unknown path
		{"GET /v1/nothing", ""},
		{"GET /v1/postings/abc/close/more", ""},
		{"GET /v1/postings/abc/nothing", ""},
		{"GET /v1/postings/abc:close", "/v1/postings/{id}"}, // an id that no record has

		// One path has one spelling.
		{"GET /v1/postings/", ""},
		{"GET //v1/postings", ""},
		{"GET /v1//postings", ""},
		{"GET /v1/Postings", ""},
		{"GET /V1/postings", ""},
		{"GET /v1/%70ostings", ""},
		{"GET /v1/postings;v=1", ""},
		{"GET /v1/postings%00", ""},
		{"GET /v1/postings/%00", ""},
		{"GET /v1/postings/a%2Fclose", ""},
		{"GET /v1/postings/a%2fclose", ""},
		{"GET /v1/postings/..", ""},
		{"GET /v1/postings/.", ""},
		{"GET /v1/postings/%2e%2e", ""},
		{"GET /v1/postings/%2e%2e/applications", ""},
		{"GET /v1/applications/../postings", ""},
		{"GET /v1/postings/%61bc", ""},
		{"GET /v1/postings/%ff", ""},
		{"GET /v1/postings/a%0d%0ab", ""},
		{"GET /v1/postings/" + strings.Repeat("a", 1025), ""},
		{"GET /docs/", ""},
		{"GET /docs/nothing", ""},
		{"GET /docs/../..", ""},
		{"GET /docs/..%2fstyle.css", ""},
		{"GET /.git/config", ""},
		{"GET /debug/pprof/", ""},
		{"GET /debug/vars", ""},
	} {
		t.Run(tt.request, func(t *testing.T) {
			var route string
			h := serve(&scripted{}, Options{Docs: map[string]http.Handler{"/docs": docs, "/docs/style.css": docs}, Operator: docs,
				Observe: func(r, _ string, _ int, _ time.Duration) { route = r }})
			w := send(t, h, tt.request)
			if route != tt.want {
				t.Errorf("route %q, want %q", route, tt.want)
			}
			if tt.want == "" && (w.Code != 404 || kindOf(t, w) != "not-found") {
				t.Errorf("status %d, want 404 not-found", w.Code)
			}
		})
	}
}

func FuzzRoute(f *testing.F) {
	for _, path := range []string{"/v1/postings", "/v1/postings/a%20b/close", "/v1/%70ostings/..", "//", "/docs/../x", "%", "/v1/postings/%zz"} {
		f.Add(path)
	}
	h := serve(&scripted{}, Options{})
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		n, id, ok := h.routes.match(u)
		if !ok {
			return
		}
		// What is found has one spelling: the route with the id, encoded, in it.
		template := n.endpoints[0].route
		if i := strings.IndexByte(template, '{'); i >= 0 {
			if id == "" || id == "." || id == ".." || strings.ContainsAny(id, "/\x00") {
				t.Errorf("%q: id %q", path, id)
			}
			rest := template[i+strings.IndexByte(template[i:], '}')+1:]
			if p := u.EscapedPath(); !strings.HasPrefix(p, template[:i]) || !strings.HasSuffix(p, rest) {
				t.Errorf("%q matched %s", path, template)
			}
		} else if u.EscapedPath() != template {
			t.Errorf("%q matched %s", path, template)
		}
	})
}
