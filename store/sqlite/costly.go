package sqlite

import (
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/mainstay-run/mainstay/store"
)

// costly keeps reads that take long from starving the others. What a read costs
// shows only while it runs: one that has run for more than cheapLooks keeps its
// connection but gives its place among the readers to the next, and from then on
// the costly ones take turns, whose number is small, a few thousand steps each. So
// a cheap read waits for no costly one, a costly one for no longer one, and what
// all of them cost together is bounded.
//
// Not chosen: to tell by the plan or by the shape of a statement, whose cost
// depends on its arguments; to break a costly read off and begin again in a lane
// of its own, which rows that are on their way forbid; a bound on the steps of a
// statement alone, which either refuses an honest report or lets a few of the
// others hold every connection.
type costly struct {
	places  *store.Shares // one for each costly read
	turns   chan struct{} // one in it for each costly read that runs
	waiting atomic.Int32  // for a turn
	// idle are connections that were costly reads' and wait to be used again.
	idle chan *conn
}

const (
	// cheapLooks are how many looks at its context (see progressSteps) make a read
	// costly: some milliseconds of work.
	cheapLooks = 20
	// maxCostly is how many costly reads there are at one time, running or waiting
	// for their turn.
	maxCostly = 16
)

// newCostly shares out for so many readers; costly reads get half of the cores,
// and never more than half of what the readers could use.
func newCostly(readers int) *costly {
	return &costly{
		places: store.NewShares(maxCostly),
		turns:  make(chan struct{}, max(1, min(readers, runtime.GOMAXPROCS(0))/2)),
		idle:   make(chan *conn, readers),
	}
}

// look is called as a read goes on; false breaks it off.
func (c *conn) look() bool {
	if c.reading == nil {
		return true
	}
	if c.reading.Err() != nil {
		return false
	}
	if c.d == nil { // writes
		return true
	}
	held.bound(maxResident, minMapped)
	if c.looks++; c.looks <= cheapLooks {
		return true
	}
	s := c.d.costly
	if !c.costly {
		if c.crowded = !s.enter(c); c.crowded {
			return false
		}
		c.costly = true
		c.d.readers.free <- nil
	}
	if c.turn && s.waiting.Load() == 0 {
		return true
	}
	c.pause()
	s.waiting.Add(1)
	defer s.waiting.Add(-1)
	select {
	case s.turns <- struct{}{}:
		c.turn = true
		return true
	case <-c.reading.Done():
		return false
	}
}

// enter takes a place for c, one of those that its caller may have.
func (s *costly) enter(c *conn) bool {
	who := store.WhoAsks(c.reading)
	if !s.places.Enter(who) {
		return false
	}
	c.asking = who
	return true
}

// pause gives up the turn of a costly read.
func (c *conn) pause() {
	if c.turn {
		<-c.d.costly.turns
		c.turn = false
	}
}

// giveBack ends the use of a connection that has lost its place among the readers.
func (s *costly) giveBack(c *conn) {
	c.costly = false
	who := c.asking
	c.asking = nil
	select {
	case s.idle <- c:
	default:
		c.close()
	}
	s.places.Leave(who) // at the last, so that close finds the connection
}

// close waits until no read is costly any more; it is called when none can begin.
func (s *costly) close() (err error) {
	s.places.Drain()
	for len(s.idle) > 0 {
		err = errors.Join(err, (<-s.idle).close())
	}
	return err
}
