package engine

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// maxLoginName bounds what is remembered of a sign-in name.
const maxLoginName = 320

// Mainstay's own tables about accounts.
var (
	addCredentials = &query.Insert{Table: "mainstay_credentials", Columns: []query.Named{
		{Name: "account", Type: uuidType}, {Name: "hash", Type: wordType}, {Name: "epoch", Type: intType},
	}}
	addSession = &query.Insert{Table: "mainstay_sessions", Columns: []query.Named{
		{Name: "hash", Type: wordType}, {Name: "account", Type: uuidType}, {Name: "created_at", Type: timestampType},
		{Name: "expires_at", Type: timestampType}, {Name: "epoch", Type: intType},
	}}
	dropSession = &query.Delete{Table: query.Table{Name: "mainstay_sessions", Alias: 1},
		Where: equals(query.Col{Alias: 1, Name: "hash", Type: wordType}, query.Param{Slot: 0, Type: wordType})}
	dropExpired = &query.Delete{Table: query.Table{Name: "mainstay_sessions", Alias: 1}, Where: query.Cmp{Op: query.Le,
		L: query.Col{Alias: 1, Name: "expires_at", Type: timestampType}, R: query.Param{Slot: 0, Type: timestampType}}}
)

// accounts is the account resource, NotFound when nobody can sign in.
func (e *Engine) accounts() (*contract.Accounts, *rule.Resource, error) {
	a := e.set.Contract.Accounts
	if a == nil {
		return nil, nil, NotFound()
	}
	return a, e.set.Resource(a.Resource.Name), nil
}

// slowDown is the answer to too many attempts.
func slowDown(wait time.Duration) error {
	err := problem.Errorf(problem.QuotaExceeded, "too many attempts; wait a little")
	err.RetryAfter = wait
	return err
}

// Signup makes an account of the account resource's writable fields and a
// password, and signs it in: {"token":…,"account":{…}}. client is the remote
// address. The contract's `signup: open` admits it; the create rule is not asked.
func (e *Engine) Signup(ctx context.Context, body []byte, client string) (*Result, error) {
	a, r, err := e.accounts()
	if err != nil {
		return nil, err
	}
	switch a.Signup {
	case "open":
	case "invited":
		return nil, problem.Errorf(problem.Forbidden, "signing up needs an invitation")
	default:
		return nil, problem.Errorf(problem.Forbidden, "signing up is closed")
	}
	now := e.opts.Now()
	id := value.NewID(now)
	// Field rules see the caller that is about to be, of whom nothing is known yet
	// but the id: `id == caller.id` holds, `caller.role == "admin"` does not.
	c := e.begin(&auth.Principal{Caller: &rule.Caller{ID: id, Record: rule.Record{"id": id}}})
	s := c.view.Resource(r.Name)
	if s == nil {
		return nil, NotFound()
	}
	in, password, err := c.readSignup(s, a, body)
	if err != nil {
		return nil, err
	}
	in.id = id
	if _, wait := e.auth.Limiter.Attempt("", client); wait > 0 {
		return nil, slowDown(wait)
	}
	hash, err := auth.HashPassword(ctx, password)
	if err != nil {
		return nil, err
	}
	token, tokenHash := auth.NewToken()
	var res *Result
	err = e.db.InTx(ctx, store.Write, &c.stats, func(tx store.Tx) error {
		w := &work{e: e, c: c, tx: tx}
		rec, err := w.create(ctx, s, in, nil)
		if err != nil {
			return err
		}
		if _, err := tx.Insert(ctx, addCredentials, []any{id, hash, int64(1)}); err != nil {
			return err
		}
		if err := w.openSession(ctx, id, tokenHash, 1); err != nil {
			return err
		}
		me := e.begin(&auth.Principal{Caller: &rule.Caller{ID: id, Record: rec}, Session: tokenHash})
		res, err = w.signedIn(ctx, me, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Statements = c.stats.Statements
	return res, nil
}

// readSignup reads a new account's fields and its password; all faults at once.
func (c *call) readSignup(s *rule.Sight, a *contract.Accounts, body []byte) (*input, string, error) {
	j, err := decodeBody(body)
	if err != nil {
		return nil, "", err
	}
	b := &reader{}
	members := maps.Clone(b.object(j, spot{}))
	password := b.text(members, "password")
	if code, detail := auth.CheckPassword(password, a.MinLength); code != "" && len(b.faults) == 0 {
		b.fault(spot{}.member("password"), code, "%s", detail)
	}
	delete(members, "password")
	if _, sent := members["id"]; sent {
		b.fault(spot{}.member("id"), "readonly", "is set by the server")
		delete(members, "id")
	}
	in, unmade := b.newInput(c, s, members)
	given, _ := in.value(a.Email)
	if email, _ := given.(string); email != "" && strings.EqualFold(email, strings.TrimSpace(password)) {
		b.fault(spot{}.member("password"), "common", "must not be the e-mail address")
	}
	if err := b.err(c); err != nil {
		return nil, "", err
	}
	if unmade {
		return nil, "", errIncomplete()
	}
	return in, password, nil
}

// text is a required member that is a string.
func (b *reader) text(members map[string]any, name string) string {
	text, isText := members[name].(string)
	switch here := (spot{}).member(name); {
	case members == nil: // reported already
	case members[name] == nil:
		b.fault(here, "required", "is required")
	case !isText:
		b.fault(here, "type", "must be a string")
	}
	return text
}

// openSession stores a session that begins now, and drops those that have ended,
// and keys that are no longer remembered.
func (w *work) openSession(ctx context.Context, account value.UUID, tokenHash string, epoch int64) error {
	now := w.c.env.Now
	if _, err := w.tx.Delete(ctx, dropExpired, []any{now}); err != nil {
		return err
	}
	if err := w.expireKeys(ctx); err != nil {
		return err
	}
	ends := now + value.Timestamp(w.e.auth.SessionLife().Milliseconds())
	_, err := w.tx.Insert(ctx, addSession, []any{tokenHash, account, now, ends, epoch})
	return err
}

// signedIn is {"token":…,"account":{…}}; without a token it is {"account":{…}}.
func (w *work) signedIn(ctx context.Context, me *call, token string) (*Result, error) {
	_, r, err := w.e.accounts()
	if err != nil {
		return nil, err
	}
	id := me.who.Caller.ID
	body, _, readable, err := w.e.fetch(ctx, w.tx, me, r, id, nil, "", "")
	if err != nil {
		return nil, err
	}
	if !readable {
		body = []byte(`{"id":"` + id.String() + `"}`)
	}
	dst := []byte{'{'}
	if token != "" {
		dst = append(value.AppendString(append(dst, `"token":`...), token), ',')
	}
	dst = append(append(dst, `"account":`...), body...)
	return &Result{Body: append(dst, '}')}, nil
}

// Login answers {"token":…,"account":{…}} to {"email":…,"password":…}. An unknown
// e-mail address and a wrong password are one answer in the same time.
func (e *Engine) Login(ctx context.Context, body []byte, client string) (*Result, error) {
	a, r, err := e.accounts()
	if err != nil {
		return nil, err
	}
	c := e.begin(auth.Nobody)
	email, password, err := c.readLogin(body)
	if err != nil {
		return nil, err
	}
	succeeded, wait := e.auth.Limiter.Attempt(email[:min(len(email), maxLoginName)], client)
	if wait > 0 {
		return nil, slowDown(wait)
	}
	known, err := e.findLogin(ctx, c, a, r, email)
	if err != nil {
		return nil, err
	}
	right, err := auth.VerifyPassword(ctx, known.hash, password)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, problem.Errorf(problem.Unauthenticated, "the e-mail address or the password is wrong")
	}
	succeeded()
	id := known.rec["id"].(value.UUID)
	token, tokenHash := auth.NewToken()
	me := e.begin(&auth.Principal{Caller: &rule.Caller{ID: id, Record: known.rec}, Session: tokenHash})
	var res *Result
	err = e.db.InTx(ctx, store.Write, &c.stats, func(tx store.Tx) error {
		w := &work{e: e, c: c, tx: tx}
		if err := w.openSession(ctx, id, tokenHash, known.epoch); err != nil {
			return err
		}
		var err error
		res, err = w.signedIn(ctx, me, token)
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Statements = c.stats.Statements
	return res, nil
}

func (c *call) readLogin(body []byte) (email, password string, err error) {
	j, err := decodeBody(body)
	if err != nil {
		return "", "", err
	}
	b := &reader{}
	members := b.object(j, spot{})
	email, password = b.text(members, "email"), b.text(members, "password")
	b.only(members, spot{}, "email", "password")
	return strings.ToLower(strings.TrimSpace(email)), password, b.err(c)
}

// login is what is known of an account that signs in; empty for an unknown one.
type login struct {
	hash  string
	epoch int64
	rec   rule.Record
}

func (e *Engine) findLogin(ctx context.Context, c *call, a *contract.Accounts, r *rule.Resource, email string) (login, error) {
	t := e.table(r)
	p := &e.writePlans
	p.lock.Lock()
	if p.login == nil {
		p.login = loginQuery(t, a)
	}
	q := p.login
	p.lock.Unlock()
	var found login
	err := e.db.InTx(ctx, store.ReadOne, &c.stats, func(tx store.Tx) error {
		found = login{}
		for row, err := range tx.Select(ctx, q, []any{email}) {
			if err != nil {
				return err
			}
			n := len(t.fields) + 1
			hash, err := row.Value(n)
			if err != nil {
				return err
			}
			epoch, err := row.Value(n + 1)
			if err != nil {
				return err
			}
			found.hash, _ = hash.(string)
			found.epoch, _ = epoch.(int64)
			if found.rec, err = t.record(row, 0); err != nil {
				return err
			}
		}
		return nil
	})
	return found, err
}

// loginQuery reads an account and its password's hash by its e-mail address.
func loginQuery(t *table, a *contract.Accounts) *query.Select {
	q := &query.Select{
		From:    query.Table{Name: t.r.Table, Alias: 1},
		Columns: t.columns(1),
		Joins: []query.Join{{
			Table: query.Table{Name: "mainstay_credentials", Alias: 2},
			On:    equals(query.Col{Alias: 2, Name: "account", Type: uuidType}, idColumn(t.r, 1)),
		}},
		Where: equals(query.Col{Alias: 1, Name: a.Email.Name, Type: a.Email.Type.Value}, query.Param{Slot: 0, Type: a.Email.Type.Value}),
	}
	q.Columns = append(q.Columns,
		query.Column{Expr: query.Col{Alias: 2, Name: "hash", Type: wordType}, Type: wordType},
		query.Column{Expr: query.Col{Alias: 2, Name: "epoch", Type: intType}, Type: intType})
	return q
}

// Logout ends the session that calls.
func (e *Engine) Logout(ctx context.Context, who *auth.Principal) (*Result, error) {
	c := e.begin(who)
	if c.who.Caller == nil {
		return nil, c.refused()
	}
	if c.who.Session == "" {
		return nil, problem.Errorf(problem.Forbidden, "an API key has no session; delete the key to end it")
	}
	err := e.db.InTx(ctx, store.Write, &c.stats, func(tx store.Tx) error {
		_, err := tx.Delete(ctx, dropSession, []any{c.who.Session})
		return err
	})
	if err != nil {
		return nil, err
	}
	e.auth.Forget(c.who.Caller.ID)
	return &Result{Statements: c.stats.Statements}, nil
}

// Me answers {"account":{…}}, the account that calls as it may see itself.
func (e *Engine) Me(ctx context.Context, who *auth.Principal) (*Result, error) {
	_, r, err := e.accounts()
	if err != nil {
		return nil, err
	}
	c := e.begin(who)
	if c.who.Caller == nil {
		return nil, c.refused()
	}
	if !c.scoped(r, "read") {
		return nil, c.outOfScope(r, "read")
	}
	var res *Result
	err = e.db.InTx(ctx, store.Snapshot, &c.stats, func(tx store.Tx) error {
		var err error
		res, err = (&work{e: e, c: c, tx: tx}).signedIn(ctx, c, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Statements = c.stats.Statements
	return res, nil
}
