package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/mainstay-run/mainstay/store"
)

// Remove deletes the file at path, and what SQLite keeps beside it, unless a
// process has it open. No file is no error.
func Remove(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	unlock, err := (&Driver{path: path}).lockFile()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{path + "-wal", path + "-shm", path} { // without its file a log is of no use to anybody
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, unlock())...)
}

// lockFile keeps a second process from writing: SQLite alone would let it in and
// make each wait for the other. The lock is on a file beside, which stays.
func (d *Driver) lockFile() (unlock func() error, err error) {
	name := d.path + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, d.notOpened(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("open %s: locking: %w", d.path, err)
		}
		owner := "another mainstay"
		if pid, err := os.ReadFile(name); err == nil && len(pid) > 0 {
			owner += " (pid " + strings.TrimSpace(string(pid)) + ")"
		}
		return nil, fmt.Errorf("open %s: it is open in %s; stop that one, or speak to it", d.path, owner)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(d.notOpened(err), f.Close())
	}
	return func() error { return errors.Join(f.Truncate(0), f.Close()) }, nil
}

// Lock takes a named lock. The file's lock keeps other processes out already, so
// it only has to hold within this one.
func (d *Driver) Lock(ctx context.Context, name string) (unlock func() error, err error) {
	held, _ := d.locks.LoadOrStore(name, make(chan struct{}, 1))
	lock := held.(chan struct{})
	select {
	case lock <- struct{}{}:
		return func() error { <-lock; return nil }, nil
	case <-ctx.Done():
		return nil, store.Interrupted(ctx, errors.New("sqlite: waiting for the lock "+name))
	}
}
