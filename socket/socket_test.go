package socket_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/socket"
)

// pair is a connection and its other end.
func pair(t *testing.T, network string) (here, there net.Conn) {
	t.Helper()
	at := "127.0.0.1:0"
	if network == "unix" {
		at = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err = net.Dial(network, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return socket.Swift(here), there
}

// some are n bytes that the seed says.
func some(n int, seed uint64) []byte {
	out := make([]byte, n)
	for i, r := 0, rand.New(rand.NewPCG(seed, 0)); i < n; i++ {
		out[i] = byte(r.Uint32())
	}
	return out
}

func TestBytesArriveAsTheyWereWritten(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			here, there := pair(t, network)
			var all []byte
			for i, n := range []int{1, 0, 4096, 65536, 65537, 3 << 20} {
				all = append(all, some(n, uint64(i))...)
			}
			written := make(chan error, 1)
			go func() {
				written <- func() error {
					rest := all
					for i := 0; len(rest) > 0; i++ {
						first, second := rest[:len(rest)/3], rest[len(rest)/3:len(rest)/2+1]
						if i%2 == 0 {
							n, err := socket.Write(here, &net.Buffers{first, second})
							if err != nil || int(n) != len(first)+len(second) {
								return errors.Join(err, errors.New("a short write"))
							}
						} else if n, err := here.Write(rest[:len(rest)/2+1]); err != nil || n != len(rest)/2+1 {
							return errors.Join(err, errors.New("a short write"))
						}
						rest = rest[len(rest)/2+1:]
					}
					return here.(interface{ CloseWrite() error }).CloseWrite()
				}()
			}()
			echoed := make(chan error, 1)
			go func() {
				_, err := io.Copy(there, there)
				echoed <- errors.Join(err, there.Close())
			}()
			got, err := io.ReadAll(here)
			if err := errors.Join(err, <-written, <-echoed); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, all) {
				t.Errorf("%d bytes came back, not the %d that were written", len(got), len(all))
			}
		})
	}
}

// TestWhatAFullSocketTookIsTold fills it until a deadline, and goes on from there.
func TestWhatAFullSocketTookIsTold(t *testing.T) {
	here, there := pair(t, "tcp")
	all := some(16<<20, 1)
	told := 0
	for left := all; ; {
		pieces := net.Buffers{left[:1000], left[1000:60000]}
		_ = here.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
		n, err := socket.Write(here, &pieces)
		told += int(n)
		left = left[n:]
		if err == nil {
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		rest := 0
		for _, p := range pieces {
			rest += len(p)
		}
		if int(n)+rest != 60000 {
			t.Fatalf("%d are written, and %d left of 60000", n, rest)
		}
		break
	}
	here.Close()
	got, err := io.ReadAll(there)
	if err != nil || !bytes.Equal(got, all[:told]) {
		t.Errorf("%d bytes came, %d were told, %v", len(got), told, err)
	}
}

// TestErrorsArePackageNets compares with a plain connection.
func TestErrorsArePackageNets(t *testing.T) {
	reading := func(c net.Conn) error { _, err := c.Read(make([]byte, 8)); return err }
	writing := func(c net.Conn) error { _, err := c.Write(make([]byte, 8)); return err }
	for _, tt := range []struct {
		name string
		do   func(here, there net.Conn) error
		want error
	}{
		{"the end", func(here, there net.Conn) error { there.Close(); return reading(here) }, io.EOF},
		{"a deadline that is over", func(here, _ net.Conn) error {
			_ = here.SetReadDeadline(time.Unix(1, 0))
			return reading(here)
		}, os.ErrDeadlineExceeded},
		{"a deadline while it reads", func(here, _ net.Conn) error {
			go here.SetReadDeadline(time.Unix(1, 0))
			return reading(here)
		}, os.ErrDeadlineExceeded},
		{"closed while it reads", func(here, _ net.Conn) error { go here.Close(); return reading(here) }, net.ErrClosed},
		{"closed before a write", func(here, _ net.Conn) error { here.Close(); return writing(here) }, net.ErrClosed},
		{"reset", func(here, there net.Conn) error {
			_ = there.(*net.TCPConn).SetLinger(0)
			there.Close()
			return reading(here)
		}, syscall.ECONNRESET},
		{"no more writes", func(here, _ net.Conn) error {
			_ = here.(interface{ CloseWrite() error }).CloseWrite()
			return writing(here)
		}, syscall.EPIPE},
	} {
		t.Run(tt.name, func(t *testing.T) {
			here, there := pair(t, "tcp")
			got := tt.do(here, there)
			if !errors.Is(got, tt.want) {
				t.Fatalf("%v, want %v", got, tt.want)
			}
			var told *net.OpError
			if errors.As(got, &told) && told.Op != "read" && told.Op != "write" {
				t.Errorf("it was %s that failed: %v", told.Op, got)
			}
		})
	}
}

func TestOthersAreLeftAsTheyAre(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	if socket.Swift(here) != here {
		t.Error("a pipe is no socket")
	}
	refused := errors.New("refused")
	dial := socket.Dialing(func(context.Context, string, string) (net.Conn, error) { return nil, refused })
	if c, err := dial(t.Context(), "tcp", ""); c != nil || err != refused {
		t.Errorf("%v, %v", c, err)
	}
}
