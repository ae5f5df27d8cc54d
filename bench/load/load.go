//go:build linux

// Package load sends requests over kept-alive connections, each waiting for its answer
// before the next (a closed loop), and measures. One thread, raw sockets and epoll: the
// machine's processors are for the servers under measurement.
package load

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// Plan is what to send. Requests are whole HTTP/1.1 messages; connection i begins at
// the i-th and takes every one that none has taken, over and over.
type Plan struct {
	Addr        string // host:port, an address and no name
	Requests    [][]byte
	Connections int           // defaults to 32
	Duration    time.Duration // from the first request; those under way are waited for
}

// Result is what came back.
type Result struct {
	Requests int
	Took     time.Duration
	P50, P99 time.Duration
	Bytes    int64
	Failed   int    // answers other than 2xx
	Fault    string // the first answer of them, cut
}

// Run carries out a plan. An error is a connection that broke: nothing of such a run counts.
func Run(p Plan) (*Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if p.Connections == 0 {
		p.Connections = 32
	}
	g := &generator{plan: p}
	defer g.close()
	if err := g.open(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	if err := g.run(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return g.result(), nil
}

type generator struct {
	plan    Plan
	epoll   int
	conns   []*conn
	next    int
	took    []uint32 // microseconds
	bytes   int64
	failed  int
	fault   string
	elapsed time.Duration
}

type conn struct {
	fd    int
	sent  time.Time
	reply reply
}

func (g *generator) open() (err error) {
	at, err := netip.ParseAddrPort(g.plan.Addr)
	if err != nil {
		return err
	}
	if g.epoll, err = syscall.EpollCreate1(0); err != nil {
		return err
	}
	for i := range g.plan.Connections {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		g.conns = append(g.conns, &conn{fd: fd})
		if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
			return err
		}
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(i)}
		if err := syscall.EpollCtl(g.epoll, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) close() {
	for _, c := range g.conns {
		syscall.Close(c.fd)
	}
	if g.epoll > 0 {
		syscall.Close(g.epoll)
	}
}

// patience is how long the whole run may wait without any answer.
const patience = 30 * time.Second

func (g *generator) run() error {
	began := time.Now()
	for _, c := range g.conns {
		if err := g.send(c, began); err != nil {
			return err
		}
	}
	waiting := len(g.conns)
	events := make([]syscall.EpollEvent, len(g.conns))
	buf := make([]byte, 256<<10)
	for waiting > 0 {
		n, err := syscall.EpollWait(g.epoll, events, int(patience.Milliseconds()))
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("no answer for %s", patience)
		}
		for _, e := range events[:n] {
			c := g.conns[e.Fd]
			done, err := g.read(c, buf)
			if err != nil {
				return err
			}
			if !done {
				continue
			}
			now := time.Now()
			g.took = append(g.took, uint32(now.Sub(c.sent).Microseconds()))
			if now.Sub(began) >= g.plan.Duration {
				waiting--
				continue
			}
			if err := g.send(c, now); err != nil {
				return err
			}
		}
	}
	g.elapsed = time.Since(began)
	return nil
}

func (g *generator) send(c *conn, now time.Time) error {
	request := g.plan.Requests[g.next%len(g.plan.Requests)]
	g.next++
	c.sent = now
	c.reply = reply{}
	for len(request) > 0 {
		n, err := syscall.Write(c.fd, request)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		request = request[n:]
	}
	return nil
}

func (g *generator) read(c *conn, buf []byte) (done bool, err error) {
	n, err := syscall.Read(c.fd, buf)
	switch {
	case err == syscall.EINTR:
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, net.ErrClosed
	}
	g.bytes += int64(n)
	done, err = c.reply.feed(buf[:n])
	if done && c.reply.status/100 != 2 {
		g.failed++
		if g.fault == "" {
			g.fault = string(buf[:min(n, 600)])
		}
	}
	return done, err
}

func (g *generator) result() *Result {
	slices.Sort(g.took)
	at := func(share float64) time.Duration {
		if len(g.took) == 0 {
			return 0
		}
		return time.Duration(g.took[int(share*float64(len(g.took)-1))]) * time.Microsecond
	}
	return &Result{Requests: len(g.took), Took: g.elapsed, P50: at(.5), P99: at(.99), Bytes: g.bytes, Failed: g.failed, Fault: g.fault}
}
