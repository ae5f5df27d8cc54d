package sqlite

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/store"
	lib "modernc.org/sqlite/lib"
)

// readers are the connections that read. Beside a writer of the same process each
// keeps its view of the data from one read to the next for as long as nothing is
// committed: to open and to end a view takes and frees locks of the file, which
// costs a third of what finding a record does. A view is never older than the last
// commit of this process; what another program writes is seen after maxView.
type readers struct {
	free    chan *conn // nil members are opened when first needed
	commits atomic.Uint64
	keep    bool          // views are kept
	maxView time.Duration // a kept view is ended after it
	sweeps  atomic.Bool   // a sweep is to come
}

// view is a connection's open read transaction.
type view struct {
	open    bool
	commits uint64 // how many had been when it, or the last read without one, began
	began   time.Time
}

const maxView = 100 * time.Millisecond

// reader waits for a connection that reads, with a view that holds all that was
// committed before. giveBack ends its use.
func (d *Driver) reader(ctx context.Context, mode store.Mode) (*conn, error) {
	var c *conn
	select {
	case c = <-d.readers.free:
	default:
		select {
		case c = <-d.readers.free:
		case <-ctx.Done():
			return nil, store.Interrupted(ctx, errors.New("sqlite: waiting for a connection"))
		}
	}
	if c == closedConn {
		d.readers.free <- c
		return nil, errClosed
	}
	if c == nil {
		var err error
		if c, err = d.fresh(); err != nil {
			d.readers.free <- nil
			return nil, explained(ctx, err)
		}
	}
	if err := d.readers.look(c, mode); err != nil {
		d.readers.free <- c
		return nil, explained(ctx, err)
	}
	return c, nil
}

// fresh is a connection to read with that nobody uses.
func (d *Driver) fresh() (*conn, error) {
	select {
	case c := <-d.costly.idle:
		return c, nil
	default:
	}
	c, err := d.connect(lib.SQLITE_OPEN_READONLY)
	if err != nil {
		return nil, err
	}
	c.d = d
	return c, nil
}

// look sees to c's view. A single read gets one to keep only when the last two saw
// the same state: between two commits that are close it would not pay.
func (r *readers) look(c *conn, mode store.Mode) error {
	commits := r.commits.Load() // before the view begins
	if c.view.open && c.view.commits == commits && time.Since(c.view.began) < r.maxView {
		return nil
	}
	if err := c.endView(); err != nil {
		return err
	}
	steady := r.keep && c.view.commits == commits
	c.view.commits = commits
	if mode != store.Snapshot && !steady {
		return nil
	}
	if err := c.control("BEGIN"); err != nil {
		return err
	}
	c.view.open, c.view.began = true, time.Now()
	if r.keep && r.sweeps.CompareAndSwap(false, true) {
		time.AfterFunc(r.maxView, r.sweep)
	}
	return nil
}

// giveBack ends the use of a connection that reads, and its view when that will
// be of no use.
func (d *Driver) giveBack(c *conn) error {
	c.pause()
	c.looks, c.crowded = 0, false
	var err error
	if c.view.open && (c.costly || !d.readers.keep || c.view.commits != d.readers.commits.Load()) {
		err = c.endView()
	}
	if c.costly {
		d.costly.giveBack(c)
	} else {
		d.readers.free <- c
	}
	return err
}

// endView ends c's view, if SQLite has not done so after an error.
func (c *conn) endView() error {
	if !c.view.open {
		return nil
	}
	c.view.open = false
	if !c.inTransaction() {
		return nil
	}
	return c.control("COMMIT")
}

// sweep ends the views that idle connections have kept for too long, so that they
// do not hold up another program's checkpoint.
func (r *readers) sweep() {
	r.sweeps.Store(false)
	if r.endViews(r.maxView) && r.sweeps.CompareAndSwap(false, true) {
		time.AfterFunc(r.maxView, r.sweep)
	}
}

// endViews ends the views of idle connections that are at least so old, and tells
// whether some may be left.
func (r *readers) endViews(age time.Duration) (left bool) {
	for range cap(r.free) {
		select {
		case c := <-r.free:
			if c != nil && c.view.open && time.Since(c.view.began) >= age {
				_ = c.endView() // the next read finds out
			}
			left = left || c != nil && c.view.open
			r.free <- c
		default:
			return true // the others are at work
		}
	}
	return left
}

// closedConn stands where connections were.
var closedConn = new(conn)

// close waits for what is being read.
func (r *readers) close(costly *costly) error {
	var errs []error
	for range cap(r.free) {
		if c := <-r.free; c != nil {
			errs = append(errs, c.close())
		}
	}
	errs = append(errs, costly.close())
	for range cap(r.free) {
		r.free <- closedConn
	}
	return errors.Join(errs...)
}
