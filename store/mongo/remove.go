package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

var errNeeded = errors.New("mongo: others refer to it")

// Delete removes rows; see store.Tx. What refers to them goes with them, or loses
// its reference, or is against it, which is found out before anything is written.
func (t *tx) Delete(ctx context.Context, q *query.Delete, args []any) (int, error) {
	if err := t.writable(ctx); err != nil {
		return 0, err
	}
	if err := t.d.refresh(ctx); err != nil {
		return 0, t.failed(ctx, err)
	}
	s, err := t.d.statement(q)
	if err != nil {
		return 0, err
	}
	ctx = t.inside(ctx)
	frames, err := t.d.run(ctx, s, args).matching(s.main)
	if err != nil {
		return 0, t.failed(ctx, err)
	}
	if len(frames) == 0 {
		return 0, nil
	}
	src := s.main.src
	if len(src.PrimaryKey) > 1 || src.keyType().Kind != value.ID {
		return t.removeKeys(ctx, src, frames)
	}
	place := src.names[src.PrimaryKey[0]]
	ids := make([]value.UUID, len(frames))
	for i, f := range frames {
		ids[i] = f.rows[src.slot][place].(value.UUID)
	}
	w := &removal{t: t, ctx: ctx, gone: map[*table]map[value.UUID]bool{}}
	if err := w.follow(src.table, ids); err != nil {
		return 0, t.refused(ctx, err)
	}
	return len(frames), t.failed(ctx, w.carryOut())
}

// removeKeys removes rows that nothing can refer to.
func (t *tx) removeKeys(ctx context.Context, src *source, frames []*frame) (int, error) {
	var ways bson.A
	for _, f := range frames {
		row := map[string]any{}
		for name, i := range src.names {
			row[name] = f.rows[src.slot][i]
		}
		id, err := src.id(row)
		if err != nil {
			return 0, err
		}
		ways = append(ways, id)
	}
	for some := range slices.Chunk(ways, 1000) {
		if _, err := t.d.collection(src.table).DeleteMany(ctx, bson.D{{Key: "$or", Value: some}}); err != nil {
			return 0, t.failed(ctx, err)
		}
	}
	return len(frames), nil
}

// removal is everything that goes in one delete.
type removal struct {
	t     *tx
	ctx   context.Context
	gone  map[*table]map[value.UUID]bool
	order []*table
	needs []needing
}

// needing are documents that refer to some that go: they must go as well, or lose
// the reference.
type needing struct {
	reference
	ids []value.UUID // what they refer to
}

// follow notes what goes with these rows; they may refer to each other in circles.
func (w *removal) follow(from *table, ids []value.UUID) error {
	type step struct {
		table *table
		ids   []value.UUID
	}
	steps := []step{{from, ids}}
	for len(steps) > 0 {
		s := steps[0]
		steps = steps[1:]
		fresh := w.note(s.table, s.ids)
		if len(fresh) == 0 {
			continue
		}
		for _, ref := range s.table.referring {
			if ref.column.OnDelete != schema.Cascade {
				w.needs = append(w.needs, needing{ref, fresh})
				continue
			}
			children, err := w.children(ref, fresh)
			if err != nil {
				return err
			}
			if len(children) > 0 {
				steps = append(steps, step{ref.from, children})
			}
		}
	}
	for _, n := range w.needs {
		if n.column.OnDelete == schema.Clear {
			continue
		}
		children, err := w.children(n.reference, n.ids)
		if err != nil {
			return err
		}
		for _, id := range children {
			if !w.gone[n.from][id] {
				return &store.ConstraintError{Kind: store.Reference, Table: n.from.Name, Columns: []string{n.column.Name},
					Cause: fmt.Errorf("%w: %s", errNeeded, n.from.Name)}
			}
		}
	}
	return nil
}

// note gives those ids that were not met before.
func (w *removal) note(t *table, ids []value.UUID) []value.UUID {
	if w.gone[t] == nil {
		w.gone[t] = map[value.UUID]bool{}
		w.order = append(w.order, t)
	}
	var fresh []value.UUID
	for _, id := range ids {
		if !w.gone[t][id] {
			w.gone[t][id] = true
			fresh = append(fresh, id)
		}
	}
	return fresh
}

// children are the ids of the rows that refer to these. Rows of a table with
// another key (the words of a search) are removed at once: nothing refers to them.
func (w *removal) children(ref reference, ids []value.UUID) ([]value.UUID, error) {
	collection := w.t.d.collection(ref.from)
	field := ref.from.field(ref.column.Name)
	var out []value.UUID
	for some := range slices.Chunk(ids, maxKeys) {
		filter := bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: binaries(some)}}}}
		if len(ref.from.PrimaryKey) > 1 {
			w.needs = append(w.needs, needing{ref, some})
			continue
		}
		cursor, err := collection.Find(w.ctx, filter, options.Find().SetProjection(bson.D{{Key: keyField, Value: 1}}))
		if err != nil {
			return nil, err
		}
		for cursor.Next(w.ctx) {
			_, data, ok := cursor.Current.Lookup(keyField).BinaryOK()
			if !ok || len(data) != len(value.UUID{}) {
				return nil, errors.Join(fmt.Errorf("mongo: a document of %s has no id", ref.from.Name), cursor.Close(w.ctx))
			}
			out = append(out, value.UUID(data))
		}
		if err := errors.Join(cursor.Err(), cursor.Close(w.ctx)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func binaries(ids []value.UUID) bson.A {
	list := make(bson.A, len(ids))
	for i, id := range ids {
		list[i] = bson.Binary{Subtype: subtypeUUID, Data: id[:]}
	}
	return list
}

// carryOut clears and removes.
func (w *removal) carryOut() error {
	for _, n := range w.needs {
		field := n.from.field(n.column.Name)
		for some := range slices.Chunk(n.ids, maxKeys) {
			filter := bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: binaries(some)}}}}
			var err error
			switch n.column.OnDelete {
			case schema.Clear:
				_, err = w.t.d.collection(n.from).UpdateMany(w.ctx, filter, bson.D{{Key: "$set", Value: bson.D{{Key: field, Value: nil}}}})
			case schema.Cascade:
				_, err = w.t.d.collection(n.from).DeleteMany(w.ctx, filter)
			}
			if err != nil {
				return err
			}
		}
	}
	for _, table := range w.order {
		ids := make([]value.UUID, 0, len(w.gone[table]))
		for id := range w.gone[table] {
			ids = append(ids, id)
		}
		for some := range slices.Chunk(ids, maxKeys) {
			filter := bson.D{{Key: keyField, Value: bson.D{{Key: "$in", Value: binaries(some)}}}}
			if _, err := w.t.d.collection(table).DeleteMany(w.ctx, filter); err != nil {
				return err
			}
		}
	}
	return nil
}
