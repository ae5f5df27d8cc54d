package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/engine"
)

// wire serves h on a port of its own.
func wire(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = nil
	s.Config.MaxHeaderBytes = 32 << 10
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// speak sends raw bytes on a new connection and gives the first answer and
// whether the connection is closed behind it.
func speak(t *testing.T, s *httptest.Server, raw string) (status int, body string, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("the answer is cut short: %v", err)
	}
	if !answer.Close {
		return answer.StatusCode, string(content), false
	}
	_, err = r.ReadByte()
	return answer.StatusCode, string(content), err != nil
}

func TestSmuggling(t *testing.T) {
	s := wire(t, serve(&scripted{}, Options{}))
	const post = "POST /v1/postings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	for _, tt := range []struct {
		name, raw string
		status    int // 0: either refused or carried out, but the connection is closed
	}{
		{"length and chunks", post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /x HTTP/1.1\r\n", 0},
		{"an obscured coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
		{"a coding in a list", post + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", 501},
		{"a space before the colon", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
		{"two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
		{"a signed length", post + "Content-Length: +2\r\n\r\n{}", 400},
		{"a negative length", post + "Content-Length: -2\r\n\r\n{}", 400},
		{"a folded header", post + "X: a\r\n b\r\nContent-Length : 2\r\n\r\n{}", 400},
		{"a lone CR in a header", "GET /v1/postings HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400},
		{"NUL in a header", "GET /v1/postings HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400},
		{"a line break in the path", "GET /v1/post\x0bings HTTP/1.1\r\nHost: a\r\n\r\n", 400},
		{"no host", "GET /v1/postings HTTP/1.1\r\n\r\n", 400},
		{"two hosts", "GET /v1/postings HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
		{"a bad chunk size", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400},
		{"a huge chunk size", post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}", 400},
		{"headers too large", "GET /v1/postings HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 40<<10) + "\r\n\r\n", 431},
		{"a line too long", "GET /v1/postings?title=" + strings.Repeat("a", 40<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", 431},
		{"an unknown expectation", post + "Expect: coffee\r\nContent-Length: 2\r\n\r\n{}", 417},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, closed := speak(t, s, tt.raw)
			if tt.status != 0 && status != tt.status {
				t.Errorf("status %d %s, want %d", status, body, tt.status)
			}
			if !closed {
				t.Errorf("status %d, but the connection stays open", status)
			}
		})
	}
}

func TestUpgradesAreNotFollowed(t *testing.T) {
	s := wire(t, serve(&scripted{}, Options{}))
	status, _, _ := speak(t, s, "GET /v1/postings HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
	if status != 200 {
		t.Errorf("h2c upgrade: status %d, want the ordinary 200", status)
	}
}

func TestCallerWhoHangsUpCancelsTheOperation(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error)
	s := wire(t, serve(&scripted{do: func(ctx context.Context, _ *engine.Operation) (*engine.Result, error) {
		close(begun)
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}}, Options{}))
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "GET /v1/postings HTTP/1.1\r\nHost: a\r\n\r\n")
	<-begun
	conn.Close()
	if err := <-ended; err != context.Canceled {
		t.Errorf("the operation ended with %v", err)
	}
}

func TestHalfAnExportIsNotTakenForAWhole(t *testing.T) {
	for _, coding := range []string{"identity", "gzip"} {
		var log bytes.Buffer
		s := wire(t, serve(&scripted{result: &engine.Result{Stream: func(w io.Writer) error {
			io.CopyN(w, rand.Reader, 1<<20) // does not get smaller
			return io.ErrNoProgress
		}}}, Options{Log: logTo(&log)}))
		r, _ := http.NewRequest("GET", s.URL+"/v1/postings.ndjson", nil)
		r.Header.Set("Accept-Encoding", coding)
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, answer.Body); err == nil || answer.StatusCode != 200 {
			t.Errorf("%s: the body ended as if it were whole", coding)
		}
		s.Close()
		if !strings.Contains(log.String(), io.ErrNoProgress.Error()) {
			t.Errorf("%s: the fault is not in the log: %s", coding, log.String())
		}
	}
}

func TestKeepAliveOutlivesAnExport(t *testing.T) {
	s := wire(t, serve(exporting(3, nil), Options{Timeout: time.Minute}))
	for range 3 {
		answer, err := s.Client().Get(s.URL + "/v1/postings.ndjson")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

func TestNothingTellsTheVersion(t *testing.T) {
	s := wire(t, serve(&scripted{}, Options{}))
	answer, err := http.Get(s.URL + "/v1/postings")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	for _, name := range []string{"Server", "X-Powered-By", "Via"} {
		if got := answer.Header.Get(name); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A caller who makes up paths and names must not fill the memory.
func TestMadeUpPathsLeaveNothingBehind(t *testing.T) {
	routes := map[string]bool{}
	h := serve(&scripted{}, Options{Observe: func(route, method string, _ int, _ time.Duration) { routes[method+route] = true }})
	for i := range 10000 {
		send(t, h, fmt.Sprintf("GET /v1/postings/%d?x%d=1", i, i))
		send(t, h, fmt.Sprintf("M%d /made/up/%d", i, i))
	}
	if len(routes) > 3 {
		t.Errorf("%d labels, want one for the route and one for what is none: %v", len(routes), routes)
	}
}
