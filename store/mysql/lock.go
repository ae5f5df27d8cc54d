package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Lock takes a named lock among all processes on this database. It is held by a
// connection, so it ends with its process at the latest. Names are the server's,
// for all its databases, and at most 64 characters long.
func (d *Driver) Lock(ctx context.Context, name string) (unlock func() error, err error) {
	c, err := d.take(ctx, reading)
	if err != nil {
		return nil, err
	}
	c.broken = true // its session is not like others, and closing it gives the lock back
	sum := sha256.Sum256([]byte(d.config.DBName + "\x00" + name))
	lock := "mainstay " + hex.EncodeToString(sum[:16])
	const forever = "1000000000" // seconds; ctx ends it before
	// It says nothing while the lock is held; that must not end it.
	if err := c.exec(ctx, "SET SESSION wait_timeout = 31536000"); err != nil {
		d.give(c)
		return nil, explained(ctx, err)
	}
	got, err := c.list(ctx, "SELECT GET_LOCK(?, "+forever+")", lock)
	if err == nil && got[0] != "1" {
		err = errors.New("mysql: no lock was given")
	}
	if err != nil {
		d.give(c)
		return nil, explained(ctx, err)
	}
	return func() error {
		defer d.give(c)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		_, err := c.list(ctx, "SELECT RELEASE_LOCK(?)", lock)
		return explained(ctx, err)
	}, nil
}
