package engine

import (
	"context"
	"strings"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// ChangePassword gives the account that is signed in another password for
// {"password":…,"new_password":…}. All its sessions and API keys end, whoever has
// them; the answer is that of Login, with a new session. Attempts are limited as
// those of Login are: client is the remote address.
func (e *Engine) ChangePassword(ctx context.Context, who *auth.Principal, body []byte, client string) (*Result, error) {
	a, r, err := e.accounts()
	if err != nil {
		return nil, err
	}
	c := e.begin(who)
	switch {
	case c.who.Caller == nil:
		return nil, c.refused()
	case c.who.Session == "":
		return nil, problem.Errorf(problem.Forbidden, "a password is changed by those who signed in with it")
	}
	email, _ := c.who.Caller.Record[a.Email.Name].(string)
	password, next, err := c.readPasswords(a, email, body)
	if err != nil {
		return nil, err
	}
	known, err := e.rightPassword(ctx, c, a, r, email, password, client)
	if err != nil {
		return nil, err
	}
	hash, err := auth.HashPassword(ctx, next)
	if err != nil {
		return nil, err
	}
	var res *Result
	err = e.asNow(c, func(c *call) error {
		res, err = e.renew(ctx, c, hash, known.epoch+1)
		return err
	})
	if err != nil {
		return nil, err
	}
	e.auth.Forget(c.who.Caller.ID)
	return res, nil
}

func (c *call) readPasswords(a *contract.Accounts, email string, body []byte) (password, next string, err error) {
	j, err := decodeBody(body)
	if err != nil {
		return "", "", err
	}
	b := &reader{}
	members := b.object(j, spot{})
	password = b.text(members, "password")
	sound := len(b.faults)
	next = b.text(members, "new_password")
	here := spot{}.member("new_password")
	switch code, detail := auth.CheckPassword(next, a.MinLength); {
	case len(b.faults) > sound: // reported already
	case code != "":
		b.fault(here, code, "%s", detail)
	case strings.EqualFold(email, strings.TrimSpace(next)):
		b.fault(here, "common", "must not be the e-mail address")
	}
	b.only(members, spot{}, "password", "new_password")
	return password, next, b.err(c)
}

// rightPassword finds the sign-in data of the caller's account, if password is its own.
func (e *Engine) rightPassword(ctx context.Context, c *call, a *contract.Accounts, r *rule.Resource, email, password, client string) (login, error) {
	succeeded, wait := e.auth.Limiter.Attempt(email[:min(len(email), maxLoginName)], client)
	if wait > 0 {
		return login{}, slowDown(wait)
	}
	known, err := e.findLogin(ctx, c, a, r, email)
	if err != nil {
		return login{}, err
	}
	if known.rec["id"] != any(c.who.Caller.ID) {
		return login{}, auth.ErrCredentials() // the address is somebody else's by now
	}
	right, err := auth.VerifyPassword(ctx, known.hash, password)
	if err != nil {
		return login{}, err
	}
	if !right {
		b := &reader{}
		b.fault(spot{}.member("password"), "wrong", "is not your password")
		return login{}, b.err(c)
	}
	succeeded()
	return known, nil
}

// renew stores the hash of a new password, ends what the old one had opened and
// opens a session of the epoch that begins.
func (e *Engine) renew(ctx context.Context, c *call, hash string, epoch int64) (res *Result, err error) {
	token, tokenHash := auth.NewToken()
	id := c.who.Caller.ID
	me := e.begin(&auth.Principal{Caller: c.who.Caller, Session: tokenHash})
	err = e.db.InTx(ctx, store.Write, &c.stats, func(tx store.Tx) error {
		w := &work{e: e, c: c, tx: tx}
		if err := w.sameCaller(ctx); err != nil {
			return err
		}
		n, err := tx.Update(ctx, setCredentials, []any{id, hash, epoch, epoch - 1})
		if err != nil {
			return err
		}
		if n == 0 {
			return auth.ErrCredentials() // another password was set meanwhile
		}
		if err := w.endCredentials(ctx, id); err != nil {
			return err
		}
		if err := w.openSession(ctx, id, tokenHash, epoch); err != nil {
			return err
		}
		res, err = w.signedIn(ctx, me, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Statements = c.stats.Statements
	return res, nil
}

// endCredentials ends all sessions and API keys of an account.
func (w *work) endCredentials(ctx context.Context, account value.UUID) error {
	for _, q := range []*query.Delete{dropSessions, dropAPIKeys} {
		if _, err := w.tx.Delete(ctx, q, []any{[]any{account}}); err != nil {
			return err
		}
	}
	return nil
}

// setCredentials changes a password; args: the account, hash and epoch, and the
// epoch until now. Sessions of another epoch are over.
var setCredentials = &query.Update{
	Table: query.Table{Name: "mainstay_credentials", Alias: 1},
	Set: []query.Assign{
		{Column: query.Named{Name: "hash", Type: wordType}, Value: query.Param{Slot: 1, Type: wordType}},
		{Column: query.Named{Name: "epoch", Type: intType}, Value: query.Param{Slot: 2, Type: intType}},
	},
	Where: query.And{List: []query.Expr{
		equals(query.Col{Alias: 1, Name: "account", Type: uuidType}, query.Param{Slot: 0, Type: uuidType}),
		equals(query.Col{Alias: 1, Name: "epoch", Type: intType}, query.Param{Slot: 3, Type: intType}),
	}},
}
