package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	client "github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/store/mysql"
)

// MySQL is an empty database of its own on a MySQL or MariaDB server, gone when
// the test ends. The server is the one of the URL in MAINSTAY_TEST_MYSQL, whose
// user may create databases; else a private MariaDB is started from the programs on
// this machine, once for each test program that calls Main. Without either the
// test is skipped, or fails in CI.
func MySQL(t testing.TB) *mysql.Driver {
	t.Helper()
	return openMySQL(t, MySQLURL(t))
}

func openMySQL(t testing.TB, at string) *mysql.Driver {
	t.Helper()
	d, err := mysql.Open(context.Background(), at, mysql.Options{})
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

// MySQLURL makes an empty database as MySQL does and tells how to open it.
func MySQLURL(t testing.TB) string {
	t.Helper()
	at, err := mysqlServer()
	if err != nil {
		missing(t, err)
	}
	return mysqlDatabase(t, at)
}

// mysqlDatabase is the URL of a database of the test's own on a server.
func mysqlDatabase(t testing.TB, at *url.URL) string {
	t.Helper()
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), number.Add(1))
	if err := Run(at.String(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Run(at.String(), "DROP DATABASE "+name); err != nil {
			t.Error(err)
		}
	})
	own := *at
	own.Path = "/" + name
	return own.String()
}

// DisconnectMySQL ends every connection to the database of url on the server, as
// a restart would.
func DisconnectMySQL(t testing.TB, database string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	db, err := admin(withoutDatabase(u))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ?", strings.TrimPrefix(u.Path, "/"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Close(); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		db.Exec("KILL " + strconv.FormatInt(id, 10)) // it may have ended by itself
	}
}

// admin connects to the server, to the database of its URL if there is one.
func admin(at *url.URL) (*sql.DB, error) {
	c := client.NewConfig()
	c.Logger = &client.NopLogger{} // while it starts it does not answer
	c.User, c.DBName = at.User.Username(), strings.TrimPrefix(at.Path, "/")
	c.Passwd, _ = at.User.Password()
	c.Net, c.Addr = "tcp", at.Host
	if socket := at.Query().Get("socket"); socket != "" {
		c.Net, c.Addr = "unix", socket
	}
	connector, err := client.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// maria is the private server that all tests of a program share. What it
// acknowledges need not outlive the machine.
var maria = sync.OnceValues(func() (*Server, error) {
	return startShared(newMaria("--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--sync-frm=0"))
})

func mysqlServer() (*url.URL, error) {
	if text := os.Getenv("MAINSTAY_TEST_MYSQL"); text != "" {
		at, err := url.Parse(text)
		if err != nil {
			return nil, err
		}
		return withoutDatabase(at), nil
	}
	return privateMaria()
}

func privateMaria() (*url.URL, error) {
	s, err := maria()
	if err != nil {
		return nil, err
	}
	return s.at, nil
}

var errNoMaria = errors.New("MariaDB is not on this machine: install its server (Debian, Ubuntu: mariadb-server) or set MAINSTAY_TEST_MYSQL")

// newMaria makes a database in a temporary folder, to be served on a socket there.
func newMaria(settings ...string) (*Server, error) {
	install, err1 := program("mariadb-install-db")
	server, err2 := program("mariadbd")
	if err1 != nil || err2 != nil {
		return nil, errNoMaria
	}
	s, err := newServer("mysql", syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	data, socket := filepath.Join(s.folder, "data"), filepath.Join(s.folder, "socket")
	if err := s.setUp(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"); err != nil {
		return nil, err
	}
	s.program = server
	s.args = append([]string{"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(s.folder, "pid"), "--skip-networking",
		"--innodb-buffer-pool-size=128M", "--max-connections=300"}, settings...)
	s.at = &url.URL{Scheme: "mariadb", User: url.User("root"), Path: "/", RawQuery: url.Values{"socket": {socket}}.Encode()}
	return s, nil
}

// program finds a server's program, which is not always on the path.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}
