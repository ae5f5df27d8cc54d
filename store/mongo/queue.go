package mongo

import (
	"context"
	"sync/atomic"
	"time"
)

// queue lets the writers of this process go one after the other for a while after
// two of them were in each other's way: MongoDB does not let the second one wait,
// it refuses it, and among many who try again somebody would never come through.
type queue struct {
	until atomic.Int64 // nanoseconds of the clock that began with started
	turns chan struct{}
}

var started = time.Now()

const (
	// queueFor is how long they queue after a conflict.
	queueFor = 100 * time.Millisecond
	// patience is how long one of them waits at most: then it tries its luck.
	patience = time.Second
)

func newQueue() *queue { return &queue{turns: make(chan struct{}, 1)} }

// form begins to queue.
func (q *queue) form() { q.until.Store(int64(time.Since(started) + queueFor)) }

// wait is true when it is the caller's turn, which leave ends.
func (q *queue) wait(ctx context.Context) bool {
	if int64(time.Since(started)) > q.until.Load() {
		return false
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case q.turns <- struct{}{}:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

func (q *queue) leave() { <-q.turns }
