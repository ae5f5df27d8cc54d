package store

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/query"
)

// ErrAgain is returned by Commit (and by statements, on databases that detect
// conflicts early) when nothing was written and the transaction may be run again.
var ErrAgain = errors.New("store: transaction must be run again")

// Stats counts what one operation spent.
type Stats struct{ Statements int }

// DB is a database as the rooms above hold it: a driver with retry and counting.
type DB struct {
	driver     Driver
	statements atomic.Uint64
}

// New wraps a driver.
func New(driver Driver) *DB { return &DB{driver: driver} }

// Statements is how many statements have run since New.
func (db *DB) Statements() uint64 { return db.statements.Load() }

// Driver is the database itself, for plans, explanations and locks.
func (db *DB) Driver() Driver { return db.driver }

// InTx runs fn in a transaction and commits when it returns nil. fn may be run
// again after ErrAgain, so it must not keep what an earlier run found. stats may
// be nil; it counts the statements of the last run, on top of what it held.
func (db *DB) InTx(ctx context.Context, mode Mode, stats *Stats, fn func(Tx) error) error {
	return db.again(ctx, stats, func(stats *Stats) error { return db.once(ctx, mode, stats, fn) })
}

// InTurn is InTx with WriteOne for a write that selects first: where writes take turns,
// fn is run by who has the turn.
func (db *DB) InTurn(ctx context.Context, stats *Stats, fn func(Tx) error) error {
	turns, ok := db.driver.(Turns)
	if !ok {
		return db.InTx(ctx, WriteOne, stats, fn)
	}
	return db.again(ctx, stats, func(stats *Stats) error {
		return turns.InTurn(ctx, func(tx Tx) error { return fn(&counted{tx, stats}) })
	})
}

// again runs once until it does not end with ErrAgain.
func (db *DB) again(ctx context.Context, stats *Stats, once func(*Stats) error) error {
	if stats == nil {
		stats = &Stats{}
	}
	before := *stats
	for attempt := 0; ; attempt++ {
		*stats = before
		err := once(stats)
		db.statements.Add(uint64(stats.Statements - before.Statements))
		if !errors.Is(err, ErrAgain) {
			return err
		}
		if attempt == maxAgain || !pause(ctx, attempt) {
			return Unavailable(err, "too many changes at the same time")
		}
	}
}

// maxAgain is how often a transaction is run again.
const maxAgain = 30

// once runs fn in one transaction, which is over when it returns or panics.
func (db *DB) once(ctx context.Context, mode Mode, stats *Stats, fn func(Tx) error) error {
	tx, err := db.driver.Begin(ctx, mode)
	if err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended { // fn panicked
			tx.Rollback(context.WithoutCancel(ctx))
		}
	}()
	err = fn(&counted{tx, stats})
	ended = true
	if err == nil {
		return tx.Commit(ctx)
	}
	if again := tx.Rollback(context.WithoutCancel(ctx)); errors.Is(again, ErrAgain) {
		return again // what fn refused was never true
	}
	return err
}

// pause waits before the next attempt, a random part of a time that doubles up to
// 128 ms; false when ctx ends before.
func pause(ctx context.Context, attempt int) bool {
	wait := rand.N(time.Millisecond << min(attempt, 7))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	return slept(ctx, wait)
}

// slept waits for so long; false when ctx ends before.
func slept(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// counted counts the statements of a transaction.
type counted struct {
	Tx
	stats *Stats
}

func (t *counted) Select(ctx context.Context, q *query.Select, args []any) iter.Seq2[Row, error] {
	t.stats.Statements++
	return t.Tx.Select(ctx, q, args)
}

func (t *counted) Insert(ctx context.Context, q *query.Insert, args []any) (int, error) {
	t.stats.Statements++
	return t.Tx.Insert(ctx, q, args)
}

func (t *counted) Update(ctx context.Context, q *query.Update, args []any) (int, error) {
	t.stats.Statements++
	return t.Tx.Update(ctx, q, args)
}

func (t *counted) Delete(ctx context.Context, q *query.Delete, args []any) (int, error) {
	t.stats.Statements++
	return t.Tx.Delete(ctx, q, args)
}
