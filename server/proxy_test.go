package server_test

import (
	"net/http/httptest"
	"testing"

	"github.com/mainstay-run/mainstay/server"
)

func TestClientBehindBelievesOnlyItsProxies(t *testing.T) {
	const direct = "192.0.2.1"
	for _, tt := range []struct {
		name    string
		proxies int
		sent    []string
		want    string
	}{
		{"none: the field is the caller's", 0, []string{"203.0.113.9"}, direct},
		{"one", 1, []string{"203.0.113.9"}, "203.0.113.9"},
		{"one, and a forged hop", 1, []string{"10.0.0.1, 203.0.113.9"}, "203.0.113.9"},
		{"two", 2, []string{"10.0.0.1, 203.0.113.9, 198.51.100.2"}, "203.0.113.9"},
		{"two, in two fields", 2, []string{"203.0.113.9", "198.51.100.2"}, "203.0.113.9"},
		{"a proxy was left out", 2, []string{"203.0.113.9"}, direct},
		{"no field", 1, nil, direct},
		{"no address", 1, []string{"unknown"}, direct},
		{"IPv4 in IPv6", 1, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"IPv6", 1, []string{"2001:DB8::1"}, "2001:db8::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = direct + ":4711"
			r.Header["X-Forwarded-For"] = tt.sent
			if got := server.ClientBehind(tt.proxies)(r); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
