package engine

import (
	"context"
	"errors"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
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

// sameCaller reads the caller's account and session or API key again, inside the
// transaction, the account held until it ends, so that a right that was taken
// meanwhile does not count and who was signed out does nothing more. Like all that
// is about credentials it is not among the statements of the operation.
func (w *work) sameCaller(ctx context.Context) error {
	was, accounts := w.c.who.Caller, w.e.set.Contract.Accounts
	if was == nil || accounts == nil {
		return nil
	}
	t := w.e.table(w.e.set.Resource(accounts.Resource.Name))
	q, args := t.byID, []any{was.ID}
	switch {
	case w.c.who.Session != "":
		q, args = t.bySession, append(args, w.c.who.Session)
	case w.c.who.Key != value.UUID{}:
		q, args = t.byAPIKey, append(args, w.c.who.Key)
	}
	stats := w.c.stats
	rec, live, err := w.holder(ctx, t, q, args)
	w.c.stats = stats
	switch {
	case err != nil:
		return err
	case !live:
		return auth.ErrCredentials()
	case len(t.changed(was.Record, rec)) > 0:
		return &callerChanged{&rule.Caller{ID: was.ID, Record: rec}}
	}
	return nil
}

// holder reads an account together with a credential; live is false when one of
// the two is not there any more, or no longer counts.
func (w *work) holder(ctx context.Context, t *table, q *query.Select, args []any) (rec rule.Record, live bool, err error) {
	for row, err := range w.tx.Select(ctx, q, args) {
		if err != nil {
			return nil, false, err
		}
		if rec, err = t.record(row, 0); err != nil {
			return nil, false, err
		}
		own := len(t.fields) + 1
		switch q {
		case t.bySession:
			return rec, w.goesOn(row, own), nil
		case t.byAPIKey:
			return rec, !row.Null(own), nil
		}
		return rec, true, nil
	}
	return nil, false, nil
}

// goesOn reads a session's columns: it is there, not over, and not from before the
// password that the account has now.
func (w *work) goesOn(row store.Row, first int) bool {
	ends, err := row.Value(first)
	if at, ok := ends.(value.Timestamp); err != nil || !ok || at <= w.c.env.Now {
		return false
	}
	began, err := row.Value(first + 1)
	if err != nil || began == nil {
		return false
	}
	now, err := row.Value(first + 2)
	return err == nil && began == now
}

// holders makes the statements that read an account with the session or the API
// key that speaks for it; args: the account's id, the session's hash or the key's id.
func (t *table) holders() {
	with := func(name, by string, byType *value.Type) *query.Select {
		q := &query.Select{From: t.byID.From, Columns: t.columns(1), Where: t.byID.Where, Lock: query.ForShare}
		q.Joins = []query.Join{{Table: query.Table{Name: name, Alias: 2}, On: query.And{List: []query.Expr{
			equals(query.Col{Alias: 2, Name: by, Type: byType}, query.Param{Slot: 1, Type: byType}),
			equals(query.Col{Alias: 2, Name: "account", Type: uuidType}, idColumn(t.r, 1)),
		}}}}
		return q
	}
	read := func(q *query.Select, alias int, name string, typ *value.Type) {
		q.Columns = append(q.Columns, query.Column{Expr: query.Col{Alias: alias, Name: name, Type: typ}, Type: typ})
	}
	t.byAPIKey = with("mainstay_keys", "id", uuidType)
	read(t.byAPIKey, 2, "id", uuidType)
	t.bySession = with("mainstay_sessions", "hash", wordType)
	t.bySession.Joins = append(t.bySession.Joins, query.Join{
		Table: query.Table{Name: "mainstay_credentials", Alias: 3},
		On:    equals(query.Col{Alias: 3, Name: "account", Type: uuidType}, idColumn(t.r, 1)),
	})
	read(t.bySession, 2, "expires_at", timestampType)
	read(t.bySession, 2, "epoch", intType)
	read(t.bySession, 3, "epoch", intType)
}
