package api

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mainstay-run/mainstay/engine"
)

// pipes is a listener whose connections are in memory, so that time can stand
// still for them.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	conn, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipes) Close() error   { close(p); return nil }
func (p pipes) Addr() net.Addr { return &net.IPAddr{} }

// inNoTime runs a test with a connection to h, in a world where only waiting takes time.
func inNoTime(t *testing.T, h http.Handler, test func(t *testing.T, conn net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		p := make(pipes)
		s := &http.Server{Handler: h}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.Serve(p)
		}()
		here, there := net.Pipe()
		p <- there
		test(t, here)
		here.Close()
		s.Close()
		<-ended
	})
}

// ask sends raw bytes and gives the answer with its body.
func ask(t *testing.T, conn net.Conn, r *bufio.Reader, raw string) (status int, body string, closed bool) {
	t.Helper()
	go io.WriteString(conn, raw)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("the answer is cut short: %v", err)
	}
	return answer.StatusCode, string(content), answer.Close
}

const slowest = 30 * time.Second

func TestRefusalComesBeforeTheBody(t *testing.T) {
	for want, line := range map[int]string{
		413: "Content-Length: 101\r\n",
		415: "Content-Length: 10\r\nContent-Encoding: gzip\r\n",
		401: "Content-Length: 10\r\nAuthorization: Bearer bad\r\n",
	} {
		h := serve(&scripted{}, Options{MaxBody: 100, Timeout: slowest})
		inNoTime(t, h, func(t *testing.T, conn net.Conn) {
			// The caller waits for 100 Continue; none of the body is ever sent.
			began := time.Now()
			status, body, _ := ask(t, conn, bufio.NewReader(conn), "POST /v1/postings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"+line+"\r\n")
			if status != want || time.Since(began) != 0 {
				t.Errorf("status %d %s after %s, want %d at once", status, body, time.Since(began), want)
			}
		})
	}
}

func TestSlowBodyIsCutOff(t *testing.T) {
	h := serve(&scripted{}, Options{Timeout: slowest})
	inNoTime(t, h, func(t *testing.T, conn net.Conn) {
		began := time.Now()
		status, body, closed := ask(t, conn, bufio.NewReader(conn), "POST /v1/postings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
		if status != 408 || !strings.Contains(body, "request-timeout") || !closed {
			t.Errorf("status %d %s, closed %v, want 408 and the connection closed", status, body, closed)
		}
		if took := time.Since(began); took != slowest {
			t.Errorf("after %s, want %s", took, slowest)
		}
	})
}

func TestRefusedBodyIsNotWaitedFor(t *testing.T) {
	h := serve(&scripted{}, Options{Timeout: slowest})
	inNoTime(t, h, func(t *testing.T, conn net.Conn) {
		status, _, closed := ask(t, conn, bufio.NewReader(conn), "POST /v1/nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{")
		if status != 404 || !closed {
			t.Errorf("status %d, closed %v", status, closed)
		}
	})
}

func TestReadDeadlineIsLiftedAfterTheBody(t *testing.T) {
	h := serve(&scripted{do: func(ctx context.Context, _ *engine.Operation) (*engine.Result, error) {
		time.Sleep(slowest - time.Second)
		return &engine.Result{Body: []byte("{}")}, ctx.Err()
	}}, Options{Timeout: slowest})
	inNoTime(t, h, func(t *testing.T, conn net.Conn) {
		r := bufio.NewReader(conn)
		for range 3 { // the next one ends after the time of the one before
			status, body, closed := ask(t, conn, r, "POST /v1/postings HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
			if status != 201 && status != 200 || closed {
				t.Fatalf("status %d %s, closed %v", status, body, closed)
			}
		}
	})
}

func TestCallerWhoDoesNotReadAnExportIsCutOff(t *testing.T) {
	s := exporting(0, nil)
	inNoTime(t, serve(s, Options{Timeout: slowest}), func(t *testing.T, conn net.Conn) {
		ended := make(chan struct{})
		s.result.Stream = func(w io.Writer) error {
			defer close(ended)
			for {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return err
				}
			}
		}
		began := time.Now()
		io.WriteString(conn, "GET /v1/postings.ndjson HTTP/1.1\r\nHost: a\r\n\r\n")
		<-ended
		if took := time.Since(began); took != slowest {
			t.Errorf("cut off after %s, want %s", took, slowest)
		}
	})
}
