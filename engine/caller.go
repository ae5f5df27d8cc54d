package engine

import (
	"context"
	"errors"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
)

// callerChanged ends a write transaction whose caller's account is not what it
// was when the request came: what was understood for it no longer counts.
type callerChanged struct{ now *rule.Caller }

func (*callerChanged) Error() string { return "engine: the caller's account has changed" }

// maxCallers is how often a write begins anew because its caller changes.
const maxCallers = 5

// asNow runs fn for the caller of c, and again for what the caller has become
// when that changed while the write waited for its turn.
func (e *Engine) asNow(c *call, fn func(c *call) error) error {
	for range maxCallers {
		err := fn(c)
		changed := (*callerChanged)(nil)
		if !errors.As(err, &changed) {
			return err
		}
		who := *c.who
		who.Caller = changed.now
		again := e.begin(&who)
		again.stats = c.stats
		c = again
	}
	err := problem.Errorf(problem.Unavailable, "your account changes all the time")
	err.RetryAfter = time.Second
	return err
}

// sameCaller reads the caller's account again, inside the transaction and held
// until it ends, so that a right that was taken meanwhile does not count. Like
// all that is about credentials it is not among the statements of the operation.
func (w *work) sameCaller(ctx context.Context) error {
	was, accounts := w.c.who.Caller, w.e.set.Contract.Accounts
	if was == nil || accounts == nil {
		return nil
	}
	t := w.e.table(w.e.set.Resource(accounts.Resource.Name))
	stats := w.c.stats
	found, err := t.records(ctx, w.tx, t.byID, was.ID)
	w.c.stats = stats
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return auth.ErrCredentials()
	case len(t.changed(was.Record, found[0])) > 0:
		return &callerChanged{&rule.Caller{ID: was.ID, Record: found[0]}}
	}
	return nil
}
