package engine

import (
	"context"
	"slices"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// revisionColumn counts the writes of a record; it is not a field.
const revisionColumn = schema.Revision

func (e *Engine) get(ctx context.Context, c *call, op *Operation) (*Result, error) {
	a, p, err := e.understand(c, op, e.planGet)
	if err != nil {
		return nil, err
	}
	defer a.release()
	res := results.Get().(*Result)
	found := false
	err = c.db.InTx(ctx, p.mode(), &c.stats, func(tx store.Tx) error {
		res.Body, res.ETag, found, err = e.read(ctx, tx, a, p, nil, res.room)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, NotFound()
	}
	res.room, res.Statements = res.Body, c.stats.Statements
	if len(op.IfNoneMatch) > 0 && e.etagSeen(op.IfNoneMatch, res.ETag) {
		res.Body, res.NotModified = nil, true
	}
	return res, nil
}

// fetch renders one record as the caller of c may see it, inside tx. ok is false
// when there is no such record that the caller can read. rec is the record as it
// now stands, so that it is read only where that does not tell all; nil: it is read.
func (e *Engine) fetch(ctx context.Context, tx store.Tx, c *call, r *rule.Resource, id value.UUID, rec rule.Record, fields, include string) (body []byte, etag string, ok bool, err error) {
	sight := c.view.Resource(r.Name)
	if sight == nil || !sight.Readable {
		return nil, "", false, nil
	}
	a := newAnswer(c, sight, fields, include)
	defer a.release()
	p, err := e.planOne(c, a, id, nil)
	if err != nil {
		return nil, "", false, err
	}
	if rec == nil || !p.tellable {
		return e.read(ctx, tx, a, p, nil, nil)
	}
	told := a.tell(c, p.root, rec)
	if told == nil {
		return nil, "", false, nil
	}
	return e.read(ctx, tx, a, p, told, nil)
}

// planGet understands a read of one record.
func (e *Engine) planGet(c *call, a *ask) (*plan, error) {
	op := a.op
	a.only(pFields | pInclude)
	for i := range op.Query.Equal {
		a.noParameter(op.Query.Equal[i].Name)
	}
	if len(a.faults) > 0 {
		_, faults := a.wanted()
		return nil, a.refused(faults...)
	}
	v, byKey, ok := address(a.sight, op.ID)
	if !ok || !a.sight.Readable {
		return nil, NotFound()
	}
	return e.planOne(c, a, v, byKey)
}

// planOne finds the plan for one record, by its id or key.
func (e *Engine) planOne(c *call, a *ask, v any, byKey *rule.Handle) (*plan, error) {
	a.byKey, a.id = byKey, a.push(v)
	a.lists = a.push(nil).at
	if byKey != nil {
		a.key = append(a.key, 'k')
	}
	a.shape('F', a.op.Query.Fields)
	a.shape('I', a.op.Query.Include)
	p, err := e.plan(c, a, buildGet)
	if err != nil {
		return nil, err
	}
	if p.perRecord > maxRecords {
		return nil, tooMany(p)
	}
	return p, nil
}

func buildGet(a *ask) (*plan, error) {
	w, faults := a.wanted()
	if err := a.refused(faults...); err != nil {
		return nil, err
	}
	p := &plan{}
	k, alias := newSketch(a, p, a.sight.Resource)
	k.level.rec = k.record(w, alias, 1)
	k.level.sel.Where = k.addressed(a.sight, a.byKey, a.id.at, alias)
	if p.whole = whole(a); p.whole {
		k.level.revision = k.add(column{alias, revisionColumn}, query.Col{Alias: alias, Name: revisionColumn, Type: intType}, intType)
	}
	k.level.sel.ByKey = !k.lower.Many()
	p.root = k.done()
	p.tellable = a.tellable(p.root)
	return p, nil
}

// wanted understands `fields` and `include`.
func (a *ask) wanted() (*want, []problem.Field) {
	return wanted(a.sight, a.op.Query.Fields, a.op.Query.Include)
}

// addressed is the condition for the one record with this id, or key, that the
// caller can read.
func (k *sketch) addressed(s *rule.Sight, byKey *rule.Handle, at, alias int) query.Expr {
	one := equals(idColumn(s.Resource, alias), literal(k.lower, idType(s.Resource), at))
	if byKey != nil {
		one = equals(k.lower.Column(byKey, alias), literal(k.lower, byKey.Field.Type.Value, at))
	}
	return all([]query.Expr{one, k.lower.RowRule(s, alias)})
}

// whole reports whether the revision may serve as the entity tag: the answer is
// the full record and nothing of it is kept from the caller.
func whole(a *ask) bool {
	return a.sight.Whole && a.op.Query.Fields == "" && a.op.Query.Include == ""
}

// read runs the plan of one record, unless it is told already; room is for its body.
func (e *Engine) read(ctx context.Context, tx store.Tx, a *ask, p *plan, told *held, room []byte) (body []byte, tag string, found bool, err error) {
	l := p.root
	text := a.page.text[:0]
	direct := len(l.lists) == 0
	if direct {
		text = slices.Grow(room, int(p.size.Load()))
	}
	a.start(text)
	visit := func(row store.Row) bool {
		found = true
		a.show(&a.page, l.rec, row)
		if l.revision >= 0 {
			v, failed := row.Value(l.revision)
			if n, ok := v.(int64); ok {
				tag = revisionTag(n)
			} else if a.page.err == nil {
				a.page.err = problem.Wrap(failed, problem.Internal, "the record cannot be read")
			}
		}
		return true // to the end, where the driver tells of values it could not read
	}
	if told != nil {
		visit(told)
	} else {
		err = a.rows(ctx, tx, l, visit)
	}
	if err == nil {
		err = a.page.err
	}
	if err != nil || !found {
		return nil, "", false, err
	}
	body = a.page.text
	if !direct {
		found := lists{}
		if err := a.children(ctx, tx, found, l, &a.page); err != nil {
			return nil, "", false, err
		}
		body = found.fill(slices.Grow(room, int(p.size.Load())), &a.page, a.page.ends[0])
	} else {
		a.page.text = nil // it is the caller's now
	}
	p.size.Store(int64(len(body) + len(body)/8 + 64))
	if tag == "" {
		tag = e.viewTag(a.sight.Resource, body)
		if a.op.Query.Fields != "" || a.op.Query.Include != "" {
			tag = "W/" + tag
		}
	}
	return body, tag, true, nil
}
