package mongo

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mainstay-run/mainstay/store"
)

// locks is the collection of the named locks that are held, one document each.
const locks = "mainstay_locks"

// A lock is held for lease and prolonged every third of it, so that one whose
// process died is free again. The clocks of the processes may differ by half of it.
const lease = 60 * time.Second

// Lock takes a named lock among all processes on this database.
func (d *Driver) Lock(ctx context.Context, name string) (unlock func() error, err error) {
	holder := bson.NewObjectID()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := d.takeLock(ctx, name, holder)
		if err == nil {
			break
		}
		if !mongo.IsDuplicateKeyError(err) {
			return nil, explained(ctx, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, store.Interrupted(ctx, err)
		}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go d.keepLock(name, holder, stop, stopped)
	return func() error {
		close(stop)
		<-stopped
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
		defer cancel()
		result, err := d.db.Collection(locks).DeleteOne(ctx, bson.D{{Key: keyField, Value: name}, {Key: "holder", Value: holder}})
		if err == nil && result.DeletedCount == 0 {
			return errors.New("mongo: the lock " + name + " was lost")
		}
		return explained(ctx, err)
	}, nil
}

// takeLock is a duplicate key error when somebody else holds it.
func (d *Driver) takeLock(ctx context.Context, name string, holder bson.ObjectID) error {
	now := time.Now()
	filter := bson.D{{Key: keyField, Value: name}, {Key: "until", Value: bson.D{{Key: "$lt", Value: bson.NewDateTimeFromTime(now)}}}}
	held := bson.D{{Key: "$set", Value: bson.D{{Key: "holder", Value: holder}, {Key: "until", Value: bson.NewDateTimeFromTime(now.Add(lease))}}}}
	_, err := d.db.Collection(locks).UpdateOne(ctx, filter, held, options.UpdateOne().SetUpsert(true))
	return err
}

func (d *Driver) keepLock(name string, holder bson.ObjectID, stop <-chan struct{}, stopped chan<- struct{}) {
	defer close(stopped)
	tick := time.NewTicker(lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case now := <-tick.C:
			ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
			until := bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: bson.NewDateTimeFromTime(now.Add(lease))}}}}
			d.db.Collection(locks).UpdateOne(ctx, bson.D{{Key: keyField, Value: name}, {Key: "holder", Value: holder}}, until) // the next tick tries again
			cancel()
		}
	}
}
