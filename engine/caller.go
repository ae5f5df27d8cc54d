package engine

import (
	"context"
	"errors"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
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
		changed, again := errors.AsType[*callerChanged](err)
		if !again {
			return err
		}
		who := *c.who
		who.Caller = changed.now
		anew := e.begin(&who)
		anew.stats = c.stats
		c = anew
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
	t := w.e.accountTable()
	stats := w.c.stats
	rec, live, err := w.holder(ctx, t)
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

func (e *Engine) accountTable() *table {
	return e.table(e.set.Resource(e.set.Contract.Accounts.Resource.Name))
}

// holder reads the caller's account and holds it; live is false when it is not there
// any more, or the credential that speaks for it no longer counts.
func (w *work) holder(ctx context.Context, t *table) (rec rule.Record, live bool, err error) {
	by, args := w.c.credential()
	for row, err := range w.tx.Select(ctx, t.holders[by], args) {
		if err != nil {
			return nil, false, err
		}
		rec, err := t.record(row, 0)
		return rec, err == nil, err
	}
	return nil, false, nil
}

// credential is what speaks for an account.
type credential uint8

const (
	byNobody    credential = iota // nobody is there to speak for
	byAccount                     // nothing but the account, as in tests
	bySession                     // found by its hash
	byKey                         // an API key, found by its id
	credentials                   // how many there are
)

// credential tells how the caller was identified, and the arguments of a holder.
func (c *call) credential() (credential, []any) {
	if c.who.Caller == nil {
		return byNobody, nil
	}
	args := []any{c.who.Caller.ID}
	switch {
	case c.who.Session != "":
		return bySession, append(args, c.who.Session, c.env.Now)
	case c.who.Key != value.UUID{}:
		return byKey, append(args, c.who.Key)
	}
	return byAccount, args
}

// asKnown is what a single write requires of the caller, whom nothing else holds, and
// the arguments for it: see unchanged.
func (w *work) asKnown() (credential, []any) {
	by, args := w.c.credential()
	if !w.single || by == byNobody {
		return byNobody, nil
	}
	return by, append([]any{w.c.who.Caller.Record[revisionColumn]}, args...)
}

// confirmed is what came of a single write that wrote nothing, so that nothing has yet
// required its caller to be unchanged.
func (w *work) confirmed(ctx context.Context, err error) error {
	by, args := w.asKnown()
	if by == byNobody {
		return err
	}
	switch problem.KindOf(err) {
	case problem.Internal, problem.Unavailable, problem.Timeout, problem.QuotaExceeded: // no judgement
		return err
	}
	stats := w.c.stats
	defer func() { w.c.stats = stats }()
	for _, failed := range w.tx.Select(ctx, w.e.accountTable().confirms[by], args) {
		if failed != nil {
			return failed
		}
		return err // the caller is unchanged, so it stands
	}
	return errOvertaken
}

// unchanged is a holder of the account as it was when the request came; its arguments
// are the account's revision, then those of holder.
func (e *Engine) unchanged(by credential, slot int) *query.Select {
	if by == byNobody {
		return nil
	}
	const alias = 11
	q := holder(e.set.Resource(e.set.Contract.Accounts.Resource.Name), by, alias, slot+1)
	revision := query.Col{Alias: alias, Name: revisionColumn, Type: intType}
	q.Where = query.And{List: []query.Expr{q.Where, equals(revision, query.Param{Slot: slot, Type: intType})}}
	return q
}

// holder finds and holds an account of r as long as the credential that speaks for it
// counts: a session that is there, not over, and not from before the password that the
// account has now. Its aliases begin at alias, its arguments at slot: the account's id,
// then the session's hash and the time, or the key's id.
func holder(r *rule.Resource, by credential, alias, slot int) *query.Select {
	id := idColumn(r, alias)
	q := &query.Select{
		From:    query.Table{Name: r.Table, Alias: alias},
		Columns: []query.Column{{Expr: id, Type: idType(r)}},
		Lock:    query.ForShare,
	}
	where := []query.Expr{equals(id, query.Param{Slot: slot, Type: idType(r)})}
	col := func(i int, name string, typ *value.Type) query.Col {
		return query.Col{Alias: alias + i, Name: name, Type: typ}
	}
	join := func(i int, table string, on ...query.Expr) {
		on = append(on, equals(col(i, "account", uuidType), id))
		q.Joins = append(q.Joins, query.Join{Table: query.Table{Name: table, Alias: alias + i}, On: query.And{List: on}})
	}
	switch by {
	case bySession:
		join(1, "mainstay_sessions", equals(col(1, "hash", wordType), query.Param{Slot: slot + 1, Type: wordType}))
		join(2, "mainstay_credentials")
		where = append(where,
			query.Cmp{Op: query.Gt, L: col(1, "expires_at", timestampType), R: query.Param{Slot: slot + 2, Type: timestampType}},
			equals(col(1, "epoch", intType), col(2, "epoch", intType)))
	case byKey:
		join(1, "mainstay_keys", equals(col(1, "id", uuidType), query.Param{Slot: slot + 1, Type: uuidType}))
		where = append(where, query.IsNull{X: col(1, "id", uuidType), Not: true})
	}
	q.Where = query.And{List: where}
	return q
}
