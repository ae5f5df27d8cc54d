// Package postgres keeps records in PostgreSQL 13 or newer. Statements go through
// the extended protocol only, prepared, their values bound.
package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/mainstay-run/mainstay/socket"
	"github.com/mainstay-run/mainstay/store"
)

// Driver is a PostgreSQL database.
type Driver struct {
	config  *pgconn.Config
	opts    Options
	log     *slog.Logger
	version string
	user    string
	schema  string // where everything is kept
	pooled  bool   // a pooler stands before the server
	places  *store.Places
	conns   chan *conn    // nil members are opened when first needed; one for each place
	epoch   atomic.Uint64 // connections of an earlier one are of no more use
	lane    chan *lookup  // nil: no lanes
	group   *store.Group  // nil: no group
	closed  chan struct{}
	driving sync.WaitGroup
	closing sync.Once
	// careful: transactions went on after a violation, so that one that has read
	// guards its first write as well.
	careful atomic.Bool
}

var _ store.Driver = (*Driver)(nil)

// Options are the driver's settings; the zero value is useful.
type Options struct {
	// MaxOpen is the most connections held open. Defaults to 16.
	MaxOpen int
	Log     *slog.Logger // nil: discarded
	primary *Driver      // not nil: the database is a standby of it
}

// connectTimeout is how long a server may take to answer a new connection, unless
// the URL's connect_timeout says otherwise.
const connectTimeout = 10 * time.Second

// Open connects; dsn is a URL or keywords as libpq takes them.
func Open(ctx context.Context, dsn string, o Options) (*Driver, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 16
	}
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, wrongURL(err)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	for name, setting := range session {
		config.RuntimeParams[name] = setting
	}
	config.DialFunc = socket.Dialing(config.DialFunc)
	// An ended context asks the server to stop and keeps the connection.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: 2 * time.Second}
	}
	if config.Database == "" {
		config.Database = config.User // as libpq does
	}
	d := &Driver{config: config, opts: o, log: o.Log, closed: make(chan struct{})}
	if o.MaxOpen >= 2*lanes {
		o.MaxOpen -= lanes + 1
		d.group = store.NewGroup(maxGroup, d.closed)
		d.driving.Add(1)
		go d.writeTogether()
		d.lane = make(chan *lookup, maxTogether)
		for range lanes {
			d.driving.Add(1)
			go d.drive()
		}
	}
	d.places, d.conns = store.NewPlaces(o.MaxOpen), make(chan *conn, o.MaxOpen)
	for range o.MaxOpen {
		d.conns <- nil
	}
	c, err := d.take(ctx)
	if refusedSettings(err) {
		leaveSettings(config)
		c, err = d.take(ctx)
	}
	if err != nil {
		return nil, errors.Join(notOpened(config, err), d.Close())
	}
	d.version = c.ParameterStatus("server_version")
	err = d.examine(ctx, c)
	if d.give(c); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// wrongURL says what is wrong with a URL, which may hold a password, without it.
func wrongURL(err error) error {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "`: "); ok {
		text = after
	}
	if strings.Contains(text, "sslmode is invalid") {
		text = "sslmode is disable, allow, prefer, require, verify-ca or verify-full"
	}
	return refused("the database's URL is postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=…: %s", text)
}

// closedConn stands where connections were.
var closedConn = new(conn)

// take waits for a connection for what is not broken off; give returns it.
func (d *Driver) take(ctx context.Context) (*conn, error) { return d.takeAt(ctx, d.places.TakeOwn) }

// takeFor waits for a connection for a transaction, among all who ask.
func (d *Driver) takeFor(ctx context.Context, mode store.Mode) (*conn, error) {
	if mode == store.Stream {
		return d.takeAt(ctx, d.places.TakeLong)
	}
	return d.takeAt(ctx, d.places.Take)
}

func (d *Driver) takeAt(ctx context.Context, find func(context.Context) (*store.Place, error)) (*conn, error) {
	if ctx.Err() != nil {
		return nil, store.Interrupted(ctx, ctx.Err())
	}
	place, err := find(ctx)
	if err != nil {
		return nil, err
	}
	c, err := d.ready(ctx)
	if err != nil {
		place.Give()
		return nil, err
	}
	c.place = place
	place.Stops(c.end)
	return c, nil
}

// stop breaks off what runs on the connection, from elsewhere.
func (c *conn) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
	defer cancel()
	_ = c.CancelRequest(ctx) // else it goes on until its time is over
}

// ready finds a connection that lives, or makes one when none is at rest.
func (d *Driver) ready(ctx context.Context) (*conn, error) {
	c := <-d.conns
	for range len(d.conns) {
		if c != nil {
			break
		}
		d.conns <- nil
		c = <-d.conns
	}
	if c == closedConn {
		d.conns <- c
		return nil, errClosed
	}
	if c != nil && c.epoch == d.epoch.Load() {
		c.rested = true
		return c, nil
	}
	if c != nil {
		c.Conn().Close() // nobody listens at its other end
	}
	c, err := d.connect(ctx)
	if err != nil {
		d.conns <- nil
		return nil, explained(ctx, err)
	}
	return c, nil
}

func (d *Driver) connect(ctx context.Context) (*conn, error) {
	epoch := d.epoch.Load()
	pg, err := pgconn.ConnectConfig(ctx, d.config)
	if err != nil {
		return nil, err
	}
	c := &conn{PgConn: pg, pooled: d.pooled, stmts: map[any]*prepared{}, epoch: epoch}
	c.end = c.stop
	if d.version == "" || d.pooled { // examine finds out, or the session is not ours
		return c, nil
	}
	if err := c.tune(ctx); err != nil {
		pg.Close(ctx)
		return nil, err
	}
	return c, nil
}

// give returns a connection, or its place when it is of no more use.
func (d *Driver) give(c *conn) {
	if c.reading != nil {
		c.finish(c.reading)
	}
	const idle = 'I'
	place := c.place
	c.place = nil
	defer place.Give()
	if !place.Keep() || c.IsClosed() || c.TxStatus() != idle { // what breaks it off may still come
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		c.PgConn.Close(ctx)
		c = nil
	}
	d.conns <- c
}

// Close waits for what is running.
func (d *Driver) Close() error {
	var errs []error
	d.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		close(d.closed)
		d.driving.Wait()
		for range cap(d.conns) {
			if c := <-d.conns; c != nil {
				errs = append(errs, c.PgConn.Close(ctx))
			}
		}
		for range cap(d.conns) {
			d.conns <- closedConn
		}
	})
	return errors.Join(errs...)
}

// Limits tells what PostgreSQL cannot do.
func (d *Driver) Limits() store.Limits {
	// A page of an index holds keys up to a third of 8 KiB; a code point has up to 4 bytes.
	return store.Limits{Name: "PostgreSQL " + d.version, MaxIndexedLength: 600, MaxParams: 65535, MaxIdentifierBytes: 63}
}
