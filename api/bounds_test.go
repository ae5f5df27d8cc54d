package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/engine"
)

// begin sends the beginning of a body of size bytes on a new connection, once
// the server has begun to read it.
func begin(t *testing.T, s *httptest.Server, size int, beginning string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	length := fmt.Sprintf("Content-Length: %d", size)
	if size < 0 {
		length = "Transfer-Encoding: chunked"
	}
	fmt.Fprintf(conn, "POST /v1/postings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n%s\r\n\r\n", length)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	if _, err := io.WriteString(conn, beginning); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestWhoSendsSlowlyKeepsNobodyOut(t *testing.T) {
	s := wire(t, serve(&scripted{}, Options{MaxConcurrent: 1}))
	for _, size := range []int{2, 100_000, -1} {
		begin(t, s, size, "")
	}
	if status, body, _ := speak(t, s, "GET /v1/postings HTTP/1.1\r\nHost: a\r\n\r\n"); status != 200 {
		t.Errorf("beside bodies that do not come: %d %s", status, body)
	}
}

func TestMemoryForBodiesIsBoundedAndFollowsWhatHasCome(t *testing.T) {
	h := serve(&scripted{}, Options{MaxHeld: 60 << 10})
	s := wire(t, h)
	post := func(size int) int {
		body := `{"a":"` + strings.Repeat("x", size-8) + `"}`
		status, _, _ := speak(t, s, fmt.Sprintf("POST /v1/postings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", size, body))
		return status
	}
	for range 10 {
		begin(t, s, 1<<20, "{") // announced only
	}
	if status := post(30 << 10); status != 200 {
		t.Errorf("beside large bodies that are announced: %d", status)
	}
	conn := begin(t, s, 100<<10, strings.Repeat("x", 40<<10))
	for h.held.Load() < 48<<10 { // until that has been read, into room for 64 KiB
		runtime.Gosched()
	}
	if status := post(30 << 10); status != 503 {
		t.Errorf("beyond what may be held: %d, want 503", status)
	}
	if status := post(16 << 10); status != 200 {
		t.Errorf("a small body beside: %d", status)
	}
	conn.Close()
	for h.held.Load() > 0 {
		runtime.Gosched()
	}
	if status := post(30 << 10); status != 200 {
		t.Errorf("afterwards: %d", status)
	}
}

func TestAnswersThatWouldHoldTooMuchAreRefusedUnlessSomethingWasDone(t *testing.T) {
	h := serve(&scripted{result: &engine.Result{Body: make([]byte, 200<<10)}}, Options{MaxHeld: 100 << 10})
	for request, want := range map[string]int{
		"GET /v1/postings":                503,
		"QUERY /v1/postings" + jsonBody:   503,
		"POST /v1/postings" + jsonBody:    200,
		"POST /v1/postings/7/close":       200,
		"PATCH /v1/postings/7" + jsonBody: 200,
	} {
		if w := send(t, h, request); w.Code != want {
			t.Errorf("%s: %d, want %d", request, w.Code, want)
		}
	}
	if held := h.held.Load(); held != 0 {
		t.Errorf("%d bytes are held when all is done", held)
	}
}

func TestExportsWaitForEachOtherAndKeepNobodyOut(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	s := &scripted{result: &engine.Result{Stream: func(io.Writer) error { inside <- struct{}{}; <-release; return nil }}}
	h := serve(s, Options{MaxExports: 1, MaxConcurrent: 2})
	done := make(chan int)
	for range 3 {
		go func() { done <- send(t, h, "GET /v1/postings.csv").Code }()
	}
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w := sendIn(t, ctx, h, "GET /v1/postings.csv"); w.Code == http.StatusOK {
		t.Error("an export came in between")
	}
	for i := range 3 {
		if i > 0 {
			<-inside // the next one, as soon as there is room
		}
		release <- struct{}{}
		if status := <-done; status != http.StatusOK {
			t.Errorf("an export that waited: %d", status)
		}
	}
}
