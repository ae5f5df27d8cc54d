package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/mainstay-run/mainstay/store/postgres"
)

// Postgres is an empty schema of its own in a PostgreSQL database, gone when the
// test ends. The server is the one of the URL in MAINSTAY_TEST_POSTGRES; else a
// private one is started from the programs on this machine, once for each test
// program that calls Main. Without either the test is skipped, or fails in CI.
func Postgres(t testing.TB) *postgres.Driver {
	t.Helper()
	d, err := postgres.Open(context.Background(), PostgresURL(t), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// PostgresURL makes an empty schema as Postgres does and tells how to open it.
func PostgresURL(t testing.TB) string {
	t.Helper()
	at, err := server()
	if err != nil {
		missing(t, err)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), number.Add(1))
	if err := Run(at.String(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Run(at.String(), "DROP SCHEMA "+name+" CASCADE"); err != nil {
			t.Error(err)
		}
	})
	own := *at
	query := own.Query()
	query.Set("search_path", name)
	own.RawQuery = query.Encode()
	return own.String()
}

// missing fails the test in CI, and skips it elsewhere, for want of a database.
func missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// Disconnect ends every connection of this program to its private server, as a
// restart would. A shared one is left alone, and the test skipped.
func Disconnect(t testing.TB) {
	t.Helper()
	if os.Getenv("MAINSTAY_TEST_POSTGRES") != "" {
		t.Skip("the server is shared")
	}
	at, err := server()
	if err != nil {
		t.Fatal(err)
	}
	const others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mainstay' AND pid <> pg_backend_pid()"
	if err := Run(at.String(), others); err != nil {
		t.Fatal(err)
	}
}

var number atomic.Int64

// cluster is the private server that all tests of a program share. What it
// acknowledges need not outlive the machine.
var cluster = sync.OnceValues(func() (*Server, error) { return startShared(newPostgres("-c", "fsync=off")) })

func server() (*url.URL, error) {
	if text := os.Getenv("MAINSTAY_TEST_POSTGRES"); text != "" {
		at, err := url.Parse(text)
		if err != nil || at.Scheme != "postgres" && at.Scheme != "postgresql" {
			return nil, errors.New("MAINSTAY_TEST_POSTGRES is not a URL such as postgres://postgres@localhost/postgres")
		}
		return at, nil
	}
	s, err := cluster()
	if err != nil {
		return nil, err
	}
	return s.at, nil
}

var errNoServer = errors.New("PostgreSQL is not on this machine: install its server or set MAINSTAY_TEST_POSTGRES")

// newPostgres makes a cluster in a temporary folder, to be run on a free port.
func newPostgres(settings ...string) (*Server, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return nil, errNoServer
		}
		found = []string{path}
	}
	bin := filepath.Dir(found[len(found)-1])
	s, err := newServer("postgres", syscall.SIGINT)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.folder, "data")
	if err := s.setUp(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.folder))
	}
	s.program = filepath.Join(bin, "postgres")
	s.args = append([]string{"-D", data, "-p", strconv.Itoa(port), "-k", s.folder, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"}, settings...)
	s.at = &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable"}
	return s, nil
}
