package mongo_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"golang.org/x/tools/txtar"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/store/storetest"
	"github.com/mainstay-run/mainstay/value"
)

// recorder keeps the commands that are sent, as text that is the same each time:
// sessions, new ids and times are shown by what they are.
type recorder struct {
	mu                     sync.Mutex
	on                     bool
	bare                   bool // without what belongs to sessions and concerns
	lines                  []string
	sessions, transactions []string
}

func (r *recorder) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.on && e.CommandName != "endSessions" {
			r.lines = append(r.lines, r.text(e.Command))
		}
	}}
}

// taken gives what was sent since on was set.
func (r *recorder) taken() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(r.lines, "\n")
	r.lines, r.on, r.sessions, r.transactions = nil, false, nil, nil
	return text
}

func (r *recorder) start(bare bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.on, r.bare = true, bare
}

var ofSessions = map[string]bool{"lsid": true, "txnNumber": true, "startTransaction": true, "autocommit": true, "readConcern": true, "writeConcern": true, "ordered": true}

func (r *recorder) text(raw bson.Raw) string {
	var command, shown bson.D
	if err := bson.Unmarshal(raw, &command); err != nil {
		return err.Error()
	}
	for _, e := range command {
		switch {
		case e.Key == "$db", e.Key == "$clusterTime", r.bare && ofSessions[e.Key]:
			continue
		case e.Key == "lsid":
			e.Value = numbered(&r.sessions, "session", e.Value)
		case e.Key == "txnNumber":
			e.Value = numbered(&r.transactions, "transaction", e.Value)
		case e.Key == "maxTimeMS":
			e.Value = "what is left of the request's time"
		}
		shown = append(shown, e)
	}
	text, err := bson.MarshalExtJSON(unnamed(shown), false, false)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// numbered gives the same text for the same value.
func numbered(met *[]string, kind string, v any) string {
	text := fmt.Sprint(v)
	if !slices.Contains(*met, text) {
		*met = append(*met, text)
	}
	return fmt.Sprint(kind, " ", slices.Index(*met, text)+1)
}

// unnamed shows ids that are made anew by what they are.
func unnamed(v any) any {
	switch v := v.(type) {
	case bson.ObjectID:
		return "a new id"
	case bson.Timestamp:
		return "the time of the snapshot"
	case bson.D:
		out := make(bson.D, len(v))
		for i, e := range v {
			out[i] = bson.E{Key: e.Key, Value: unnamed(e.Value)}
		}
		return out
	case bson.A:
		out := make(bson.A, len(v))
		for i, e := range v {
			out[i] = unnamed(e)
		}
		return out
	}
	return v
}

// TestStatements shows the commands of each statement beside the SQL of the other
// databases.
func TestStatements(t *testing.T) {
	watch := &recorder{}
	d := dbtest.Mongo(t, watch.monitor())
	storetest.Create(t, d)
	storetest.Statements(t, "mongo.json", func(q any) string {
		watch.start(true)
		err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
			if err := carryOut(t.Context(), tx, q); err != nil {
				return err
			}
			return errUndo
		})
		if err != errUndo {
			t.Error(err)
		}
		text, _, _ := strings.Cut(watch.taken(), "\n"+`{"abortTransaction":1`)
		return text
	})
}

var errUndo = fmt.Errorf("undo")

func carryOut(ctx context.Context, tx store.Tx, q any) error {
	var err error
	switch q := q.(type) {
	case *query.Select:
		for _, e := range tx.Select(ctx, q, arguments(q)) {
			err = e
		}
	case *query.Insert:
		args := make([]any, len(q.Columns))
		if q.If != nil {
			args = arguments(q.If)
		}
		for i, c := range q.Columns {
			args[i] = argument(i, c.Type)
		}
		_, err = tx.Insert(ctx, q, args)
	case *query.Update:
		s := &query.Select{From: q.Table, Where: sqlgen.Admitted(q)}
		for _, a := range q.Set {
			s.Columns = append(s.Columns, query.Column{Expr: a.Value})
		}
		_, err = tx.Update(ctx, q, arguments(s))
	case *query.Delete:
		_, err = tx.Delete(ctx, q, arguments(&query.Select{From: q.Table, Where: q.Where}))
	}
	return err
}

// arguments makes one for each slot of q.
func arguments(q *query.Select) []any {
	args := make([]any, 10)
	visit := func(e query.Expr) {
		switch e := e.(type) {
		case query.Param:
			args[e.Slot] = argument(e.Slot, e.Type)
		case query.InParam:
			args[e.Slot] = []any{argument(e.Slot, e.Type), argument(e.Slot+1, e.Type)}
		}
	}
	sqlgen.Walk(query.Exists{Sub: q}, visit)
	for _, a := range q.After {
		sqlgen.Walk(a.Expr, visit)
	}
	sqlgen.Walk(q.Limit, visit)
	sqlgen.Walk(q.Offset, visit)
	return args
}

func argument(slot int, t *value.Type) any {
	n := int64(slot + 2)
	switch t.Kind {
	case value.Int:
		return n
	case value.DecimalKind:
		d, _ := value.DecimalOf(n).Rescale(value.MaxPrecision, t.Scale)
		return d
	case value.TimestampKind:
		return value.Timestamp(n * 1000)
	case value.ID:
		return value.UUID{15: byte(n)}
	}
	return fmt.Sprint("text ", n)
}

var update = flag.Lookup("update")

// TestTransactions shows what is sent around the statements: sessions, numbers of
// transactions, read and write concerns, and what is held.
func TestTransactions(t *testing.T) {
	watch := &recorder{}
	d := dbtest.Mongo(t, watch.monitor())
	for _, table := range append(schema.System(), shelves(), books()) {
		if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	seen := &txtar.Archive{Comment: []byte("# What is sent for a transaction, command by command. Rewritten by go test -update.\n")}
	for _, tt := range []struct {
		name string
		mode store.Mode
		undo bool
		do   func(ctx context.Context, tx store.Tx) error
	}{
		{"a write", store.Write, false, func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.Insert(ctx, insertInto(shelves()), []any{shelf, "left", nil}); err != nil {
				return err
			}
			_, err := tx.Insert(ctx, insertInto(books()), []any{book, "one", shelf, nil})
			return err
		}},
		{"a write that is given up", store.Write, true, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Update(ctx, renameBook, []any{"two", book})
			return err
		}},
		{"a write that does nothing", store.Write, false, func(context.Context, store.Tx) error { return nil }},
		{"what a rule depends on is held", store.Write, false, func(ctx context.Context, tx store.Tx) error {
			return carryOutWith(ctx, tx, oneShelf(query.ForShare), []any{shelf})
		}},
		{"one record", store.ReadOne, false, func(ctx context.Context, tx store.Tx) error {
			return carryOutWith(ctx, tx, oneShelf(query.NoLock), []any{shelf})
		}},
		{"a list is read in one snapshot", store.ReadOne, false, func(ctx context.Context, tx store.Tx) error {
			return carryOutWith(ctx, tx, allShelves, nil)
		}},
		{"several reads see one snapshot", store.Snapshot, false, func(ctx context.Context, tx store.Tx) error {
			if err := carryOutWith(ctx, tx, allShelves, nil); err != nil {
				return err
			}
			return carryOutWith(ctx, tx, oneShelf(query.NoLock), []any{shelf})
		}},
		{"a delete follows references", store.Write, false, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Delete(ctx, removeShelf, []any{shelf})
			return err
		}},
	} {
		watch.start(false)
		err := store.New(d).InTx(t.Context(), tt.mode, nil, func(tx store.Tx) error {
			if err := tt.do(t.Context(), tx); err != nil || !tt.undo {
				return err
			}
			return errUndo
		})
		if err != nil && err != errUndo {
			t.Errorf("%s: %v", tt.name, err)
		}
		seen.Files = append(seen.Files, txtar.File{Name: tt.name, Data: []byte(watch.taken() + "\n")})
	}
	golden(t, filepath.Join("testdata", "transactions.txtar"), txtar.Format(seen))
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if update != nil && update.Value.String() == "true" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s\n got:\n%s\nwant:\n%s", path, got, want)
	}
}
