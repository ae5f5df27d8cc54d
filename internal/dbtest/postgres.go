package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

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

// Main runs the tests of a program and stops the servers that they started.
func Main(m *testing.M) int {
	defer func() {
		for _, stop := range []func(){cluster.stop, maria.stop} {
			if stop != nil {
				stop()
			}
		}
	}()
	return m.Run()
}

// cluster is the private server.
var cluster struct {
	once sync.Once
	url  *url.URL
	err  error
	stop func()
}

func server() (*url.URL, error) {
	if text := os.Getenv("MAINSTAY_TEST_POSTGRES"); text != "" {
		at, err := url.Parse(text)
		if err != nil || at.Scheme != "postgres" && at.Scheme != "postgresql" {
			return nil, errors.New("MAINSTAY_TEST_POSTGRES is not a URL such as postgres://postgres@localhost/postgres")
		}
		return at, nil
	}
	cluster.once.Do(func() { cluster.url, cluster.stop, cluster.err = start() })
	return cluster.url, cluster.err
}

var errNoServer = errors.New("PostgreSQL is not on this machine: install its server or set MAINSTAY_TEST_POSTGRES")

// start makes a cluster in a temporary folder and runs it on a free port.
func start() (at *url.URL, stop func(), err error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return nil, nil, errNoServer
		}
		found = []string{path}
	}
	bin := filepath.Dir(found[len(found)-1])
	folder, err := os.MkdirTemp("", "mainstay-postgres-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() { os.RemoveAll(folder) }
	owner, err := credential(folder)
	if err != nil {
		remove()
		return nil, nil, err
	}
	data := filepath.Join(folder, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = folder, &syscall.SysProcAttr{Credential: owner}
	if out, err := initdb.CombinedOutput(); err != nil {
		remove()
		return nil, nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		remove()
		return nil, nil, err
	}
	program := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-k", folder,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200")
	program.Dir = folder
	program.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Pdeathsig: syscall.SIGINT}
	if err := startForLife(program); err != nil {
		remove()
		return nil, nil, err
	}
	stop = func() {
		program.Process.Signal(syscall.SIGINT)
		program.Wait()
		remove()
	}
	at = &url.URL{Scheme: "postgres", User: url.User("postgres"), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable"}
	if err := answers(at.String()); err != nil {
		stop()
		return nil, nil, err
	}
	return at, stop, nil
}

// credential is the user postgres when the tests run as root, whom the server
// refuses; the folder is given to it.
func credential(folder string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres: %w", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(folder, uid, gid)
}

// startForLife starts a program that ends with this one, however that ends: its
// death signal comes when the thread that started it ends, so that one stays.
func startForLife(c *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- c.Start()
		select {}
	}()
	return <-started
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// answers waits until the server takes connections.
func answers(dsn string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgconn.Connect(ctx, dsn)
		if err == nil {
			return c.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL does not start: %w", err)
		}
	}
}
