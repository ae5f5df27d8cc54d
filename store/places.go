package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/problem"
)

// Places are the connections of a pool, shared out among those who ask: who holds
// the fewest goes first. As long as nobody waits, anybody may hold all of them for
// as long as it takes. When somebody does, what others have held for more than
// costlyAfter is costly: at most half of the places are, a quarter is one caller's,
// and what is beyond that is broken off for who waits. A caller with as much as that
// gets no further place beyond half of all.
//
// Not chosen: a bound on how many places a caller may have, which wastes them when
// nobody else asks; to break off what is slow at once, which makes a database that
// is slow for everybody refuse half of what it could still do.
type Places struct {
	costly *Shares

	mu       sync.Mutex
	all      []*Place
	free     []*Place
	queues   []*queue // of callers who wait, in the order of their coming
	reviewed time.Time
	watched  bool // somebody looks every reviewEvery; true while somebody waits
	closed   bool
	drained  chan struct{} // closed when all are free after Close
}

// Place is the right to use one connection.
type Place struct {
	of     *Places
	who    any
	since  time.Time
	taken  bool
	costly bool // it counts among the costly ones
	state  atomic.Int32
	stop   func()
}

// The states of a place that is held.
const (
	held int32 = iota
	kept       // it is not broken off
	broken
)

// queue is those who wait on behalf of one caller.
type queue struct {
	who     any
	waiting []chan *Place // of one; closed when the pool is
}

const (
	// costlyAfter is how long a request may hold a connection while others wait.
	costlyAfter = time.Second
	// reviewEvery is how often it is looked who has held theirs for so long.
	reviewEvery = costlyAfter / 4
)

var errWaiting = errors.New("store: waiting for a connection")

// NewPlaces makes n places, all free.
func NewPlaces(n int) *Places {
	p := &Places{costly: NewShares(max(1, n/2)), drained: make(chan struct{})}
	p.costly.share = max(1, n/4)
	for range n {
		p.all = append(p.all, &Place{of: p})
	}
	p.free = slices.Clone(p.all)
	return p
}

// Take waits for a place on behalf of who asks in ctx.
func (p *Places) Take(ctx context.Context) (*Place, error) {
	who := WhoAsks(ctx)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, errClosed
	}
	if len(p.free) > 0 && len(p.queues) == 0 && p.may(who) {
		place := p.grant(who)
		p.mu.Unlock()
		return place, nil
	}
	got := p.enqueue(who)
	p.dispatch()
	p.review()
	if !p.watched {
		p.watched = true
		time.AfterFunc(reviewEvery, p.watch)
	}
	p.mu.Unlock()
	select {
	case place, open := <-got:
		if !open {
			return nil, errClosed
		}
		return place, nil
	case <-ctx.Done():
		p.giveUp(who, got)
		return nil, Interrupted(ctx, errWaiting)
	}
}

// TakeLong is Take for what will be costly, and must not be broken off: it waits for
// a place among the costly first.
func (p *Places) TakeLong(ctx context.Context) (*Place, error) {
	if err := p.costly.Await(ctx); err != nil {
		return nil, err
	}
	place, err := p.Take(ctx)
	if err != nil {
		p.costly.Leave(WhoAsks(ctx))
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if place.costly { // it has come to be meanwhile
		p.costly.Leave(place.who)
	}
	place.costly = true
	place.state.Store(kept)
	return place, nil
}

// TakeOwn is Take for what must not be broken off.
func (p *Places) TakeOwn(ctx context.Context) (*Place, error) {
	place, err := p.Take(ctx)
	if err == nil && !place.Keep() {
		place.Give()
		return nil, Crowded()
	}
	return place, err
}

// Close refuses who waits, and waits for those who hold a place.
func (p *Places) Close() {
	p.mu.Lock()
	p.closed = true
	for _, q := range p.queues {
		for _, got := range q.waiting {
			close(got)
		}
	}
	p.queues = nil
	p.drain()
	p.mu.Unlock()
	<-p.drained
}

func (p *Places) drain() {
	if p.closed && len(p.free) == len(p.all) {
		close(p.drained)
	}
}

var errClosed = problem.Errorf(problem.Unavailable, "the database is closed")

// Stops says how to break off what runs at the place; it is called from elsewhere,
// once at most.
func (l *Place) Stops(stop func()) {
	l.of.mu.Lock()
	defer l.of.mu.Unlock()
	l.stop = stop
}

// Broken reports whether the request at the place was broken off.
func (l *Place) Broken() bool { return l.state.Load() == broken }

// Keep saves what runs at the place from being broken off; false when it was. It is
// for what cannot be undone, and before the connection goes to somebody else.
func (l *Place) Keep() bool { return l.state.CompareAndSwap(held, kept) || l.state.Load() == kept }

// Give gives the place back.
func (l *Place) Give() {
	p := l.of
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.costly {
		p.costly.Leave(l.who)
	}
	l.who, l.taken, l.costly, l.stop = nil, false, false, nil
	p.free = append(p.free, l)
	p.dispatch()
	p.drain()
}

// grant gives a free place to who.
func (p *Places) grant(who any) *Place {
	place := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	place.who, place.taken, place.since = who, true, time.Now()
	place.state.Store(held)
	return place
}

// may reports whether who can have one more place: with as many costly ones as he
// may have, only up to half of all.
func (p *Places) may(who any) bool {
	return !p.costly.full(who) || p.holds(who) < len(p.all)/2
}

// holds is how many places who has.
func (p *Places) holds(who any) (n int) {
	for _, place := range p.all {
		if place.taken && place.who == who {
			n++
		}
	}
	return n
}

func (p *Places) enqueue(who any) chan *Place {
	got := make(chan *Place, 1)
	for _, q := range p.queues {
		if q.who == who {
			q.waiting = append(q.waiting, got)
			return got
		}
	}
	p.queues = append(p.queues, &queue{who, []chan *Place{got}})
	return got
}

// dispatch gives free places to who waits and holds the fewest.
func (p *Places) dispatch() {
	for len(p.free) > 0 && len(p.queues) > 0 {
		best, least := -1, len(p.all)+1
		for i, q := range p.queues {
			if n := p.holds(q.who); n < least && p.may(q.who) {
				best, least = i, n
			}
			if least == 0 {
				break
			}
		}
		if best < 0 {
			return
		}
		q := p.queues[best]
		q.waiting[0] <- p.grant(q.who)
		p.queues = slices.Delete(p.queues, best, best+1)
		if q.waiting = q.waiting[1:]; len(q.waiting) > 0 {
			p.queues = append(p.queues, q) // behind the others
		}
	}
}

// giveUp ends a wait, or gives back what came at the last moment.
func (p *Places) giveUp(who any, got chan *Place) {
	p.mu.Lock()
	for i, q := range p.queues {
		if q.who != who {
			continue
		}
		if at := slices.Index(q.waiting, got); at >= 0 {
			q.waiting = slices.Delete(q.waiting, at, at+1)
		}
		if len(q.waiting) == 0 {
			p.queues = slices.Delete(p.queues, i, i+1)
		}
		break
	}
	p.mu.Unlock()
	select {
	case place, open := <-got:
		if open {
			place.Give()
		}
	default:
	}
}

// watch reviews as long as somebody waits.
func (p *Places) watch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.review()
	if p.watched = len(p.queues) > 0; p.watched {
		time.AfterFunc(reviewEvery, p.watch)
	}
}

// review finds what is costly while somebody waits, and breaks off what is too much.
func (p *Places) review() {
	now := time.Now()
	if len(p.queues) == 0 || now.Sub(p.reviewed) < reviewEvery/2 {
		return
	}
	p.reviewed = now
	p.dispatch() // somebody may have a further place now
	byAge := slices.Clone(p.all)
	slices.SortFunc(byAge, func(a, b *Place) int { return a.since.Compare(b.since) })
	ending := 0
	for _, place := range p.all {
		if place.taken && place.Broken() {
			ending++
		}
	}
	for _, place := range byAge {
		if !place.taken || place.costly || now.Sub(place.since) < costlyAfter || place.state.Load() != held {
			continue
		}
		if p.costly.Enter(place.who) {
			place.costly = true
			continue
		}
		if p.waitBeside(place.who) <= ending || !place.state.CompareAndSwap(held, broken) {
			continue
		}
		ending++
		if place.stop != nil {
			go place.stop()
		}
	}
}

// waitBeside is how many others than who wait.
func (p *Places) waitBeside(who any) (n int) {
	for _, q := range p.queues {
		if q.who != who {
			n += len(q.waiting)
		}
	}
	return n
}
