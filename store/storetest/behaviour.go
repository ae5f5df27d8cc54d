// Package storetest is what every driver must do: Behaviour on a live database,
// Random against a naive evaluator (World), Statements as golden text.
package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Unproven is what a server that stands in for a database cannot show: cases by
// name, with the reason.
type Unproven map[string]string

// Behaviour runs the suite. open gives an empty database; unproven is nil for a
// real one.
func Behaviour(t *testing.T, open func(t testing.TB) store.Driver, unproven Unproven) {
	met := 0
	for _, tt := range []struct {
		name string
		test func(*testing.T, store.Driver)
	}{
		{"every value is read as it was written", everyValue},
		{"every value is read as it was written together with others", everyValueTogether},
		{"null sorts lowest and values sort by kind", sorting},
		{"pages in any direction meet every row once", paging},
		{"a page on unique keys needs no sort", pagePlan},
		{"text compares by code point and has no wildcards", texts},
		{"in an empty list nothing is found", emptyLists},
		{"integers are exact and overflow to null", integers},
		{"decimals are exact across scales", decimals},
		{"floats are those of IEEE 754, finite or null", floats},
		{"sums of floats are finite or null", floatSums},
		{"the outermost values of each kind make nothing fail", extremes},
		{"sums are exact or null", sums},
		{"sums of decimals count at their end", decimalSums},
		{"measures by group", groups},
		{"what is found in one of several ways is measured whole", groupedWays},
		{"what stands in several lists is found once", inSeveralLists},
		{"what a list decides is grouped and measured", maskedGroups},
		{"lists and structs are looked into", nested},
		{"at most so many rows for each parent", perParent},
		{"a missing relation is null", joins},
		{"what is not there has no relations", joinOfNothing},
		{"a relation is there when its condition holds", conditionalJoin},
		{"a related record is found through a sub-select", throughRelations},
		{"writes tell how many rows they touched", counts},
		{"a change may depend on the table that it changes", ownTable},
		{"values are set from the row as it was", asItWas},
		{"a list may be long, and a page of others", longLists},
		{"several rows are added whole or not at all", wholeInserts},
		{"an insertion adds any number of rows", insertsOfAnySize},
		{"an existing key is left out, another violation is not", onConflict},
		{"a unique violation names its columns and harms nothing else", uniqueViolation},
		{"references are kept", references},
		{"what refers to itself may go, and a long branch goes whole", goTogether},
		{"what is rolled back never was", rollbacks},
		{"a snapshot sees one state", snapshots},
		{"readers do not wait for the writer", readersDoNotWait},
		{"concurrent changes are not lost", noLostUpdates},
		{"a single write stands by itself", singleWrites},
		{"a write is done if what it requires is there", requiredRows},
		{"every value is written by what requires something", requiredValues},
		{"what a single write requires is held until it is durable", requiredRowsAreHeld},
		{"what is empty is read by key as it is", emptyByKey},
		{"reads by key of many callers get their own answers", readsByKey},
		{"an ended context ends a read", cancelledRead},
		{"an ended context does not begin anything", cancelledBegin},
		{"a read may be broken off and nested in itself", brokenOff},
		{"the schema is recorded and read back", schemas},
		{"a named lock is held once", locks},
		{"an index is tried where nobody sees it", trials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if reason := unproven[tt.name]; reason != "" {
				met++
				t.Skip("not proven here: " + reason)
			}
			tt.test(t, open(t))
		})
	}
	if met != len(unproven) {
		t.Errorf("%d of the cases that are not proven do not exist", len(unproven)-met)
	}
}

func ids(rows [][]any) []int {
	var list []int
	for _, row := range rows {
		u := row[0].(value.UUID)
		list = append(list, int(u[14])<<8|int(u[15]))
	}
	return list
}

// idsOf selects the ids of items for which where holds, in the order of ids.
func idsOf(where query.Expr) *query.Select {
	return &query.Select{
		From:    query.Table{Name: "items", Alias: 1},
		Columns: []query.Column{{Expr: column(items, 1, "id"), Type: idType}},
		Where:   where,
		OrderBy: []query.Order{{Expr: column(items, 1, "id"), NotNull: true}},
	}
}

// item is a row of items with what is required.
func item(n int, more Row) Row {
	row := Row{"id": id(n), "title": fmt.Sprint("item ", n), "number": int64(n)}
	for k, v := range more {
		row[k] = v
	}
	return row
}

func expectIDs(t *testing.T, d store.Driver, what string, q *query.Select, args []any, want ...int) {
	t.Helper()
	if got := ids(read(t, d, q, args...)); !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func brokenOff(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	for i := range 20 {
		fill(t, d, items, []Row{item(i+1, nil)})
	}
	q := idsOf(nil)
	inTx(t, d, store.Snapshot, func(ctx context.Context, tx store.Tx) error {
		for range 3 {
			n := 0
			for _, err := range tx.Select(ctx, q, nil) {
				if err != nil {
					return err
				}
				inner, err := readIn(ctx, tx, q, nil)
				if err != nil || len(inner) != 20 {
					t.Errorf("inside: %d rows, %v", len(inner), err)
				}
				if n++; n == 5 {
					break
				}
			}
		}
		return nil
	})
}

func schemas(t *testing.T, d store.Driver) {
	ctx := t.Context()
	s, err := d.Inspect(ctx)
	if err != nil || len(s.Tables) != 0 {
		t.Fatalf("new: %v, %v", s, err)
	}
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "x"})})
	steps := []schema.Step{
		schema.AddColumn{Table: "items", Column: &schema.Column{Name: "added", Type: levelType, Default: "high"}, Default: "high"},
		schema.AddColumn{Table: "items", Column: &schema.Column{Name: "other", Type: priceType, Nullable: true}},
		schema.AddColumn{Table: "items", Column: &schema.Column{Name: "note", Type: idType, Nullable: true, References: "notes", OnDelete: schema.Clear}},
		schema.WidenColumn{Table: "items", Column: &schema.Column{Name: "other", Type: &value.Type{Kind: value.DecimalKind, Precision: 20, Scale: 2}, Nullable: true}},
		schema.CreateIndex{Table: "items", Index: &schema.Index{Name: "items__other", Columns: []schema.IndexColumn{{Name: "other", Desc: true}, {Name: "id"}}}},
		schema.CreateIndex{Table: "items", Index: &schema.Index{Name: "items__added__unique", Columns: []schema.IndexColumn{{Name: "added"}, {Name: "name"}}, Unique: true}},
		schema.DropIndex{Table: "items", Index: items.Indexes[0]},
		schema.Hold{Table: "items", Law: &schema.Law{Text: "number <= 5"}},
		schema.Hold{Table: "items", Law: &schema.Law{Text: "number >= 1"}},
		schema.Release{Table: "items", Law: &schema.Law{Text: "number <= 5"}},
	}
	for _, step := range steps {
		if err := d.Apply(ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	s, err = d.Inspect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	table := s.Table("items")
	if table.Column("added") == nil || table.Column("other").Type.Precision != 20 || table.Index("items__other") == nil || table.Index("items__number") != nil {
		t.Errorf("%+v", table)
	}
	if len(table.Laws) != 1 || table.Laws[0].Text != "number >= 1" {
		t.Errorf("held against %v", table.Laws)
	}
	added := query.Col{Alias: 1, Name: "added", Type: levelType}
	expectIDs(t, d, "the default", idsOf(query.Cmp{Op: query.Eq, L: added, R: query.Const{Value: "high", Type: levelType}}), nil, 1)
	if err := d.Apply(ctx, schema.CreateTable{Table: items}); err == nil {
		t.Error("a table was created twice")
	}
	if _, err := d.Inspect(ctx); err != nil {
		t.Errorf("after a step that was refused: %v", err)
	}
}

func locks(t *testing.T, d store.Driver) {
	unlock, err := d.Lock(t.Context(), "migrate")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Lock(ctx, "migrate"); err == nil {
		t.Error("the lock was given twice")
	}
	other, err := d.Lock(t.Context(), "else")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []func() error{other, unlock} {
		if err := f(); err != nil {
			t.Error(err)
		}
	}
	again, err := d.Lock(t.Context(), "migrate")
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}
