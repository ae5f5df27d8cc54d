package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
)

// Exec runs a statement by hand.
func (d *Driver) Exec(ctx context.Context, sql string, args ...string) error {
	_, err := d.List(ctx, sql, args...)
	return err
}

// List is the first column of what a statement gives.
func (d *Driver) List(ctx context.Context, sql string, args ...string) ([]string, error) {
	c, err := d.take(ctx, reading)
	if err != nil {
		return nil, err
	}
	defer d.give(c)
	return c.list(ctx, sql, args...)
}

// Executed is how many prepared statements the connection of a transaction has run.
func (d *Driver) Executed(ctx context.Context, in store.Tx) (int, error) {
	c := in.(*tx).c
	if err := c.settle(); err != nil {
		return 0, err
	}
	rows, err := c.raw.(driver.QueryerContext).QueryContext(ctx, "SHOW SESSION STATUS LIKE 'Com_stmt_execute'", nil)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	row := make([]driver.Value, 2)
	if err := rows.Next(row); err != nil {
		return 0, err
	}
	return strconv.Atoi(fmt.Sprintf("%s", row[1]))
}

// Begun leaves the database as a step does that was cut short: recorded as
// pending, and carried out or not.
func (d *Driver) Begun(ctx context.Context, have *schema.Schema, step schema.Step, done bool) error {
	c, err := d.take(ctx, reading)
	if err != nil {
		return err
	}
	defer d.give(c)
	next, err := json.Marshal(sqlgen.After(have, step))
	if err != nil {
		return err
	}
	if err := c.put(ctx, keyPending, string(next)); err != nil || !done {
		return err
	}
	statement, err := d.flavour.statementOf(have, step)
	if err != nil {
		return err
	}
	return c.unchecked(ctx, statement)
}

// LockTable keeps everybody else from a table.
func (d *Driver) LockTable(t testing.TB, table string) (unlock func()) {
	t.Helper()
	c, err := d.connect(t.Context(), reading)
	if err == nil {
		err = c.exec(t.Context(), "LOCK TABLES "+identifier(table)+" WRITE")
	}
	if err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { c.raw.Close() })
}

// LookUp answers reads of a text by key as a lane does, and tells how many statements
// that took.
func (d *Driver) LookUp(ctx context.Context, q *query.Select, asked [][]any) (found [][]string, statements int, err error) {
	c, err := d.connect(ctx, reading)
	if err != nil {
		return nil, 0, err
	}
	defer c.raw.Close()
	s, err := d.sql(ctx, nil, q)
	if err != nil {
		return nil, 0, err
	}
	all := make([]*lookup, len(asked))
	for i, args := range asked {
		all[i] = &lookup{q: q, shape: s, args: args, done: make(chan bool, 1)}
	}
	waiting := slices.Clone(all)
	for i, l := range waiting {
		if l == nil {
			continue
		}
		statements++
		if err := c.lookUp(ctx, alikes(waiting[i:])); err != nil {
			return nil, statements, err
		}
	}
	found = make([][]string, len(asked))
	for i, l := range all {
		l.each(func(r store.Row, _ error) bool {
			v, _ := r.Value(0)
			found[i] = append(found[i], v.(string))
			return true
		})
	}
	return found, statements, nil
}

// Single is a single write.
type Single struct {
	Q    any
	Args []any
}

// WriteTogether does writes as one group, and tells how many rows each has changed; nil
// when nothing was done.
func (d *Driver) WriteTogether(ctx context.Context, writes []Single) ([]int, error) {
	over, waiting := make(chan struct{}), make(chan *store.Change)
	defer close(over)
	group := store.NewGroup(len(writes), over)
	go group.Run(func(some []*store.Change) {
		for _, w := range some {
			waiting <- w
		}
	})
	rows, alone, errs := make([]int, len(writes)), make([]bool, len(writes)), make([]error, len(writes))
	var callers sync.WaitGroup
	var together []*store.Change
	for i, w := range writes { // one after the other, so that their order is known
		callers.Go(func() { rows[i], alone[i], errs[i] = group.Do(ctx, w.Q, w.Args) })
		together = append(together, <-waiting)
	}
	if c := d.commit(nil, together); c != nil {
		defer c.raw.Close()
	}
	callers.Wait()
	if slices.Contains(alone, true) {
		if slices.Contains(alone, false) {
			return nil, errors.New("some were done, and some were not")
		}
		rows = nil
	}
	return rows, errors.Join(errs...)
}

// Rests reports whether single writes are done one by one at a time.
func (d *Driver) Rests(at time.Time) bool { return d.group.Resting(at) }

// Abandon has the server end the connections at rest for having been idle.
func (d *Driver) Abandon(t testing.TB) {
	t.Helper()
	watcher, err := d.connect(t.Context(), reading)
	if err != nil {
		t.Fatal(err)
	}
	defer watcher.raw.Close()
	d.pool.mu.Lock()
	idle := slices.Clone(d.pool.idle)
	d.pool.mu.Unlock()
	for _, c := range idle {
		if err := c.exec(t.Context(), "SET SESSION wait_timeout = 1"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range idle {
		for {
			found, err := watcher.list(t.Context(), "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = "+c.id)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) == 0 {
				break
			}
		}
	}
}
