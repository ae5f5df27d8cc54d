package mysql_test

import (
	"net"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/store/mysql"
)

// What accepts and never says a word is not waited for without end.
func TestAServerThatSaysNothingIsNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = mysql.Open(t.Context(), "mysql://ann@"+l.Addr().String()+"/shop", mysql.Options{})
	if want := "it does not answer; is the URL's port that of MySQL or MariaDB?"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

func TestWhatIsNoDatabaseIsNamed(t *testing.T) {
	for _, greeting := range []string{"", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "220 mail ESMTP\r\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte(greeting))
				c.Close()
			}
		}()
		_, err = mysql.Open(t.Context(), "mysql://ann@"+l.Addr().String()+"/shop", mysql.Options{})
		if want := ": what answers is not MySQL or MariaDB, or it hangs up; is the URL's port the right one?"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", greeting, err)
		}
	}
}

// Connections that the server has ended need no goodbye.
func TestConnectionsThatAreGoneAreClosedWithoutAnError(t *testing.T) {
	onEach(t, func(t *testing.T, k dbtest.Kind) {
		d := open(t, k)
		if err := d.Exec(t.Context(), "SET @nothing = 1"); err != nil {
			t.Fatal(err)
		}
		d.Abandon(t)
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}
