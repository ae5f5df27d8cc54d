package sqlite

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
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
// the last one commits for all. A single write is not given the turn for that: who
// has it does the write, too, without a savepoint, since a statement that fails
// undoes itself. Nobody is answered before that commit, not even with a refusal,
// which may rest on what an earlier member wrote.
//
// There are three ways to write:
//
//	Write     take: waits for the turn, has a savepoint, passes the turn on, waits
//	WriteOne  share: leaves its one statement to who has the turn (try), and waits
//	InTurn    share: the same with a function that selects first (run)
//
// Who shares and finds nobody writing leads: has the turn, does the own write, then
// those that wait (leave), and commits for all.
type writer struct {
	c *conn
	d *Driver

	mu     sync.Mutex
	taken  bool    // somebody has the turn
	queue  []*turn // who wants it, first come first served
	sweeps bool    // a sweep is to come
	closed bool

	// The rest belongs to who has the turn.
	batch  *batch
	single int // so many batches to come have one member: their last one failed together
	// company is for how many batches to come others are expected to join, since one of
	// the last had several members.
	company int
	// maxBatch bounds how long a member waits for later ones.
	maxBatch time.Duration
	// restartAt and passiveAt are the lengths of the log, in pages, at which the
	// next checkpoint is tried.
	passiveAt, restartAt int
}

// turn is a place in the queue.
type turn struct {
	given chan struct{} // holds one once the wait is over
	// waiting is the context of who waits, whose end is looked for by others.
	waiting context.Context
	// change is what whoever has the turn does for who waits; without one they want
	// the turn itself.
	change
	// mine: the turn is given, also to somebody with a change, who then is the first
	// of a batch.
	mine bool
}

// batch is a transaction of SQLite, shared by its members.
type batch struct {
	members int
	changes []*turn // of members that are single writes
	limit   int
	began   time.Time
	done    chan struct{} // closed when it is decided
	err     error         // set before done is closed
}

const (
	maxMembers = 64
	maxBatch   = 20 * time.Millisecond
	maxCompany = 8
	// sweepEvery is how late it may be noticed that somebody waits no more.
	sweepEvery = 10 * time.Millisecond
	// passivePages and restartPages bound the write-ahead log (4 KiB pages): from
	// the first on it is copied, from the second on readers are waited for, so that
	// it can begin anew.
	passivePages = 3000
	restartPages = 4000
)

var (
	errClosed  = problem.Errorf(problem.Unavailable, "the database is closed")
	errWaiting = errors.New("sqlite: waiting for the turn to write")
)

// take waits for the turn.
func (w *writer) take(ctx context.Context) error {
	t := &turn{given: make(chan struct{}, 1)}
	w.wait(ctx, t)
	return t.err
}

// wait returns when t has the turn, or is decided or given up.
func (w *writer) wait(ctx context.Context, t *turn) {
	w.mu.Lock()
	switch {
	case w.closed:
		t.err = errClosed
	case !w.taken:
		w.taken, t.mine = true, true
	default:
		t.waiting = ctx
		w.queue = append(w.queue, t)
		w.sweepSoon()
		w.mu.Unlock()
		<-t.given
		return
	}
	w.mu.Unlock()
}

// sweepSoon has the queue swept if it is not to be already; mu is held.
func (w *writer) sweepSoon() {
	if !w.sweeps {
		w.sweeps = true
		time.AfterFunc(sweepEvery, w.sweep)
	}
}

// sweep takes those out of the queue who do not want to wait any more. To watch for
// that is much dearer for each of them than the look at all of them now and then.
func (w *writer) sweep() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sweeps = false
	w.queue = slices.DeleteFunc(w.queue, func(t *turn) bool {
		if t.waiting.Err() == nil {
			return false
		}
		t.err = store.Interrupted(t.waiting, errWaiting)
		t.given <- struct{}{}
		return true
	})
	if len(w.queue) > 0 {
		w.sweepSoon()
	}
}

// pass gives the turn to the next in line, or to nobody.
func (w *writer) pass() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.taken = false
		return
	}
	w.give()
}

// give gives the turn to the next in line; mu is held.
func (w *writer) give() {
	t := w.queue[0]
	w.queue = w.queue[1:]
	t.mine = true
	t.given <- struct{}{}
}

// join makes who has the turn a member of the batch, and opens one if need be. save: a
// member that is not the first gets a savepoint.
func (w *writer) join(save bool) (b *batch, saved bool, err error) {
	if w.batch != nil {
		if save {
			if err := w.c.control("SAVEPOINT member"); err != nil {
				return nil, false, err
			}
		}
		w.batch.members++
		return w.batch, save, nil
	}
	if err := w.c.control("BEGIN IMMEDIATE"); err != nil {
		return nil, false, err
	}
	w.batch = &batch{members: 1, limit: maxMembers, began: time.Now(), done: make(chan struct{})}
	if w.single > 0 {
		w.single--
		w.batch.limit = 1
	}
	return w.batch, false, nil
}

// leave gives up the turn of a member whose part is done: to the next in line, who
// joins, or, when there is none or the batch is full, by committing for all. Single
// writes that are in line join at once.
func (w *writer) leave() {
	for w.batch != nil {
		t, given := w.next(w.batch)
		if t == nil && !given && w.company > 0 && !w.full(w.batch) {
			// Who was just answered, or read a request meanwhile, may be about to write,
			// and a commit costs much. A lone writer does not let those who read go first.
			runtime.Gosched()
			t, given = w.next(w.batch)
		}
		switch {
		case given:
			return
		case t == nil:
			w.decide(w.c.control("COMMIT"))
			return
		}
		w.batch.members++
		w.do(t)
	}
	w.pass()
}

// next is the single write that joins b next, if one is the next in line. Who wants the
// turn itself is given it.
func (w *writer) next(b *batch) (t *turn, given bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 || w.full(b) {
		return nil, false
	}
	if w.queue[0].q == nil && w.queue[0].fn == nil {
		w.give()
		return nil, true
	}
	t = w.queue[0]
	w.queue = w.queue[1:]
	return t, false
}

// full reports whether b takes no further members.
func (w *writer) full(b *batch) bool {
	return b.members >= b.limit || time.Since(b.began) >= w.maxBatch
}

// decide ends the batch with the result of its commit, then passes the turn.
func (w *writer) decide(err error) {
	w.settle(err)
	w.pass()
}

// settle ends the batch with the result of its commit.
func (w *writer) settle(err error) {
	b := w.batch
	w.batch = nil
	if b.members > 1 {
		w.company = maxCompany
	} else if w.company > 0 {
		w.company--
	}
	if err != nil {
		b.err = w.failed(b, err)
	}
	close(b.done)
	for _, t := range b.changes {
		if b.err != nil {
			t.rows, t.err = 0, b.err
		}
		t.given <- struct{}{}
	}
	if err == nil {
		w.checkpoint()
	}
}

// failed undoes what is left of a transaction and tells its members: one alone
// hears why, several are to be run again, one by one.
func (w *writer) failed(b *batch, err error) error {
	if w.c.inTransaction() {
		if err := w.c.control("ROLLBACK"); err != nil {
			w.d.log.Error("rolling back", slog.Any("error", err))
		}
	}
	if b.members == 1 {
		return explained(context.Background(), err)
	}
	w.d.log.Warn("a group of writes failed together and is run again one by one",
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
		learn(w.c, w.d.log)
		w.c.busyTimeout(50)
		defer w.c.busyTimeout(busyTimeout)
	}
	w.passiveAt = pages + passivePages
	w.d.readers.endViews(0)
	if err := w.c.checkpoint(kind); err != nil && !isBusy(err) {
		w.d.log.Error("checkpoint", slog.Any("error", err))
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
		t.err = errClosed
		t.given <- struct{}{}
	}
	w.queue = nil
	w.mu.Unlock()
	var err error
	if e := w.c.checkpoint(truncate); e != nil && !isBusy(e) {
		err = e
	}
	return errors.Join(err, w.c.close())
}
