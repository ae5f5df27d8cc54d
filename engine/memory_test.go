package engine

import (
	"runtime"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const papersContract = `mainstay: 1
name: papers
resources:
  Paper:
    fields:
      body: text ..10000
    access:
      read: true
`

// liveHeap is what is in use, garbage apart.
func liveHeap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// heapWatch takes a stream, and looks at the heap once for each so many bytes.
type heapWatch struct{ every, taken, most int }

func (w *heapWatch) Write(b []byte) (int, error) {
	if w.taken/w.every != (w.taken+len(b))/w.every {
		w.most = max(w.most, liveHeap())
	}
	w.taken += len(b)
	return len(b), nil
}

// An export keeps no more than a small part of what it sends, on every database.
func TestAnExportIsNotKeptInMemory(t *testing.T) {
	const records, length = 3_000, 8_000
	kinds, _ := dbtest.Kinds()
	for _, kind := range kinds {
		if kind.Name == "MongoDB" { // its stand-in lives in this process
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			driver := kind.Open(t)
			_, set := compile(t, papersContract)
			if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
				t.Fatal(err)
			}
			db := store.New(driver)
			e := New(set, db, testKeys(t), Options{})
			addPapers(t, db, set.Resource("Paper"), records, strings.Repeat("word ", length/5))
			for _, format := range []string{"ndjson", "csv"} {
				res, err := e.Do(t.Context(), nil, &Operation{Kind: Export, Format: format, Resource: set.Resource("Paper")})
				if err != nil {
					t.Fatal(err)
				}
				w := &heapWatch{every: records * length / 12}
				before := liveHeap()
				if err := res.Stream(w); err != nil {
					t.Fatal(err)
				}
				if w.taken < records*length {
					t.Fatalf("%s: %d bytes", format, w.taken)
				}
				if w.most == 0 || w.most-before > w.taken/8 {
					t.Errorf("%s: %d bytes were sent while the heap grew by %d", format, w.taken, w.most-before)
				}
			}
		})
	}
}

func addPapers(t *testing.T, db *store.DB, r *rule.Resource, n int, body string) {
	t.Helper()
	q := &query.Insert{Table: r.Table, Columns: []query.Named{{Name: revisionColumn, Type: intType}}}
	for _, name := range []string{"id", "created_at", "updated_at", "body"} {
		q.Columns = append(q.Columns, named(r.Field(name)))
	}
	at := value.Timestamp(noon.UnixMilli())
	for from := 0; from < n; from += 500 {
		var args []any
		for i := from; i < min(n, from+500); i++ {
			args = append(args, int64(1), value.UUID{6: 0x70, 8: 0x80, 14: byte(i >> 8), 15: byte(i)}, at, at, body)
		}
		if err := db.InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
			_, err := tx.Insert(t.Context(), q, args)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}
