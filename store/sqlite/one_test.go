package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// way is how a single write is done.
type way func(ctx context.Context, d *Driver, fn func(store.Tx) error) error

// byItself leaves the write to who has the turn, inTurn what is selected before it, too.
func byItself(ctx context.Context, d *Driver, fn func(store.Tx) error) error {
	return store.New(d).InTx(ctx, store.WriteOne, nil, fn)
}

func inTurn(ctx context.Context, d *Driver, fn func(store.Tx) error) error {
	return store.New(d).InTurn(ctx, nil, func(tx store.Tx) error {
		for _, err := range tx.Select(ctx, allWords, nil) {
			if err != nil {
				return err
			}
			break
		}
		return fn(tx)
	})
}

// single writes word as a transaction of one write.
func (write way) single(ctx context.Context, d *Driver, word string) error {
	return write(ctx, d, func(tx store.Tx) error { return add(ctx, tx, word) })
}

// singles starts single writes that wait in this order; the function gives their errors.
func (write way) singles(t *testing.T, d *Driver, words ...string) (wait func() []error) {
	errs := make([]error, len(words))
	var group sync.WaitGroup
	before := queued(d)
	for i, word := range words {
		group.Go(func() { errs[i] = write.single(context.Background(), d, word) })
		waiting(d, before+i+1)
	}
	return func() []error { group.Wait(); return errs }
}

func queued(d *Driver) int {
	d.writer.mu.Lock()
	defer d.writer.mu.Unlock()
	return len(d.writer.queue)
}

func TestSingleWrites(t *testing.T) {
	t.Run("by themselves", way(byItself).test)
	t.Run("with what they select", way(inTurn).test)
}

func (write way) test(t *testing.T) {
	t.Run("share the commit of the transactions around them", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		one := write.singles(t, d, "b", "c")
		inside := make(chan bool, 1)
		var middle error
		var group sync.WaitGroup
		group.Go(func() {
			middle = store.New(d).InTx(context.Background(), store.Write, nil, func(tx store.Tx) error {
				inside <- true
				return add(context.Background(), tx, "d")
			})
		})
		waiting(d, 3)
		two := write.singles(t, d, "e")
		before := counter(&commits, d).Load()
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		if err := errors.Join(append(append(one(), two()...), middle)...); err != nil {
			t.Fatal(err)
		}
		if n := counter(&commits, d).Load() - before; n != 1 {
			t.Errorf("%d commits", n)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b", "c", "d", "e"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("one that is refused refuses no other", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := write.singles(t, d, "b", "a", "c")
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		errs := wait()
		var taken *store.ConstraintError
		if errs[0] != nil || !errors.As(errs[1], &taken) || taken.Kind != store.Unique || errs[2] != nil {
			t.Errorf("%v", errs)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("a refusal rests on nothing that was never committed", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := write.singles(t, d, "same")
		counter(&failures, d).Store(1)
		if err := add(t.Context(), first, "same"); err != nil {
			t.Fatal(err)
		}
		if err := first.Commit(t.Context()); err != store.ErrAgain {
			t.Errorf("the first: %v", err)
		}
		if err := wait()[0]; err != nil {
			t.Error(err)
		}
	})

	t.Run("one that ends SQLite's transaction takes no other along", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := write.singles(t, d, "b", "boom", "c")
		err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context()))
		if !errors.Is(err, store.ErrAgain) {
			t.Errorf("%v", err)
		}
		errs := wait()
		if errs[0] != nil || errs[1] == nil || errors.Is(errs[1], store.ErrAgain) || errs[2] != nil {
			t.Errorf("%v", errs)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("a panic is for whose write it was", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := write.singles(t, d, "b")
		panicked := make(chan any)
		go func() {
			defer func() { panicked <- recover() }()
			_ = write(context.Background(), d, func(tx store.Tx) error {
				_, err := tx.Insert(context.Background(), addWord, []any{struct{ unknown bool }{}, nil})
				return err
			})
		}()
		waiting(d, 2)
		more := write.singles(t, d, "c")
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(<-panicked); !strings.Contains(text, "sqlite.(*stmt).bind") {
			t.Errorf("it does not tell where: %s", text)
		}
		if err := errors.Join(append(wait(), more()...)...); err != nil {
			t.Error(err)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("who waits may go away", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- write.single(ctx, d, "b") }()
		waiting(d, 1)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		wait := write.singles(t, d, "c")
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context()), wait()[0]); err != nil {
			t.Fatal(err)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("one that selects first has the turn until its write", func(t *testing.T) {
		d := openWords(t)
		var other func() []error
		err := write(t.Context(), d, func(tx store.Tx) error {
			for _, err := range tx.Select(t.Context(), allWords, nil) {
				return errors.Join(errors.New("there is none"), err)
			}
			other = write.singles(t, d, "b")
			return add(t.Context(), tx, "a")
		})
		if err := errors.Join(err, other()[0]); err != nil {
			t.Fatal(err)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("closing answers those that wait", func(t *testing.T) {
		d := openWords(t)
		path := d.path
		first := begin(t, d)
		closed := make(chan error)
		go func() { closed <- d.Close() }()
		waiting(d, 1)
		wait := write.singles(t, d, "b")
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context()), <-closed); err != nil {
			t.Fatal(err)
		}
		err := wait()[0]
		if err != nil && problem.KindOf(err) != problem.Unavailable {
			t.Errorf("%v", err)
		}
		beside, failed := Open(t.Context(), path, Options{ReadOnly: true})
		if failed != nil {
			t.Fatal(failed)
		}
		defer beside.Close()
		if done := slices.Contains(wordsIn(t, beside), "b"); done != (err == nil) {
			t.Errorf("it hears %v, and it is done: %v", err, done)
		}
	})
}
