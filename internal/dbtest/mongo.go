package dbtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/internal/dbtest/standin"
	store "github.com/mainstay-run/mainstay/store/mongo"
)

// MongoIsStandIn reports that there is no real MongoDB: see package standin for
// what that cannot do.
func MongoIsStandIn() bool { return os.Getenv("MAINSTAY_TEST_MONGODB") == "" }

// Mongo is an empty database of its own, gone when the test ends. The server is the
// replica set of the URL in MAINSTAY_TEST_MONGODB, whose user may create databases;
// else a stand-in is started, once for each test program that calls Main. Without
// either the test is skipped, or fails in CI. watch, when there is one, sees each
// command that is sent.
func Mongo(t testing.TB, watch *event.CommandMonitor) *store.Driver {
	t.Helper()
	d, err := store.Open(context.Background(), MongoURL(t), store.Options{Monitor: watch})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// MongoURL tells how to open an empty database as Mongo does.
func MongoURL(t testing.TB) string {
	t.Helper()
	at, err := mongoServer()
	if err != nil {
		missing(t, err)
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), number.Add(1))
	host, query, _ := strings.Cut(at, "?")
	scheme, rest, _ := strings.Cut(host, "://")
	rest, _, _ = strings.Cut(rest, "/")
	own := scheme + "://" + rest + "/" + name + "?" + query
	t.Cleanup(func() {
		if err := Run(own, `{"dropDatabase": 1}`); err != nil {
			t.Error(err)
		}
	})
	return own
}

// runMongo carries out commands in extended JSON.
func runMongo(ctx context.Context, at string, commands []string) error {
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(at))
	if err != nil {
		return err
	}
	defer client.Disconnect(ctx)
	for _, text := range commands {
		var command bson.D
		if err := bson.UnmarshalExtJSON([]byte(text), false, &command); err != nil {
			return err
		}
		if err := client.Database(strings.TrimPrefix(u.Path, "/")).RunCommand(ctx, command).Err(); err != nil {
			return err
		}
	}
	return nil
}

// MongoStandIn is the stand-in itself, for what no real server can be asked to do.
func MongoStandIn(t testing.TB) *standin.Server {
	t.Helper()
	if !MongoIsStandIn() {
		t.Skip("a real MongoDB is not disturbed")
	}
	if _, err := mongoServer(); err != nil {
		missing(t, err)
	}
	return stand.server
}

// stand is the private stand-in.
var stand struct {
	once   sync.Once
	server *standin.Server
	err    error
}

func mongoServer() (string, error) {
	if at := os.Getenv("MAINSTAY_TEST_MONGODB"); at != "" {
		return at, nil
	}
	stand.once.Do(func() {
		if stand.server, stand.err = standin.Start(startForLife); stand.err != nil {
			stand.err = fmt.Errorf("there is no MongoDB for tests: set MAINSTAY_TEST_MONGODB, or run ./check, which sees to a stand-in: %w", stand.err)
		}
	})
	if stand.err != nil {
		return "", stand.err
	}
	return "mongodb://" + stand.server.Address() + "/?replicaSet=standin", nil
}
