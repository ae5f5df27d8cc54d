package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// writer is the one connection that writes, and the turn to use it. Several
// transactions share one durable commit: whoever has the turn runs in a savepoint
// of the batch and, on its commit, hands the turn to the next in line and waits;
// the last one commits for all. Nobody is answered before that commit, not even
// with a refusal, which may rest on what an earlier member wrote.
type writer struct {
	c       *conn
	readers *readers
	log     *slog.Logger

	mu     sync.Mutex
	taken  bool    // somebody has the turn
	queue  []*turn // who wants it, first come first served
	closed bool

	// The rest belongs to who has the turn.
	batch  *batch
	single int // so many batches to come have one member: their last one failed together
	// maxBatch bounds how long a member waits for later ones.
	maxBatch time.Duration
	// restartAt and passiveAt are the lengths of the log, in pages, at which the
	// next checkpoint is tried.
	passiveAt, restartAt int
}

// turn is a place in the queue.
type turn struct{ given chan struct{} }

// batch is a transaction of SQLite, shared by its members.
type batch struct {
	members int
	limit   int
	began   time.Time
	done    chan struct{} // closed when it is decided
	err     error         // set before done is closed
}

const (
	maxMembers = 64
	maxBatch   = 20 * time.Millisecond
	// passivePages and restartPages bound the write-ahead log (4 KiB pages): from
	// the first on it is copied, from the second on readers are waited for, so that
	// it can begin anew.
	passivePages = 1000
	restartPages = 4000
)

var errClosed = problem.Errorf(problem.Unavailable, "the database is closed")

// take waits for the turn.
func (w *writer) take(ctx context.Context) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	if !w.taken {
		w.taken = true
		w.mu.Unlock()
		return nil
	}
	t := &turn{make(chan struct{})}
	w.queue = append(w.queue, t)
	w.mu.Unlock()
	select {
	case <-t.given:
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.closed {
			return errClosed
		}
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	i := slices.Index(w.queue, t)
	if i >= 0 {
		w.queue = slices.Delete(w.queue, i, i+1)
		w.mu.Unlock()
	} else { // it was given in the same moment
		w.mu.Unlock()
		w.leave()
	}
	return store.Interrupted(ctx, errors.New("sqlite: waiting for the turn to write"))
}

// pass gives the turn to the next in line, or to nobody.
func (w *writer) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.taken = false
		return
	}
	close(w.queue[0].given)
	w.queue = w.queue[1:]
}

// join makes who has the turn a member of the batch, and opens one if need be.
func (w *writer) join() (b *batch, first bool, err error) {
	if w.batch != nil {
		if err := w.c.control("SAVEPOINT member"); err != nil {
			return nil, false, err
		}
		w.batch.members++
		return w.batch, false, nil
	}
	if err := w.c.control("BEGIN IMMEDIATE"); err != nil {
		return nil, false, err
	}
	w.batch = &batch{members: 1, limit: maxMembers, began: time.Now(), done: make(chan struct{})}
	if w.single > 0 {
		w.single--
		w.batch.limit = 1
	}
	return w.batch, true, nil
}

// leave gives up the turn of a member whose part is done: to the next in line, who
// joins, or, when there is none or the batch is full, by committing for all.
func (w *writer) leave() {
	b := w.batch
	if b == nil {
		w.pass()
		return
	}
	w.mu.Lock()
	if len(w.queue) > 0 && b.members < b.limit && time.Since(b.began) < w.maxBatch {
		close(w.queue[0].given)
		w.queue = w.queue[1:]
		w.mu.Unlock()
		return
	}
	w.mu.Unlock()
	w.decide(w.c.control("COMMIT"))
}

// decide ends the batch with the result of its commit, then passes the turn.
func (w *writer) decide(err error) {
	b := w.batch
	w.batch = nil
	if err != nil {
		b.err = w.failed(b, err)
	}
	close(b.done)
	if err == nil {
		w.checkpoint()
	}
	w.pass()
}

// failed undoes what is left of a transaction and tells its members: one alone
// hears why, several are to be run again, one by one.
func (w *writer) failed(b *batch, err error) error {
	if w.c.inTransaction() {
		if err := w.c.control("ROLLBACK"); err != nil {
			w.log.Error("rolling back", slog.Any("error", err))
		}
	}
	if b.members == 1 {
		return explained(context.Background(), err)
	}
	w.log.Warn("a group of writes failed together and is run again one by one",
		slog.Int("members", b.members), slog.Any("error", err))
	w.single += b.members
	return store.ErrAgain
}

// checkpoint keeps the write-ahead log short. A reader that stands in the way for
// long only puts it off.
func (w *writer) checkpoint() {
	pages := w.c.walPages
	if pages < w.passiveAt && pages < w.restartAt {
		if pages < passivePages {
			w.passiveAt, w.restartAt = passivePages, restartPages
		}
		return
	}
	kind := int32(passive)
	if pages >= w.restartAt {
		kind = restart
		w.restartAt = pages + restartPages
		learn(w.c, w.log)
		w.c.busyTimeout(50)
		defer w.c.busyTimeout(busyTimeout)
	}
	w.passiveAt = pages + passivePages
	w.readers.endViews(0)
	if err := w.c.checkpoint(kind); err != nil && !isBusy(err) {
		w.log.Error("checkpoint", slog.Any("error", err))
	}
}

func isBusy(err error) bool {
	var e *sqliteError
	return errors.As(err, &e) && e.code&0xff == lib.SQLITE_BUSY
}

// close waits for the turn, and ends a batch that is open when it comes.
func (w *writer) close() error {
	for {
		if err := w.take(context.Background()); err != nil {
			return err
		}
		if w.batch == nil {
			break
		}
		w.decide(w.c.control("COMMIT"))
	}
	w.mu.Lock()
	w.closed = true
	for _, t := range w.queue {
		close(t.given)
	}
	w.queue = nil
	w.mu.Unlock()
	var err error
	if e := w.c.checkpoint(truncate); e != nil && !isBusy(e) {
		err = e
	}
	return errors.Join(err, w.c.close())
}
