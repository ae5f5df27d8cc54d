package postgres

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Reads by key are the most frequent requests, and most of their price is the trip to
// the server, not the work there. So the reads of different callers share trips: a lane
// is a connection that sends whatever reads are waiting as one batch. None waits for
// others to come: a lane that is free goes with what there is.
//
// A lane answers or does nothing: on any failure the reads that it carried are asked
// again on a connection of their own, where failures are told apart.
const (
	lanes       = 2 // of Options.MaxOpen, when that is 4 or more
	maxTogether = 32
	maxKept     = 64 << 10 // bytes of a lookup that is used again
	// laneTimeout ends a batch that waits for something, such as a locked table.
	laneTimeout = time.Second
)

// lookup is a read by key on its way through a lane. It belongs to the lane until done
// has been told.
type lookup struct {
	q    *query.Select
	args []any
	done chan bool // false: not answered; nothing has happened

	prepared *prepared
	rows     int
	columns  []int  // where each column ends in data, row by row; -1: null
	data     []byte // all columns one behind the other
	raw      [][]byte
}

// A part of data is never nil, however short: nil stands for null.
var lookups = sync.Pool{New: func() any { return &lookup{done: make(chan bool, 1), data: []byte{}} }}

// single is a transaction of one Select. It holds nothing, so that all share it.
type single struct{ d *Driver }

var _ store.Tx = single{}

// Select streams rows; see store.Tx.
func (s single) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if q.ByKey && s.d.lane != nil {
			if l := s.d.look(ctx, q, args); l != nil {
				l.each(yield)
				return
			}
		}
		c, err := s.d.takeFor(ctx, store.ReadOne)
		if err != nil {
			yield(nil, err)
			return
		}
		t := &tx{d: s.d, c: c, mode: store.ReadOne}
		defer t.release()
		t.Select(ctx, q, args)(yield)
	}
}

// Insert is refused, like every change.
func (s single) Insert(context.Context, *query.Insert, []any) (int, error) { return 0, errReading }

// Update is refused.
func (s single) Update(context.Context, *query.Update, []any) (int, error) { return 0, errReading }

// Delete is refused.
func (s single) Delete(context.Context, *query.Delete, []any) (int, error) { return 0, errReading }

// Commit has nothing to do.
func (s single) Commit(context.Context) error { return nil }

// Rollback has nothing to do.
func (s single) Rollback(context.Context) error { return nil }

// look sends a read through a lane; nil when it did not answer, ctx ended, or the
// driver closes, after which there are no lanes.
func (d *Driver) look(ctx context.Context, q *query.Select, args []any) *lookup {
	l := lookups.Get().(*lookup)
	l.q, l.args = q, append(l.args[:0], args...)
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

// each hands over the rows and gives the lookup back.
func (l *lookup) each(yield func(store.Row, error) bool) {
	r := row{types: l.prepared.types}
	width, from := len(r.types), 0
	for i := range l.rows {
		l.raw = l.raw[:0]
		for _, to := range l.columns[i*width : (i+1)*width] {
			if to < 0 {
				l.raw = append(l.raw, nil)
				continue
			}
			l.raw = append(l.raw, l.data[from:to:to])
			from = to
		}
		r.raw = l.raw
		if !yield(&r, nil) {
			break
		}
		if r.err != nil {
			yield(nil, unreadable(r.err))
			break
		}
	}
	if cap(l.data) <= maxKept {
		lookups.Put(l)
	}
}

// keep copies a row.
func (l *lookup) keep(values [][]byte) {
	l.rows++
	for _, v := range values {
		if v == nil {
			l.columns = append(l.columns, -1)
			continue
		}
		l.data = append(l.data, v...)
		l.columns = append(l.columns, len(l.data))
	}
}

// drive is a lane. It ends when the driver closes.
func (d *Driver) drive() {
	defer d.driving.Done()
	var c *conn
	store.Together(d.lane, d.closed, func(together []*lookup) { c = d.carry(c, together) })
	if c != nil {
		c.PgConn.Close(context.Background())
	}
}

// carry answers lookups on c, or on a new connection when c is of no more use, and
// returns the connection for the next ones, nil when it failed.
func (d *Driver) carry(c *conn, together []*lookup) *conn {
	ctx, cancel := context.WithTimeout(context.Background(), laneTimeout)
	defer cancel()
	if c != nil && c.epoch != d.epoch.Load() {
		c.PgConn.Close(ctx)
		c = nil
	}
	var err error
	if c == nil {
		c, err = d.connect(ctx)
	}
	answered := 0
	if err == nil {
		answered, err = c.lookUp(ctx, together)
	}
	for _, l := range together[answered:] {
		l.done <- false
	}
	if err == nil {
		return c
	}
	if c != nil {
		c.PgConn.Close(ctx)
	}
	return nil
}

// lookUp answers lookups in one round trip, in their order, and tells how many.
func (c *conn) lookUp(ctx context.Context, together []*lookup) (answered int, err error) {
	defer func() {
		if p := recover(); p != nil { // it comes again where the read is asked alone, in its own request
			err = fmt.Errorf("postgres: a lane panicked: %v", p)
		}
	}()
	c.batch++
	var batch pgconn.Batch
	for _, l := range together {
		p, err := c.statement(ctx, l.q)
		if err != nil {
			return 0, err
		}
		l.prepared, l.rows, l.columns, l.data = p, 0, l.columns[:0], l.data[:0]
		values, formats := p.arguments(l.args)
		p.queueIn(&batch, values, formats)
	}
	results := c.ExecBatch(ctx, &batch)
	for _, l := range together {
		if !results.NextResult() {
			break
		}
		rows := results.ResultReader()
		for rows.NextRow() {
			l.keep(rows.Values())
		}
		if _, err := rows.Close(); err != nil {
			break
		}
		answered++
		l.done <- true
	}
	return answered, results.Close()
}
