package move_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/move"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
)

const crowd = 100_000

// BenchmarkMove moves 100,000 people, each with a word to be found by, from SQLite
// to every kind of database and back into SQLite: rows moved and compared in a
// second, and the most that the heap held meanwhile.
//
//	go test ./move -run - -bench Move -benchtime 1x
func BenchmarkMove(b *testing.B) {
	set := compile(b, office)
	kinds, _ := dbtest.Kinds()
	source := kinds[0].Open(b)
	if _, err := migrate.To(b.Context(), source, set, nil); err != nil {
		b.Fatal(err)
	}
	inTx(b, source, func(tx store.Tx) error { return gather(b, tx, set) })
	for _, kind := range kinds {
		b.Run(kind.Name, func(b *testing.B) {
			for b.Loop() {
				there, back := kind.Open(b), kinds[0].Open(b)
				b.ReportMetric(timed(b, source, there, set), "rows/s-to")
				b.ReportMetric(timed(b, there, back, set), "rows/s-from")
			}
		})
	}
}

func gather(b *testing.B, tx store.Tx, set *rule.Set) error {
	people, words := tableOf(set, "people"), tableOf(set, "people_words")
	for n := range crowd {
		person := map[string]any{"id": id(n), "name": fmt.Sprintf("Ann %d", n), "twin": id(n), "boss": id(n / 10)}
		if err := insert(b.Context(), tx, people, person); err != nil {
			return err
		}
		if err := insert(b.Context(), tx, words, map[string]any{"word": "ann", "field": "name", "id": id(n)}); err != nil {
			return err
		}
	}
	return nil
}

// timed moves and tells how many rows went in a second.
func timed(b *testing.B, from, to store.Driver, set *rule.Set) float64 {
	var most uint64
	var m runtime.MemStats
	began := time.Now()
	report, err := move.Run(b.Context(), from, to, set, move.Options{Progress: func(move.Progress) {
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}})
	if err != nil || report.Differences() > 0 || report.Copied != 2*crowd {
		b.Fatalf("%v %+v", err, report)
	}
	b.ReportMetric(float64(most)/(1<<20), "MiB")
	return float64(report.Copied) / time.Since(began).Seconds()
}
