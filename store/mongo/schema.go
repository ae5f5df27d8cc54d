package mongo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// What the database holds is recorded in mainstay_meta. A step is several commands
// that no transaction keeps together: it is recorded as pending, carried out, and
// recorded as done. Each command may be given again, so one that was cut short is
// simply taken once more.
const (
	metaTable    = "mainstay_meta"
	formatNumber = 1
	keyFormat    = "format"
	keySchema    = "schema"
	keyPending   = "pending"
)

// meta is a document of mainstay_meta.
type meta struct {
	Name    string `bson:"_id"`
	Content string `bson:"content"`
	// Version is a short text that changes with the content.
	Version string `bson:"version,omitempty"`
}

// Inspect reads what was recorded and holds it against what is there.
func (d *Driver) Inspect(ctx context.Context) (*schema.Schema, error) {
	s, _, err := d.inspect(ctx)
	if err != nil {
		return nil, explained(ctx, err)
	}
	return s, nil
}

// inspect is the schema as recorded, and that of a step that was cut short.
func (d *Driver) inspect(ctx context.Context) (s, next *schema.Schema, err error) {
	s, next, version, err := d.recorded(ctx)
	if err != nil {
		return nil, nil, err
	}
	there, err := d.catalogue(ctx)
	if err != nil {
		return nil, nil, err
	}
	if list := there.differences(s, next); len(list) > 0 {
		text := sqlgen.Tell(list, s)
		return nil, nil, problem.Wrap(errors.New(text), problem.Unavailable, "the database %s is not as it was recorded: %s", d.name, text)
	}
	d.learn(s, version)
	return s, next, nil
}

func (d *Driver) recorded(ctx context.Context) (s, next *schema.Schema, version string, err error) {
	cursor, err := d.db.Collection(metaTable).Find(ctx, bson.D{{Key: keyField, Value: bson.D{{Key: "$in", Value: bson.A{keyFormat, keySchema, keyPending}}}}})
	if err != nil {
		return nil, nil, "", err
	}
	var list []meta
	if err := cursor.All(ctx, &list); err != nil {
		return nil, nil, "", err
	}
	s = &schema.Schema{}
	if len(list) == 0 {
		return s, nil, "", nil
	}
	format := -1
	for _, m := range list {
		switch m.Name {
		case keyFormat:
			if format, err = strconv.Atoi(m.Content); err != nil {
				format = -1
			}
		case keySchema:
			version, err = m.Version, json.Unmarshal([]byte(m.Content), s)
		case keyPending:
			next = &schema.Schema{}
			err = json.Unmarshal([]byte(m.Content), next)
		}
		if err != nil && m.Name != keyFormat {
			return nil, nil, "", problem.Wrap(err, problem.Unavailable,
				"what the database %s records of itself cannot be read; it may have been written by a newer version of mainstay", d.name)
		}
	}
	switch {
	case format < 0:
		return nil, nil, "", problem.Errorf(problem.Unavailable, "the database %s does not say in which format it is", d.name)
	case format > formatNumber:
		return nil, nil, "", problem.Errorf(problem.Unavailable,
			"the database %s was written by a newer version of mainstay (format %d, this one knows %d)", d.name, format, formatNumber)
	}
	return s, next, version, nil
}

// refresh reads the schema again when another process has changed it: rows of a
// table that came later may refer to those of an earlier one.
func (d *Driver) refresh(ctx context.Context) error {
	var m meta
	err := d.db.Collection(metaTable).FindOne(ctx, bson.D{{Key: keyField, Value: keySchema}}, options.FindOne().SetProjection(bson.D{{Key: "version", Value: 1}})).Decode(&m)
	if err != nil && !errors.Is(err, mongo.ErrNoDocuments) {
		return err
	}
	if known := d.known.Load(); known != nil && known.version == m.Version {
		return nil
	}
	_, _, err = d.inspect(ctx)
	return err
}

// Apply carries out steps and records each of them.
func (d *Driver) Apply(ctx context.Context, steps ...schema.Step) error {
	for _, step := range steps {
		if err := d.apply(ctx, step); err != nil {
			return explained(ctx, err)
		}
	}
	return nil
}

func (d *Driver) apply(ctx context.Context, step schema.Step) error {
	have, _, err := d.inspect(ctx)
	if err != nil {
		return err
	}
	if s, ok := step.(schema.CreateTable); ok && have.Table(s.Table.Name) != nil {
		return problem.Errorf(problem.Internal, "table %s is there already", s.Table.Name)
	}
	next := sqlgen.After(have, step)
	if err := d.put(ctx, keyFormat, strconv.Itoa(formatNumber)); err != nil {
		return err
	}
	if err := d.record(ctx, keyPending, next); err != nil {
		return err
	}
	if err := d.carryOut(ctx, next, step); err != nil {
		var server mongo.ServerError
		if errors.As(err, &server) && server.HasErrorCode(codeDuplicate) { // it cannot be done; nothing of it is left
			err = errors.Join(err, d.drop(context.WithoutCancel(ctx), keyPending))
		}
		return err
	}
	if err := d.record(ctx, keySchema, next); err != nil {
		return err
	}
	if err := d.drop(ctx, keyPending); err != nil {
		return err
	}
	_, _, err = d.inspect(ctx)
	return err
}

// Clear takes away all that is there of mainstay's; what is not its own is refused.
func (d *Driver) Clear(ctx context.Context) error {
	s, _, err := d.inspect(ctx)
	if err != nil {
		return explained(ctx, err)
	}
	names := []string{locks, probe}
	for _, t := range s.Tables {
		if t.Name != metaTable {
			names = append(names, t.Name)
		}
	}
	for _, name := range append(names, metaTable) {
		if err := d.db.Collection(name).Drop(ctx); err != nil {
			return explained(ctx, err)
		}
	}
	d.learn(&schema.Schema{}, "")
	return nil
}

func (d *Driver) record(ctx context.Context, name string, s *schema.Schema) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return d.put(ctx, name, string(text))
}

func (d *Driver) put(ctx context.Context, name, content string) error {
	sum := sha256.Sum256([]byte(content))
	m := meta{Name: name, Content: content, Version: hex.EncodeToString(sum[:8])}
	_, err := d.db.Collection(metaTable).ReplaceOne(ctx, bson.D{{Key: keyField, Value: name}}, m, options.Replace().SetUpsert(true))
	return err
}

func (d *Driver) drop(ctx context.Context, name string) error {
	_, err := d.db.Collection(metaTable).DeleteOne(ctx, bson.D{{Key: keyField, Value: name}})
	return err
}

// carryOut may be called again for a step that was cut short.
func (d *Driver) carryOut(ctx context.Context, next *schema.Schema, step schema.Step) error {
	switch s := step.(type) {
	case schema.CreateTable:
		err := d.db.CreateCollection(ctx, s.Table.Name)
		var server mongo.ServerError
		if err != nil && !(errors.As(err, &server) && server.HasErrorCode(codeNamespace)) {
			return err
		}
		return d.createIndexes(ctx, s.Table, s.Table.Indexes, true)
	case schema.AddColumn:
		t := &table{Table: next.Table(s.Table)}
		v, err := encode(s.Column.Type, fitted(s.Column.Type, s.Default))
		if err != nil {
			return err
		}
		missing := bson.D{{Key: t.field(s.Column.Name), Value: bson.D{{Key: "$exists", Value: false}}}}
		_, err = d.collection(t).UpdateMany(ctx, missing, bson.D{{Key: "$set", Value: bson.D{{Key: t.field(s.Column.Name), Value: v}}}})
		return err
	case schema.CreateIndex:
		return d.createIndexes(ctx, next.Table(s.Table), []*schema.Index{s.Index}, false)
	case schema.DropIndex:
		err := d.db.Collection(s.Table).Indexes().DropOne(ctx, s.Index.Name)
		var server mongo.ServerError
		if errors.As(err, &server) && server.HasErrorCode(codeNoIndex) {
			return nil
		}
		return err
	case schema.WidenColumn, schema.Hold, schema.Release: // they are only recorded
		return nil
	}
	return fmt.Errorf("mongo: no such step: %T", step)
}

func (d *Driver) createIndexes(ctx context.Context, t *schema.Table, list []*schema.Index, withKey bool) error {
	specs := indexSpecs(&table{Table: t}, list, withKey)
	if len(specs) == 0 {
		return nil
	}
	return d.db.RunCommand(ctx, createIndexes(t.Name, specs)).Err()
}

func createIndexes(table string, specs []bson.D) bson.D {
	return bson.D{{Key: "createIndexes", Value: table}, {Key: "indexes", Value: specs}, {Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}}}}
}
