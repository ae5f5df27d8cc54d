package mysql

import (
	"context"
	"database/sql/driver"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/store"
)

// use is what a connection's session is set up for, since changing that costs a
// round trip: the pool gives one that is already set where it can.
type use uint8

const (
	// reading: every statement by itself, a single write too, or a snapshot that is begun.
	reading use = iota
	// writing: the first statement begins a transaction. It is serialisable: InnoDB
	// then locks whatever a transaction reads, sub-selects and the gaps where
	// nothing was found included, until its end. So what a rule depended on can
	// neither be taken away nor added before the write has been committed; two
	// writes that want the same in another order are a deadlock, and one of them is
	// run again. READ COMMITTED with FOR SHARE would hold the rows that were found,
	// but not the absence of one ("not blocked by").
	writing
)

// pool bounds the connections and keeps those at rest.
type pool struct {
	places *store.Places
	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(size int) pool { return pool{places: store.NewPlaces(size)} }

// pop takes a connection at rest, if there is one set up for u, that.
func (p *pool) pop(u use) *conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	at := n - 1
	for i := n - 1; i >= 0; i-- {
		if p.idle[i].use == u {
			at = i
			break
		}
	}
	c := p.idle[at]
	p.idle = append(p.idle[:at], p.idle[at+1:]...)
	return c
}

// push keeps a connection; false when the pool is closed.
func (p *pool) push(c *conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.idle = append(p.idle, c)
	return true
}

// forget closes the connections at rest.
func (p *pool) forget() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.raw.Close()
	}
}

// close waits for the connections in use and closes all. That the server has ended one
// before is as good.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.places.Close()
	p.forget()
}

// take waits for a connection that is set up for u, for what is not broken off; give
// returns it.
func (d *Driver) take(ctx context.Context, u use) (*conn, error) {
	return d.takeAt(ctx, u, true, d.pool.places.TakeOwn)
}

// takeFor waits for a connection for a transaction, among all who ask.
func (d *Driver) takeFor(ctx context.Context, u use, mode store.Mode) (*conn, error) {
	switch mode {
	case store.Stream:
		return d.takeAt(ctx, u, false, d.pool.places.TakeLong)
	case store.WriteOne: // which cannot be broken off without a doubt
		return d.take(ctx, u)
	}
	return d.takeAt(ctx, u, false, d.pool.places.Take)
}

// takeAt waits for a connection; whether it is tried before is for who cannot begin
// again when its first statement finds that nobody listens, see conn.again.
func (d *Driver) takeAt(ctx context.Context, u use, tried bool, find func(context.Context) (*store.Place, error)) (*conn, error) {
	if ctx.Err() != nil {
		return nil, store.Interrupted(ctx, ctx.Err())
	}
	place, err := find(ctx)
	if err != nil {
		return nil, err
	}
	c, err := d.ready(ctx, u, tried)
	if err != nil {
		place.Give()
		return nil, explained(ctx, err)
	}
	c.place = place
	place.Stops(c.end)
	return c, nil
}

// stop breaks off what runs on the connection, from elsewhere.
func (c *conn) stop() { c.d.kill(c.id) }

// ready finds a connection, or makes one, and sets it up.
func (d *Driver) ready(ctx context.Context, u use, tried bool) (*conn, error) {
	for c := d.pool.pop(u); c != nil; c = d.pool.pop(u) {
		if (!tried || c.raw.(driver.SessionResetter).ResetSession(ctx) == nil) && c.prepareFor(ctx, u) == nil {
			c.rested = true
			return c, nil
		}
		c.raw.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return d.connect(ctx, u)
}

// give returns a connection, unless it is of no more use.
func (d *Driver) give(c *conn) {
	if c.reading != nil {
		c.finish(c.reading)
	}
	place := c.place
	c.place = nil
	defer place.Give()
	if !place.Keep() || c.broken || !d.pool.push(c) { // what breaks it off may still come
		c.raw.Close()
	}
}

// kill ends on the server what a caller has given up: closing the connection,
// which the client does, is not noticed there before the statement is done.
func (d *Driver) kill(id string) {
	d.kills.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), connectTimeout)
		defer cancel()
		raw, err := d.connector.Connect(ctx)
		if err != nil {
			return // then the server has other troubles
		}
		defer raw.Close()
		raw.(driver.ExecerContext).ExecContext(ctx, "KILL "+id, nil)
	})
}

// endTimeout is how long the end of a transaction may take.
const endTimeout = 30 * time.Second
