// Package mongo keeps records in MongoDB 5.0 or newer, a replica set or a sharded
// cluster: a document for each row. MongoDB is asked to find what its matching says
// exactly; what it does not (text folded, numbers calculated, rows of other tables)
// is decided here, on the documents that are left. What a relational database does
// by itself is done here inside each transaction: references, and what is unique
// before it is written.
package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// Driver is a MongoDB database.
type Driver struct {
	client  *mongo.Client
	db      *mongo.Database
	name    string
	version string
	log     *slog.Logger
	known   atomic.Pointer[known]
	queue   *queue

	mu         sync.RWMutex
	statements map[any]*statement // by query
}

var _ store.Driver = (*Driver)(nil)

// Options are the driver's settings; the zero value is useful.
type Options struct {
	// MaxOpen is the most connections held open to a server. Defaults to 100.
	MaxOpen int
	Log     *slog.Logger // nil: discarded
	// Monitor sees each command that is sent; nil: nobody does.
	Monitor *event.CommandMonitor
}

const (
	connectTimeout = 10 * time.Second
	// selectionTimeout is how long a server is waited for, e.g. while another
	// member becomes primary.
	selectionTimeout = 5 * time.Second
	maxStatements    = 4096
	minWireVersion   = 13 // 5.0
)

// nothing is a table that is not there.
var nothing = &schema.Table{PrimaryKey: []string{"id"}}

// Open connects; at is mongodb://USER:PASSWORD@HOST:PORT,…/DATABASE?… as MongoDB's
// own programs take it.
func Open(ctx context.Context, at string, o Options) (*Driver, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	name, err := databaseName(at)
	if err != nil {
		return nil, err
	}
	settings := options.Client().ApplyURI(at).SetAppName("mainstay").
		SetConnectTimeout(connectTimeout).SetServerSelectionTimeout(selectionTimeout).
		SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Primary()).SetWriteConcern(safe).
		SetRetryWrites(true).SetRetryReads(true).SetMonitor(o.Monitor)
	if o.MaxOpen > 0 {
		settings.SetMaxPoolSize(uint64(o.MaxOpen))
	}
	if err := settings.Validate(); err != nil {
		return nil, errors.New("the URL of the database is not one that MongoDB knows: " + withoutURL(err, at))
	}
	client, err := mongo.Connect(settings)
	if err != nil {
		return nil, errors.New("the URL of the database is not one that MongoDB knows: " + withoutURL(err, at))
	}
	d := &Driver{client: client, db: client.Database(name), name: name, log: o.Log, queue: newQueue()}
	if err := d.meet(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// databaseName reads the database out of the URL.
func databaseName(at string) (string, error) {
	_, rest, ok := strings.Cut(at, "://")
	if !ok {
		return "", errors.New("the URL of a MongoDB database begins with mongodb:// or mongodb+srv://")
	}
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		rest = rest[i+1:]
	}
	_, path, _ := strings.Cut(rest, "/")
	path, _, _ = strings.Cut(path, "?")
	name, err := url.PathUnescape(path)
	switch {
	case err != nil:
		return "", errors.New("the name of the database in the URL cannot be read")
	case name == "":
		return "", errors.New("the URL does not name a database: mongodb://HOST/DATABASE")
	case name == "admin" || name == "local" || name == "config":
		return "", fmt.Errorf("the database %s is MongoDB's own: name another one", name)
	}
	return name, nil
}

// withoutURL is what an error says without the URL, which may hold a password.
func withoutURL(err error, at string) string { return strings.ReplaceAll(err.Error(), at, "…") }

// meet finds out who answers and whether it can be trusted.
func (d *Driver) meet(ctx context.Context) error {
	var hello struct {
		SetName     string `bson:"setName"`
		Message     string `bson:"msg"`
		WireVersion int    `bson:"maxWireVersion"`
	}
	if err := d.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return fmt.Errorf("open the database %s: %w", d.name, explained(ctx, err))
	}
	if hello.SetName == "" && hello.Message != "isdbgrid" {
		return problem.Errorf(problem.Unavailable, "the database %s is on a single MongoDB server, which has no transactions; make it a replica set (one member is enough): start it with --replSet NAME and call rs.initiate() once", d.name)
	}
	var build struct {
		Version string `bson:"version"`
	}
	if err := d.db.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return fmt.Errorf("open the database %s: %w", d.name, explained(ctx, err))
	}
	if d.version = build.Version; hello.WireVersion < minWireVersion {
		return problem.Errorf(problem.Unavailable, "the database is MongoDB %s; at least 5.0 is needed", d.version)
	}
	return d.proveTransactions(ctx)
}

// probe is the collection of the document that proveTransactions does not write.
const probe = "mainstay_probe"

// proveTransactions writes in a transaction, gives it up, and looks whether that
// is undone: what merely accepts the commands must not be trusted with records.
func (d *Driver) proveTransactions(ctx context.Context) error {
	id := bson.NewObjectID()
	t := &tx{d: d, mode: store.Write}
	if err := t.open(ctx); err != nil {
		return err
	}
	_, err := d.db.Collection(probe).InsertOne(t.inside(ctx), bson.D{{Key: keyField, Value: id}})
	if again := t.Rollback(ctx); err == nil {
		err = again
	}
	if err != nil {
		return fmt.Errorf("open the database %s: its transactions cannot be tried: %w", d.name, explained(ctx, err))
	}
	n, err := d.db.Collection(probe).CountDocuments(ctx, bson.D{{Key: keyField, Value: id}})
	switch {
	case err != nil:
		return fmt.Errorf("open the database %s: %w", d.name, explained(ctx, err))
	case n != 0:
		return problem.Errorf(problem.Unavailable, "the database %s keeps what was written in a transaction that was given up: it is not a MongoDB replica set, and records are not safe there", d.name)
	}
	return nil
}

// Close waits for what is running.
func (d *Driver) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
	defer cancel()
	if err := d.client.Disconnect(ctx); err != nil && !errors.Is(err, mongo.ErrClientDisconnected) {
		return err
	}
	return nil
}

// Limits tells what the database cannot do. An index holds long texts since 4.2;
// names of collections and fields together have 255 bytes.
func (d *Driver) Limits() store.Limits {
	return store.Limits{Name: "MongoDB " + d.version, MaxIdentifierBytes: 100}
}

func (d *Driver) collection(t *table) *mongo.Collection { return d.db.Collection(t.Name) }

// known is what is recorded of the tables.
type known struct {
	tables  map[string]*table
	version string
}

// table finds a table of what is recorded; it is read again when it is not known.
func (d *Driver) table(name string) (*table, error) {
	if k := d.known.Load(); k != nil && k.tables[name] != nil {
		return k.tables[name], nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), selectionTimeout)
	defer cancel()
	if _, err := d.Inspect(ctx); err != nil {
		return nil, err
	}
	if t := d.known.Load().tables[name]; t != nil {
		return t, nil
	}
	return nil, problem.Errorf(problem.Internal, "there is no table %s", name)
}

// learn keeps what the tables are; statements made for others are forgotten.
func (d *Driver) learn(s *schema.Schema, version string) {
	if k := d.known.Load(); k != nil && k.version == version {
		return
	}
	d.known.Store(&known{tablesOf(s), version})
	d.mu.Lock()
	d.statements = nil
	d.mu.Unlock()
}

// statement finds or compiles q, a pointer to one of package query's statements.
func (d *Driver) statement(q any) (*statement, error) {
	d.mu.RLock()
	known := d.statements[q]
	d.mu.RUnlock()
	if known != nil {
		return known, nil
	}
	s, err := d.compile(q)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.statements == nil || len(d.statements) >= maxStatements {
		d.statements = map[any]*statement{}
	}
	d.statements[q] = s
	return s, nil
}
