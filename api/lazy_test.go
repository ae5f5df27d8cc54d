package api

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// toldConn is a connection below a lazyConn: it notes what it is told, and each read and
// write ends as the next of its script says, nil when there is none.
type toldConn struct {
	net.Conn
	began time.Time
	told  []string
	ends  []error
}

func (s *toldConn) next(what string) (int, error) {
	s.told = append(s.told, what)
	if len(s.ends) == 0 {
		return 1, nil
	}
	err := s.ends[0]
	s.ends = s.ends[1:]
	return 0, err
}

func (s *toldConn) Read([]byte) (int, error)  { return s.next("read") }
func (s *toldConn) Write([]byte) (int, error) { return s.next("write") }

func (s *toldConn) SetReadDeadline(t time.Time) error  { return s.note("read by", t) }
func (s *toldConn) SetWriteDeadline(t time.Time) error { return s.note("write by", t) }

func (s *toldConn) note(what string, t time.Time) error {
	at := "never"
	if !t.IsZero() {
		at = fmt.Sprint(t.Sub(s.began).Seconds())
	}
	s.told = append(s.told, what+" "+at)
	return nil
}

// TestDeadlinesMoveLate: what is below hears of a deadline only when the one that it
// has would come too late, or has come too early, and still every deadline is kept.
func TestDeadlinesMoveLate(t *testing.T) {
	began := time.Now()
	at := func(seconds int) time.Time { return began.Add(time.Duration(seconds) * time.Second) }
	never, broken := time.Time{}, time.Unix(1, 0)
	read := func(c *lazyConn) error { _, err := c.Read(make([]byte, 1)); return err }
	write := func(c *lazyConn) error { _, err := c.Write([]byte("x")); return err }
	readBy := func(t time.Time) func(*lazyConn) error {
		return func(c *lazyConn) error { return c.SetReadDeadline(t) }
	}
	writeBy := func(t time.Time) func(*lazyConn) error {
		return func(c *lazyConn) error { return c.SetWriteDeadline(t) }
	}
	timeout := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	reset := errors.New("reset by peer")
	for _, tt := range []struct {
		name  string
		steps []func(*lazyConn) error
		ends  []error // of what is below
		want  []string
		err   error // of the last step
	}{
		{"a later one", []func(*lazyConn) error{readBy(at(10)), read, readBy(at(20)), read, readBy(never), read}, nil,
			[]string{"read by 10", "read", "read", "read"}, nil},
		{"an earlier one", []func(*lazyConn) error{readBy(at(10)), read, readBy(at(5)), read}, nil,
			[]string{"read by 10", "read", "read by 5", "read"}, nil},
		{"one for a read that does not come", []func(*lazyConn) error{readBy(at(10)), read, readBy(at(5)), readBy(at(20)), read}, nil,
			[]string{"read by 10", "read", "read"}, nil},
		{"it came too early", []func(*lazyConn) error{readBy(at(10)), read, readBy(at(20)), read}, []error{nil, timeout},
			[]string{"read by 10", "read", "read", "read by 20", "read"}, nil},
		{"it came too early, there is none", []func(*lazyConn) error{readBy(at(10)), read, readBy(never), read}, []error{nil, timeout},
			[]string{"read by 10", "read", "read", "read by never", "read"}, nil},
		{"it came too early twice, the second time in time", []func(*lazyConn) error{readBy(at(10)), read, readBy(at(20)), read}, []error{nil, timeout, timeout},
			[]string{"read by 10", "read", "read", "read by 20", "read"}, os.ErrDeadlineExceeded},
		{"it came in time", []func(*lazyConn) error{readBy(at(10)), read}, []error{timeout},
			[]string{"read by 10", "read"}, os.ErrDeadlineExceeded},
		{"another error", []func(*lazyConn) error{readBy(at(10)), read, readBy(at(20)), read}, []error{nil, reset},
			[]string{"read by 10", "read", "read"}, reset},
		{"broken off before it began", []func(*lazyConn) error{readBy(at(10)), read, readBy(broken), read}, nil,
			[]string{"read by 10", "read"}, os.ErrDeadlineExceeded},
		{"after that", []func(*lazyConn) error{readBy(at(10)), read, readBy(broken), readBy(never), read}, nil,
			[]string{"read by 10", "read", "read"}, nil},
		{"writes", []func(*lazyConn) error{writeBy(at(10)), write, writeBy(at(20)), write, writeBy(never), writeBy(at(5)), write}, nil,
			[]string{"write by 10", "write", "write", "write by 5", "write"}, nil},
		{"a write's came too early", []func(*lazyConn) error{writeBy(at(10)), write, writeBy(at(20)), write}, []error{nil, timeout},
			[]string{"write by 10", "write", "write", "write by 20", "write"}, nil},
		{"a write's came in time", []func(*lazyConn) error{writeBy(at(10)), write}, []error{timeout},
			[]string{"write by 10", "write"}, os.ErrDeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			below := &toldConn{began: began, ends: tt.ends}
			c := &lazyConn{Conn: below, born: began}
			var err error
			for _, step := range tt.steps {
				err = step(c)
			}
			if !errors.Is(err, tt.err) {
				t.Errorf("the last step: %v, want %v", err, tt.err)
			}
			if diff := cmp.Diff(tt.want, below.told); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestARunningReadHearsOfItsDeadline breaks one off, on a real connection, and reads again.
func TestARunningReadHearsOfItsDeadline(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := &lazyConn{Conn: here, born: time.Now()}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	for range 100 { // whether the read has begun or not
		go func() {
			_, err := c.Read(make([]byte, 1))
			ended <- err
		}()
		_ = c.SetReadDeadline(time.Unix(1, 0))
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a read that was broken off: %v", err)
		}
		_ = c.SetReadDeadline(time.Time{})
		go there.Write([]byte("x"))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatalf("a read after one that was broken off: %v", err)
		}
	}
}
