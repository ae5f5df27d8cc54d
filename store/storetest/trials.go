package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// numbered fills items with n rows whose titles are 500 different ones.
func numbered(t *testing.T, d store.Driver, n int) {
	create(t, d, items, notes)
	insert := &query.Insert{Table: "items"}
	for _, name := range []string{"id", "title", "number"} {
		insert.Columns = append(insert.Columns, query.Named{Name: name, Type: items.Column(name).Type})
	}
	var args []any
	for i := range n {
		args = append(args, id(i), titleOf(i), int64(i))
	}
	inTx(t, d, store.Write, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Insert(ctx, insert, args)
		return err
	})
}

func titleOf(i int) string { return "O'Neil " + string(rune('a'+i%20)) + string(rune('a'+i/20%25)) }

// trials: an index is tried where nobody sees it, and no plan tells an argument.
func trials(t *testing.T, d store.Driver) {
	numbered(t, d, 5000)
	q := idsOf(query.Cmp{Op: query.Eq, L: column(items, 1, "title"), R: query.Param{Slot: 0, Type: textType}})
	args := []any{titleOf(7)}
	before, err := d.Try(t.Context(), q, args, nil)
	if err != nil {
		t.Fatal(err)
	}
	if before.Rows != 10 || before.Took <= 0 {
		t.Errorf("%d rows in %s, want 10 in some time", before.Rows, before.Took)
	}
	own := &schema.Index{Name: "items__tried", Columns: []schema.IndexColumn{{Name: "title"}, {Name: "id"}}}
	with, err := d.Try(t.Context(), q, args, []store.Trial{{Table: items, More: []*schema.Index{own}}})
	if errors.Is(err, store.ErrNoTrials) {
		if text := before.Statement + strings.Join(before.Lines, "\n"); strings.Contains(text, "Neil") {
			t.Errorf("the plan tells an argument:\n%s", text)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if with.Rows != 10 || !slices.Contains(with.Indexes, own.Name) || len(with.Scans) > 0 {
		t.Errorf("with the index: %+v", with)
	}
	after, err := d.Explain(t.Context(), q, args)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(after.Indexes, own.Name) {
		t.Errorf("the index is still there: %+v", after)
	}
	for _, plan := range []*store.Plan{before, with} {
		if text := strings.Join(plan.Lines, "\n"); strings.Contains(text, "Neil") {
			t.Errorf("the plan tells an argument:\n%s", text)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Try(ctx, q, args, nil); err == nil || errors.Is(err, store.ErrTooMany) {
		t.Errorf("an ended context: %v", err)
	}
}
