package api

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/socket"
)

// net/http sends an answer that outgrows its buffer of 4 KiB in two pieces: a full
// buffer, and the rest. On a list both cost the same, so the first is kept until the
// rest comes, and they go in one call.

// Gather makes server send each answer that it knows whole in one piece, on the
// connections that the listener it returns accepts, which also move their deadlines
// late: see lazyConn. Call it before serving on that.
func Gather(server *http.Server, l net.Listener) net.Listener {
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if c, ok := c.(*gatheringConn); ok {
			return context.WithValue(ctx, gathering{}, c)
		}
		return ctx
	}
	return gatheringListener{l}
}

// gathering is the key of a request's connection in its context.
type gathering struct{}

type gatheringListener struct{ net.Listener }

func (l gatheringListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &gatheringConn{lazyConn: lazyConn{Conn: socket.Swift(tcp), born: time.Now()}}, nil
	}
	return c, err
}

// gatheringConn is a connection that only its request's goroutine writes to.
type gatheringConn struct {
	lazyConn
	// more: what is written now is followed by another write before the answer ends.
	more bool
	kept *[]byte // waits for that write; nil: nothing
}

// maxGathered is the most that is kept, net/http's buffer.
const maxGathered = 4 << 10

var firsts = sync.Pool{New: func() any { return new([]byte) }}

// Write sends p, after what was kept.
func (c *gatheringConn) Write(p []byte) (int, error) {
	switch {
	case c.kept == nil && c.more && len(p) <= maxGathered:
		c.kept = firsts.Get().(*[]byte)
		*c.kept = append((*c.kept)[:0], p...)
		return len(p), nil
	case c.kept == nil:
		return c.lazyConn.Write(p)
	}
	before := len(*c.kept)
	n, err := c.writeBoth(*c.kept, p)
	firsts.Put(c.kept)
	c.kept = nil
	return max(0, int(n)-before), err
}

// sent writes a whole body. net/http writes nothing while a body fits its buffer; what
// does not fit makes it write the full buffer first, and more, now or at the end.
func (x *exchange) sent(body []byte) {
	c, _ := x.r.Context().Value(gathering{}).(*gatheringConn)
	if c != nil {
		c.more = true
		defer func() { c.more = false }()
	}
	// A failed write means that the caller has gone, whom nothing can be told.
	_, _ = x.w.Write(body)
}
