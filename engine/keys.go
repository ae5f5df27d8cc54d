package engine

import (
	"context"
	"strings"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Bounds on API keys.
const (
	maxKeys    = 100 // of an account
	maxKeyName = 100 // code points
	maxScopes  = 100 // of a key
)

// The table of API keys.
var (
	scopesType = &value.Type{Kind: value.List, Elem: wordType}
	apiKeys    = query.Table{Name: "mainstay_keys", Alias: 1}
	addAPIKey  = &query.Insert{Table: apiKeys.Name, Columns: []query.Named{
		{Name: "id", Type: uuidType}, {Name: "name", Type: wordType}, {Name: "prefix", Type: wordType},
		{Name: "scopes", Type: scopesType}, {Name: "created_at", Type: timestampType},
		{Name: "hash", Type: wordType}, {Name: "account", Type: uuidType},
	}}
	ownAPIKeys  = equals(query.Col{Alias: 1, Name: "account", Type: uuidType}, query.Param{Slot: 0, Type: uuidType})
	listAPIKeys = &query.Select{From: apiKeys, Columns: selectNamed(addAPIKey.Columns[:5]), Where: ownAPIKeys,
		OrderBy: []query.Order{{Expr: query.Col{Alias: 1, Name: "id", Type: uuidType}, NotNull: true}}}
	dropAPIKey = &query.Delete{Table: apiKeys, Where: query.And{List: []query.Expr{
		ownAPIKeys, equals(query.Col{Alias: 1, Name: "id", Type: uuidType}, query.Param{Slot: 1, Type: uuidType})}}}
)

// keyHolder begins an operation on the caller's own API keys. A key cannot make
// or delete keys: who finds one must not be able to stay when it is withdrawn.
func (e *Engine) keyHolder(who *auth.Principal, verb string) (*call, error) {
	a, _, err := e.accounts()
	if err != nil {
		return nil, err
	}
	if !a.APIKeys {
		return nil, NotFound()
	}
	c := e.begin(who)
	switch {
	case c.who.Caller == nil:
		return nil, c.refused()
	case verb == "write" && c.who.Session == "":
		return nil, problem.Errorf(problem.Forbidden, "API keys are made and deleted by those who signed in with a password")
	case c.who.Scopes != nil && !containsScope(c.who.Scopes, "read"):
		return nil, problem.Errorf(problem.Forbidden, `this API key needs the scope "read"`)
	}
	return c, nil
}

// CreateKey makes an API key of {"name":…,"scopes":[…]}; without scopes it may do
// what its account may. The answer holds the key, which is never shown again.
func (e *Engine) CreateKey(ctx context.Context, who *auth.Principal, body []byte) (*Result, error) {
	c, err := e.keyHolder(who, "write")
	if err != nil {
		return nil, err
	}
	var res *Result
	err = e.asNow(c, func(c *call) error {
		res, err = e.createKey(ctx, c, body)
		return err
	})
	return res, err
}

func (e *Engine) createKey(ctx context.Context, c *call, body []byte) (*Result, error) {
	name, scopes, err := c.readKey(e, body)
	if err != nil {
		return nil, err
	}
	key, hash, prefix := auth.NewKey()
	id := value.NewID(c.env.Now.Time())
	shown := []any{id, name, prefix, scopes, c.env.Now}
	err = e.db.InTx(ctx, store.Write, &c.stats, func(tx store.Tx) error {
		if err := (&work{e: e, c: c, tx: tx}).sameCaller(ctx); err != nil {
			return err
		}
		n := 0
		for _, err := range tx.Select(ctx, listAPIKeys, []any{c.who.Caller.ID}) {
			if err != nil {
				return err
			}
			n++
		}
		if n >= maxKeys {
			return problem.Errorf(problem.Validation, "an account may have at most %d API keys", maxKeys)
		}
		_, err := tx.Insert(ctx, addAPIKey, append(shown[:5:5], hash, c.who.Caller.ID))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := value.AppendString([]byte(`{"key":`), key)
	for i, column := range addAPIKey.Columns[:5] {
		out = append(value.AppendString(append(out, ','), column.Name), ':')
		out = column.Type.AppendJSON(out, shown[i])
	}
	return &Result{Body: append(out, '}'), Statements: c.stats.Statements}, nil
}

func (c *call) readKey(e *Engine, body []byte) (name string, scopes any, err error) {
	j, err := decodeBody(body)
	if err != nil {
		return "", nil, err
	}
	b := &reader{}
	members := b.object(j, spot{})
	name = b.text(members, "name")
	here := spot{}.member("name")
	if clean, err := value.Format("string", name); err != nil {
		b.fault(here, "format", "%s", err)
	} else if n := len([]rune(clean)); n > maxKeyName || n == 0 && len(b.faults) == 0 {
		b.fault(here, "max", "must have 1 to %d characters", maxKeyName)
	}
	if list, sent := members["scopes"]; sent && list != nil {
		scopes = b.scopes(c, e, list, spot{}.member("scopes"))
	}
	b.only(members, spot{}, "name", "scopes")
	return name, scopes, b.err(c)
}

// scopes reads a key's scopes: "read", "write", or "postings:read" for a
// resource that exists for the caller.
func (b *reader) scopes(c *call, e *Engine, j any, at spot) []any {
	list, ok := j.([]any)
	if !ok || len(list) == 0 || len(list) > maxScopes {
		b.fault(at, "type", "must be a list of 1 to %d scopes", maxScopes)
		return nil
	}
	for i, item := range list {
		text, _ := item.(string)
		path, verb, limited := strings.Cut(text, ":")
		if !limited {
			path, verb = "", text
		}
		if verb != "read" && verb != "write" || limited && !c.knows(e, path) {
			b.fault(at.at(i), "enum", `must be read, write, or one of them for a resource, such as "postings:read"`)
		}
	}
	return list
}

// knows reports whether a path is that of a resource that exists for the caller.
func (c *call) knows(e *Engine, path string) bool {
	for _, r := range e.set.Contract.Resources {
		if r.Path == path {
			return c.view.Resource(r.Name) != nil
		}
	}
	return false
}

func containsScope(scopes []string, scope string) bool {
	for _, s := range scopes {
		if s == scope {
			return true
		}
	}
	return false
}

// ListKeys answers {"items":[…]} with the caller's API keys, without the keys themselves.
func (e *Engine) ListKeys(ctx context.Context, who *auth.Principal) (*Result, error) {
	c, err := e.keyHolder(who, "read")
	if err != nil {
		return nil, err
	}
	var out []byte
	err = e.db.InTx(ctx, store.ReadOne, &c.stats, func(tx store.Tx) error {
		out = []byte(`{"items":[`)
		n := 0
		for row, err := range tx.Select(ctx, listAPIKeys, []any{c.who.Caller.ID}) {
			if err != nil {
				return err
			}
			mark := byte('{')
			if n++; n > 1 {
				out = append(out, ',')
			}
			for i, column := range addAPIKey.Columns[:5] {
				out = append(value.AppendString(append(out, mark), column.Name), ':')
				out = row.AppendJSON(out, i)
				mark = ','
			}
			out = append(out, '}')
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &Result{Body: append(out, "]}"...), Statements: c.stats.Statements}, nil
}

// DeleteKey withdraws one of the caller's API keys, at once.
func (e *Engine) DeleteKey(ctx context.Context, who *auth.Principal, id string) (*Result, error) {
	c, err := e.keyHolder(who, "write")
	if err != nil {
		return nil, err
	}
	key, err := value.ParseID(id)
	if err != nil {
		return nil, NotFound()
	}
	var res *Result
	err = e.asNow(c, func(c *call) error {
		err := e.db.InTx(ctx, store.Write, &c.stats, func(tx store.Tx) error {
			if err := (&work{e: e, c: c, tx: tx}).sameCaller(ctx); err != nil {
				return err
			}
			n, err := tx.Delete(ctx, dropAPIKey, []any{c.who.Caller.ID, key})
			if err == nil && n == 0 {
				err = NotFound()
			}
			return err
		})
		res = &Result{Statements: c.stats.Statements}
		return err
	})
	if err != nil {
		return nil, err
	}
	e.auth.Forget(c.who.Caller.ID)
	return res, nil
}
