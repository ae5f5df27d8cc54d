// Package sqlite keeps records in a SQLite file: one connection writes, durably
// and in groups, a few read and never wait for it.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"

	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// Driver is a SQLite file.
type Driver struct {
	path     string
	log      *slog.Logger
	version  string
	writer   *writer // nil: open for reading only
	readers  readers
	costly   *costly
	rendered rendered
	unlock   func() error
	locks    sync.Map // named locks: chan struct{}
	closing  sync.Once
}

var (
	_ store.Driver = (*Driver)(nil)
	_ store.Turns  = (*Driver)(nil)
)

// Options are the driver's settings; the zero value is useful.
type Options struct {
	// ReadOnly opens beside a process that writes.
	ReadOnly bool
	Log      *slog.Logger // nil: discarded
	// Readers is how many reads run at once, costly ones apart. Defaults to 4.
	Readers int
}

const (
	busyTimeout = 5000 // milliseconds
	// minVersion has the fix for the loss of a checkpoint that met a commit.
	minVersion = 3051003
)

// settings are each connection's. The cache (KiB) and the mapping (bytes) are
// bounded; the mapping halves what a read of a random record costs.
var settings = []string{
	"PRAGMA busy_timeout=" + strconv.Itoa(busyTimeout),
	"PRAGMA synchronous=FULL",
	"PRAGMA foreign_keys=ON",
	"PRAGMA trusted_schema=OFF",
	"PRAGMA temp_store=MEMORY",
	"PRAGMA cache_size=-8000",
	"PRAGMA mmap_size=" + strconv.Itoa(mappedBytes),
}

// Open opens the file, and makes it when it is not there and may be written.
// Every error says what to do about which file.
func Open(ctx context.Context, path string, o Options) (*Driver, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	if err := checkVersion(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d := &Driver{path: path, log: o.Log, version: lib.SQLITE_VERSION, readers: readers{free: make(chan *conn, o.Readers), keep: !o.ReadOnly, maxView: maxView}, costly: newCostly(o.Readers)}
	d.rendered.byQuery = map[any]*sqlgen.Statement{}
	for range o.Readers {
		d.readers.free <- nil
	}
	if o.ReadOnly {
		err = d.openReading(ctx)
	} else {
		err = d.openWriting()
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

func checkVersion() error {
	if n := libraryVersion(); n < minVersion {
		return fmt.Errorf("this program was built with SQLite %s, which can lose data; at least 3.51.3 is needed", lib.SQLITE_VERSION)
	}
	return nil
}

func (d *Driver) openWriting() error {
	folder := filepath.Dir(d.path)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return fmt.Errorf("open %s: there is no folder %s", d.path, folder)
	}
	unlock, err := d.lockFile()
	if err != nil {
		return err
	}
	d.unlock = unlock
	if err := d.openWriter(); err != nil {
		return errors.Join(err, unlock())
	}
	return nil
}

func (d *Driver) openWriter() error {
	// Made here, so that only its owner can read it; SQLite gives the files beside
	// it the same rights.
	f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return d.notOpened(err)
	}
	f.Close()
	c, err := d.connect(lib.SQLITE_OPEN_READWRITE | lib.SQLITE_OPEN_CREATE)
	if err != nil {
		return d.notOpened(err)
	}
	mode, err := c.text("PRAGMA journal_mode=WAL")
	if err == nil && mode != "wal" {
		err = fmt.Errorf("its journal is %q, not a write-ahead log", mode)
	}
	if err == nil {
		err = c.exec("PRAGMA journal_size_limit=" + strconv.Itoa(restartPages*4096))
	}
	if err != nil {
		c.close()
		return d.notOpened(err)
	}
	learn(c, d.log)
	c.commits = &d.readers.commits
	d.writer = &writer{c: c, d: d, maxBatch: maxBatch, passiveAt: passivePages, restartAt: restartPages}
	return nil
}

// learn has SQLite look at a sample of the tables whose size has changed much, so
// that it knows which index leads to few rows. Without it a statement is planned
// as if all indexes were alike, which can make a rule over relations quadratic.
func learn(c *conn, log *slog.Logger) {
	for _, s := range []string{"PRAGMA analysis_limit=400", "PRAGMA optimize=0x10002"} {
		if err := c.exec(s); err != nil {
			log.Warn("sampling the tables", slog.Any("error", err)) // slower, not wrong
			return
		}
	}
}

func (d *Driver) openReading(ctx context.Context) error {
	if _, err := os.Stat(d.path); err != nil {
		return d.notOpened(err)
	}
	c, err := d.reader(ctx, store.ReadOne)
	if err != nil {
		return d.notOpened(err)
	}
	_, err = c.text("SELECT count(*) FROM sqlite_schema")
	if err = errors.Join(err, d.giveBack(c)); err != nil {
		return errors.Join(d.notOpened(err), d.Close())
	}
	return nil
}

// notOpened says in plain words why the file could not be opened; the cause is
// for the log.
func (d *Driver) notOpened(err error) error {
	reason := err.Error()
	var e *sqliteError
	var number syscall.Errno
	errors.As(err, &number)
	what := "the file"
	var at *fs.PathError
	if errors.As(err, &at) && at.Path != d.path {
		what = "its lock"
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		reason = "there is no such file"
	case number == syscall.EISDIR:
		reason = "it is a folder, not a file"
	case errors.Is(err, fs.ErrPermission), number == syscall.EROFS:
		reason = what + " or its folder may not be written: " + number.Error()
	case number == syscall.ENOSPC:
		reason = problems[lib.SQLITE_FULL]
	case errors.As(err, &e) && e.code == lib.SQLITE_READONLY_DIRECTORY:
		reason = "its folder may not be written"
	case errors.As(err, &e) && problems[e.code&0xff] != "":
		if reason = problems[e.code&0xff]; e.errno != 0 && e.code&0xff != lib.SQLITE_FULL {
			reason += ": " + syscall.Errno(e.errno).Error()
		}
	}
	return problem.Wrap(err, problem.Unavailable, "open %s: %s", d.path, reason)
}

// connect opens a connection with its settings and functions.
func (d *Driver) connect(flags int32) (*conn, error) {
	c, err := openConn(d.path, flags)
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		if err := c.exec(s); err != nil {
			c.close()
			return nil, err
		}
	}
	for i, f := range functions {
		if err := c.register(i, f); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// Close waits for what is running, moves the write-ahead log into the file and
// gives the file free.
func (d *Driver) Close() error {
	var errs []error
	d.closing.Do(func() {
		errs = append(errs, d.readers.close(d.costly))
		if d.writer != nil {
			errs = append(errs, d.writer.close())
		}
		if d.unlock != nil {
			errs = append(errs, d.unlock())
		}
	})
	return errors.Join(errs...)
}

// Limits tells what SQLite cannot do.
func (d *Driver) Limits() store.Limits {
	return store.Limits{Name: "SQLite " + d.version, MaxParams: 32766, OneWriter: true}
}
