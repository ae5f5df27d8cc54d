package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// leveledItem finds the item of an id on a level, and holds it; its arguments begin at slot.
func leveledItem(slot int) *query.Select {
	return &query.Select{
		From:    query.Table{Name: "items", Alias: 11},
		Columns: []query.Column{{Expr: column(items, 11, "id"), Type: idType}},
		Where: query.And{List: []query.Expr{
			query.Cmp{Op: query.Eq, L: column(items, 11, "id"), R: query.Param{Slot: slot, Type: idType}},
			query.Cmp{Op: query.Eq, L: column(items, 11, "level"), R: query.Param{Slot: slot + 1, Type: levelType}},
		}},
		Lock: query.ForShare,
	}
}

// requiredRows adds and changes rows that say what has to be there, in each mode that writes.
func requiredRows(t *testing.T, d store.Driver) {
	create(t, d, items, notes, people)
	fill(t, d, items, []Row{item(1, Row{"level": "high"}), item(2, nil)})
	fill(t, d, people, []Row{{"id": id(50), "email": "taken"}})
	add := insertInto(people)
	add.If = leveledItem(len(add.Columns))
	rename := &query.Update{
		Table: query.Table{Name: "people", Alias: 1}, If: leveledItem(2),
		Set:   []query.Assign{{Column: query.Named{Name: "first", Type: textType}, Value: query.Param{Slot: 0, Type: textType}}},
		Where: query.Cmp{Op: query.Eq, L: column(people, 1, "id"), R: query.Param{Slot: 1, Type: idType}},
	}
	own := &query.Update{ // which requires a row of its own table
		Table: query.Table{Name: "items", Alias: 1}, If: leveledItem(2),
		Set:   []query.Assign{{Column: query.Named{Name: "name", Type: textType}, Value: query.Param{Slot: 0, Type: textType}}},
		Where: isID(1, 1),
	}
	next := 100
	for _, mode := range []store.Mode{store.Write, store.WriteRows, store.WriteOne} {
		one := func(write func(store.Tx) (int, error)) (n int, err error) {
			inTx(t, d, mode, func(_ context.Context, tx store.Tx) error {
				n, err = write(tx)
				return nil
			})
			return n, err
		}
		insert := func(email any, which int, level any) (int, error) {
			next++
			return one(func(tx store.Tx) (int, error) {
				return tx.Insert(t.Context(), add, []any{id(next), email, "Zoë \x01 '\"", nil, id(which), level})
			})
		}
		for _, tt := range []struct {
			which int
			level any
			want  int
		}{{1, "high", 1}, {1, "low", 0}, {1, nil, 0}, {2, "high", 0}, {3, "high", 0}} {
			if n, err := insert(nil, tt.which, tt.level); n != tt.want || err != nil {
				t.Errorf("mode %d: an insert that requires item %d at %v: %d, %v", mode, tt.which, tt.level, n, err)
			}
			if there := len(read(t, d, everybodyNamed(next))); there != tt.want {
				t.Errorf("mode %d: after an insert that requires item %d at %v there are %d", mode, tt.which, tt.level, there)
			}
			for name, q := range map[string]*query.Update{"people": rename, "items": own} {
				target := id(50)
				if q == own {
					target = id(2)
				}
				n, err := one(func(tx store.Tx) (int, error) {
					next++
					return tx.Update(t.Context(), q, []any{string(rune(next)), target, id(tt.which), tt.level})
				})
				if n != tt.want || err != nil {
					t.Errorf("mode %d: an update of %s that requires item %d at %v: %d, %v", mode, name, tt.which, tt.level, n, err)
				}
			}
		}
		var violation *store.ConstraintError
		if _, err := insert("taken", 1, "high"); !errors.As(err, &violation) || violation.Table != "people" {
			t.Errorf("mode %d: a value that is taken: %v", mode, err)
		}
		if n, err := insert("taken", 1, "low"); n != 0 || err != nil {
			t.Errorf("mode %d: a value that is taken, and nothing required is there: %d, %v", mode, n, err)
		}
	}
}

// requiredValues adds items of every value, and changes others to them, as single writes
// that say what has to be there.
func requiredValues(t *testing.T, d store.Driver) {
	create(t, d, items, notes, people)
	rows := rowsOfEveryValue()
	wide := string(bytes.Repeat([]byte("äb "), 30_000)) // too much to go with others
	rows = append(rows, item(400, Row{"anything": value.Raw(`["` + wide + `"]`), "names": []any{wide}}))
	fill(t, d, people, []Row{{"id": id(1), "first": "here"}})
	here := func(slot int) *query.Select {
		return &query.Select{
			From: query.Table{Name: "people", Alias: 11}, Lock: query.ForShare,
			Columns: []query.Column{{Expr: column(people, 11, "id"), Type: idType}},
			Where:   query.Cmp{Op: query.Eq, L: column(people, 11, "first"), R: query.Param{Slot: slot, Type: textType}},
		}
	}
	add := insertInto(items)
	add.If = here(len(add.Columns))
	set := &query.Update{Table: query.Table{Name: "items", Alias: 1}, If: here(len(items.Columns)), Where: isID(1, 0)}
	for i, c := range items.Columns[1:] {
		set.Set = append(set.Set, query.Assign{Column: query.Named{Name: c.Name, Type: c.Type}, Value: query.Param{Slot: i + 1, Type: c.Type}})
	}
	db := store.New(d)
	write := func(of func(row Row) Row, do func(tx store.Tx, args []any) (int, error)) {
		t.Helper()
		var group sync.WaitGroup
		for part := range slices.Chunk(rows, (len(rows)+7)/8) { // so that some travel together
			group.Go(func() {
				for _, row := range part {
					var args []any
					for _, c := range items.Columns {
						args = append(args, of(row)[c.Name])
					}
					err := db.InTx(t.Context(), store.WriteOne, nil, func(tx store.Tx) error {
						n, err := do(tx, append(args, "here"))
						if n != 1 && err == nil {
							t.Errorf("%v: %d rows", of(row), n)
						}
						return err
					})
					if err != nil {
						t.Errorf("%v: %v", of(row), err)
					}
				}
			})
		}
		group.Wait()
	}
	itself := func(row Row) Row { return row }
	write(itself, func(tx store.Tx, args []any) (int, error) { return tx.Insert(t.Context(), add, args) })
	stored(t, d, rows)
	bare := func(row Row) Row { return Row{"id": row["id"], "title": "", "number": int64(0)} }
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Delete(ctx, &query.Delete{Table: query.Table{Name: "items", Alias: 1}}, nil)
		return err
	})
	write(bare, func(tx store.Tx, args []any) (int, error) { return tx.Insert(t.Context(), add, args) })
	write(itself, func(tx store.Tx, args []any) (int, error) { return tx.Update(t.Context(), set, args) })
	stored(t, d, rows)
}

func everybodyNamed(n int) *query.Select {
	return &query.Select{
		From: query.Table{Name: "people", Alias: 1}, Columns: allColumns(people, 1),
		Where: query.Cmp{Op: query.Eq, L: column(people, 1, "id"), R: query.Const{Value: id(n), Type: idType}},
	}
}

// requiredRowsAreHeld has people added at once who require an item on a level, until the
// item leaves it: from the moment that this has happened nobody comes any more.
func requiredRowsAreHeld(t *testing.T, d store.Driver) {
	create(t, d, items, notes, people)
	add := insertInto(people)
	add.If = leveledItem(len(add.Columns))
	leave := &query.Update{
		Table: query.Table{Name: "items", Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: "level", Type: levelType}, Value: query.Param{Slot: 0, Type: levelType}}},
		Where: isID(1, 1),
	}
	count := &query.Select{From: query.Table{Name: "people", Alias: 1}, Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}}}
	db := store.New(d)
	const rounds, workers, enough = 5, 8, 24
	for round := range rounds {
		which := round + 1
		fill(t, d, items, []Row{item(which, Row{"level": "high"})})
		var group sync.WaitGroup
		arrived := make(chan struct{}, 1000)
		for worker := range workers {
			group.Go(func() {
				for i := 0; ; i++ {
					n := 0
					err := db.InTx(t.Context(), store.WriteOne, nil, func(tx store.Tx) (err error) {
						n, err = tx.Insert(t.Context(), add, []any{id(1000*(1+round) + 100*worker + i), nil, nil, nil, id(which), "high"})
						return err
					})
					if err != nil {
						t.Error(err)
					}
					if err != nil || n == 0 || i == 99 {
						return
					}
					arrived <- struct{}{}
				}
			})
		}
		go func() { group.Wait(); close(arrived) }()
		for range enough {
			<-arrived
		}
		inTx(t, d, store.WriteRows, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Update(ctx, leave, []any{"low", id(which)})
			return err
		})
		after := read(t, d, count)[0][0]
		group.Wait()
		if n := read(t, d, count)[0][0]; n != after {
			t.Errorf("round %d: %v were there when the item had left, and then %v", round, after, n)
		}
	}
}
