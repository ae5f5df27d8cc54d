package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

var (
	wordType = &value.Type{Kind: value.String}
	words    = &schema.Table{Name: "words", PrimaryKey: []string{"word"}, Columns: []*schema.Column{
		{Name: "word", Type: wordType}, {Name: "more", Type: wordType, Nullable: true},
	}}
	addWord  = &query.Insert{Table: "words", Columns: []query.Named{{Name: "word", Type: wordType}, {Name: "more", Type: wordType}}}
	allWords = &query.Select{
		From:    query.Table{Name: "words", Alias: 1},
		Columns: []query.Column{{Expr: query.Col{Alias: 1, Name: "word", Type: wordType}, Type: wordType}},
		OrderBy: []query.Order{{Expr: query.Col{Alias: 1, Name: "word", Type: wordType}, NotNull: true}},
	}
)

// openWords opens a file with a table words. A word "boom" makes SQLite give up
// the whole transaction, as a full disk or too little memory does.
func openWords(t testing.TB) *Driver {
	t.Helper()
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "words.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.writer.maxBatch = time.Hour // a slow machine groups alike
	if err := d.Apply(t.Context(), schema.CreateTable{Table: words}); err != nil {
		t.Fatal(err)
	}
	if err := d.writer.c.exec(`CREATE TRIGGER boom BEFORE INSERT ON words WHEN new.word = 'boom' BEGIN SELECT RAISE(ROLLBACK, 'boom'); END`); err != nil {
		t.Fatal(err)
	}
	lib.Xsqlite3_commit_hook(d.writer.c.tls, d.writer.c.db, callback(onTestCommit), d.writer.c.id)
	return d
}

// commits counts COMMITs by connection; failures says how many of the next fail.
var commits, failures sync.Map

func counter(m *sync.Map, d *Driver) *atomic.Int64 {
	n, _ := m.LoadOrStore(d.writer.c.id, new(atomic.Int64))
	return n.(*atomic.Int64)
}

func onTestCommit(_ *libc.TLS, id uintptr) int32 {
	if n, ok := failures.Load(id); ok && n.(*atomic.Int64).Add(-1) >= 0 {
		return 1
	}
	n, _ := commits.LoadOrStore(id, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	return 0
}

func add(ctx context.Context, tx store.Tx, word string) error {
	_, err := tx.Insert(ctx, addWord, []any{word, nil})
	return err
}

func wordsIn(t testing.TB, d *Driver) []string {
	t.Helper()
	var list []string
	err := store.New(d).InTx(context.Background(), store.ReadOne, nil, func(tx store.Tx) error {
		list = nil
		for r, err := range tx.Select(context.Background(), allWords, nil) {
			if err != nil {
				return err
			}
			v, _ := r.Value(0)
			list = append(list, v.(string))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func begin(t testing.TB, d *Driver) store.Tx {
	t.Helper()
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// waiting returns when n are in line for the turn.
func waiting(d *Driver, n int) {
	for {
		d.writer.mu.Lock()
		length := len(d.writer.queue)
		d.writer.mu.Unlock()
		if length == n {
			return
		}
		runtime.Gosched()
	}
}

// line starts fs one after the other, each in a transaction of InTx, so that they
// wait in this order; the channel gives their errors by place.
func line(t *testing.T, d *Driver, fs ...func(store.Tx) error) (wait func() []error) {
	errs := make([]error, len(fs))
	var group sync.WaitGroup
	for i, f := range fs {
		group.Go(func() { errs[i] = store.New(d).InTx(context.Background(), store.Write, nil, f) })
		waiting(d, i+1)
	}
	return func() []error { group.Wait(); return errs }
}

func adds(word string) func(store.Tx) error {
	return func(tx store.Tx) error { return add(context.Background(), tx, word) }
}

func TestGroupCommit(t *testing.T) {
	t.Run("those who wait share one commit", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := line(t, d, adds("b"), adds("c"), adds("d"))
		before := counter(&commits, d).Load()
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
		if n := counter(&commits, d).Load() - before; n != 1 {
			t.Errorf("%d commits", n)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("a member's rollback undoes its own part only", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		refused := errors.New("refused")
		wait := line(t, d, adds("b"), func(tx store.Tx) error {
			return errors.Join(add(t.Context(), tx, "c"), refused)
		}, adds("d"))
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		errs := wait()
		if errs[0] != nil || !errors.Is(errs[1], refused) || errs[2] != nil {
			t.Errorf("%v", errs)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b", "d"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("the first member's rollback does not take others along", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := line(t, d, adds("b"))
		if err := errors.Join(add(t.Context(), first, "a"), first.Rollback(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := wait()[0]; err != nil {
			t.Fatal(err)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"b"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("nobody hears of a commit before it is durable", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		inside, goOn := make(chan bool), make(chan bool)
		wait := line(t, d, func(tx store.Tx) error {
			inside <- true
			<-goOn
			return add(t.Context(), tx, "b")
		})
		done := make(chan error, 1)
		go func() {
			done <- errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context()))
		}()
		<-inside // the turn has been passed, so the first has released its savepoint
		select {
		case <-done:
			t.Error("the first was answered")
		default:
		}
		if got := wordsIn(t, d); got != nil {
			t.Errorf("readers see %v", got)
		}
		goOn <- true
		if err := errors.Join(<-done, wait()[0]); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("a refusal that rests on another's write waits for it", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		var runs atomic.Int64
		wait := line(t, d, func(tx store.Tx) error {
			runs.Add(1)
			return add(t.Context(), tx, "same")
		})
		counter(&failures, d).Store(1) // the group's commit
		if err := add(t.Context(), first, "same"); err != nil {
			t.Fatal(err)
		}
		if err := first.Commit(t.Context()); err != store.ErrAgain {
			t.Errorf("the first: %v", err)
		}
		if err := wait()[0]; err != nil {
			t.Errorf("the second was refused for a write that never was: %v", err)
		}
		if runs.Load() != 2 {
			t.Errorf("it ran %d times", runs.Load())
		}
	})

	t.Run("when the commit fails all are run again one by one", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := line(t, d, adds("b"), adds("c"), adds("d"))
		before := counter(&commits, d).Load()
		counter(&failures, d).Store(1)
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); !errors.Is(err, store.ErrAgain) {
			t.Errorf("%v", err)
		}
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
		if n := counter(&commits, d).Load() - before; n != 3 {
			t.Errorf("%d commits", n)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"b", "c", "d"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("one alone hears why its commit failed", func(t *testing.T) {
		d := openWords(t)
		counter(&failures, d).Store(1)
		err := store.New(d).InTx(t.Context(), store.Write, nil, adds("a"))
		if err == nil || errors.Is(err, store.ErrAgain) {
			t.Errorf("%v", err)
		}
		if got := wordsIn(t, d); got != nil {
			t.Errorf("%v", got)
		}
		if err := store.New(d).InTx(t.Context(), store.Write, nil, adds("a")); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})

	t.Run("when SQLite gives up the transaction the others lose nothing", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		wait := line(t, d, adds("b"), adds("boom"), adds("c"))
		err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context()))
		if !errors.Is(err, store.ErrAgain) {
			t.Errorf("%v", err)
		}
		errs := wait()
		if errs[0] != nil || errs[2] != nil {
			t.Errorf("%v", errs)
		}
		if errs[1] == nil || errors.Is(errs[1], store.ErrAgain) {
			t.Errorf("who caused it: %v", errs[1])
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"b", "c"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("a transaction that was given up stays so", func(t *testing.T) {
		d := openWords(t)
		tx := begin(t, d)
		if err := add(t.Context(), tx, "a"); err != nil {
			t.Fatal(err)
		}
		if err := add(t.Context(), tx, "boom"); err == nil {
			t.Fatal("no error")
		}
		if err := add(t.Context(), tx, "b"); err == nil {
			t.Error("it goes on")
		}
		if err := tx.Commit(t.Context()); err == nil {
			t.Error("it commits")
		}
		if got := wordsIn(t, d); got != nil {
			t.Errorf("%v", got)
		}
	})

	t.Run("who waits may go away", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- store.New(d).InTx(ctx, store.Write, nil, adds("b")) }()
		waiting(d, 1)
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := store.New(d).InTx(t.Context(), store.Write, nil, adds("c")); err != nil {
			t.Error(err)
		}
	})

	t.Run("who goes away after its part does not stop the commit", func(t *testing.T) {
		d := openWords(t)
		ctx, cancel := context.WithCancel(t.Context())
		first, err := d.Begin(ctx, store.Write)
		if err != nil {
			t.Fatal(err)
		}
		wait := line(t, d, func(tx store.Tx) error {
			cancel()
			return add(t.Context(), tx, "b")
		})
		if err := errors.Join(add(ctx, first, "a"), first.Commit(ctx)); err != nil {
			t.Error(err)
		}
		if err := wait()[0]; err != nil {
			t.Error(err)
		}
		if got := wordsIn(t, d); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("%v", got)
		}
	})

	t.Run("a group is bounded", func(t *testing.T) {
		d := openWords(t)
		first := begin(t, d)
		var fs []func(store.Tx) error
		for i := range maxMembers {
			fs = append(fs, adds(fmt.Sprint(i)))
		}
		wait := line(t, d, fs...)
		before := counter(&commits, d).Load()
		if err := errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(wait()...); err != nil {
			t.Fatal(err)
		}
		if n := counter(&commits, d).Load() - before; n < 2 {
			t.Errorf("%d commit", n)
		}
	})
}

func TestReadThatIsGivenUpDoesNotHarmTheWrite(t *testing.T) {
	d := openWords(t)
	tx := begin(t, d)
	if err := add(t.Context(), tx, "a"); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		if err := add(t.Context(), tx, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	endless := *allWords
	for a := range 3 {
		endless.Joins = append(endless.Joins, query.Join{Table: query.Table{Name: "words", Alias: 2 + a}, On: query.True})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var err error
	for _, err = range tx.Select(ctx, &endless, nil) {
		if err != nil {
			break
		}
	}
	if problem.KindOf(err) != problem.Timeout {
		t.Errorf("%v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(wordsIn(t, d)); n != 301 {
		t.Errorf("%d words", n)
	}
}

// TestWritersAtRandom lets many write, refuse, go away and fail at once: what was
// acknowledged is there, what was not is not.
func TestWritersAtRandom(t *testing.T) {
	d := openWords(t)
	db := store.New(d)
	var acknowledged sync.Map
	var group sync.WaitGroup
	refused := errors.New("refused")
	const workers, rounds = 24, 40
	for w := range workers {
		group.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 0))
			for i := range rounds {
				word := fmt.Sprintf("%02d-%02d", w, i)
				ctx, cancel := context.WithCancel(context.Background())
				kind := r.IntN(15)
				fn := func(tx store.Tx) error {
					if kind == 14 {
						for range tx.Select(ctx, allWords, nil) {
							break
						}
					}
					if err := add(ctx, tx, word); err != nil {
						return err
					}
					switch kind {
					case 0:
						return refused
					case 1:
						return add(ctx, tx, "boom")
					case 2:
						cancel()
						return add(ctx, tx, word+"x")
					case 3:
						cancel()
					case 4:
						if w == 0 {
							counter(&failures, d).Store(1)
						}
					}
					return nil
				}
				var err error
				switch {
				case kind < 10:
					err = db.InTx(ctx, store.Write, nil, fn)
				case i%2 == 0:
					err = db.InTx(ctx, store.WriteOne, nil, fn)
				default:
					err = db.InTurn(ctx, nil, fn)
				}
				cancel()
				if err == nil {
					acknowledged.Store(word, true)
				}
				if err == nil && kind < 3 || err != nil && kind > 4 && !errors.Is(err, store.ErrAgain) && problem.KindOf(err) != problem.Internal {
					t.Errorf("kind %d: %v", kind, err)
				}
			}
		})
	}
	group.Wait()
	var want []string
	acknowledged.Range(func(word, _ any) bool { want = append(want, word.(string)); return true })
	slices.Sort(want)
	if got := wordsIn(t, d); !slices.Equal(got, want) {
		t.Errorf("%d acknowledged, %d there", len(want), len(got))
	}
}

func TestFullDiskIsUnavailableAndHealsByItself(t *testing.T) {
	d := openWords(t)
	db := store.New(d)
	if err := db.InTx(t.Context(), store.Write, nil, adds("before")); err != nil {
		t.Fatal(err)
	}
	limit := func(pages string) {
		if _, err := d.writer.c.text("PRAGMA max_page_count=" + pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1")
	long := string(make([]byte, 0))
	for range 5000 {
		long += "abcdefgh"
	}
	err := db.InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Insert(t.Context(), addWord, []any{"long", long})
		return err
	})
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Unavailable || p.RetryAfter == 0 || p.Detail != "the database's disk is full" {
		t.Errorf("%v", err)
	}
	limit("100000")
	if err := db.InTx(t.Context(), store.Write, nil, adds("after")); err != nil {
		t.Error(err)
	}
	if got := wordsIn(t, d); !slices.Equal(got, []string{"after", "before"}) {
		t.Errorf("%v", got)
	}
}

func TestWriteAheadLogStaysShortUnderSteadyReaders(t *testing.T) {
	d := openWords(t)
	db := store.New(d)
	stop := make(chan bool)
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					wordsIn(t, d)
				}
			}
		})
	}
	long := fmt.Sprintf("%3000d", 1)
	for i := range 200 {
		err := db.InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
			for j := range 30 {
				if _, err := tx.Insert(t.Context(), addWord, []any{fmt.Sprintf("%d-%d", i, j), long}); err != nil {
					return err
				}
			}
			for range 30 {
				if _, err := tx.Delete(t.Context(), &query.Delete{Table: query.Table{Name: "words", Alias: 1}}, nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	group.Wait()
	info, err := os.Stat(d.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if most := int64(2 * restartPages * 4096); info.Size() > most {
		t.Errorf("%d bytes", info.Size())
	}
}

func TestClosing(t *testing.T) {
	d := openWords(t)
	d.log = slog.New(slog.DiscardHandler)
	if err := store.New(d).InTx(t.Context(), store.Write, nil, adds("a")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []store.Mode{store.ReadOne, store.Write} {
		if _, err := d.Begin(t.Context(), mode); problem.KindOf(err) != problem.Unavailable {
			t.Errorf("mode %d: %v", mode, err)
		}
	}
	if info, err := os.Stat(d.path + "-wal"); err == nil && info.Size() > 0 {
		t.Error("the write-ahead log was left behind")
	}
	if err := d.Close(); err != nil {
		t.Errorf("twice: %v", err)
	}
}

func TestClosingEndsAGroup(t *testing.T) {
	d := openWords(t)
	path := d.path
	first := begin(t, d)
	inside, goOn := make(chan bool), make(chan bool)
	wait := line(t, d, func(tx store.Tx) error {
		inside <- true
		<-goOn
		return add(t.Context(), tx, "b")
	})
	done := make(chan error, 1)
	go func() { done <- errors.Join(add(t.Context(), first, "a"), first.Commit(t.Context())) }()
	<-inside
	closed := make(chan error)
	go func() { closed <- d.Close() }()
	waiting(d, 1)
	goOn <- true
	if err := errors.Join(wait()[0], <-done, <-closed); err != nil {
		t.Fatal(err)
	}
	beside, err := Open(t.Context(), path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	if got := wordsIn(t, beside); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%v", got)
	}
}
