package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mongo"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

// database is where a contract's records are, as --database names it.
type database struct {
	scheme string
	// at is a file for sqlite, else the whole URL, which may hold a password and is never shown.
	at          string
	connections int // at most; 0: the driver's default
}

// parseDatabase reads --database.
func parseDatabase(url string) (database, error) { return parseNamed("--database", url) }

// parseNamed reads a flag that names a database.
func parseNamed(flag, url string) (database, error) {
	scheme, rest, ok := strings.Cut(url, ":")
	switch {
	case url == "":
		return database{}, misuse("which database? Name it with %s sqlite:FILE, postgres://…, mysql://…, mariadb://… or mongodb://…, or by %s", flag, variable(strings.TrimLeft(flag, "-")))
	case !ok || rest == "":
		return database{}, misuse("%s is a URL such as sqlite:data.db or postgres://user@host/name", flag)
	}
	switch scheme {
	case "sqlite":
		return database{scheme: scheme, at: rest}, nil
	case "postgres", "postgresql", "mysql", "mariadb", "mongodb", "mongodb+srv":
		return database{scheme: scheme, at: url}, nil
	}
	return database{}, misuse("%s: there is no kind of database named %q; write sqlite:FILE, postgres://…, mysql://…, mariadb://… or mongodb://…", flag, scheme)
}

// shown is what --database was given, as one word of a command line, without a password.
func (d database) shown() string {
	if d.scheme == "sqlite" {
		return word("sqlite:" + d.at)
	}
	u, err := url.Parse(d.at)
	if err != nil {
		return d.scheme + "://…"
	}
	settings := u.Query() // libpq takes passwords here, too
	for _, name := range []string{"password", "sslpassword"} {
		if settings.Has(name) {
			settings.Set(name, "xxxxx")
			u.RawQuery = settings.Encode()
		}
	}
	return word(u.Redacted())
}

// missing reports whether there is no database at all, which for one that is
// a file must not be found out by making it.
func (d database) missing() bool {
	_, err := os.Stat(d.at)
	return d.scheme == "sqlite" && errors.Is(err, fs.ErrNotExist)
}

// nowhere is the error of a file whose folder is not there, so that no command could
// make it; nil for every other database.
func (d database) nowhere() error {
	if d.scheme != "sqlite" {
		return nil
	}
	at := filepath.Dir(d.at)
	if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no folder %s for %s: make it first, or name another file", at, d.shown())
	}
	return nil
}

// floor is never touched, so that it is address space and no memory: the heap may grow
// by so much, beyond its own size, between two collections, which would else come
// several times a second. On SQLite what the heap leaves goes to the database's pages,
// which are worth more.
var floor []byte

// open opens the database, for reading only beside a process that writes.
func (d database) open(ctx context.Context, readOnly bool, log *slog.Logger) (store.Driver, error) {
	if err := d.nowhere(); err != nil {
		return nil, err
	}
	floor = make([]byte, 24<<20)
	switch d.scheme {
	case "sqlite":
		floor = make([]byte, 10<<20)
		return sqlite.Open(ctx, d.at, sqlite.Options{ReadOnly: readOnly, Log: log})
	case "mysql", "mariadb":
		return mysql.Open(ctx, d.at, mysql.Options{MaxOpen: d.connections, Log: log})
	case "mongodb", "mongodb+srv":
		return mongo.Open(ctx, d.at, mongo.Options{MaxOpen: d.connections, Log: log})
	}
	return postgres.Open(ctx, d.at, postgres.Options{MaxOpen: d.connections, Log: log})
}
