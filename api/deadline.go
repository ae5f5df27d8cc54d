package api

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/store"
)

// deadline is a context that ends at a time. Unlike context.WithDeadline it costs
// nothing until somebody waits for Done: most requests are over before anybody
// does, and those that work ask Err, which looks at the clock.
type deadline struct {
	context.Context
	at   time.Time
	over atomic.Bool // released
	who  *auth.Principal

	mu     sync.Mutex
	waited context.Context // made by the first Done
	cancel context.CancelFunc
}

func newDeadline(parent context.Context, d time.Duration) *deadline {
	return &deadline{Context: parent, at: time.Now().Add(d)}
}

// Value tells the database's driver who asks, and package context what stands behind
// Done: without it, whoever derives a context or waits by AfterFunc costs a goroutine.
func (d *deadline) Value(key any) any {
	if _, asked := key.(store.Asking); !asked {
		return d.behind().Value(key)
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

// behind is the context that ends with d, once somebody waits.
func (d *deadline) behind() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waited != nil {
		return d.waited
	}
	return d.Context
}

func (d *deadline) Done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waited == nil {
		d.waited, d.cancel = context.WithDeadline(d.Context, d.at)
		if d.over.Load() {
			d.cancel()
		}
	}
	return d.waited.Done()
}

// release frees the timer, if there is one. Who still waits is woken, and told by Err
// that it is over: package context panics when a context is done without an error.
func (d *deadline) release() {
	d.over.Store(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancel != nil {
		d.cancel()
	}
}
