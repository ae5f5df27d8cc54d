package oracle

import (
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/store"
)

// arena is a test on one kind of database.
type arena struct {
	testing.TB
	count int // how many requests
	open  func(testing.TB) store.Driver
}

// database is an empty database, and what drops it.
func (a *arena) database() (store.Driver, func()) {
	l := &lifetime{TB: a.TB}
	a.Cleanup(l.end) // when the test fails before
	return a.open(l), l.end
}

// lifetime is a part of a test: what was to be done at its end is done at the
// part's end.
type lifetime struct {
	testing.TB
	last []func()
}

func (l *lifetime) Cleanup(f func()) { l.last = append(l.last, f) }

func (l *lifetime) end() {
	for _, f := range slices.Backward(l.last) {
		f()
	}
	l.last = nil
}
