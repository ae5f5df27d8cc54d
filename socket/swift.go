//go:build linux && !race

package socket

import (
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"
)

// Swift gives c back with reads and writes that keep their processor. What is neither a
// TCP connection nor a Unix socket comes back as it is.
func Swift(c net.Conn) net.Conn {
	switch c.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		return c
	}
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return c
	}
	s := &swift{Conn: c, raw: raw}
	s.in.once, s.out.once = s.in.read, s.out.write
	return s
}

// longest is the most that is moved while the processor is kept; longer pieces are
// written as package net does.
const longest = 64 << 10

// turn is how many bytes are moved before whoever else is ready may go first. What keeps
// its processor would be asked for it after 10 ms: as long would a short request wait
// beside an export to somebody who reads fast.
const turn = 256 << 10

// swift is a connection whose reads and writes keep their processor.
type swift struct {
	net.Conn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is one direction of a connection, with what is about to be moved there.
type transfer struct {
	mu    sync.Mutex
	once  func(fd uintptr) (done bool)
	parts [2]syscall.Iovec
	n     int
	errno syscall.Errno
	total int // bytes since others were let go first
}

func (t *transfer) read(fd uintptr) (done bool)  { return t.call(syscall.SYS_READV, fd) }
func (t *transfer) write(fd uintptr) (done bool) { return t.call(syscall.SYS_WRITEV, fd) }

// call is one call of the system, which does not wait; not done: the socket is not ready.
func (t *transfer) call(trap, fd uintptr) (done bool) {
	for {
		n, _, errno := syscall.RawSyscall(trap, fd, uintptr(unsafe.Pointer(&t.parts)), uintptr(len(t.parts)))
		switch errno {
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		case 0:
			t.n = int(n)
			return true
		default:
			t.errno = errno
			return true
		}
	}
}

// put says what is to be moved.
func (t *transfer) put(first, second []byte) {
	for i, part := range [...][]byte{first, second} {
		t.parts[i].Base = unsafe.SliceData(part)
		t.parts[i].SetLen(len(part))
	}
	t.n, t.errno = 0, 0
}

// moved tells how many bytes were moved, and what went wrong in the words of package net.
func (t *transfer) moved(s *swift, op string, err error) (int, error) {
	t.parts = [2]syscall.Iovec{}
	if wrong, ok := err.(*net.OpError); ok {
		wrong.Op = op // package net says raw-read and raw-write
	}
	if err == nil && t.errno != 0 {
		err = &net.OpError{
			Op: op, Net: s.LocalAddr().Network(), Source: s.LocalAddr(), Addr: s.RemoteAddr(),
			Err: os.NewSyscallError(op, t.errno),
		}
	}
	if t.total += t.n; t.total >= turn {
		t.total = 0
		runtime.Gosched()
	}
	return t.n, err
}

func (s *swift) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := &s.in
	t.mu.Lock()
	defer t.mu.Unlock()
	t.put(p[:min(len(p), longest)], nil)
	n, err := t.moved(s, "read", s.raw.Read(t.once))
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	return n, err
}

func (s *swift) Write(p []byte) (sum int, err error) {
	t := &s.out
	t.mu.Lock() // also of what is long, that no other write comes between two parts of one
	defer t.mu.Unlock()
	if len(p) > longest {
		return s.Conn.Write(p)
	}
	for len(p) > 0 {
		n, err := t.some(s, p, nil)
		sum += n
		if err != nil {
			return sum, err
		}
		p = p[n:]
	}
	return sum, nil
}

// some writes as much of two pieces as the socket takes, at least a byte.
func (t *transfer) some(s *swift, first, second []byte) (int, error) {
	t.put(first, second)
	n, err := t.moved(s, "write", s.raw.Write(t.once))
	if n == 0 && err == nil {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// writeAll is Write for two pieces at most.
func (s *swift) writeAll(pieces *net.Buffers) (sum int64, err error) {
	t := &s.out
	t.mu.Lock()
	defer t.mu.Unlock()
	all := *pieces
	if len(all) != 2 || len(all[0])+len(all[1]) > longest {
		return pieces.WriteTo(s.Conn)
	}
	for len(all[0])+len(all[1]) > 0 {
		n, err := t.some(s, all[0], all[1])
		sum += int64(n)
		ofFirst := min(n, len(all[0]))
		all[0], all[1] = all[0][ofFirst:], all[1][n-ofFirst:]
		if err != nil {
			return sum, err
		}
	}
	*pieces = nil
	return sum, nil
}

// SyscallConn is that of the connection below.
func (s *swift) SyscallConn() (syscall.RawConn, error) { return s.raw, nil }

// CloseWrite ends what is written.
func (s *swift) CloseWrite() error { return s.Conn.(interface{ CloseWrite() error }).CloseWrite() }
