package server

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listen opens addr ("127.0.0.1:8080"; port 0 takes a free one). flag is what
// the error tells to change when the port is taken.
func Listen(addr, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program; choose another with %s HOST:PORT (port 0 takes any free one)", addr, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be opened by this user; choose a port above 1023 with %s HOST:PORT", addr, flag)
	case err != nil:
		return nil, fmt.Errorf("%s %s: %w", flag, addr, err)
	}
	return l, nil
}
