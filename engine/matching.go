package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// prepareWhere understands a change of all records that a filter chooses.
func (e *Engine) prepareWhere(c *call, op *Operation) (step, error) {
	s, err := c.writable(op.Resource)
	if err != nil {
		return nil, err
	}
	r := s.Resource
	remove := op.Kind == DeleteWhere
	admit := r.Update
	if remove {
		admit = r.Delete
	}
	if err := c.allowed(admit); err != nil {
		return nil, err
	}
	a := newAsk(c, s, op) // not released: its literals are used in the transaction
	a.only(pFilter)
	a.mandatory()
	if err := a.conditions(c); err != nil {
		return nil, err
	}
	if err := a.refused(); err != nil {
		return nil, err
	}
	in := &input{}
	rules := []*rule.Expr{admit}
	if !remove {
		body, err := decodeBody(op.Body)
		if err == nil {
			in, err = c.readChange(s, body, false)
		}
		if err != nil {
			return nil, err
		}
		rules = editRules(r, in, false)
	}
	p, err := e.planWhere(c, s, a, rules)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, w *work) (*outcome, error) {
		env := a.env
		found, err := w.matching(ctx, e.table(r), p, &env)
		if err != nil {
			return nil, err
		}
		if len(found) > op.MaxAffected {
			return nil, problem.Errorf(problem.TooManyAffected, "more than %d records would be affected; nothing was done", op.MaxAffected)
		}
		slices.SortFunc(found, func(a, b *before) int { return value.Compare(a.rec["id"], b.rec["id"]) })
		for _, b := range found {
			if remove {
				err = w.mayDelete(r, b)
			} else {
				err = w.mayUpdate(r, b)
			}
			if err != nil {
				return nil, about(err, r, b)
			}
		}
		for _, b := range found {
			if remove {
				err = w.remove(ctx, r, b.rec["id"].(value.UUID))
			} else {
				_, err = w.edit(ctx, s, in, false, b)
			}
			if err != nil {
				return nil, about(err, r, b)
			}
		}
		return &outcome{status: 200, r: r, counted: true, count: len(found)}, nil
	}, nil
}

// about is err as the error of one of the records that the caller chose, and reads.
func about(err error, r *rule.Resource, b *before) error {
	p, is := errors.AsType[*problem.Error](err)
	if !is {
		return err
	}
	out := amid(err, p, fmt.Sprintf("%s/%s", r.Path, b.rec["id"]))
	out.Fields = p.Fields
	return out
}

// whereTime is how long a change by filter may look for its records: others who
// want to write wait for it.
const whereTime = time.Second

// searchTurn lets one change by filter at a time to where there is one writer. The
// writes that wait come between two of them, so that nobody is kept from writing
// for longer than whereTime, however many such changes are asked for. Not chosen:
// to search on a reader first and change what was found, which would miss what
// comes to match meanwhile.
func (e *Engine) searchTurn(ctx context.Context, op *Operation) (leave func(), err error) {
	if op.Kind != UpdateWhere && op.Kind != DeleteWhere || !e.db.Driver().Limits().OneWriter {
		return func() {}, nil
	}
	select {
	case e.searching <- struct{}{}:
		return func() { <-e.searching }, nil
	case <-ctx.Done():
		return nil, &problem.Error{Kind: problem.Unavailable, RetryAfter: time.Second,
			Detail: "too many changes by filter are under way; try again soon, or change records by their ids"}
	}
}

func (w *work) matching(ctx context.Context, t *table, p *rowPlan, env *rule.Env) ([]*before, error) {
	ctx, cancel := context.WithTimeout(ctx, whereTime)
	defer cancel()
	return w.rows(ctx, t, p, env)
}

// mandatory refuses a change by filter that does not say which records, or how
// many at most.
func (a *ask) mandatory() {
	if a.op.Query.Filter == "" && len(a.op.Query.Equal) == 0 {
		a.fault("filter", "required", "must say which records; filter=true for all")
	}
	switch n := a.op.MaxAffected; {
	case n < 1:
		a.fault("max_affected", "required", "must say how many records may be affected, from 1 to %d", maxMembers)
	case n > maxMembers:
		a.fault("max_affected", "max", "must be at most %d", maxMembers)
	}
}

func (e *Engine) planWhere(c *call, s *rule.Sight, a *ask, rules []*rule.Expr) (*rowPlan, error) {
	limit := a.push(int64(a.op.MaxAffected) + 1)
	w := &work{e: e, c: c}
	p, err := w.plan(s.Resource, "where "+string(a.key), c.relational(rules), func(p *rowPlan, l *rule.Lowering, alias int) error {
		var err error
		p.q.Columns = e.table(s.Resource).columns(alias)
		p.q.Lock = query.ForUpdate
		p.q.OrderBy = []query.Order{{Expr: idColumn(s.Resource, alias), NotNull: true}}
		p.q.Where, err = a.where(l, alias)
		p.q.Limit = literal(l, intType, limit.at)
		p.filter, p.reaches = a.filter, append(a.reached(), s.Resource)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range p.reaches { // a filter reads
		if !c.scoped(r, "read") {
			return nil, c.outOfScope(r, "read")
		}
	}
	return p, a.typeFilter(p.filter)
}
