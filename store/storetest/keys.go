package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// readsByKey: a driver may answer the reads of many callers together, of different
// tables, some of nothing, some given up, some with a condition of their own; each gets
// its own answer.
func readsByKey(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	const records = 60
	var things, more []Row
	for n := range records {
		one := Row{}
		if n%3 == 0 {
			one["name"] = fmt.Sprint("name ", n)
		}
		things = append(things, item(n, one))
		more = append(more, Row{"id": id(n), "place": int64(-n)})
	}
	fill(t, d, items, things)
	fill(t, d, notes, more)
	byKey := func(table *schema.Table, names ...string) *query.Select {
		q := &query.Select{From: query.Table{Name: table.Name, Alias: 1}, ByKey: true}
		for _, name := range names {
			c := column(table, 1, name)
			q.Columns = append(q.Columns, query.Column{Expr: c, Type: c.Type})
		}
		q.Where = query.Cmp{Op: query.Eq, L: column(table, 1, "id"), R: query.Param{Slot: 0, Type: idType}}
		return q
	}
	ofItems, ofNotes := byKey(items, "id", "title", "name"), byKey(notes, "id", "place")
	ofTheirs := byKey(items, "id", "title", "name")
	ofTheirs.Where = query.And{List: []query.Expr{ofTheirs.Where, query.Cmp{Op: query.Eq, L: column(items, 1, "title"), R: query.Param{Slot: 1, Type: textType}}}}
	expected := func(q *query.Select, n int, title any) [][]any {
		switch {
		case n >= records || q == ofTheirs && title != fmt.Sprint("item ", n):
			return nil
		case q == ofNotes:
			return [][]any{{id(n), int64(-n)}}
		case n%3 == 0:
			return [][]any{{id(n), fmt.Sprint("item ", n), fmt.Sprint("name ", n)}}
		}
		return [][]any{{id(n), fmt.Sprint("item ", n), nil}}
	}
	var callers sync.WaitGroup
	for caller := range 40 {
		callers.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(caller)))
			for range 50 {
				q, n := ofItems, r.IntN(records+5)
				args := []any{id(n)}
				switch r.IntN(3) {
				case 0:
					q = ofNotes
				case 1:
					q = ofTheirs
					args = append(args, fmt.Sprint("item ", n&^r.IntN(2)))
				}
				ctx, cancel := context.WithCancel(t.Context())
				givenUp := r.IntN(10) == 0
				if givenUp {
					go cancel()
				}
				got, err := tryRead(ctx, d, q, args)
				cancel()
				if givenUp && errors.Is(err, context.Canceled) {
					continue
				}
				if err != nil {
					t.Error(err)
				} else if diff := cmp.Diff(expected(q, n, args[len(args)-1]), got); diff != "" {
					t.Errorf("%s %d (-want +got)\n%s", q.From.Name, n, diff)
				}
			}
		})
	}
	callers.Wait()
}

// emptyByKey: a text of nothing is not null, be it the first thing that is ever read.
func emptyByKey(t *testing.T, d store.Driver) {
	create(t, d, items)
	fill(t, d, items, []Row{item(1, Row{"name": ""})})
	name := column(items, 1, "name")
	q := &query.Select{
		From: query.Table{Name: "items", Alias: 1}, Columns: []query.Column{{Expr: name, Type: name.Type}}, ByKey: true,
		Where: query.Cmp{Op: query.Eq, L: column(items, 1, "id"), R: query.Param{Slot: 0, Type: idType}},
	}
	if diff := cmp.Diff([][]any{{""}}, read(t, d, q, id(1))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
