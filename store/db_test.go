package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// scripted is a driver whose transactions end as they are told.
type scripted struct {
	store.Driver
	begin                      error
	commits, rollbacks         []error // by transaction; nil when they run out
	began, committed, rolledUp int
}

func (d *scripted) Begin(context.Context, store.Mode) (store.Tx, error) {
	if d.begin != nil {
		return nil, d.begin
	}
	d.began++
	return &scriptedTx{d: d}, nil
}

type scriptedTx struct {
	store.Tx
	d *scripted
}

func pop(list *[]error) error {
	if len(*list) == 0 {
		return nil
	}
	err := (*list)[0]
	*list = (*list)[1:]
	return err
}

func (t *scriptedTx) Commit(context.Context) error {
	t.d.committed++
	return pop(&t.d.commits)
}

func (t *scriptedTx) Rollback(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.d.rolledUp++
	return pop(&t.d.rollbacks)
}

func (t *scriptedTx) Select(context.Context, *query.Select, []any) iter.Seq2[store.Row, error] {
	return func(func(store.Row, error) bool) {}
}

func (t *scriptedTx) Update(context.Context, *query.Update, []any) (int, error) { return 1, nil }

func TestInTx(t *testing.T) {
	refused := errors.New("refused")
	again := fmt.Errorf("wrapped: %w", store.ErrAgain)
	forever := make([]error, 1000)
	for i := range forever {
		forever[i] = store.ErrAgain
	}
	for _, tt := range []struct {
		name              string
		driver            scripted
		fn                error
		want              error
		kind              problem.Kind
		began, rolledBack int
	}{
		{name: "commits", began: 1},
		{name: "rolls back on an error", fn: refused, want: refused, kind: problem.Internal, began: 1, rolledBack: 1},
		{name: "runs again when the commit says so", driver: scripted{commits: []error{again, store.ErrAgain}}, began: 3},
		{name: "does not repeat another failure", driver: scripted{commits: []error{refused}}, want: refused, kind: problem.Internal, began: 1},
		{name: "runs again when what it refused was never true", driver: scripted{rollbacks: []error{store.ErrAgain}}, fn: refused, want: refused, kind: problem.Internal, began: 2, rolledBack: 2},
		{name: "gives up in the end", driver: scripted{commits: forever}, want: store.ErrAgain, kind: problem.Unavailable, began: 31},
		{name: "hands a failed begin on", driver: scripted{begin: refused}, want: refused, kind: problem.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := store.New(&tt.driver).InTx(t.Context(), store.Write, nil, func(store.Tx) error { return tt.fn })
				if !errors.Is(err, tt.want) || problem.KindOf(err) != tt.kind {
					t.Errorf("got %v", err)
				}
				if tt.driver.began != tt.began || tt.driver.rolledUp != tt.rolledBack {
					t.Errorf("%d begun, %d rolled back", tt.driver.began, tt.driver.rolledUp)
				}
			})
		})
	}
}

func TestInTxDoesNotWaitBeyondTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		forever := make([]error, 1000)
		for i := range forever {
			forever[i] = store.ErrAgain
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := store.New(&scripted{commits: forever}).InTx(ctx, store.Write, nil, func(store.Tx) error { return nil })
		if problem.KindOf(err) != problem.Unavailable {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}

func TestInTxRollsBackAfterTheContextEnded(t *testing.T) {
	d := &scripted{}
	ctx, cancel := context.WithCancel(t.Context())
	err := store.New(d).InTx(ctx, store.Write, nil, func(store.Tx) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) || d.rolledUp != 1 {
		t.Errorf("%v, %d rolled back", err, d.rolledUp)
	}
}

func TestInTxRollsBackOnPanic(t *testing.T) {
	d := &scripted{}
	defer func() {
		if recover() != "panic" || d.rolledUp != 1 || d.committed != 0 {
			t.Errorf("%+v", d)
		}
	}()
	store.New(d).InTx(t.Context(), store.Write, nil, func(store.Tx) error { panic("panic") })
}

func TestInTxCountsTheLastRunOnTop(t *testing.T) {
	d := &scripted{commits: []error{store.ErrAgain}}
	stats := store.Stats{Statements: 5}
	err := store.New(d).InTx(t.Context(), store.Write, &stats, func(tx store.Tx) error {
		for range tx.Select(t.Context(), nil, nil) {
		}
		_, err := tx.Update(t.Context(), nil, nil)
		return err
	})
	if err != nil || stats.Statements != 7 {
		t.Errorf("%v, %d statements", err, stats.Statements)
	}
}
