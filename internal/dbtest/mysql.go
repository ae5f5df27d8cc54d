package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	client "github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/store/mysql"
)

// Maria is an empty database of its own on a MariaDB server, gone when the test
// ends. The server is the one of the URL in MAINSTAY_TEST_MARIADB, whose user may
// create databases; else a private one is started from the programs on this machine,
// once for each test program that calls Main. Without either the test is skipped, or
// fails in CI.
func Maria(t testing.TB) *mysql.Driver {
	t.Helper()
	return openMySQL(t, MariaURL(t))
}

// MySQL is such a database on a MySQL server: the one in MAINSTAY_TEST_MYSQL, else one
// started from the program on this machine or from the packages that mysql/fetch has
// unpacked.
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

// MariaURL makes an empty database as Maria does and tells how to open it.
func MariaURL(t testing.TB) string {
	t.Helper()
	return mysqlDatabase(t, givenMaria, privateMaria)
}

// MySQLURL makes an empty database as MySQL does and tells how to open it.
func MySQLURL(t testing.TB) string {
	t.Helper()
	return mysqlDatabase(t, givenMySQL, privateMySQL)
}

// mysqlDatabase is the URL of a database of the test's own, on the server that was
// given, else on the private one.
func mysqlDatabase(t testing.TB, given func() (*url.URL, error), private func() (*Server, error)) string {
	t.Helper()
	at, err := given()
	if err != nil {
		t.Fatal(err)
	}
	if at == nil {
		s, err := private()
		if err != nil {
			missing(t, err)
		}
		at = s.at
	}
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

func givenMaria() (*url.URL, error) { return given("MAINSTAY_TEST_MARIADB", "mariadb") }

func givenMySQL() (*url.URL, error) { return given("MAINSTAY_TEST_MYSQL", "mysql") }

// given is the server that a variable of the environment names, nil when there is none.
func given(variable, scheme string) (*url.URL, error) {
	text := os.Getenv(variable)
	if text == "" {
		return nil, nil
	}
	at, err := url.Parse(text)
	if err != nil || at.Scheme != scheme {
		return nil, fmt.Errorf("%s is not a URL such as %s://root@localhost:3306/", variable, scheme)
	}
	return withoutDatabase(at), nil
}

func withoutDatabase(at *url.URL) *url.URL {
	bare := *at
	bare.Path = "/"
	return &bare
}
