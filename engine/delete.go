package engine

import (
	"context"
	"errors"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func (e *Engine) prepareDelete(c *call, s *rule.Sight, op *Operation) (step, error) {
	if err := c.allowed(s.Resource.Delete); err != nil {
		return nil, err
	}
	address, byKey, ok := address(s, op.ID)
	if !ok || !s.Readable {
		return nil, NotFound()
	}
	return func(ctx context.Context, w *work) (*outcome, error) {
		found, err := w.find(ctx, s, address, byKey, []*rule.Expr{s.Resource.Delete})
		if err != nil {
			return nil, err
		}
		if err := w.mayDelete(s.Resource, found); err != nil {
			return nil, err
		}
		if err := w.preconditions(ctx, op, found.rec); err != nil {
			return nil, err
		}
		id := found.rec["id"].(value.UUID)
		return &outcome{status: 204, r: op.Resource, id: id}, w.remove(ctx, s.Resource, id)
	}, nil
}

func (w *work) mayDelete(r *rule.Resource, b *before) error {
	if !w.c.holds(r.Delete, w.env(b.rec, nil), b.found) {
		return w.c.refused()
	}
	return nil
}

// remove deletes a record. References with `on delete` cascade or clear follow;
// any other keeps it.
func (w *work) remove(ctx context.Context, r *rule.Resource, id value.UUID) error {
	if err := w.leaving(ctx, r, id); err != nil {
		return err
	}
	_, err := w.tx.Delete(ctx, w.e.table(r).remove, []any{id})
	var constraint *store.ConstraintError
	if errors.As(err, &constraint) {
		return problem.Wrap(err, problem.ReferenceViolation, "other records refer to this one")
	}
	return err
}

// loginTables are Mainstay's own tables about accounts.
var (
	dropSessions = ofAccount("mainstay_sessions")
	dropAPIKeys  = ofAccount("mainstay_keys")
	loginTables  = []*query.Delete{dropSessions, dropAPIKeys, ofAccount("mainstay_credentials")}
)

func ofAccount(table string) *query.Delete {
	return &query.Delete{Table: query.Table{Name: table, Alias: 1}, Where: query.InParam{
		X: query.Col{Alias: 1, Name: "account", Type: uuidType}, Slot: 0, Type: uuidType}}
}

// removeLogin ends all sessions and keys of accounts, and their passwords.
func (w *work) removeLogin(ctx context.Context, accounts []any) error {
	for _, q := range loginTables {
		if _, err := w.tx.Delete(ctx, q, []any{accounts}); err != nil {
			return err
		}
	}
	return nil
}
