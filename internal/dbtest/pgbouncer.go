package dbtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// PooledURL makes an empty PostgreSQL database and tells how to open it through
// pgbouncer in transaction mode, on the private server. Without PostgreSQL's programs
// or pgbouncer the test is skipped, or fails in CI.
func PooledURL(t testing.TB) string {
	t.Helper()
	pooler, err := bouncer()
	if err != nil {
		missing(t, err)
	}
	direct, err := cluster()
	if err != nil {
		missing(t, err)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), number.Add(1))
	if err := Run(direct.at.String(), "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Run(direct.at.String(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil { // the pooler keeps connections
			t.Error(err)
		}
	})
	return pooler.URL(name)
}

// OnServer runs statements on the server behind PooledURL, in the same database.
func OnServer(t testing.TB, pooled string, statements ...string) {
	t.Helper()
	at, err := url.Parse(pooled)
	if err != nil {
		t.Fatal(err)
	}
	direct, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	if err := Run(direct.URL(strings.TrimPrefix(at.Path, "/")), statements...); err != nil {
		t.Fatal(err)
	}
}

// bouncer is the private pooler before the private server.
var bouncer = sync.OnceValues(func() (*Server, error) {
	server, err := cluster()
	if err != nil {
		return nil, err
	}
	return startShared(newBouncer(server))
})

// newBouncer makes a pooler that gives each transaction a connection of server.
func newBouncer(server *Server) (*Server, error) {
	path, err := program("pgbouncer")
	if err != nil {
		return nil, errors.New("pgbouncer is not on this machine: install it (Debian, Ubuntu: pgbouncer)")
	}
	s, err := newServer("postgres", syscall.SIGINT)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err == nil {
		settings := fmt.Sprintf(`[databases]
* = host=%s port=%s user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 40
max_client_conn = 400
`, server.at.Hostname(), server.at.Port(), port)
		err = os.WriteFile(filepath.Join(s.folder, "pgbouncer.ini"), []byte(settings), 0o644)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.folder))
	}
	s.program, s.args = path, []string{"-q", "pgbouncer.ini"}
	s.at = &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable"}
	return s, nil
}
