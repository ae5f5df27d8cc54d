//go:build linux

package load_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/bench/load"
)

// TestRun holds the counts against the server's own, for answers with a length, in
// chunks, large and refused.
func TestRun(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		switch r.URL.Path {
		case "/chunks":
			for range 5 {
				w.Write([]byte(strings.Repeat("x", 70_000)))
				w.(http.Flusher).Flush()
			}
		case "/large":
			w.Write([]byte(strings.Repeat("x", 1_000_000)))
		case "/refused":
			http.Error(w, "not so", http.StatusTeapot)
		case "/nothing":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Write([]byte("{}"))
		}
	}))
	defer server.Close()
	var requests [][]byte
	for _, path := range []string{"/", "/chunks", "/large", "/nothing", "/refused"} {
		requests = append(requests, []byte("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"))
	}
	got, err := load.Run(load.Plan{Addr: server.Listener.Addr().String(), Requests: requests, Connections: 4, Duration: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if int64(got.Requests) != served.Load() || got.Requests < 5 {
		t.Errorf("%d answers counted, %d sent", got.Requests, served.Load())
	}
	if fifth := got.Requests / 5; got.Failed < fifth || got.Failed > fifth+1 {
		t.Errorf("%d of %d answers failed, want every fifth", got.Failed, got.Requests)
	}
	if !strings.Contains(got.Fault, "418") {
		t.Errorf("the fault is %q, want the answer 418", got.Fault)
	}
	if got.P50 == 0 || got.P99 < got.P50 {
		t.Errorf("median %s, 99th percentile %s", got.P50, got.P99)
	}
}

func TestRunRefusesWhatIsNotHTTP(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		c.Write([]byte("SSH-2.0-x\r\n\r\n"))
		c.Close()
	}))
	server.Start()
	defer server.Close()
	_, err := load.Run(load.Plan{Addr: server.Listener.Addr().String(), Requests: [][]byte{[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")}, Duration: time.Millisecond})
	if err == nil {
		t.Error("no error")
	}
}
