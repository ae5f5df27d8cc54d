package mongo

import (
	"context"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/query"
)

// assignment is a column that an update sets.
type assignment struct {
	query.Named
	value eval
	nodes []node
}

func (c *compiler) assignments(q *query.Update) {
	main := c.statement.main
	c.owner = main
	for _, s := range q.Set {
		a := assignment{Named: s.Column}
		a.nodes = c.collect(func() { a.value = c.expr(s.Value) })
		c.statement.set = append(c.statement.set, a)
	}
	for _, columns := range main.src.uniques()[1:] { // what is unique together is looked for together
		if slices.ContainsFunc(c.statement.set, func(a assignment) bool { return slices.Contains(columns, a.Name) }) {
			for _, name := range columns {
				main.src.need(name, main.src.Column(name).Type)
			}
		}
	}
}

// Update changes rows; see store.Tx. They are found first: new values are made from
// the row as it was, here, and unless nobody else has written to it since the
// transaction began, the server refuses the change.
func (t *tx) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	if err := t.writable(ctx); err != nil {
		return 0, err
	}
	s, err := t.d.statement(q)
	if err != nil {
		return 0, err
	}
	if met, err := t.met(ctx, q.If, args); !met {
		return 0, err
	}
	ctx = t.inside(ctx)
	r := t.d.run(ctx, s, args)
	frames, err := r.matching(s.main)
	if err != nil {
		return 0, t.failed(ctx, err)
	}
	for _, a := range s.set {
		if err := r.resolve(a.nodes, frames); err != nil {
			return 0, t.failed(ctx, err)
		}
	}
	var changes []mongo.WriteModel
	for _, f := range frames {
		change, err := t.change(ctx, s, f)
		if err != nil {
			return 0, t.refused(ctx, err)
		}
		changes = append(changes, change)
	}
	if len(changes) == 0 {
		return 0, nil
	}
	result, err := t.d.collection(s.main.src.table).BulkWrite(ctx, changes, options.BulkWrite().SetOrdered(true))
	if err != nil {
		return 0, named(s.main.src.table, t.failed(ctx, err))
	}
	return int(result.MatchedCount), nil
}

// change is what is written to the document of a frame, when nothing is against it.
func (t *tx) change(ctx context.Context, s *statement, f *frame) (mongo.WriteModel, error) {
	src := s.main.src
	row := map[string]any{}
	stored := f.rows[src.slot]
	for name, i := range src.names {
		row[name] = stored[i]
	}
	id, err := src.id(row)
	if err != nil {
		return nil, err
	}
	next := map[string]any{}
	fields := bson.D{}
	for _, a := range s.set {
		v := fitted(a.Type, a.value(f))
		next[a.Name] = v
		encoded, err := encode(a.Type, v)
		if err != nil {
			return nil, err
		}
		fields = append(fields, bson.E{Key: src.field(a.Name), Value: encoded})
	}
	if err := t.allowed(ctx, src.table, id, row, next); err != nil {
		return nil, err
	}
	return mongo.NewUpdateOneModel().SetFilter(id).SetUpdate(bson.D{{Key: "$set", Value: fields}}), nil
}

// id is the filter of a row's document.
func (t *table) id(row map[string]any) (bson.D, error) { return t.equals(t.PrimaryKey, row) }

// allowed holds what changes of a row against the unique indexes and references.
func (t *tx) allowed(ctx context.Context, tab *table, id bson.D, row, next map[string]any) error {
	whole := maps.Clone(row)
	maps.Copy(whole, next)
	for _, columns := range tab.uniques()[1:] {
		if !slices.ContainsFunc(columns, func(name string) bool { _, ok := next[name]; return ok }) {
			continue
		}
		if err := t.freeIn(ctx, tab, columns, []map[string]any{whole}, id); err != nil {
			return err
		}
	}
	return t.refers(ctx, tab, []map[string]any{next})
}
