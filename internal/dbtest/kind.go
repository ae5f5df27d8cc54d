package dbtest

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
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
// server of its kind that is found or started as Postgres, Maria, MySQL and Mongo
// say. MySQL is among them only where there is one, since few systems have packages
// of it beside MariaDB's; absent says then how to come by one.
func Kinds() (kinds []Kind, absent []string) {
	kinds = []Kind{
		{"SQLite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
			func(t testing.TB) store.Driver { return SQLite(t) }},
		{"PostgreSQL", PostgresURL, func(t testing.TB) store.Driver { return Postgres(t) }},
		{"MariaDB", MariaURL, func(t testing.TB) store.Driver { return Maria(t) }},
		{"MongoDB", MongoURL, func(t testing.TB) store.Driver { return Mongo(t, nil) }},
	}
	if err := hasMySQL(); err != nil {
		return kinds, []string{"MySQL: not looked at: " + err.Error()}
	}
	return append(kinds, Kind{"MySQL", MySQLURL, func(t testing.TB) store.Driver { return MySQL(t) }}), nil
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
