package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/server"
)

// site is a server on a free port of this machine.
type site struct {
	*server.Server
	url, operator string
	stop          context.CancelFunc
	done          chan error
}

// start runs a server that is stopped, at the latest, with the test.
func start(t *testing.T, h http.Handler, o server.Options, operator bool) *site {
	t.Helper()
	o.Listener = listen(t)
	s := &site{url: "http://" + o.Listener.Addr().String(), done: make(chan error, 1)}
	s.operator = s.url
	if operator {
		o.Operator = listen(t)
		s.operator = "http://" + o.Operator.Addr().String()
	}
	ctx, stop := context.WithCancel(t.Context())
	s.Server, s.stop = server.New(o), stop
	s.Swap(h)
	go func() { s.done <- s.Run(ctx); close(s.done) }()
	t.Cleanup(func() { stop(); <-s.done })
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := server.Listen("127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) })
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestListenSaysWhichFlagToChangeWhenThePortIsTaken(t *testing.T) {
	l := listen(t)
	defer l.Close()
	_, err := server.Listen(l.Addr().String(), "--listen")
	if err == nil || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v, want an error naming the address and --listen", err)
	}
}

func TestStopLetsARunningRequestEnd(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	s := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		fmt.Fprint(w, "whole")
	}), server.Options{}, true)
	answer := make(chan string, 1)
	go func() { _, body := get(t, s.url); answer <- body }()
	<-begun
	if status, _ := get(t, s.operator+"/readyz"); status != http.StatusOK {
		t.Errorf("readyz before the stop is %d", status)
	}
	s.stop()
	for { // the operator's port says so before the last request has ended
		if status, _ := get(t, s.operator+"/readyz"); status == http.StatusServiceUnavailable {
			break
		}
	}
	if status, _ := get(t, s.operator+"/livez"); status != http.StatusOK {
		t.Errorf("livez while stopping is %d", status)
	}
	close(release)
	if body := <-answer; body != "whole" {
		t.Errorf("the running request got %q", body)
	}
	if err := <-s.done; err != nil {
		t.Errorf("Run: %v", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://")); err == nil {
		t.Error("the listener is still open")
	}
}

func TestStopCutsOffWhatOutlastsTheDrain(t *testing.T) {
	begun := make(chan struct{})
	s := start(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	}), server.Options{Drain: time.Millisecond}, false)
	go http.Get(s.url)
	<-begun
	s.stop()
	if err := <-s.done; err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("Run: %v, want an error that says requests were cut off", err)
	}
}

func TestOperatorPathsStandWhereTheyBelong(t *testing.T) {
	broken := map[string]func(context.Context) error{
		"database": func(context.Context) error { return errors.New("gone away") },
	}
	s := start(t, text("site"), server.Options{}, true)
	ill := start(t, text("site"), server.Options{Ready: broken}, true)
	for _, tt := range []struct {
		name, url string
		status    int
		body      string
	}{
		{"alive", s.operator + "/livez", 200, "ok\n"},
		{"ready", s.operator + "/readyz", 200, "ok\n"},
		{"ready in words", s.operator + "/readyz?verbose", 200, "[+] serving ok\n"},
		{"figures", s.operator + "/metrics", 200, "mainstay_requests_in_flight"},
		{"profiles", s.operator + "/debug/pprof/goroutine?debug=1", 200, "goroutine profile"},
		{"but not the command's arguments", s.operator + "/debug/pprof/cmdline", 404, "Unknown profile"},
		{"the API's port has none of them", s.url + "/metrics", 200, "site"},
		{"nor does it tidy paths before the API has judged them", s.url + "/v1//x", 200, "site"},
		{"not ready", ill.operator + "/readyz", 503, "not ready\n"},
		{"not ready in words", ill.operator + "/readyz?verbose", 503, "[+] serving ok\n[-] database: gone away\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := get(t, tt.url)
			if status != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("GET %s is %d %q, want %d with %q", tt.url, status, body, tt.status, tt.body)
			}
		})
	}
}

func TestHealthBesideTheAPIHasNoProfiles(t *testing.T) {
	s := server.New(server.Options{Listener: listen(t)})
	for path, want := range map[string]int{"/livez": 200, "/metrics": 200, "/debug/pprof/": 404} {
		w := httptest.NewRecorder()
		s.Health().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("GET %s is %d, want %d", path, w.Code, want)
		}
	}
}

func TestAHeaderThatIsTooLargeIsRefused(t *testing.T) {
	s := start(t, text("site"), server.Options{}, false)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n", strings.Repeat("a", 64<<10))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", res.StatusCode)
	}
}
