package api

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
)

// TestAnswersGatheredArriveWhole asks for bodies around the size of net/http's buffer,
// one after the other on one connection.
func TestAnswersGatheredArriveWhole(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Path[1:])
		if r.URL.RawQuery == "" {
			w.Header()["Content-Length"] = []string{strconv.Itoa(n)}
		}
		(&exchange{w: w, r: r}).sent(letters(n))
	})}
	go s.Serve(Gather(s, l))
	defer s.Close()
	var dialled int
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled++
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	ask := func(n int, query string) {
		resp, err := client.Get("http://" + l.Addr().String() + "/" + strconv.Itoa(n) + query)
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || !bytes.Equal(body, letters(n)) {
			t.Fatalf("%d bytes: %d came, %v", n, len(body), err)
		}
	}
	for n := 3800; n < 4200; n++ { // with the head, 4096 is among them
		ask(n, "")
	}
	for _, n := range []int{0, 1, 2047, 2048, 2049, 8192, 8193, 100_000, 5 << 20} {
		ask(n, "")
		ask(n, "?chunked")
	}
	if dialled != 1 {
		t.Errorf("%d connections", dialled)
	}
}

func letters(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(i%23)
	}
	return b
}
