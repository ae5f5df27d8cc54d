package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// An error ends a transaction of MongoDB's, so what is unique is looked for before
// it is written; the unique indexes only decide between those who write at once.

var errTaken = errors.New("mongo: the values are taken")

// Insert adds rows; see store.Tx.
func (t *tx) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	if err := t.writable(ctx); err != nil {
		return 0, err
	}
	tab, err := t.d.table(q.Table)
	if err != nil {
		return 0, err
	}
	if met, err := t.met(ctx, q.If, args); !met {
		return 0, err
	}
	if q.If != nil {
		args = args[:len(q.Columns)]
	}
	ctx = t.inside(ctx)
	var rows []map[string]any
	for width := len(q.Columns); len(args) > 0; args = args[width:] {
		row := map[string]any{}
		for i, c := range q.Columns {
			row[c.Name] = fitted(c.Type, args[i])
		}
		rows = append(rows, row)
	}
	if q.OnConflictIgnore {
		if rows, err = t.absent(ctx, tab, rows); err != nil {
			return 0, t.failed(ctx, err)
		}
	}
	if len(rows) == 0 {
		return 0, nil
	}
	unique := tab.uniques()
	if q.OnConflictIgnore {
		unique = unique[1:] // the key was looked for
	}
	for _, columns := range unique {
		if err := t.freeIn(ctx, tab, columns, rows, nil); err != nil {
			return 0, t.refused(ctx, err)
		}
	}
	if err := t.refers(ctx, tab, rows); err != nil {
		return 0, t.refused(ctx, err)
	}
	documents := make([]any, len(rows))
	for i, row := range rows {
		if documents[i], err = tab.document(row); err != nil {
			return 0, err
		}
	}
	if _, err := t.d.collection(tab).InsertMany(ctx, documents); err != nil {
		return 0, named(tab, t.failed(ctx, err))
	}
	return len(rows), nil
}

// met reports whether what a write requires is there, if it requires anything, and
// holds it.
func (t *tx) met(ctx context.Context, required *query.Select, args []any) (bool, error) {
	if required == nil {
		return true, nil
	}
	for _, err := range t.Select(ctx, required, args) {
		return err == nil, err
	}
	return false, nil
}

func (t *tx) writable(ctx context.Context) error {
	if err := t.usable(ctx); err != nil {
		return err
	}
	if t.mode != store.Write {
		return errReading
	}
	return nil
}

// refused tells what was found out before anything was written, after which the
// transaction goes on, from errors of the server's.
func (t *tx) refused(ctx context.Context, err error) error {
	var violation *store.ConstraintError
	if errors.As(err, &violation) && (errors.Is(err, errTaken) || errors.Is(err, errMissing) || errors.Is(err, errNeeded)) {
		return err
	}
	return t.failed(ctx, err)
}

// document is a row as it is stored, every column in it.
func (t *table) document(row map[string]any) (bson.D, error) {
	d := bson.D{}
	if len(t.PrimaryKey) > 1 {
		d = append(d, bson.E{Key: keyField, Value: bson.NewObjectID()})
	}
	for _, c := range t.Columns {
		v, err := encode(c.Type, row[c.Name])
		if err != nil {
			return nil, err
		}
		e := bson.E{Key: t.field(c.Name), Value: v}
		if e.Key == keyField {
			d = append(bson.D{e}, d...)
		} else {
			d = append(d, e)
		}
	}
	return d, nil
}

// keyOf is the values of some columns in one text, for comparing rows; false when
// one is null, which equals nothing.
func (t *table) keyOf(columns []string, row map[string]any) (string, bool) {
	var name []byte
	for _, c := range columns {
		if row[c] == nil {
			return "", false
		}
		name = groupName(name, t.Column(c).Type, row[c])
	}
	return string(name), true
}

// equals is the filter for the values that a row has in some columns. It implies
// the filter of the unique index over them.
func (t *table) equals(columns []string, row map[string]any) (bson.D, error) {
	filter := bson.D{}
	for _, c := range columns {
		v, err := encode(t.Column(c).Type, row[c])
		if err != nil {
			return nil, err
		}
		filter = append(filter, bson.E{Key: t.field(c), Value: bson.D{{Key: "$eq", Value: v}}})
	}
	return filter, nil
}

// taken finds which of the rows' values in some columns are stored already, by
// documents other than except.
func (t *tx) taken(ctx context.Context, tab *table, columns []string, rows []map[string]any, except bson.D) (map[string]bool, error) {
	var ways bson.A
	for _, row := range rows {
		if _, whole := tab.keyOf(columns, row); !whole {
			continue
		}
		filter, err := tab.equals(columns, row)
		if err != nil {
			return nil, err
		}
		ways = append(ways, filter)
	}
	found := map[string]bool{}
	const most = 1000
	for len(ways) > 0 {
		some := ways[:min(most, len(ways))]
		ways = ways[len(some):]
		filter := bson.D{{Key: "$or", Value: some}}
		if len(some) == 1 {
			filter = some[0].(bson.D)
		}
		if except != nil {
			filter = both(filter, bson.D{{Key: "$nor", Value: bson.A{except}}})
		}
		src := &source{table: tab, names: map[string]int{}}
		for _, c := range columns {
			src.need(c, tab.Column(c).Type)
		}
		cursor, err := t.d.collection(tab).Find(ctx, filter, options.Find().SetProjection(src.projection()))
		if err != nil {
			return nil, err
		}
		for cursor.Next(ctx) {
			values, err := src.row(cursor.Current)
			if err != nil {
				return nil, errors.Join(err, cursor.Close(ctx))
			}
			row := map[string]any{}
			for i, c := range columns {
				row[c] = values[i]
			}
			name, _ := tab.keyOf(columns, row)
			found[name] = true
		}
		if err := errors.Join(cursor.Err(), cursor.Close(ctx)); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// absent leaves out the rows whose primary key is there, or comes twice.
func (t *tx) absent(ctx context.Context, tab *table, rows []map[string]any) ([]map[string]any, error) {
	found, err := t.taken(ctx, tab, tab.PrimaryKey, rows, nil)
	if err != nil {
		return nil, err
	}
	var left []map[string]any
	for _, row := range rows {
		name, _ := tab.keyOf(tab.PrimaryKey, row)
		if !found[name] {
			left = append(left, row)
		}
		found[name] = true
	}
	return left, nil
}

// freeIn is a *store.ConstraintError when the rows' values in some columns are taken,
// by a document other than except or by another of them.
func (t *tx) freeIn(ctx context.Context, tab *table, columns []string, rows []map[string]any, except bson.D) error {
	found, err := t.taken(ctx, tab, columns, rows, except)
	if err != nil {
		return err
	}
	for _, row := range rows {
		name, whole := tab.keyOf(columns, row)
		if whole && found[name] {
			return &store.ConstraintError{Kind: store.Unique, Table: tab.Name, Columns: columns, Cause: errTaken}
		}
		found[name] = whole
	}
	return nil
}

var errMissing = errors.New("mongo: what is referred to is not there")

// refers holds the documents that the rows refer to; a *store.ConstraintError when
// one is not there. To hold is to write: one of two who do that at once, or remove
// it meanwhile, is run again.
func (t *tx) refers(ctx context.Context, tab *table, rows []map[string]any) error {
	own := map[any]bool{}
	for _, row := range rows {
		own[row[tab.PrimaryKey[0]]] = true
	}
	for _, c := range tab.Columns {
		if c.References == "" {
			continue
		}
		target, err := t.d.table(c.References)
		if err != nil {
			return err
		}
		met := map[value.UUID]bool{}
		var ids bson.A
		for _, row := range rows {
			id, ok := row[c.Name].(value.UUID)
			if !ok || met[id] || target.Name == tab.Name && own[id] {
				continue
			}
			met[id] = true
			ids = append(ids, bson.Binary{Subtype: subtypeUUID, Data: id[:]})
		}
		if len(ids) == 0 {
			continue
		}
		filter := bson.D{{Key: keyField, Value: bson.D{{Key: "$in", Value: ids}}}}
		held, err := t.d.collection(target).UpdateMany(ctx, filter, hold)
		if err != nil {
			return err
		}
		if held.MatchedCount != int64(len(ids)) {
			return &store.ConstraintError{Kind: store.Reference, Table: tab.Name, Columns: []string{c.Name},
				Cause: fmt.Errorf("%w: %s", errMissing, c.References)}
		}
	}
	return nil
}
