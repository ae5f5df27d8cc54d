package api

import (
	"io"
	"net/http"
	"time"

	"github.com/mainstay-run/mainstay/problem"
)

// What all requests share: places among those under way, memory, and places for
// exports. Callers are never waited for with a place in hand: one that sends or
// reads slowly would keep it from the others.

const (
	// freeBytes of a body or an answer are not counted: they are bounded by the
	// number of connections.
	freeBytes = 16 << 10
	// exportWait is how long an export waits for those before it.
	exportWait = 10 * time.Second
)

func crowded(detail string) error {
	return &problem.Error{Kind: problem.Unavailable, Detail: detail + "; try again soon", RetryAfter: time.Second}
}

// enter takes a place among the requests under way.
func (x *exchange) enter() error {
	if n := x.h.running.Add(1); x.h.opts.MaxConcurrent > 0 && n > int64(x.h.opts.MaxConcurrent) {
		x.h.running.Add(-1)
		return crowded("too many requests are under way")
	}
	x.entered = true
	return nil
}

// leave gives the place back.
func (x *exchange) leave() {
	if x.entered {
		x.h.running.Add(-1)
		x.entered = false
	}
}

// hold notes that the request keeps n bytes of a body or of an answer, until it ends.
func (x *exchange) hold(n int) error {
	more := int64(n-freeBytes) - x.held
	if more <= 0 {
		return nil
	}
	if sum := x.h.held.Add(more); x.h.opts.MaxHeld > 0 && sum > x.h.opts.MaxHeld {
		x.h.held.Add(-more)
		return crowded("too much is being sent and read at the same time")
	}
	x.held += more
	return nil
}

// gather reads a body of size bytes (-1: not known) to its end. Memory follows
// what has come, not what was announced.
func (x *exchange) gather(r io.Reader, size int64) ([]byte, error) {
	room := min(size, freeBytes/4)
	if size < 0 {
		room = 512
	}
	body := make([]byte, 0, room)
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF && int64(len(body)) < size:
			return nil, io.ErrUnexpectedEOF
		case err == io.EOF, int64(len(body)) == size:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) < cap(body):
			continue
		}
		room = 2 * int64(cap(body))
		if size >= 0 {
			room = min(room, size)
		}
		if err := x.hold(int(room)); err != nil {
			return nil, err
		}
		body = append(make([]byte, 0, room), body...)
	}
}

// enterExports waits for a place among the exports, each of which keeps a
// connection to the database for as long as its caller reads.
func (x *exchange) enterExports() (leave func(), err error) {
	h := x.h
	leave = func() { <-h.exports }
	select {
	case h.exports <- struct{}{}:
		return leave, nil
	default:
	}
	x.leave()
	wait := time.NewTimer(exportWait)
	defer wait.Stop()
	select {
	case h.exports <- struct{}{}:
	case <-x.ctx.Done():
		return nil, x.ctx.Err()
	case <-wait.C:
		return nil, crowded("too many exports are under way")
	}
	if err := x.enter(); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// safe reports whether the request changes nothing, so that its answer may be refused.
func (x *exchange) safe() bool {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, "QUERY":
		return true
	}
	return false
}
