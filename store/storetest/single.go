package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// singleWrites: one insert or one update is a whole transaction. What it was decided by
// is not held, so that it says itself what it relies on.
func singleWrites(t *testing.T, d store.Driver) {
	create(t, d, items, notes, people)
	fill(t, d, people, []Row{{"id": id(1), "email": "a"}})
	everybody := &query.Select{From: query.Table{Name: "people", Alias: 1}, Columns: allColumns(people, 1)}
	add := insertInto(people)
	inTx(t, d, store.WriteOne, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Insert(ctx, add, []any{id(2), "a", nil, nil})
		var violation *store.ConstraintError
		if !errors.As(err, &violation) || violation.Kind != store.Unique || !slices.Equal(violation.Columns, []string{"email"}) {
			t.Errorf("what is taken: %v", err)
		}
		if rows, err := readIn(ctx, tx, everybody, nil); len(rows) != 1 || err != nil {
			t.Errorf("after a refused write: %v, %v", rows, err)
		}
		return nil
	})
	inTx(t, d, store.WriteOne, func(ctx context.Context, tx store.Tx) error {
		n, err := tx.Insert(ctx, add, []any{id(3), "b", nil, nil})
		if n != 1 || err != nil {
			t.Errorf("an insert: %d, %v", n, err)
		}
		return nil
	})
	if rows := read(t, d, everybody); len(rows) != 2 {
		t.Errorf("afterwards: %v", rows)
	}
	manyTogether(t, d)
}

// manyTogether adds people at once, every third of them with an e-mail address that is
// taken, while others count upwards in one row.
func manyTogether(t *testing.T, d store.Driver) {
	fill(t, d, items, []Row{item(1, Row{"count": int64(0)})})
	look := idsOf(isID(1, 0))
	look.Columns = []query.Column{{Expr: column(items, 1, "count"), Type: intType}}
	look.OrderBy, look.ByKey = nil, true
	set := &query.Update{
		Table: query.Table{Name: "items", Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: "count", Type: intType}, Value: query.Param{Slot: 0, Type: intType}}},
		Where: query.And{List: []query.Expr{isID(1, 1), query.Cmp{Op: query.Eq, L: column(items, 1, "count"), R: query.Param{Slot: 2, Type: intType}}}},
	}
	add := insertInto(people)
	db := store.New(d)
	const workers, rounds = 12, 10
	var mu sync.Mutex
	refused, raised := 0, int64(0)
	var group sync.WaitGroup
	for worker := range workers {
		group.Go(func() {
			for round := range rounds {
				who := any(nil)
				if round%3 == 0 {
					who = "a"
				}
				err := db.InTx(t.Context(), store.WriteOne, nil, func(tx store.Tx) error {
					_, err := tx.Insert(t.Context(), add, []any{id(100 + worker*rounds + round), who, nil, nil})
					return err
				})
				var violation *store.ConstraintError
				switch {
				case errors.As(err, &violation):
					mu.Lock()
					refused++
					mu.Unlock()
				case err != nil:
					t.Error(err)
				}
				n := 0
				raise := func(tx store.Tx) error {
					rows, err := readIn(t.Context(), tx, look, []any{id(1)})
					if err != nil {
						return err
					}
					n, err = tx.Update(t.Context(), set, []any{rows[0][0].(int64) + 1, id(1), rows[0][0]})
					return err
				}
				if round%2 == 0 {
					err = db.InTurn(t.Context(), nil, raise)
				} else {
					err = db.InTx(t.Context(), store.WriteOne, nil, raise)
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				raised += int64(n)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if want := workers * 4; refused != want {
		t.Errorf("%d inserts were refused, want %d", refused, want)
	}
	if n := read(t, d, look, id(1))[0][0]; n != raised || raised == 0 {
		t.Errorf("counted to %v by %d updates", n, raised)
	}
	everybody := &query.Select{From: query.Table{Name: "people", Alias: 1}, Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}}}
	if n := read(t, d, everybody)[0][0]; n != int64(2+workers*rounds-refused) {
		t.Errorf("%v people", n)
	}
}
