//go:build !linux || race

package socket

import "net"

// Swift gives c back as it is: elsewhere it has not been tried, and the race detector
// sees that one goroutine has heard of another by package net's own calls.
func Swift(c net.Conn) net.Conn { return c }
