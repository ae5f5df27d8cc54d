package api

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/socket"
)

// lazyConn is a connection that moves its deadlines late. net/http sets eight for each
// request, nearly all of which say the same a little later; here the one that is set
// stays, and is moved only when it would come too late, or has come too early.
//
// Not chosen: no deadlines but where one is needed, which net/http does not ask.
type lazyConn struct {
	net.Conn
	born time.Time

	mu          sync.Mutex
	read, write limit
	reading     bool
}

// limit is one deadline; zero is none.
type limit struct {
	want time.Time
	set  time.Time // of the connection below
}

// late tells that what is set would come too late.
func (l *limit) late() bool {
	return !l.want.IsZero() && (l.set.IsZero() || l.want.Before(l.set))
}

// early tells that what is set comes too early.
func (l *limit) early() bool {
	return !l.set.IsZero() && (l.want.IsZero() || l.set.Before(l.want))
}

// move sets what is wanted. An error means that the connection is closed, which
// whoever reads or writes is told.
func (l *limit) move(set func(time.Time) error) {
	_ = set(l.want)
	l.set = l.want
}

// broken tells that t, from before there was a connection, is how net/http breaks off
// a read under way.
func (c *lazyConn) broken(t time.Time) bool { return !t.IsZero() && t.Before(c.born) }

// SetReadDeadline is heard by a read under way.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read.want = t
	if c.reading && c.read.late() {
		c.read.move(c.Conn.SetReadDeadline)
	}
	return nil
}

// SetWriteDeadline is for the next write; there is never one under way.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.write.want = t
	return nil
}

func (c *lazyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *lazyConn) Read(p []byte) (int, error) {
	if !c.beginRead() {
		return 0, os.ErrDeadlineExceeded
	}
	for {
		n, err := c.Conn.Read(p)
		if c.endRead(err) {
			return n, err
		}
	}
}

// beginRead is false for a read that was broken off before it began.
func (c *lazyConn) beginRead() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken(c.read.want) {
		return false
	}
	if c.read.late() || c.broken(c.read.set) {
		c.read.move(c.Conn.SetReadDeadline)
	}
	c.reading = true
	return true
}

// endRead is false when the read has to go on.
func (c *lazyConn) endRead(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && c.read.early() && errors.Is(err, os.ErrDeadlineExceeded) {
		c.read.move(c.Conn.SetReadDeadline)
		return false
	}
	c.reading = false
	return true
}

func (c *lazyConn) Write(p []byte) (sum int, err error) {
	c.beginWrite()
	for {
		n, err := c.Conn.Write(p[sum:])
		sum += n
		if err == nil || c.endWrite(err) {
			return sum, err
		}
	}
}

// writeBoth writes two pieces with one call of the system.
func (c *lazyConn) writeBoth(first, second []byte) (sum int64, err error) {
	c.beginWrite()
	left := net.Buffers{first, second}
	for {
		n, err := socket.Write(c.Conn, &left)
		sum += n
		if err == nil || c.endWrite(err) {
			return sum, err
		}
	}
}

func (c *lazyConn) beginWrite() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.write.late() {
		c.write.move(c.Conn.SetWriteDeadline)
	}
}

// endWrite is false when the write has to go on after err.
func (c *lazyConn) endWrite(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.write.early() || !errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	c.write.move(c.Conn.SetWriteDeadline)
	return false
}

// CloseWrite ends what is sent; net/http does that to a caller who still sends.
func (c *lazyConn) CloseWrite() error {
	if c, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
