package auth

import (
	"context"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Options are an Authenticator's settings; the zero value is useful.
type Options struct {
	Now func() time.Time // nil: time.Now
	// SessionLife is how long a session lasts, whatever happens. Defaults to 12 h.
	SessionLife time.Duration
	// Limiter is kept when a contract is loaded anew; nil makes one.
	Limiter *Limiter
}

// Authenticator knows callers by their credentials.
type Authenticator struct {
	// Limiter bounds attempts to sign in.
	Limiter *Limiter

	db       *store.DB
	now      func() time.Time
	life     time.Duration
	account  []*contract.Field // the stored fields of the account resource; nil: nobody can sign in
	sessions *query.Select
	keys     *query.Select
	seen     cache
}

// New makes the authenticator of a contract on a database.
func New(db *store.DB, set *rule.Set, o Options) *Authenticator {
	a := &Authenticator{Limiter: o.Limiter, db: db, now: o.Now, life: o.SessionLife}
	if a.now == nil {
		a.now = time.Now
	}
	if a.life == 0 {
		a.life = 12 * time.Hour
	}
	if a.Limiter == nil {
		a.Limiter = NewLimiter(a.now)
	}
	if accounts := set.Contract.Accounts; accounts != nil {
		for _, f := range accounts.Resource.Fields {
			if f.Stored() {
				a.account = append(a.account, f)
			}
		}
		a.sessions = sessionQuery(accounts.Resource.Table, a.account)
		a.keys = keyQuery(accounts.Resource.Table, a.account)
	}
	return a
}

// SessionLife is how long a session lasts.
func (a *Authenticator) SessionLife() time.Duration { return a.life }

// Identify finds who sent an Authorization header: Nobody for an empty one,
// Unauthenticated for every other that is not a live session's or key's token.
// What it finds may be up to a second old, except for what this process has
// changed itself (see Forget).
func (a *Authenticator) Identify(ctx context.Context, authorization string) (*Principal, error) {
	if authorization == "" {
		return Nobody, nil
	}
	token, ok := bearer(authorization)
	if !ok || a.account == nil {
		return nil, ErrCredentials()
	}
	hash := hashToken(token)
	now := a.now()
	who, age := a.seen.find(hash, now)
	if who != nil {
		return who, nil
	}
	load := a.loadSession
	if token[:len(keyMark)] == keyMark {
		load = a.loadKey
	}
	who, err := load(ctx, hash, now)
	if err != nil {
		return nil, err
	}
	if who == nil {
		return nil, ErrCredentials()
	}
	a.seen.keep(hash, who, now, age)
	return who, nil
}

// ErrCredentials is the answer to credentials that are none, or none any more.
func ErrCredentials() error {
	return problem.Errorf(problem.Unauthenticated, "the credentials are not valid or no longer valid")
}

// Forget drops what is remembered of an account; call it after every commit
// that changed the account, its sessions or its keys.
func (a *Authenticator) Forget(account value.UUID) { a.seen.forget(&account) }

// ForgetAll drops everything that is remembered.
func (a *Authenticator) ForgetAll() { a.seen.forget(nil) }

// Aliases in the two queries below.
const (
	credential = 1 // the session or key
	login      = 2
	person     = 3
)

// The kinds of the columns that are read here.
var (
	idType        = &value.Type{Kind: value.ID}
	stringType    = &value.Type{Kind: value.String}
	intType       = &value.Type{Kind: value.Int}
	timestampType = &value.Type{Kind: value.TimestampKind}
	scopesType    = &value.Type{Kind: value.List, Elem: stringType}
)

func col(alias int, name string, t *value.Type) query.Col {
	return query.Col{Alias: alias, Name: name, Type: t}
}

// sessionQuery reads a session, the epoch of its account and the account, by
// the token's hash.
func sessionQuery(accounts string, fields []*contract.Field) *query.Select {
	q := &query.Select{
		From: query.Table{Name: "mainstay_sessions", Alias: credential},
		Joins: []query.Join{{
			Table: query.Table{Name: "mainstay_credentials", Alias: login},
			On:    query.Cmp{Op: query.Eq, L: col(login, "account", idType), R: col(credential, "account", idType)},
		}},
		Columns: []query.Column{
			{Expr: col(credential, "expires_at", timestampType), Type: timestampType},
			{Expr: col(credential, "epoch", intType), Type: intType},
			{Expr: col(login, "epoch", intType), Type: intType},
		},
	}
	return withAccount(q, accounts, fields)
}

// keyQuery reads an API key and its account by the key's hash.
func keyQuery(accounts string, fields []*contract.Field) *query.Select {
	q := &query.Select{
		From: query.Table{Name: "mainstay_keys", Alias: credential},
		Columns: []query.Column{
			{Expr: col(credential, "id", idType), Type: idType},
			{Expr: col(credential, "scopes", scopesType), Type: scopesType},
		},
	}
	return withAccount(q, accounts, fields)
}

func withAccount(q *query.Select, accounts string, fields []*contract.Field) *query.Select {
	q.Joins = append(q.Joins, query.Join{
		Table: query.Table{Name: accounts, Alias: person},
		On:    query.Cmp{Op: query.Eq, L: col(person, "id", idType), R: col(credential, "account", idType)},
	})
	for _, f := range fields {
		q.Columns = append(q.Columns, query.Column{Expr: col(person, f.Name, f.Type.Value), Type: f.Type.Value})
	}
	q.Columns = append(q.Columns, query.Column{Expr: col(person, schema.Revision, intType), Type: intType})
	q.Where = query.Cmp{Op: query.Eq, L: col(credential, "hash", stringType), R: query.Param{Slot: 0, Type: stringType}}
	q.ByKey = true
	return q
}

// loadSession is nil when there is no such session, it has ended, or its
// account is gone.
func (a *Authenticator) loadSession(ctx context.Context, hash string, now time.Time) (*Principal, error) {
	row, err := a.load(ctx, a.sessions, hash)
	if row == nil {
		return nil, err
	}
	expires, _ := row[0].(value.Timestamp)
	caller := a.caller(row[3:])
	if caller == nil || row[1] == nil || row[1] != row[2] || expires <= value.TimestampOf(now) {
		return nil, nil
	}
	return &Principal{Caller: caller, Session: hash}, nil
}

// loadKey is nil when there is no such key or its account is gone.
func (a *Authenticator) loadKey(ctx context.Context, hash string, _ time.Time) (*Principal, error) {
	row, err := a.load(ctx, a.keys, hash)
	if row == nil {
		return nil, err
	}
	caller := a.caller(row[2:])
	if caller == nil {
		return nil, nil
	}
	who := &Principal{Caller: caller}
	who.Key, _ = row[0].(value.UUID)
	if list, limited := row[1].([]any); limited {
		who.Scopes = make([]string, len(list))
		for i, s := range list {
			who.Scopes[i], _ = s.(string)
		}
	}
	return who, nil
}

// load reads the only row of q, nil when there is none.
func (a *Authenticator) load(ctx context.Context, q *query.Select, hash string) ([]any, error) {
	var values []any
	ctx = context.WithValue(ctx, store.Asking{}, a) // who is known does not wait behind nobody
	err := a.db.InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		values = nil
		for row, err := range tx.Select(ctx, q, []any{hash}) {
			if err != nil {
				return err
			}
			values = make([]any, len(q.Columns))
			for i := range values {
				if values[i], err = row.Value(i); err != nil {
					return err
				}
			}
			break
		}
		return nil
	})
	return values, err
}

// caller makes the account of its stored values and its revision, nil when it is not there.
func (a *Authenticator) caller(values []any) *rule.Caller {
	record := make(rule.Record, len(values))
	for i, f := range a.account {
		record[f.Name] = values[i]
	}
	record[schema.Revision] = values[len(a.account)]
	id, ok := record["id"].(value.UUID)
	if !ok {
		return nil
	}
	return &rule.Caller{ID: id, Record: record}
}

// cache remembers principals for a second, at most maxSeen of them.
type cache struct {
	mu  sync.Mutex
	age uint64 // counts forgets: what was being loaded meanwhile is not kept
	m   map[string]seen
}

type seen struct {
	who   *Principal
	until time.Time
}

const (
	maxSeen  = 10_000
	seenLife = time.Second
)

func (c *cache) find(hash string, now time.Time) (*Principal, uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.m[hash]; ok && now.Before(s.until) {
		return s.who, c.age
	}
	return nil, c.age
}

func (c *cache) keep(hash string, who *Principal, now time.Time, age uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age != c.age {
		return
	}
	if c.m == nil || len(c.m) >= maxSeen {
		c.m = map[string]seen{}
	}
	c.m[hash] = seen{who, now.Add(seenLife)}
}

// forget drops an account, or everything for nil.
func (c *cache) forget(account *value.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.age++
	if account == nil {
		c.m = nil
		return
	}
	for hash, s := range c.m {
		if s.who.Caller.ID == *account {
			delete(c.m, hash)
		}
	}
}
