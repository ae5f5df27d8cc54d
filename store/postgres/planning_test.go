package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/value"
)

// TestASettledPageIsPlannedOnce: it is planned without its values and for its limit;
// another statement on the same connection sees its values as before.
func TestASettledPageIsPlannedOnce(t *testing.T) {
	d, err := postgres.Open(t.Context(), dbtest.PostgresURL(t), postgres.Options{MaxOpen: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, table := range schema.System() {
		if err := d.Apply(t.Context(), schema.CreateTable{Table: table}); err != nil {
			t.Fatal(err)
		}
	}
	db := store.New(d)
	number := &value.Type{Kind: value.BigInt}
	run := func(mode store.Mode, q *query.Select, args ...any) (rows [][]any) {
		t.Helper()
		err := db.InTx(t.Context(), mode, nil, func(tx store.Tx) error {
			rows = nil
			for row, err := range tx.Select(t.Context(), q, args) {
				if err != nil {
					return err
				}
				var values []any
				for i := range q.Columns {
					v, err := row.Value(i)
					if err != nil {
						return err
					}
					values = append(values, v)
				}
				rows = append(rows, values)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	column := func(name string, t *value.Type) query.Column {
		return query.Column{Expr: query.Col{Alias: 1, Name: name, Type: t}, Type: t}
	}
	page := func(settled bool) *query.Select {
		name := column("name", text)
		return &query.Select{
			From: query.Table{Name: "mainstay_meta", Alias: 1}, Columns: []query.Column{name}, Settled: settled,
			Where:   query.Cmp{Op: query.Gt, L: name.Expr, R: query.Param{Slot: 0, Type: text}},
			OrderBy: []query.Order{{Expr: name.Expr, NotNull: true}}, Limit: query.Param{Slot: 1, Type: number},
		}
	}
	once, asSeen := page(true), page(false)
	for range 3 {
		run(store.ReadOne, once, "a", int64(21))
		run(store.Snapshot, asSeen, "a", int64(21))
		run(store.Snapshot, once, "a", int64(22))
	}
	var told []string
	for _, row := range run(store.ReadOne, &query.Select{
		From:    query.Table{Name: "pg_prepared_statements", Alias: 1},
		Columns: []query.Column{column("statement", text), column("generic_plans", number), column("custom_plans", number)},
	}) {
		if _, limit, ok := strings.Cut(row[0].(string), "LIMIT "); ok {
			told = append(told, fmt.Sprintf("LIMIT %s planned once for %d, each time for %d", limit, row[1], row[2]))
		}
	}
	slices.Sort(told)
	want := []string{
		"LIMIT $2::bigint planned once for 0, each time for 3", // not settled
		"LIMIT $2::bigint planned once for 3, each time for 0", // an unusual limit
		"LIMIT 21::bigint planned once for 3, each time for 0",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}
