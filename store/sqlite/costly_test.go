package sqlite

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// pairs counts the ways to choose n words in a row that differ from the one
// before; of 100 words three can be chosen within moments, six in no time.
func pairs(n int) *query.Select {
	word := func(alias int) query.Expr { return query.Col{Alias: alias, Name: "word", Type: wordType} }
	count := &value.Type{Kind: value.Int}
	q := &query.Select{
		From:    query.Table{Name: "words", Alias: 1},
		Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: count}, Type: count}},
	}
	for alias := 2; alias <= n; alias++ {
		q.Joins = append(q.Joins, query.Join{
			Table: query.Table{Name: "words", Alias: alias},
			On:    query.Cmp{Op: query.Ne, L: word(alias), R: word(alias - 1)},
		})
	}
	return q
}

func openManyWords(t *testing.T) *Driver {
	d := openWords(t)
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		for i := range 100 {
			if err := add(t.Context(), tx, strings.Repeat("x", i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func count(ctx context.Context, d store.Driver, q *query.Select) (n any, err error) {
	err = store.New(d).InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		for row, err := range tx.Select(ctx, q, nil) {
			if err != nil {
				return err
			}
			if n, err = row.Value(0); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// endless begins n reads that never end, each on behalf of somebody else; they
// end with their context.
func endless(ctx context.Context, d store.Driver, n int) (ended chan error) {
	ended = make(chan error, n)
	for who := range n {
		go func() {
			_, err := count(context.WithValue(ctx, store.Asking{}, who), d, pairs(6))
			ended <- err
		}()
	}
	return ended
}

func TestCheapReadsPassCostlyOnes(t *testing.T) {
	d := openManyWords(t)
	ctx, cancel := context.WithCancel(t.Context())
	const surplus = 20
	ended := endless(ctx, d, maxCostly+surplus)
	for range surplus {
		err := <-ended
		var p *problem.Error
		if !errors.As(err, &p) || p.Kind != problem.Unavailable || p.RetryAfter == 0 {
			t.Errorf("one too many: %v", err)
		}
		says(t, err, "too many costly requests", "filter")
	}
	for range 3 * cap(d.readers.free) {
		if got := wordsIn(t, d); len(got) != 100 {
			t.Errorf("%d words", len(got))
		}
	}
	select {
	case err := <-ended:
		t.Errorf("an endless read ended: %v", err)
	default:
	}
	cancel()
	for range maxCostly {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	}
}

// maxShare is how many costly reads one caller may have.
const maxShare = maxCostly / 4

// Who asks for more than his share is refused; the others' places are free.
func TestOneCallerHasAShareOfTheCostlyReads(t *testing.T) {
	d := openManyWords(t)
	ctx, cancel := context.WithCancel(t.Context())
	greedy := context.WithValue(ctx, store.Asking{}, "greedy")
	ended := make(chan error, maxShare+5)
	for range maxShare + 5 {
		go func() {
			_, err := count(greedy, d, pairs(6))
			ended <- err
		}()
	}
	for range 5 {
		says(t, <-ended, "too many costly requests")
	}
	others := endless(ctx, d, maxCostly-maxShare)
	for d.costly.places.Taken() < maxCostly {
		select {
		case err := <-others:
			t.Fatalf("another caller was refused: %v", err)
		default:
			runtime.Gosched()
		}
	}
	cancel()
	for range maxShare {
		<-ended
	}
	for range maxCostly - maxShare {
		<-others
	}
	if err := d.Close(); err != nil || d.costly.places.Taken() > 0 {
		t.Errorf("places that are left: %d, %v", d.costly.places.Taken(), err)
	}
}

func TestCostlyReadsTakeTurns(t *testing.T) {
	d := openManyWords(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := endless(ctx, d, 3)
	if n, err := count(t.Context(), d, pairs(3)); n != int64(100*99*99) || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	cancel()
	for range 3 {
		<-ended
	}
}

// A reader of an export that stops to read keeps no turn from the others.
func TestRowsThatAreNotTakenKeepNoTurn(t *testing.T) {
	d := openManyWords(t)
	q := pairs(3)
	q.Columns[0].Expr = query.Col{Alias: 1, Name: "word", Type: wordType}
	q.Columns[0].Type = wordType
	err := store.New(d).InTx(t.Context(), store.ReadOne, nil, func(tx store.Tx) error {
		rows := 0
		for _, err := range tx.Select(t.Context(), q, nil) {
			if err != nil {
				return err
			}
			if rows++; rows != 500_000 {
				continue
			}
			if _, err := count(t.Context(), d, pairs(3)); err != nil {
				return err
			}
			break
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestClosingWaitsForCostlyReads(t *testing.T) {
	d := openManyWords(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := endless(ctx, d, maxCostly+1)
	<-ended // the others are costly, or will be
	closed := make(chan error)
	go func() { closed <- d.Close() }()
	cancel()
	for range maxCostly {
		<-ended
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := count(t.Context(), d, pairs(1)); err == nil {
		t.Error("a closed database is read")
	}
}

// An export of which rows are on their way is not broken off because its caller has
// all the costly reads that it may have: it waits before it begins.
func TestAStreamWaitsForItsPlaceBeforeItBegins(t *testing.T) {
	d := openManyWords(t)
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), store.Asking{}, "greedy"))
	ended := make(chan error, maxShare)
	for range maxShare {
		go func() {
			_, err := count(ctx, d, pairs(6))
			ended <- err
		}()
	}
	for d.costly.places.Taken() < maxShare {
		runtime.Gosched()
	}
	begun := make(chan error)
	go func() {
		tx, err := d.Begin(context.WithValue(t.Context(), store.Asking{}, "greedy"), store.Stream)
		if err == nil {
			rows := 0
			for _, err = range tx.Select(t.Context(), pairs(3), nil) {
				rows++
			}
			if rows != 1 {
				t.Errorf("%d rows", rows)
			}
			tx.Commit(t.Context())
		}
		begun <- err
	}()
	cancel()
	for range maxShare {
		<-ended
	}
	if err := <-begun; err != nil {
		t.Error(err)
	}
	if n := d.costly.places.Taken(); n != 0 {
		t.Errorf("%d places are left", n)
	}
}
