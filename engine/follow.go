package engine

import (
	"context"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// What a deletion does to other records the database does by itself: it deletes
// what refers with `on delete cascade` and empties what refers with `clear`. What
// it knows nothing of is done here before, level by level, so that a tree is
// followed to its leaves: ids are remembered, revisions move, accounts lose their
// sign-in data.

// clearing empties references to records that are about to be deleted, so that
// the revision of those that hold them moves.
type clearing struct {
	update   *query.Update // args: now, where there is one, and the deleted ids
	timed    bool
	accounts bool // those that hold them are accounts
}

// drag finds records that are deleted with others.
type drag struct {
	r *rule.Resource
	q *query.Select // args: the deleted ids, and the youngest when only the young are asked for
	// leaf: their deletion does nothing to others, so only the young ones count.
	leaf bool
}

// followers are the references to r that a deletion has to do with.
func (e *Engine) followers(r *rule.Resource, visit func(other *rule.Resource, f *contract.Field)) {
	for _, other := range e.set.Contract.Resources {
		for _, f := range other.Fields {
			if f.Type.Name == "ref" && f.Type.Target.Name == r.Name && (f.OnDelete == "clear" || f.OnDelete == "cascade") {
				visit(e.set.Resource(other.Name), f)
			}
		}
	}
}

// isAccounts reports whether the records of r sign in.
func (e *Engine) isAccounts(r *rule.Resource) bool {
	a := e.set.Contract.Accounts
	return a != nil && a.Resource == r.Resource
}

// follow makes the statements that a deletion of records of t needs.
func (e *Engine) follow(t *table) {
	e.followers(t.r, func(other *rule.Resource, f *contract.Field) {
		if f.OnDelete == "clear" {
			t.clears = append(t.clears, newClearing(other, f, e.isAccounts(other)))
			return
		}
		leaf := !e.isAccounts(other)
		e.followers(other, func(*rule.Resource, *contract.Field) { leaf = false })
		t.drags = append(t.drags, newDrag(other, f, leaf))
	})
}

func newDrag(r *rule.Resource, f *contract.Field, leaf bool) drag {
	id := idColumn(r, 1)
	where := []query.Expr{query.InParam{X: query.Col{Alias: 1, Name: f.Name, Type: f.Type.Value}, Slot: 0, Type: f.Type.Value}}
	if leaf {
		where = append(where, query.Cmp{Op: query.Ge, L: id, R: query.Param{Slot: 1, Type: idType(r)}})
	}
	return drag{r, &query.Select{
		From:    query.Table{Name: r.Table, Alias: 1},
		Columns: []query.Column{{Expr: id, Type: idType(r)}},
		Where:   query.And{List: where},
	}, leaf}
}

func newClearing(r *rule.Resource, f *contract.Field, accounts bool) clearing {
	c := clearing{timed: showsTime(r, f), accounts: accounts, update: &query.Update{Table: query.Table{Name: r.Table, Alias: 1}}}
	revision := query.Col{Alias: 1, Name: revisionColumn, Type: intType}
	c.update.Set = []query.Assign{
		{Column: named(f), Value: query.Const{Type: f.Type.Value}},
		{Column: query.Named{Name: revisionColumn, Type: intType}, Value: query.Arith{
			Op: query.Add, L: revision, R: query.Const{Value: int64(1), Type: intType}, Type: intType}},
	}
	slot := 0
	if c.timed {
		at := r.Field("updated_at")
		c.update.Set = append(c.update.Set, query.Assign{Column: named(at), Value: query.Param{Slot: 0, Type: at.Type.Value}})
		slot = 1
	}
	c.update.Where = query.InParam{X: query.Col{Alias: 1, Name: f.Name, Type: f.Type.Value}, Slot: slot, Type: f.Type.Value}
	return c
}

// maxFollowed is how many ids go into one statement.
const maxFollowed = 500

// going are records that are about to be deleted.
type going struct {
	r   *rule.Resource
	ids []any
}

// leaving does what the deletion of a record asks for, and that of all that goes
// with it.
func (w *work) leaving(ctx context.Context, r *rule.Resource, id value.UUID) error {
	queue := []going{{r, []any{id}}}
	met := map[any]bool{id: true}
	for len(queue) > 0 {
		next := queue[0]
		queue = queue[1:]
		for ids := range slices.Chunk(next.ids, maxFollowed) {
			more, err := w.level(ctx, going{next.r, ids}, met)
			if err != nil {
				return err
			}
			queue = append(queue, more...)
		}
	}
	return nil
}

// level does it for records of one resource and finds those that go with them,
// leaves and those in met left out.
func (w *work) level(ctx context.Context, g going, met map[any]bool) (more []going, err error) {
	w.forget(g.ids)
	if w.e.isAccounts(g.r) {
		if err := w.removeLogin(ctx, g.ids); err != nil {
			return nil, err
		}
		for _, id := range g.ids {
			w.touched(g.r, id.(value.UUID))
		}
	}
	t := w.e.table(g.r)
	for _, c := range t.clears {
		args := []any{g.ids}
		if c.timed {
			args = []any{w.c.env.Now, g.ids}
		}
		n, err := w.tx.Update(ctx, c.update, args)
		if err != nil {
			return nil, err
		}
		w.manyAccounts = w.manyAccounts || c.accounts && n > 0
	}
	for _, d := range t.drags {
		ids, err := w.dragged(ctx, d, g.ids, met)
		switch {
		case err != nil:
			return nil, err
		case d.leaf:
			w.forget(ids)
		case len(ids) > 0:
			more = append(more, going{d.r, ids})
		}
	}
	return more, nil
}

func (w *work) dragged(ctx context.Context, d drag, ids []any, met map[any]bool) (found []any, err error) {
	args := []any{ids}
	if d.leaf {
		args = append(args, youngest(w.c.env.Now))
	}
	for row, err := range w.tx.Select(ctx, d.q, args) {
		if err != nil {
			return nil, err
		}
		id, err := row.Value(0)
		if err != nil {
			return nil, err
		}
		if !met[id] {
			met[id] = true
			found = append(found, id)
		}
	}
	return found, nil
}

// forget notes the ids of deleted records that a client could still give.
func (w *work) forget(ids []any) {
	for _, id := range ids {
		if id, ok := id.(value.UUID); ok && freshID(id, w.c.env.Now) {
			w.gone = append(w.gone, id)
		}
	}
}
