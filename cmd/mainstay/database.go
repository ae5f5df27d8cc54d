package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

// database is where a contract's records are, as --database names it.
type database struct {
	scheme string
	rest   string // what follows the scheme; it may hold a password and is never shown
}

// parseDatabase reads --database.
func parseDatabase(url string) (database, error) {
	scheme, rest, ok := strings.Cut(url, ":")
	switch {
	case url == "":
		return database{}, misuse("which database? Name it with --database sqlite:FILE, or by MAINSTAY_DATABASE")
	case !ok || rest == "":
		return database{}, misuse("--database is a URL such as sqlite:data.db")
	}
	switch scheme {
	case "sqlite":
		return database{scheme, rest}, nil
	case "postgres", "postgresql", "mysql", "mariadb", "mongodb":
		return database{}, misuse("--database: %s is not built yet; sqlite:FILE is", scheme)
	}
	return database{}, misuse("--database: there is no kind of database named %q; write sqlite:FILE", scheme)
}

// missing reports whether there is no database at all, which for one that is
// a file must not be found out by making it.
func (d database) missing() bool {
	_, err := os.Stat(d.rest)
	return d.scheme == "sqlite" && errors.Is(err, fs.ErrNotExist)
}

// open opens the database, for reading only beside a process that writes.
func (d database) open(ctx context.Context, readOnly bool, log *slog.Logger) (store.Driver, error) {
	return sqlite.Open(ctx, d.rest, sqlite.Options{ReadOnly: readOnly, Log: log})
}
