package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

// database is where a contract's records are, as --database names it.
type database struct {
	scheme string
	// at is a file for sqlite, else the whole URL, which may hold a password and is never shown.
	at string
}

// parseDatabase reads --database.
func parseDatabase(url string) (database, error) {
	scheme, rest, ok := strings.Cut(url, ":")
	switch {
	case url == "":
		return database{}, misuse("which database? Name it with --database sqlite:FILE or postgres://…, or by MAINSTAY_DATABASE")
	case !ok || rest == "":
		return database{}, misuse("--database is a URL such as sqlite:data.db or postgres://user@host/name")
	}
	switch scheme {
	case "sqlite":
		return database{scheme, rest}, nil
	case "postgres", "postgresql":
		return database{scheme, url}, nil
	case "mysql", "mariadb", "mongodb":
		return database{}, misuse("--database: %s is not built yet; sqlite:FILE and postgres://… are", scheme)
	}
	return database{}, misuse("--database: there is no kind of database named %q; write sqlite:FILE or postgres://…", scheme)
}

// missing reports whether there is no database at all, which for one that is
// a file must not be found out by making it.
func (d database) missing() bool {
	_, err := os.Stat(d.at)
	return d.scheme == "sqlite" && errors.Is(err, fs.ErrNotExist)
}

// open opens the database, for reading only beside a process that writes.
func (d database) open(ctx context.Context, readOnly bool, log *slog.Logger) (store.Driver, error) {
	if d.scheme == "sqlite" {
		return sqlite.Open(ctx, d.at, sqlite.Options{ReadOnly: readOnly, Log: log})
	}
	return postgres.Open(ctx, d.at, postgres.Options{Log: log})
}
