package mongo

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// The errors are as MongoDB 7 documents and sends them.
func TestErrorsAreToldApart(t *testing.T) {
	again := mongo.CommandError{Code: 112, Name: "WriteConflict", Labels: []string{labelAgain}, Message: "Caused by :: Write conflict during plan execution and yielding is disabled."}
	for _, tt := range []struct {
		name  string
		err   error
		again bool
		kind  problem.Kind
	}{
		{"a conflict is run again", again, true, ""},
		{"a conflict at a commit", mongo.CommandError{Code: 251, Name: "NoSuchTransaction", Labels: []string{labelAgain}}, true, ""},
		{"a primary that steps down in a transaction", mongo.CommandError{Code: 189, Name: "PrimarySteppedDown", Labels: []string{labelAgain}}, true, ""},
		{"a collection that is newer than the snapshot", mongo.CommandError{Code: 246, Name: "SnapshotUnavailable"}, true, ""},
		{"a snapshot that is no longer kept", mongo.CommandError{Code: 239, Name: "SnapshotTooOld"}, false, problem.Unavailable},
		{"no primary outside of one", mongo.CommandError{Code: 10107, Name: "NotWritablePrimary"}, false, problem.Unavailable},
		{"a password", mongo.CommandError{Code: 18, Name: "AuthenticationFailed"}, false, problem.Unavailable},
		{"a right", mongo.CommandError{Code: 13, Name: "Unauthorized"}, false, problem.Unavailable},
		{"too slow for the server", mongo.CommandError{Code: 50, Name: "MaxTimeMSExpired"}, false, problem.Timeout},
		{"not enough members", mongo.WriteException{WriteConcernError: &mongo.WriteConcernError{Code: 64, Name: "WriteConcernTimeout"}}, false, problem.Unavailable},
		{"nobody there", errors.New("server selection error"), false, problem.Unavailable},
		{"a fault of ours", mongo.CommandError{Code: 9, Name: "FailedToParse"}, false, problem.Internal},
	} {
		got := explained(context.Background(), tt.err)
		if errors.Is(got, store.ErrAgain) != tt.again || !tt.again && problem.KindOf(got) != tt.kind {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestAViolationNamesItsColumns(t *testing.T) {
	people := &table{Table: &schema.Table{Name: "people", PrimaryKey: []string{"id"}, Indexes: []*schema.Index{
		{Name: "people__first__last__unique", Unique: true, Columns: []schema.IndexColumn{{Name: "first"}, {Name: "last"}}},
	}}}
	raw := func(d bson.D) bson.Raw {
		b, err := bson.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	message := `E11000 duplicate key error collection: shop.people index: people__first__last__unique dup key: { first: "x", last: "y" }`
	for _, tt := range []struct {
		name string
		err  error
		want []string
	}{
		{"by the pattern of its keys", mongo.WriteException{WriteErrors: []mongo.WriteError{{Code: 11000, Message: message, Raw: raw(bson.D{{Key: "keyPattern", Value: bson.D{{Key: "first", Value: 1}, {Key: "last", Value: 1}}}})}}}, []string{"first", "last"}},
		{"by the name of the index", mongo.WriteException{WriteErrors: []mongo.WriteError{{Code: 11000, Message: message, Raw: raw(bson.D{})}}}, []string{"first", "last"}},
		{"of several writes", mongo.BulkWriteException{WriteErrors: []mongo.BulkWriteError{{WriteError: mongo.WriteError{Code: 11000, Message: message, Raw: raw(bson.D{})}}}}, []string{"first", "last"}},
		{"the primary key", mongo.WriteException{WriteErrors: []mongo.WriteError{{Code: 11000, Raw: raw(bson.D{{Key: "keyPattern", Value: bson.D{{Key: "_id", Value: 1}}}})}}}, []string{"id"}},
		{"of an index that is made", mongo.CommandError{Code: 11000, Message: message, Raw: raw(bson.D{{Key: "keyPattern", Value: bson.D{{Key: "first", Value: 1}, {Key: "last", Value: 1}}}})}, []string{"first", "last"}},
	} {
		var violation *store.ConstraintError
		err := named(people, explained(context.Background(), tt.err))
		if !errors.As(err, &violation) || violation.Kind != store.Unique || violation.Table != "people" || !slices.Equal(violation.Columns, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestTheNameOfTheDatabaseIsReadFromTheURL(t *testing.T) {
	for at, want := range map[string]string{
		"mongodb://ann:se/cret@h1:27017,h2/shop?replicaSet=rs0": "shop",
		"mongodb+srv://cluster.example/my%20shop":               "my shop",
	} {
		if got, err := databaseName(at); got != want || err != nil {
			t.Errorf("%s: %q, %v", at, got, err)
		}
	}
	for _, at := range []string{"mongodb://h1", "mongodb://h1/", "mongodb://h1/?replicaSet=rs0", "mongodb://h1/admin", "mongodb:h1/shop"} {
		if got, err := databaseName(at); err == nil {
			t.Errorf("%s: %q", at, got)
		}
	}
}
