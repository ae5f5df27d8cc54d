package api

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

func TestAnswers(t *testing.T) {
	body := []byte(`{"id":"7"}`)
	for _, tt := range []struct {
		name, request string
		result        engine.Result
		status        int
		headers       string // "Name: value" lines; "Name:" is absent
	}{
		{"a record", "GET /v1/postings/7", engine.Result{Body: body, ETag: `"r1"`}, 200,
			"Content-Type: application/json\nContent-Length: 10\nEtag: \"r1\"\nCache-Control: private, no-cache\nX-Content-Type-Options: nosniff\nVary: Accept-Encoding, Authorization"},
		{"a record for somebody", "GET /v1/postings/7\nAuthorization: Bearer good", engine.Result{Body: body, ETag: `"r1"`}, 200, "Cache-Control: private, no-store\nEtag: \"r1\""},
		{"a list for nobody", "GET /v1/postings", engine.Result{Body: body}, 200, "Cache-Control: no-store\nEtag:\nLink:"},
		{"not modified", "GET /v1/postings/7\nIf-None-Match: \"r0\", W/\"r1-br\"", engine.Result{NotModified: true, ETag: `"r1"`}, 304, "Etag: W/\"r1-br\"\nContent-Type:\nContent-Length:\nCache-Control: private, no-cache"},
		{"not modified, whatever it is", "GET /v1/postings/7\nIf-None-Match: *", engine.Result{NotModified: true, ETag: `"r1"`}, 304, "Etag: \"r1\""},
		{"made", "POST /v1/postings" + jsonBody, engine.Result{Body: body, Created: "7", ETag: `"r1"`}, 201, "Location: /v1/postings/7\nEtag: \"r1\"\nPreference-Applied:"},
		{"made, asked for little", "POST /v1/postings\nPrefer: return=minimal" + jsonBody, engine.Result{Created: "7"}, 201, "Location: /v1/postings/7\nPreference-Applied: return=minimal\nContent-Type:"},
		{"made by replacing", "PUT /v1/postings/7" + jsonBody, engine.Result{Body: body, Created: "7"}, 201, "Location: /v1/postings/7"},
		{"updated, asked for little", "PATCH /v1/postings/7\nPrefer: respond-async, return=minimal" + jsonBody, engine.Result{ETag: `"r2"`}, 204, "Preference-Applied: return=minimal\nEtag: \"r2\""},
		{"updated, asked for all", "PATCH /v1/postings/7\nPrefer: return=representation" + jsonBody, engine.Result{Body: body}, 200, "Preference-Applied: return=representation"},
		{"deleted", "DELETE /v1/postings/7", engine.Result{}, 204, "Content-Type:\nPreference-Applied:"},
		{"replayed", "POST /v1/postings\nAuthorization: Bearer good\nIdempotency-Key: a" + jsonBody, engine.Result{Body: body, Created: "7", Replayed: true}, 201, "Idempotent-Replayed: true"},
		{"partly done", "POST /v1/postings/batch?atomic=false" + jsonBody, engine.Result{Body: body, Partial: true}, 207, "Content-Type: application/json"},
		{"a page", "GET /v1/postings?status=open&cursor=A&limit=2", engine.Result{Body: body, Next: "N", Prev: "P"}, 200,
			"Link: </v1/postings?status=open&limit=2&cursor=N>; rel=\"next\", </v1/postings?status=open&limit=2&cursor=P>; rel=\"prev\""},
		{"a page of a nested collection", "GET /v1/postings/a%20b/applications", engine.Result{Body: body, Next: "N"}, 200, "Link: </v1/postings/a%20b/applications?cursor=N>; rel=\"next\""},
		{"a page of a query document", "QUERY /v1/postings" + jsonBody, engine.Result{Body: body, Next: "N"}, 200, "Link:"},
		{"statements", "GET /v1/postings", engine.Result{Body: body, Statements: 2}, 200, "Server-Timing: db;desc=\"2\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := send(t, serve(&scripted{result: &tt.result}, Options{Timing: true}), tt.request)
			if w.Code != tt.status || w.Body.String() != string(tt.result.Body) {
				t.Errorf("status %d, body %q; want %d, %q", w.Code, w.Body, tt.status, tt.result.Body)
			}
			for line := range strings.SplitSeq(tt.headers, "\n") {
				name, want, _ := strings.Cut(line, ":")
				if got := strings.Join(w.Header()[name], "|"); got != strings.TrimPrefix(want, " ") {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestItemsThatFailByThemselves(t *testing.T) {
	s := &scripted{result: &engine.Result{Partial: true, Items: []engine.Item{
		{Status: 201, ID: "7", Body: []byte(`{"id":"7"}`)},
		{Err: problem.Errorf(problem.Forbidden, "operation 2: no")},
		{Err: errors.New("SELECT secret")},
		{Status: 204, ID: "8"},
	}}}
	var log bytes.Buffer
	w := send(t, serve(s, Options{Log: logTo(&log)}), "POST /v1/postings/batch?atomic=false\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"+jsonBody)
	const instance = `"instance":"urn:trace:4bf92f3577b34da6a3ce929d0e0e4736"`
	want := `{"items":[{"status":201,"id":"7","body":{"id":"7"}},` +
		`{"status":403,"problem":{"type":"https://mainstay.run/problems/forbidden","title":"Not allowed","status":403,"detail":"operation 2: no",` + instance + `}},` +
		`{"status":500,"problem":{"type":"https://mainstay.run/problems/internal","title":"Internal error","status":500,"detail":"` + internalDetail + `",` + instance + `}},` +
		`{"status":204,"id":"8"}]}`
	if got := w.Body.String(); w.Code != 207 || got != want {
		t.Errorf("status %d\ngot  %s\nwant %s", w.Code, got, want)
	}
	if !strings.Contains(log.String(), "secret") {
		t.Errorf("the fault is not in the log: %s", log.String())
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	s := &scripted{result: &engine.Result{Body: []byte(strings.Repeat(`"long"`, 1000)), ETag: `"r1"`}}
	for _, coding := range []string{"identity", "gzip"} {
		get := send(t, serve(s, Options{}), "GET /v1/postings/7\nAccept-Encoding: "+coding)
		head := send(t, serve(s, Options{}), "HEAD /v1/postings/7\nAccept-Encoding: "+coding)
		if head.Body.Len() != 0 || head.Code != get.Code {
			t.Errorf("%s: status %d with %d bytes", coding, head.Code, head.Body.Len())
		}
		for name := range get.Header() {
			if got, want := head.Header().Get(name), get.Header().Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", coding, name, got, want)
			}
		}
	}
}

func TestTimingIsHiddenUnlessAskedFor(t *testing.T) {
	w := send(t, serve(&scripted{}, Options{}), "GET /v1/postings")
	if got := w.Header().Get("Server-Timing"); got != "" {
		t.Errorf("Server-Timing %q", got)
	}
}

func TestEntityTags(t *testing.T) {
	for _, tt := range []struct{ name, lines, want string }{
		{"one", `"r1"`, `"r1"`},
		{"several", `"r1" , W/"r2","r3"`, `"r1" W/"r2" "r3"`},
		{"several lines", "\"r1\"\n\"r2\"", `"r1" "r2"`},
		{"codings are taken off", `"r1-gzip", "r2-br", W/"r3-zstd", "r4-deflate"`, `"r1" "r2" W/"r3" "r4-deflate"`},
		{"any", " * ", "*"},
		{"empty elements", `, "r1",,`, `"r1"`},
		{"a comma inside", `"a,b"`, `"a,b"`},
		{"no quotes", `r1`, "refused"},
		{"half a quote", `"r1`, "refused"},
		{"no comma", `"r1" "r2"`, "refused"},
		{"any among others", `"r1", *`, "refused"},
		{"a lower-case weak sign", `w/"r1"`, "refused"},
		{"a space inside", `"r 1"`, "refused"},
		{"empty", ``, "refused"},
		{"too many", strings.Repeat(`"r",`, 33), "refused"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tags, err := entityTags(http.Header{"If-Match": strings.Split(tt.lines, "\n")}, "If-Match")
			got := strings.Join(tags, " ")
			if err != nil {
				got = "refused"
			}
			if got != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
		})
	}
	w := send(t, serve(&scripted{}, Options{}), "DELETE /v1/postings/7\nIf-Match: r1")
	if w.Code != 400 || kindOf(t, w) != "invalid-parameter" {
		t.Errorf("a tag without quotes: status %d, want 400: it must never count as no condition", w.Code)
	}
}

func FuzzEntityTags(f *testing.F) {
	for _, line := range []string{`"a"`, `W/"a-gzip", "b"`, `*`, `"a`, `,,"",`} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		tags, err := entityTags(http.Header{"If-Match": {line}}, "If-Match")
		if err != nil {
			return
		}
		again, err := entityTags(http.Header{"If-Match": {strings.Join(tags, ", ")}}, "If-Match")
		// A suffix may stand behind another, so that taking one off uncovers the next.
		if err != nil || len(again) != len(tags) || len(tags) == 0 {
			t.Errorf("%q: %q, then %q, %v", line, tags, again, err)
		}
	})
}

// uncode reads a body under a content coding.
func uncode(t *testing.T, name string, r io.Reader) string {
	t.Helper()
	var err error
	switch name {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		var d *zstd.Decoder
		d, err = zstd.NewReader(r)
		defer d.Close()
		r = d
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestCompression(t *testing.T) {
	long := `{"items":[` + strings.Repeat(`{"title":"engineer"},`, 200) + `{}]}`
	for _, tt := range []struct{ name, accept, body, want string }{
		{"gzip", "gzip", long, "gzip"},
		{"brotli", "br", long, "br"},
		{"zstd", "zstd", long, "zstd"},
		{"a browser's", "gzip, deflate, br, zstd", long, "zstd"},
		{"without zstd", "gzip, deflate, br", long, "br"},
		{"by quality", "zstd;q=0.1, gzip;q=0.9, br;q=0.5", long, "gzip"},
		{"refused", "gzip;q=0, br;q=0.0", long, ""},
		{"anything", "*", long, "zstd"},
		{"anything but", "*, zstd;q=0", long, "br"},
		{"unknown ones", "deflate, compress", long, ""},
		{"identity only", "identity", long, ""},
		{"not even identity", "identity;q=0", long, ""},
		{"nonsense", "gzip;q=x, ;;,", long, ""},
		{"a short body", "gzip", `{"title":"engineer"}`, ""},
		{"no header", "", long, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &scripted{result: &engine.Result{Body: []byte(tt.body), ETag: `"r1"`}}
			h := serve(s, Options{})
			request := "GET /v1/postings/7"
			if tt.accept != "" {
				request += "\nAccept-Encoding: " + tt.accept
			}
			for range 2 { // the second time with an encoder from the pool
				w := send(t, h, request)
				if got := w.Header().Get("Content-Encoding"); got != tt.want {
					t.Fatalf("Content-Encoding %q, want %q", got, tt.want)
				}
				tag := `"r1"`
				if tt.want != "" {
					tag = `"r1-` + tt.want + `"`
				}
				if got := w.Header().Get("Etag"); got != tag {
					t.Errorf("ETag %s, want %s", got, tag)
				}
				if got := uncode(t, tt.want, w.Body); got != tt.body {
					t.Errorf("body of %d bytes is not what was written", len(got))
				}
			}
		})
	}
}

func TestSecretsAreNotCompressed(t *testing.T) {
	s := &scripted{result: &engine.Result{Body: []byte(strings.Repeat("t", 5000))}}
	w := send(t, serve(s, Options{}), "POST /v1/auth/login\nAccept-Encoding: gzip"+jsonBody)
	if got := w.Header().Get("Content-Encoding"); got != "" {
		t.Errorf("Content-Encoding %q", got)
	}
}

func exporting(rows int, fault error) *scripted {
	return &scripted{result: &engine.Result{Stream: func(w io.Writer) error {
		for range rows {
			if _, err := io.WriteString(w, "{\"title\":\"engineer\"}\n"); err != nil {
				return err
			}
		}
		return fault
	}}}
}

func TestExport(t *testing.T) {
	for _, coding := range []string{"", "gzip", "br", "zstd"} {
		for _, rows := range []int{0, 3, 20000} {
			w := send(t, serve(exporting(rows, nil), Options{}), "GET /v1/postings.ndjson\nAccept-Encoding: "+coding)
			if w.Code != 200 || w.Header().Get("Content-Type") != "application/x-ndjson" || w.Header().Get("Content-Encoding") != coding {
				t.Errorf("%s, %d rows: status %d, headers %v", coding, rows, w.Code, w.Header())
			}
			if got := uncode(t, coding, w.Body); strings.Count(got, "\n") != rows {
				t.Errorf("%s: %d rows, want %d", coding, strings.Count(got, "\n"), rows)
			}
		}
	}
	w := send(t, serve(exporting(1, nil), Options{}), "GET /v1/postings.csv")
	if w.Header().Get("Content-Type") != "text/csv; charset=utf-8; header=present" || w.Header().Get("Content-Disposition") != `attachment; filename="postings.csv"` {
		t.Errorf("headers %v", w.Header())
	}
}

func TestExportHead(t *testing.T) {
	called := 0
	s := exporting(3, nil)
	stream := s.result.Stream
	s.result.Stream = func(w io.Writer) error { called++; return stream(w) }
	w := send(t, serve(s, Options{}), "HEAD /v1/postings.ndjson")
	if w.Code != 200 || w.Body.Len() != 0 || called != 1 {
		t.Errorf("status %d, %d bytes, stream called %d times, want once so that it lets its connection go", w.Code, w.Body.Len(), called)
	}
}

func TestExportFaultBeforeTheFirstPieceIsAnAnswer(t *testing.T) {
	w := send(t, serve(exporting(3, errors.New("disk")), Options{}), "GET /v1/postings.csv\nAccept-Encoding: gzip")
	if w.Code != 500 || kindOf(t, w) != "internal" {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
	for _, name := range []string{"Content-Disposition", "Content-Encoding"} {
		if got := w.Header().Get(name); got != "" {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestExportFaultAfterTheFirstPieceBreaksOff(t *testing.T) {
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v, want the connection to be broken off", p)
		}
	}()
	send(t, serve(exporting(20000, errors.New("disk")), Options{}), "GET /v1/postings.csv")
	t.Error("the answer ended as if it were whole")
}

func TestCORS(t *testing.T) {
	app := contract.CORS{Origins: []string{"https://app.example.org"}, Credentials: true}
	for _, tt := range []struct {
		name   string
		cors   contract.CORS
		origin string
		want   string // Access-Control-Allow-Origin
	}{
		{"a named origin", app, "https://app.example.org", "https://app.example.org"},
		{"another", app, "https://evil.example", ""},
		{"null", app, "null", ""},
		{"null, named", contract.CORS{Origins: []string{"null"}}, "null", ""},
		{"null under a wildcard", contract.CORS{Origins: []string{"*"}}, "null", ""},
		{"a longer name", app, "https://app.example.org.evil.example", ""},
		{"a prefix", app, "https://app.example", ""},
		{"a longer host", app, "https://evil-app.example.org", ""},
		{"a sub-domain", app, "https://x.app.example.org", ""},
		{"another scheme", app, "http://app.example.org", ""},
		{"a port", app, "https://app.example.org:8443", ""},
		{"another case", app, "https://APP.example.org", ""},
		{"a slash", app, "https://app.example.org/", ""},
		{"a dot that is another character", app, "https://appxexample.org", ""},
		{"a wildcard", contract.CORS{Origins: []string{"*"}}, "https://any.example", "*"},
		{"a wildcard with credentials", contract.CORS{Origins: []string{"*"}, Credentials: true}, "https://any.example", "*"},
		{"no CORS", contract.CORS{}, "https://app.example.org", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := hiring()
			c.CORS = tt.cors
			h := serveContract(&scripted{}, c, Options{})
			for _, request := range []string{"GET /v1/postings", "GET /v1/nothing", "OPTIONS /v1/postings\nAccess-Control-Request-Method: PATCH"} {
				w := send(t, h, request+"\nOrigin: "+tt.origin)
				if got := w.Header().Get("Access-Control-Allow-Origin"); got != tt.want {
					t.Errorf("%s: allowed %q, want %q", request, got, tt.want)
				}
				credentials := w.Header().Get("Access-Control-Allow-Credentials")
				if want := tt.cors.Credentials && tt.want != "" && tt.want != "*"; (credentials == "true") != want {
					t.Errorf("%s: credentials %q", request, credentials)
				}
				if methods := w.Header().Get("Access-Control-Allow-Methods"); (methods != "") != (tt.want != "" && strings.HasPrefix(request, "OPTIONS")) {
					t.Errorf("%s: methods %q", request, methods)
				}
				if tt.cors.Credentials && tt.cors.Origins[0] != "*" && !strings.Contains(w.Header().Get("Vary"), "Origin") {
					t.Errorf("%s: Vary %q", request, w.Header().Get("Vary"))
				}
			}
		})
	}
	two := "GET /v1/postings\nOrigin: https://app.example.org\nOrigin: https://evil.example"
	c := hiring()
	c.CORS = app
	if got := send(t, serveContract(&scripted{}, c, Options{}), two).Header().Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("two origins: allowed %q", got)
	}
}
