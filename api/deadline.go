package api

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/store"
)

// deadline is a context that ends at a time, or when its request does. Unlike
// context.WithDeadline it costs nothing until somebody waits for Done, and then
// neither a timer nor a place with its parent: its watch looks at the clock for all.
// Those that work ask Err, which knows at once.
type deadline struct {
	context.Context
	at   time.Time
	over atomic.Bool // released
	who  *auth.Principal

	watch *watch
	mu    sync.Mutex
	done  chan struct{} // made by the first Done
	ended bool          // done is closed
	after []*func()     // what AfterFunc calls
}

func (w *watch) deadline(parent context.Context, d time.Duration) *deadline {
	return &deadline{Context: parent, at: time.Now().Add(d), watch: w}
}

// Value tells the database's driver who asks.
func (d *deadline) Value(key any) any {
	if _, asked := key.(store.Asking); !asked {
		return d.Context.Value(key)
	}
	if d.who == nil || d.who.Caller == nil {
		return nil
	}
	return d.who.Caller.ID
}

func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

func (d *deadline) Err() error {
	if err := d.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(d.at) {
		return context.DeadlineExceeded
	}
	if d.over.Load() {
		return context.Canceled
	}
	return nil
}

func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil {
		d.done = make(chan struct{})
		if d.ended = d.over.Load(); d.ended {
			close(d.done)
		} else {
			d.watch.add(d)
		}
	}
	return d.done
}

// AfterFunc calls f when d ends. Package context asks for it: without it, whoever
// derives a context from d costs a goroutine.
func (d *deadline) AfterFunc(f func()) (stop func() bool) {
	d.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		go f()
		return func() bool { return false }
	}
	d.after = append(d.after, &f)
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		i := slices.Index(d.after, &f)
		if i >= 0 {
			d.after = slices.Delete(d.after, i, i+1)
		}
		return i >= 0
	}
}

// end wakes who waits, if anybody does; Err has its reason by then.
func (d *deadline) end() (waited bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done == nil || d.ended {
		return false
	}
	d.ended = true
	close(d.done)
	for _, f := range d.after {
		go (*f)()
	}
	d.after = nil
	return true
}

// release ends d with its request. Who still waits is woken, and told by Err that it
// is over: package context panics when a context is done without an error.
func (d *deadline) release() {
	d.over.Store(true)
	if d.end() {
		d.watch.remove(d)
	}
}

// watch ends deadlines that somebody waits for.
type watch struct {
	mu      sync.Mutex
	waited  map[*deadline]struct{}
	looking bool // it will look again
}

// lookEvery is how late those who wait may hear of an end.
const lookEvery = 20 * time.Millisecond

func (w *watch) add(d *deadline) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waited == nil {
		w.waited = map[*deadline]struct{}{}
	}
	w.waited[d] = struct{}{}
	if !w.looking {
		w.looking = true
		time.AfterFunc(lookEvery, w.look)
	}
}

func (w *watch) remove(d *deadline) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waited, d)
}

// look ends those whose time has come or whose request was given up, and looks again
// while there are others.
func (w *watch) look() {
	w.mu.Lock()
	var ended []*deadline
	for d := range w.waited {
		if d.Err() != nil {
			ended = append(ended, d)
			delete(w.waited, d)
		}
	}
	w.looking = len(w.waited) > 0
	if w.looking {
		time.AfterFunc(lookEvery, w.look)
	}
	w.mu.Unlock()
	for _, d := range ended {
		d.end()
	}
}
