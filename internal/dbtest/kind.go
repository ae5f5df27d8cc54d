package dbtest

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/store"
)

// Kind is a kind of database that the program runs on.
type Kind struct {
	Name string // "MariaDB"
	// URL is that of an empty database, gone when the test ends, as --database takes it.
	URL func(testing.TB) string
	// Open opens such a database.
	Open func(testing.TB) store.Driver
}

// Kinds are the databases that tests of the whole program run on, each on a
// server of its kind that is found or started as MySQL and Postgres say. MySQL
// itself is among them only where there is one, since few systems have packages of
// it; absent says then how to name one.
func Kinds() (kinds []Kind, absent []string) {
	kinds = []Kind{
		{"SQLite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
			func(t testing.TB) store.Driver { return SQLite(t) }},
		{"PostgreSQL", PostgresURL, func(t testing.TB) store.Driver { return Postgres(t) }},
		{"MariaDB", MariaURL, func(t testing.TB) store.Driver { return openMySQL(t, MariaURL(t)) }},
		{"MongoDB", MongoURL, func(t testing.TB) store.Driver { return Mongo(t, nil) }},
	}
	if given, maria, err := givenMySQL(); err == nil && given != nil && !maria {
		return append(kinds, Kind{"MySQL", MySQLURL, func(t testing.TB) store.Driver { return MySQL(t) }}), nil
	}
	return kinds, []string{"MySQL: not looked at; name a server with MAINSTAY_TEST_MYSQL=mysql://…"}
}

// MariaURL makes an empty database on a MariaDB server: the one in
// MAINSTAY_TEST_MYSQL when it is one, else a private one.
func MariaURL(t testing.TB) string {
	t.Helper()
	given, isMaria, err := givenMySQL()
	if err != nil {
		t.Fatal(err)
	}
	if !isMaria {
		if given, err = privateMaria(); err != nil {
			missing(t, err)
		}
	}
	return mysqlDatabase(t, withoutDatabase(given))
}

// givenMySQL is the server in MAINSTAY_TEST_MYSQL, nil when there is none.
func givenMySQL() (at *url.URL, maria bool, err error) {
	text := os.Getenv("MAINSTAY_TEST_MYSQL")
	if text == "" {
		return nil, false, nil
	}
	if at, err = url.Parse(text); err != nil {
		return nil, false, err
	}
	version, err := mysqlVersion()
	return at, strings.Contains(version, "MariaDB"), err
}

// mysqlVersion is what the server in MAINSTAY_TEST_MYSQL says that it is.
var mysqlVersion = sync.OnceValues(func() (version string, err error) {
	at, err := url.Parse(os.Getenv("MAINSTAY_TEST_MYSQL"))
	if err != nil {
		return "", err
	}
	db, err := admin(withoutDatabase(at))
	if err != nil {
		return "", err
	}
	defer db.Close()
	err = db.QueryRow("SELECT VERSION()").Scan(&version)
	return version, err
})

func withoutDatabase(at *url.URL) *url.URL {
	bare := *at
	bare.Path = "/"
	return &bare
}

// Run carries out statements on the PostgreSQL or MySQL database of a URL, or
// commands in extended JSON on a MongoDB, as somebody with a shell would.
func Run(database string, statements ...string) error {
	return run(context.Background(), database, statements...)
}

func run(ctx context.Context, database string, statements ...string) error {
	at, err := url.Parse(database)
	if err != nil {
		return err
	}
	if strings.HasPrefix(at.Scheme, "postgres") {
		c, err := pgconn.Connect(ctx, database)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		for _, s := range statements {
			if err := c.ExecParams(ctx, s, nil, nil, nil, nil).Read().Err; err != nil {
				return err
			}
		}
		return nil
	}
	if at.Scheme == "mongodb" {
		return runMongo(ctx, database, statements)
	}
	db, err := admin(at)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
