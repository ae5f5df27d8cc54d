package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Reads by key are the most frequent requests, and most of their price is the statement
// and its trip, not the record. So the reads of different callers share statements: a
// lane is a connection that takes whatever reads are waiting and asks for the records of
// those that are alike at once. None waits for others to come: a lane that is free goes
// with what there is.
//
// A lane answers or does nothing: on any failure the reads that it carried are asked
// again on a connection of their own, where failures are told apart.
//
// Not chosen: to send the statements one behind the other before the first answer, which
// the client cannot, and which leaves the server its work for each of them.
const (
	lanes       = 2 // of Options.MaxOpen, when that is 4 or more
	maxTogether = 32
	maxKept     = 64 << 10 // bytes of a lookup that is used again
	// laneTimeout ends a statement that waits for something, such as a locked table.
	laneTimeout = time.Second
)

// lookup is a read by key on its way through a lane. It belongs to the lane until done
// has been told.
type lookup struct {
	q      *query.Select
	shape  *shape
	args   []any
	done   chan bool // false: not answered; nothing has happened
	rows   int
	values []driver.Value // of all rows
	data   []byte         // what they point to
}

var lookups = sync.Pool{New: func() any { return &lookup{done: make(chan bool, 1)} }}

// look sends a read through a lane; nil when it did not answer, ctx ended, or the
// driver closes, after which there are no lanes.
func (d *Driver) look(ctx context.Context, q *query.Select, args []any) *lookup {
	if d.lane == nil || !q.ByKey {
		return nil
	}
	t, err := d.sql(ctx, nil, q)
	if err != nil || t.shared == nil || !t.shared.fits(args) {
		return nil
	}
	l := lookups.Get().(*lookup)
	l.q, l.shape, l.args = q, t, append(l.args[:0], args...)
	l.rows, l.values, l.data = 0, l.values[:0], l.data[:0]
	select {
	case d.lane <- l:
	case <-ctx.Done():
		return nil
	case <-d.closed:
		return nil
	}
	select {
	case answered := <-l.done:
		if answered {
			return l
		}
	case <-ctx.Done():
	case <-d.closed:
	}
	return nil // l may still be the lane's
}

// fits reports whether the key is of the kind that rows are told apart by.
func (s *shared) fits(args []any) bool {
	if s.slot >= len(args) {
		return false
	}
	switch args[s.slot].(type) {
	case value.UUID, string:
		return true
	}
	return false
}

// each hands over the rows and gives the lookup back.
func (l *lookup) each(yield func(store.Row, error) bool) {
	r := row{types: l.shape.types, rewritten: l.shape.rewritten}
	width := len(r.types)
	for i := range l.rows {
		r.raw = l.values[i*width : (i+1)*width]
		if !yield(&r, nil) {
			break
		}
		if r.err != nil {
			yield(nil, unreadable(r.err))
			break
		}
	}
	if cap(l.data) <= maxKept {
		clear(l.values)
		lookups.Put(l)
	}
}

// keep copies a row.
func (l *lookup) keep(values []driver.Value) {
	l.rows++
	for _, v := range values {
		if b, is := v.([]byte); is {
			from := len(l.data)
			l.data = append(l.data, b...)
			v = l.data[from:len(l.data):len(l.data)]
		}
		l.values = append(l.values, v)
	}
}

// drive is a lane. It ends when the driver closes.
func (d *Driver) drive() {
	var c *conn
	store.Together(d.lane, d.closed, func(together []*lookup) { c = d.carry(c, together) })
	if c != nil {
		c.raw.Close()
	}
}

// carry answers lookups on c, or on a new connection when c is of no more use, and
// returns the connection for the next ones, nil when it failed.
func (d *Driver) carry(c *conn, together []*lookup) *conn {
	ctx, cancel := context.WithTimeout(context.Background(), laneTimeout)
	defer cancel()
	var err error
	if c == nil {
		c, err = d.connect(ctx, reading)
	}
	for i, l := range together {
		if l == nil { // it was asked with one before it
			continue
		}
		some := alikes(together[i:])
		if err == nil {
			err = c.lookUp(ctx, some)
		}
		for _, l := range some {
			l.done <- err == nil
		}
	}
	if err == nil && !c.broken {
		return c
	}
	if c != nil {
		c.raw.Close()
	}
	return nil
}

// alikes takes the first lookup and those that can be answered with it out of those
// that wait: once they have been told, they are somebody else's.
func alikes(waiting []*lookup) []*lookup {
	first := waiting[0]
	some := make([]*lookup, 0, len(waiting))
	for i, l := range waiting {
		if l == nil || l.q != first.q || !alike(first.args, l.args, first.shape.shared.slot) {
			continue
		}
		waiting[i] = nil
		some = append(some, l)
	}
	return some
}

// lookUp answers lookups that are alike with one statement.
func (c *conn) lookUp(ctx context.Context, some []*lookup) (err error) {
	defer func() {
		if p := recover(); p != nil { // it comes again where the read is asked alone, in its own request
			err = fmt.Errorf("mysql: a lane panicked: %v", p)
		}
	}()
	first := some[0]
	q, args, key := first.q, first.args, -1
	if len(some) > 1 {
		keys := make([]any, len(some))
		for i, l := range some {
			keys[i] = l.args[first.shape.shared.slot]
		}
		q, args, key = first.shape.shared.many, append([]any(nil), first.args...), len(first.shape.types)
		args[first.shape.shared.slot] = keys
	}
	p, err := c.statement(ctx, q, 0, args)
	if err != nil {
		return err
	}
	s, err := c.read(ctx, p, args)
	if err != nil {
		return err
	}
	defer c.finish(s)
	for c.next(s) {
		for _, l := range some {
			if key < 0 {
				l.keep(s.dest)
			} else if isKey(s.dest[key], l.args[l.shape.shared.slot]) {
				l.keep(s.dest[:key])
			}
		}
	}
	return s.err
}
