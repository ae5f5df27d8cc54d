// Package socket gives connections whose reads and writes keep their processor.
//
// Go lets go of a processor when a call of the system begins, since it may take long. It
// looks 20 µs later, and if the call still runs, another thread is woken to go on there.
// To hand a page over to a socket on the same machine takes about as long, and never
// waits: so under load a server spent a tenth and more of its time on waking threads, and
// on looking. Here a socket that is not ready says so at once, and its goroutine waits as
// it does everywhere else; what is moved is moved without giving anything up.
//
// No other calls belong here: a file's may wait for a disk.
package socket

import (
	"context"
	"net"
)

// Dialing is dial with connections that are Swift.
func Dialing(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return Swift(c), nil
	}
}

// Write writes all pieces, with few calls of the system, and takes out of them what is
// written, as net.Buffers.WriteTo does.
func Write(c net.Conn, pieces *net.Buffers) (int64, error) {
	if c, ok := c.(interface {
		writeAll(pieces *net.Buffers) (int64, error)
	}); ok {
		return c.writeAll(pieces)
	}
	return pieces.WriteTo(c)
}
