package oracle

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/move"
)

// perMove is how many requests are asked after each move.
const perMove = 20

// Data that went from database to database answers as it did in the first, cursors
// and entity tags included.
func TestMovedDataAnswersAsBefore(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	for _, reason := range absent {
		t.Log(reason)
	}
	rounds := 4
	if *count > 0 {
		rounds = *count
	}
	for n := range uint64(rounds) {
		movedAround(t, kinds, *seed+n)
	}
}

// movedAround takes one contract with its data through every kind of database and
// back to the first.
func movedAround(t *testing.T, kinds []dbtest.Kind, seed uint64) {
	d := newDice(seed)
	c := newDesign(d)
	for circular(c) {
		c = newDesign(d)
	}
	s, err := setUp(&arena{T: t, open: kinds[0].Open, whole: true}, c, newRows(d, c))
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, c.text())
	}
	defer s.tearDown()
	var asked []request
	var want []string
	for range perMove {
		q := newRequest(d, s)
		asked, want = append(asked, q), append(want, s.told(t, q))
	}
	for _, to := range append(slices.Clone(kinds[1:]), kinds[0]) {
		a := &arena{T: t, open: to.Open}
		driver, drop := a.database()
		report, err := move.Run(t.Context(), s.driver, driver, s.set, move.Options{})
		if err != nil || report.Differences() > 0 {
			t.Fatalf("seed %d: moving to %s: %v, %+v\n%s", seed, to.Name, err, report, c.text())
		}
		s.tearDown()
		s.driver, s.tearDown = driver, drop
		if err := s.serve(); err != nil {
			t.Fatal(err)
		}
		for i, q := range asked {
			if got := s.told(t, q); got != want[i] {
				t.Fatalf("seed %d: %s: after the move to %s the answer is\n%s\nbefore it was\n%s\n%s", seed, q, to.Name, got, want[i], c.text())
			}
		}
	}
}

// circular reports whether resources refer to each other by required references
// alone: nobody can make the first of such records, and a move refuses them.
func circular(c *design) bool {
	left := slices.Clone(c.resources)
	for len(left) > 0 {
		waiting := slices.DeleteFunc(slices.Clone(left), func(r *resource) bool {
			return !slices.ContainsFunc(r.kinds("ref"), func(f *field) bool {
				return !f.optional && slices.Contains(left, f.target)
			})
		})
		if len(waiting) == len(left) {
			return true
		}
		left = waiting
	}
	return false
}

// told is all that the engine answers to a request, as one text.
func (s *stage) told(t testing.TB, q request) string {
	got, err := s.do(t.Context(), q, "")
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("%s\n%s\n%s\n%s", got.Body, got.ETag, got.Next, got.Prev)
	if got.Stream != nil {
		var b bytes.Buffer
		if err := got.Stream(&b); err != nil {
			return err.Error()
		}
		text += b.String()
	}
	return text
}
