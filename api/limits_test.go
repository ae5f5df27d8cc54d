package api

import (
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestLimitsBiteAtTheSameTime: a lazyConn is a connection like any other. Callers that
// send random pieces, wait, stop reading and go away find the same answers and the same
// end at the same time as on the connection below, and so does who answers them.
func TestLimitsBiteAtTheSameTime(t *testing.T) {
	plain := func(c net.Conn) net.Conn { return c }
	lazy := func(c net.Conn) net.Conn { return &gatheringConn{lazyConn: lazyConn{Conn: c, born: time.Now()}} }
	var all string
	for seed := range uint64(300) {
		want, got := talk(t, seed, plain), talk(t, seed, lazy)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		all += strings.Join(want, "\n")
	}
	for _, what := range []string{"body: read pipe: i/o timeout", "answer: write pipe: i/o timeout", "the caller has gone"} {
		if !strings.Contains(all, what) {
			t.Errorf("no seed shows %q", what)
		}
	}
}

// chat is one connection of a random caller.
type chat struct {
	began time.Time
	mu    sync.Mutex
	seen  []string
}

func (c *chat) note(what string, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, fmt.Sprintf("%s %s: %v", time.Since(c.began), what, v))
}

// talk has it out, and gives what was to be seen on both sides.
func talk(t *testing.T, seed uint64, wrap func(net.Conn) net.Conn) []string {
	c := &chat{}
	synctest.Test(t, func(*testing.T) {
		c.began = time.Now()
		answers := rand.New(rand.NewPCG(seed, 0))
		closed := make(chan struct{})
		server := &http.Server{
			ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 2 * time.Minute, IdleTimeout: 90 * time.Second,
			ErrorLog: log.New(io.Discard, "", 0),
			Handler:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.answer(answers, w, r) }),
			ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateClosed {
					close(closed)
				}
			},
		}
		p, ended, sent := make(pipes), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			server.Serve(p)
		}()
		here, there := net.Pipe()
		p <- wrap(there)
		go func() {
			defer close(sent)
			c.send(rand.New(rand.NewPCG(seed, 1)), here)
		}()
		c.receive(rand.New(rand.NewPCG(seed, 2)), here)
		here.Close()
		<-sent
		<-closed
		server.Close()
		<-ended
	})
	slices.Sort(c.seen) // what comes at the same time comes in any order
	return c.seen
}

// answer reads the body or not, works for a while, and sends pieces.
func (c *chat) answer(chance *rand.Rand, w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	if r.ContentLength != 0 {
		_ = control.SetReadDeadline(time.Now().Add(30 * time.Second))
	}
	if chance.IntN(4) > 0 {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			c.note("body", err)
		} else {
			_ = control.SetReadDeadline(time.Time{})
		}
	}
	work := time.NewTimer(pause(chance))
	defer work.Stop()
	select {
	case <-work.C:
	case <-r.Context().Done():
		c.note("the caller has gone", r.Context().Err())
	}
	piece := make([]byte, []int{0, 1, 3000, 5000, 100000}[chance.IntN(5)])
	for range chance.IntN(3) {
		if chance.IntN(2) == 0 {
			_ = control.SetWriteDeadline(time.Now().Add(pause(chance)))
		}
		_, err := w.Write(piece)
		if err == nil {
			err = control.Flush()
		}
		if err != nil {
			c.note("answer", err)
			return
		}
	}
}

// send sends requests in pieces, and goes away or waits for the end.
func (c *chat) send(chance *rand.Rand, to net.Conn) {
	var left string
	for range 1 + chance.IntN(5) {
		left += []string{
			"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789",
			"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\nabcd\r\n0\r\n\r\n",
			"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
		}[chance.IntN(4)]
	}
	for left != "" {
		n := min(len(left), 1+chance.IntN(120))
		if end := strings.Index(left, "\r\n\r\n"); end > 0 && chance.IntN(3) == 0 {
			n = end + 4
		}
		if _, err := io.WriteString(to, left[:n]); err != nil {
			return
		}
		left = left[n:]
		time.Sleep(pause(chance)) // of synctest's clock
	}
	if chance.IntN(2) == 0 {
		to.Close()
	}
}

// receive reads until the end, now and then after a while.
func (c *chat) receive(chance *rand.Rand, from net.Conn) {
	for b := make([]byte, 2000); ; {
		n, err := from.Read(b)
		if err != nil {
			c.note("received", err)
			return
		}
		if line, _, _ := strings.Cut(string(b[:n]), "\r\n"); strings.HasPrefix(line, "HTTP/") {
			c.note("received", line)
		}
		if chance.IntN(40) == 0 {
			time.Sleep(pause(chance)) // of synctest's clock
		}
	}
}

// pause is short or long, and hardly ever the same twice.
func pause(chance *rand.Rand) time.Duration {
	longest := []time.Duration{time.Millisecond, time.Millisecond, 2 * time.Second, 20 * time.Second, 200 * time.Second}
	return time.Duration(chance.Int64N(int64(longest[chance.IntN(len(longest))])))
}
