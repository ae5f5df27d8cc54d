package main

import (
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

func TestRowsMadeAheadAreAllThereInOrder(t *testing.T) {
	for _, n := range []int{0, 1, 499, 500, 501, 5_003} {
		rows := each(n, func(i int) int { return i }, func(i int) []any { return []any{i} })
		var got []int
		for row := range ahead(rows) {
			got = append(got, row[0].(int))
		}
		if want := slices.Collect(dataset.Each(n, func(i int) int { return i })); !slices.Equal(got, want) {
			t.Errorf("of %d rows %d came, or in another order", n, len(got))
		}
	}
	for row := range ahead(each(10_000, func(i int) int { return i }, func(i int) []any { return []any{i} })) {
		if row[0].(int) == 3 {
			break // and whoever makes them ends, too
		}
	}
}
