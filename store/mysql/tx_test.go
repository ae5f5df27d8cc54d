package mysql_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/value"
)

var (
	shelf = query.Table{Name: "shelves", Alias: 1}
	name  = query.Col{Alias: 1, Name: "name", Type: textType}
	byID  = query.Cmp{Op: query.Eq, L: query.Col{Alias: 1, Name: "id", Type: idType}, R: query.Param{Slot: 0, Type: idType}}

	addShelf = &query.Insert{Table: "shelves", Columns: []query.Named{{Name: "id", Type: idType}, {Name: "name", Type: textType}}}
	rename   = &query.Update{Table: shelf, Where: byID,
		Set: []query.Assign{{Column: query.Named{Name: "name", Type: textType}, Value: query.Param{Slot: 1, Type: textType}}}}
	nameOf = &query.Select{From: shelf, Where: byID, Columns: []query.Column{{Expr: name, Type: textType}}}
	named  = &query.Select{From: shelf, Columns: []query.Column{{Expr: name, Type: textType}},
		Where: query.Cmp{Op: query.Eq, L: name, R: query.Param{Slot: 0, Type: textType}}}
)

func library(t *testing.T, k dbtest.Kind) *mysql.Driver {
	d := open(t, k)
	apply(t, d, schema.CreateTable{Table: shelves()})
	add(t, d, 1, "first")
	add(t, d, 2, "second")
	return d
}

func add(t *testing.T, d *mysql.Driver, n byte, name string) {
	t.Helper()
	inTx(t, d, func(tx store.Tx) error {
		_, err := tx.Insert(t.Context(), addShelf, []any{value.UUID{15: n}, name})
		return err
	})
}

func inTx(t *testing.T, d *mysql.Driver, f func(store.Tx) error) {
	t.Helper()
	if err := store.New(d).InTx(t.Context(), store.Write, nil, f); err != nil {
		t.Error(err)
	}
}

// texts is the first column of what q gives.
func texts(ctx context.Context, tx store.Tx, q *query.Select, args ...any) ([]string, error) {
	var list []string
	for row, err := range tx.Select(ctx, q, args) {
		if err != nil {
			return nil, err
		}
		v, err := row.Value(0)
		if err != nil {
			return nil, err
		}
		list = append(list, v.(string))
	}
	return list, nil
}

func TestMoreRowsThanAStatementTakesAreFewStatements(t *testing.T) {
	onEach(t, moreRowsThanAStatementTakesAreFewStatements)
}

func moreRowsThanAStatementTakesAreFewStatements(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	const rows = 34_000 // 68,000 parameters
	for _, ignore := range []bool{false, true} {
		tx, err := d.Begin(t.Context(), store.Write)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(context.WithoutCancel(t.Context()))
		q := *addShelf
		q.OnConflictIgnore = ignore
		var args []any
		for i := range rows {
			args = append(args, value.UUID{1, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)}, fmt.Sprint(ignore, i))
		}
		before, err := d.Executed(t.Context(), tx)
		if err != nil {
			t.Fatal(err)
		}
		n, err := tx.Insert(t.Context(), &q, args)
		if n != rows || err != nil {
			t.Errorf("%d rows, %v", n, err)
		}
		after, err := d.Executed(t.Context(), tx)
		if err != nil || after-before > 10 {
			t.Errorf("ignoring those that are there, %v: %d statements, %v", ignore, after-before, err)
		}
		if ignore { // one of the last statement's is there, and one of its own comes twice
			args = append(args[len(args)-4:], value.UUID{2}, "a", value.UUID{2}, "b")
			if n, err := tx.Insert(t.Context(), &q, args); n != 1 || err != nil {
				t.Errorf("%d rows, %v", n, err)
			}
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestTwoWritesThatWaitForEachOtherBothHappen(t *testing.T) {
	onEach(t, twoWritesThatWaitForEachOtherBothHappen)
}

func twoWritesThatWaitForEachOtherBothHappen(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	var first sync.WaitGroup
	first.Add(2)
	var group sync.WaitGroup
	for _, order := range [][2]byte{{1, 2}, {2, 1}} {
		group.Go(func() {
			met := false
			inTx(t, d, func(tx store.Tx) error {
				if _, err := tx.Update(t.Context(), rename, []any{value.UUID{15: order[0]}, "a"}); err != nil {
					return err
				}
				if !met { // each holds one before either asks for the other
					met = true
					first.Done()
					first.Wait()
				}
				_, err := tx.Update(t.Context(), rename, []any{value.UUID{15: order[1]}, "b"})
				return err
			})
		})
	}
	group.Wait()
}

// What a rule looked for and did not find stays away until the write that
// depended on it is over.
func TestAnAbsenceIsHeld(t *testing.T) { onEach(t, anAbsenceIsHeld) }

func anAbsenceIsHeld(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	if found, err := texts(t.Context(), tx, named, "blocked"); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
	block := func(wait time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		return store.New(d).InTx(ctx, store.Write, nil, func(tx store.Tx) error {
			_, err := tx.Insert(ctx, addShelf, []any{value.UUID{15: 9}, "blocked"})
			return err
		})
	}
	if err := block(300 * time.Millisecond); problem.KindOf(err) != problem.Timeout {
		t.Errorf("it came in between: %v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := block(10 * time.Second); err != nil {
		t.Error(err)
	}
}

// A statement whose caller has gone does not go on running on the server.
func TestAGivenUpStatementEndsOnTheServer(t *testing.T) { onEach(t, aGivenUpStatementEndsOnTheServer) }

func aGivenUpStatementEndsOnTheServer(t *testing.T, k dbtest.Kind) {
	d := library(t, k)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	const slow = "SELECT /* slow */ SLEEP(60)"
	if err := d.Exec(ctx, slow); err == nil {
		t.Fatal("it came to its end")
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		running, err := d.List(t.Context(), "SELECT INFO FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'SELECT /* slow */ SLEEP%'")
		if err != nil {
			t.Fatal(err)
		}
		if len(running) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it still runs")
		}
	}
}

// When the server ends all connections, nothing wrong is said, and what comes
// next finds new ones.
func TestConnectionsThatBreakAreReplaced(t *testing.T) { onEach(t, connectionsThatBreakAreReplaced) }

func connectionsThatBreakAreReplaced(t *testing.T, k dbtest.Kind) {
	at := k.URL(t)
	d, err := mysql.Open(t.Context(), at, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	apply(t, d, schema.CreateTable{Table: shelves()})
	add(t, d, 1, "first")
	for _, mode := range []store.Mode{store.ReadOne, store.Snapshot, store.Write} {
		tx, err := d.Begin(t.Context(), mode)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := texts(t.Context(), tx, nameOf, value.UUID{15: 1}); err != nil {
			t.Fatal(err)
		}
		if mode == store.Write {
			if _, err := tx.Update(t.Context(), rename, []any{value.UUID{15: 1}, "lost"}); err != nil {
				t.Fatal(err)
			}
		}
		dbtest.DisconnectMySQL(t, at)
		_, err = texts(t.Context(), tx, nameOf, value.UUID{15: 1})
		var p *problem.Error
		if mode != store.ReadOne && (!errors.As(err, &p) || p.Kind != problem.Unavailable || p.RetryAfter == 0) {
			t.Errorf("mode %d: within a transaction: %v", mode, err)
		}
		if err := tx.Commit(t.Context()); mode == store.Write && problem.KindOf(err) != problem.Unavailable {
			t.Errorf("the end of a write whose connection is gone: %v", err)
		}
		for range 3 {
			inTx(t, d, func(tx store.Tx) error {
				got, err := texts(t.Context(), tx, nameOf, value.UUID{15: 1})
				if err == nil && got[0] != "first" {
					t.Errorf("mode %d: %v", mode, got)
				}
				return err
			})
		}
	}
}

func TestAFailedOpenSaysWhy(t *testing.T) { onEach(t, aFailedOpenSaysWhy) }

func aFailedOpenSaysWhy(t *testing.T, k dbtest.Kind) {
	at := k.URL(t)
	for _, tt := range []struct{ url, want string }{
		{strings.Replace(at, "/test_", "/nowhere_", 1), "; mend it with CREATE DATABASE `nowhere_"},
		{strings.Replace(at, "root", "nobody:secret", 1), "Access denied for user 'nobody'"},
		{"mysql://u:secret@127.0.0.1:1/x", "open the database x on 127.0.0.1:1: connection refused"},
	} {
		_, err := mysql.Open(t.Context(), tt.url, mysql.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}

func TestUnsafeSettingsAreNamed(t *testing.T) { onEach(t, unsafeSettingsAreNamed) }

func unsafeSettingsAreNamed(t *testing.T, k dbtest.Kind) {
	start := map[string]func(testing.TB, ...string) *dbtest.Server{"MariaDB": dbtest.OwnMaria, "MySQL": dbtest.OwnMySQL}[k.Name]
	server := start(t, "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync")
	if err := dbtest.Run(server.URL(""), "CREATE DATABASE forgetful"); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	d, err := mysql.Open(t.Context(), server.URL("forgetful"), mysql.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, part := range []string{"level=WARN", "setting=innodb_flush_log_at_trx_commit", "value=0", `mend="SET GLOBAL innodb_flush_log_at_trx_commit = 1"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %s in %s", part, log.String())
		}
	}
}

func TestAClosedDriverAnswersAtOnce(t *testing.T) { onEach(t, aClosedDriverAnswersAtOnce) }

func aClosedDriverAnswersAtOnce(t *testing.T, k dbtest.Kind) {
	d, err := mysql.Open(t.Context(), k.URL(t), mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.Begin(t.Context(), store.Write); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("%v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// A connection that is lost behind a Select that was broken off takes with it what was
// written before: that is no commit.
func TestACommitAfterABrokenOffSelectTellsThatTheConnectionWasLost(t *testing.T) {
	onEach(t, aCommitAfterABrokenOffSelectTellsThatTheConnectionWasLost)
}

func aCommitAfterABrokenOffSelectTellsThatTheConnectionWasLost(t *testing.T, k dbtest.Kind) {
	at := k.URL(t)
	d, err := mysql.Open(t.Context(), at, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	apply(t, d, schema.CreateTable{Table: shelves()})
	inTx(t, d, func(tx store.Tx) error {
		var rows []any
		for n := range byte(100) {
			rows = append(rows, value.UUID{15: n}, strings.Repeat("x", 80))
		}
		_, err := tx.Insert(t.Context(), addShelf, rows)
		return err
	})
	tx, err := d.Begin(t.Context(), store.Write)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Update(t.Context(), rename, []any{value.UUID{15: 1}, "renamed"}); err != nil {
		t.Fatal(err)
	}
	// More rows than what lies between the two ends can hold.
	everything := &query.Select{From: shelf, Columns: nameOf.Columns, Joins: []query.Join{
		{Table: query.Table{Name: "shelves", Alias: 2}, On: query.True},
		{Table: query.Table{Name: "shelves", Alias: 3}, On: query.True},
	}}
	for _, err := range tx.Select(t.Context(), everything, nil) {
		if err != nil {
			t.Fatal(err)
		}
		dbtest.DisconnectMySQL(t, at)
		break
	}
	err = tx.Commit(t.Context())
	if got, readErr := readOne(t.Context(), d, nameOf, value.UUID{15: 1}); readErr != nil || err == nil || slices.Equal(got, []string{"renamed"}) {
		t.Errorf("the commit answers %v; the name is %.10q, %v", err, got, readErr)
	}
}

// A context that ends closes the connection of its own statement, if that still runs, and
// never that of who has the connection next.
func TestAnEndedContextCutsOffNobodyElse(t *testing.T) { onEach(t, anEndedContextCutsOffNobodyElse) }

func anEndedContextCutsOffNobodyElse(t *testing.T, k dbtest.Kind) {
	d, err := mysql.Open(t.Context(), k.URL(t), mysql.Options{MaxOpen: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	apply(t, d, schema.CreateTable{Table: shelves()})
	add(t, d, 1, "first")
	for i := range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		switch i % 4 {
		case 0: // while it runs, or before, or behind it
			go cancel()
		case 1: // between its rows and their end
			tx, err := d.Begin(ctx, store.Snapshot)
			if err != nil {
				t.Fatal(err)
			}
			for range tx.Select(ctx, nameOf, []any{value.UUID{15: 1}}) {
				cancel()
			}
			_ = tx.Rollback(ctx)
		case 2: // a read that panics
			func() {
				defer func() { _ = recover() }()
				_, _ = readOne(ctx, d, shelfByKeyAndName, value.UUID{15: 1})
			}()
		}
		got, err := readOne(ctx, d, shelfByKey, value.UUID{15: 1})
		if err != nil && !errors.Is(err, context.Canceled) || err == nil && !slices.Equal(got, []string{"first"}) {
			t.Errorf("%q, %v", got, err)
		}
		inTx(t, d, func(tx store.Tx) error {
			_, err := texts(t.Context(), tx, nameOf, value.UUID{15: 1})
			cancel()
			if err == nil {
				_, err = tx.Update(t.Context(), rename, []any{value.UUID{15: 1}, "first"})
			}
			return err
		})
		cancel()
	}
}
