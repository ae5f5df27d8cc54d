package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
)

// Leader is a database that others follow.
type Leader interface {
	Driver
	// Position is how far the database has come: all that was acknowledged before
	// the call is within it. Only those who follow understand it.
	Position(ctx context.Context) (string, error)
	// Follow opens a replica of the database, to be read only. One that is not a
	// replica, or not of this database, is refused.
	Follow(ctx context.Context, url string) (Follower, error)
}

// Follower is a replica of a database.
type Follower interface {
	Driver
	// Reached reports whether all is here that the leader had at a position.
	Reached(ctx context.Context, position string) (bool, error)
	// Barred refuses a user who may not read every table.
	Barred(ctx context.Context) error
}

// Replicas are databases that follow another one, for reads that may be a little
// late. How late each is at most is known without a clock but ours: the leader's
// position is noted with the time of asking for it, and a replica that has reached
// it holds all that was acknowledged before that time.
//
// Not chosen: a DB that picks by a value in the context, which would leave it to
// chance what of a request comes from where (a session that has ended, for one,
// must never be looked for on a replica); and the replica's own word for its delay,
// which is nothing when it has lost its leader.
type Replicas struct {
	leader Leader
	opts   ReplicaOptions
	list   []*Replica
	turn   atomic.Uint32
	since  atomic.Int64 // positions from before do not count, see Renew
	stop   context.CancelFunc
	ended  sync.WaitGroup
}

// ReplicaOptions are settings of Replicas; the zero value is useful.
type ReplicaOptions struct {
	// MaxLag is how late a replica may be to be read from. Defaults to 5 s.
	MaxLag time.Duration
	Log    *slog.Logger // nil: discarded
}

// Replica is one of the Replicas.
type Replica struct {
	of    *Replicas
	url   string
	name  string
	db    atomic.Pointer[DB] // nil: not open yet
	fresh atomic.Int64       // it holds all from before this time, in nanoseconds; 0: it is not known
	// What follows is only the watch's.
	ahead   []sample // positions that it has not reached, the oldest first
	checked int64    // the value of since for which it was looked at
	said    string   // what the log was told last
}

// sample is a position of the leader's, asked for at a time.
type sample struct {
	at       time.Time
	position string
}

// maxSamples bounds the positions that a replica has not reached.
const maxSamples = 200

// unfit marks a replica that will not be fit by waiting.
type unfit struct{ error }

func (u unfit) Unwrap() error { return u.error }

// Follow opens replicas by their URLs, whose names are for people, and keeps an eye
// on them until Close. One that is unfit is refused; one that does not answer, or
// is late, is waited for in the background.
func Follow(ctx context.Context, leader Leader, urls, names []string, o ReplicaOptions) (*Replicas, error) {
	o.MaxLag = cmp.Or(o.MaxLag, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	rs := &Replicas{leader: leader, opts: o}
	rs.since.Store(time.Now().UnixNano())
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	rs.stop = stop
	for i, url := range urls {
		rs.list = append(rs.list, &Replica{of: rs, url: url, name: names[i]})
	}
	for _, r := range rs.list {
		if err := r.begin(ctx); err != nil {
			return nil, errors.Join(err, rs.Close())
		}
	}
	for _, r := range rs.list {
		rs.ended.Go(func() { r.watch(watching) })
	}
	return rs, nil
}

// Pick finds a replica that is not too late, one after the other; nil for none.
func (rs *Replicas) Pick() *Replica {
	if rs == nil {
		return nil
	}
	first := int(rs.turn.Add(1))
	for i := range rs.list {
		if r := rs.list[(first+i)%len(rs.list)]; r.Lag() <= rs.opts.MaxLag {
			return r
		}
	}
	return nil
}

// Renew forgets what is known: the database may hold other tables from now on.
func (rs *Replicas) Renew() {
	if rs == nil {
		return
	}
	rs.since.Store(time.Now().UnixNano())
	for _, r := range rs.list {
		r.fresh.Store(0)
	}
}

// Statements is how many statements were run on replicas.
func (rs *Replicas) Statements() (n uint64) {
	if rs == nil {
		return 0
	}
	for _, r := range rs.list {
		if db := r.db.Load(); db != nil {
			n += db.Statements()
		}
	}
	return n
}

// Close ends the watch and closes the replicas.
func (rs *Replicas) Close() error {
	rs.stop()
	rs.ended.Wait()
	var errs []error
	for _, r := range rs.list {
		if db := r.db.Load(); db != nil {
			errs = append(errs, db.Driver().Close())
		}
	}
	return errors.Join(errs...)
}

// DB is the replica, for reading.
func (r *Replica) DB() *DB { return r.db.Load() }

// Lag is how late the replica is at most.
func (r *Replica) Lag() time.Duration {
	if since := r.of.since.Load(); r.fresh.Load() < since {
		return 1<<63 - 1
	}
	return time.Since(time.Unix(0, r.fresh.Load()))
}

// Failed reports whether a read failed for want of the replica, so that the leader
// may be asked instead. The replica is then left alone until it was looked at.
func (r *Replica) Failed(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || problem.KindOf(err) != problem.Unavailable || errors.Unwrap(err) == nil {
		return false // nobody waits, or it asked for too much
	}
	r.fresh.Store(0)
	return true
}

// begin looks at a replica until it is known to be good or is late.
func (r *Replica) begin(ctx context.Context) error {
	limit := time.Now().Add(r.of.opts.MaxLag)
	for {
		err := r.look(ctx)
		var away *net.OpError
		switch {
		case errors.As(err, new(unfit)), err != nil && r.db.Load() == nil && !errors.As(err, &away):
			return problem.Wrap(err, problem.Unavailable, "--replica %s: %v", r.name, err)
		case err != nil:
			r.say(err)
			return nil
		case r.Lag() <= r.of.opts.MaxLag:
			return nil
		case time.Now().After(limit):
			r.say(errLate)
			return nil
		}
		if !r.of.rest(ctx) {
			return ctx.Err()
		}
	}
}

var errLate = errors.New("it is late")

// watch looks at a replica again and again.
func (r *Replica) watch(ctx context.Context) {
	for r.of.rest(ctx) {
		err := r.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil && r.Lag() > r.of.opts.MaxLag {
			err = errLate
		}
		r.say(err)
	}
}

// rest is the time between two looks; false when ctx ends.
func (rs *Replicas) rest(ctx context.Context) bool {
	return slept(ctx, min(rs.opts.MaxLag/10, time.Second/2))
}

// say tells the log when reads begin to go elsewhere, and when they come back.
func (r *Replica) say(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == r.said {
		return
	}
	r.said = text
	if err != nil {
		r.of.opts.Log.Warn("a replica is not read from", slog.String("replica", r.name), slog.String("why", text))
		return
	}
	r.of.opts.Log.Info("a replica is read from again", slog.String("replica", r.name))
}

// look finds out how far the replica has come.
func (r *Replica) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, max(r.of.opts.MaxLag, time.Second))
	defer cancel()
	ctx = context.WithValue(ctx, Asking{}, r) // not to wait behind all who are nobody
	if r.db.Load() == nil {
		f, err := r.of.leader.Follow(ctx, r.url)
		if err != nil {
			return err
		}
		r.db.Store(New(f))
	}
	since := r.of.since.Load()
	for len(r.ahead) > 0 && r.ahead[0].at.UnixNano() < since {
		r.ahead = r.ahead[1:]
	}
	if len(r.ahead) < maxSamples {
		at := time.Now()
		position, err := r.of.leader.Position(ctx)
		if err != nil {
			return nil // then who reads from the leader finds out
		}
		r.ahead = append(r.ahead, sample{at, position})
	}
	follower := r.db.Load().Driver().(Follower)
	for len(r.ahead) > 0 {
		reached, err := follower.Reached(ctx, r.ahead[0].position)
		if err != nil {
			r.fresh.Store(0)
			return err
		}
		if !reached {
			return nil
		}
		if r.checked != since {
			if err := r.check(ctx, follower); err != nil {
				return err
			}
			r.checked = since
		}
		r.fresh.Store(r.ahead[0].at.UnixNano())
		r.ahead = r.ahead[1:]
	}
	return nil
}

// check compares what the replica holds with what the leader does.
func (r *Replica) check(ctx context.Context, follower Follower) error {
	want, err := r.of.leader.Inspect(ctx)
	if err != nil {
		return err
	}
	have, err := follower.Inspect(ctx)
	if err != nil {
		return unfit{err}
	}
	if !same(have, want) {
		return unfit{errors.New("it holds other tables than the database of --database; name the same database and schema on a server that follows it")}
	}
	if err := follower.Barred(ctx); err != nil {
		return unfit{err}
	}
	return nil
}

func same(a, b *schema.Schema) bool {
	one, err1 := json.Marshal(a)
	other, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(one) == string(other)
}
