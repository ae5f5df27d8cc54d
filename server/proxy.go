package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// ClientBehind names the network address that a request came from when n proxies
// stand before the program, each of which appends to X-Forwarded-For the address
// that it was called from. What is further left in that field was sent by the
// caller and is not believed. Limits on attempts to sign in count by this address.
func ClientBehind(n int) func(*http.Request) string {
	return func(r *http.Request) string {
		direct, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil {
			direct = r.RemoteAddr
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if n < 1 || len(hops) < n {
			return direct
		}
		client, err := netip.ParseAddr(strings.TrimSpace(hops[len(hops)-n]))
		if err != nil {
			return direct
		}
		return client.Unmap().String()
	}
}
