package store

import (
	"context"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/problem"
)

// Shares bounds how many costly requests there are at one time, and how many of
// them one caller may have: what is costly is found out by who runs them.
type Shares struct {
	places, share int

	mu   sync.Mutex
	had  map[any]int // by who asks
	sum  int
	left chan struct{} // closed when one is left; nil: nobody waits for that
}

// NewShares makes room for so many, a quarter of them for one caller, or for all
// who are nobody.
func NewShares(places int) *Shares {
	return &Shares{places: places, share: max(1, places/4), had: map[any]int{}}
}

// Crowded is the answer to one costly request too many.
func Crowded() error {
	return &problem.Error{
		Kind:       problem.Unavailable,
		Detail:     "too many costly requests are under way; try again soon, or ask for less: a narrower filter, or one on indexed fields",
		RetryAfter: time.Second,
	}
}

// WhoAsks is on whose behalf ctx asks.
func WhoAsks(ctx context.Context) any { return ctx.Value(Asking{}) }

// Enter takes a place for who; false when there is none.
func (s *Shares) Enter(who any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enter(who)
}

func (s *Shares) enter(who any) bool {
	if s.sum == s.places || s.had[who] == s.share {
		return false
	}
	s.had[who]++
	s.sum++
	return true
}

// longWait is how long a request that will be costly waits for its place.
const longWait = 10 * time.Second

// Await takes a place for who asks in ctx, once there is one: for a request that
// must not be broken off when it has begun.
func (s *Shares) Await(ctx context.Context) error {
	who := WhoAsks(ctx)
	var limit <-chan time.Time
	for {
		s.mu.Lock()
		if s.enter(who) {
			s.mu.Unlock()
			return nil
		}
		if s.left == nil {
			s.left = make(chan struct{})
		}
		left := s.left
		s.mu.Unlock()
		if limit == nil {
			timer := time.NewTimer(longWait)
			defer timer.Stop()
			limit = timer.C
		}
		select {
		case <-left:
		case <-limit:
			return Crowded()
		case <-ctx.Done():
			return Interrupted(ctx, errWaiting)
		}
	}
}

// Leave gives a place of who back.
func (s *Shares) Leave(who any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum--
	if s.had[who]--; s.had[who] == 0 {
		delete(s.had, who)
	}
	if s.left != nil {
		close(s.left)
		s.left = nil
	}
}

// Taken is how many places are taken.
func (s *Shares) Taken() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum
}

// Drain waits until every place has been left; it is called when none is taken any more.
func (s *Shares) Drain() {
	for {
		s.mu.Lock()
		if s.sum == 0 {
			s.mu.Unlock()
			return
		}
		if s.left == nil {
			s.left = make(chan struct{})
		}
		left := s.left
		s.mu.Unlock()
		<-left
	}
}

// full reports whether who has all that he may have.
func (s *Shares) full(who any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum > 0 && s.had[who] == s.share
}
