package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile keeps a second process from writing: SQLite alone would let it in and
// make each wait for the other. The lock is on a file beside, which stays.
func lockFile(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS) {
		return nil, fmt.Errorf("open %s: its folder may not be written: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("open %s: locking: %w", path, err)
		}
		owner := "another mainstay"
		if pid, err := os.ReadFile(path + ".lock"); err == nil && len(pid) > 0 {
			owner += " (pid " + strings.TrimSpace(string(pid)) + ")"
		}
		return nil, fmt.Errorf("open %s: it is open in %s; stop that one, or speak to it", path, owner)
	}
	if err := f.Truncate(0); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), f.Close())
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), f.Close())
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
		return nil, interrupted(ctx, errors.New("sqlite: waiting for the lock "+name))
	}
}
