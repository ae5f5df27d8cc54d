package storetest

import (
	"context"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

// Unreadable holds a driver that hands over what the database stores as it is: a value
// that is not what its type says is an error of who reads on, and of nobody else.
func Unreadable(t *testing.T, open func(t testing.TB) store.Driver) {
	d := open(t)
	create(t, d, items)
	fill(t, d, items, []Row{item(1, Row{"name": "no id"}), item(2, nil)})
	q := &query.Select{
		From:    query.Table{Name: "items", Alias: 1},
		Columns: []query.Column{{Expr: query.Col{Alias: 1, Name: "name", Type: idType}, Type: idType}},
		Where:   isID(1, 0),
		ByKey:   true,
	}
	// rows renders the name of item n, and goes on behind it or not.
	rows := func(ctx context.Context, tx store.Tx, n int, on bool) (text string, failed error) {
		tx.Select(ctx, q, []any{id(n)})(func(row store.Row, err error) bool {
			if failed = err; err == nil {
				text += string(row.AppendJSON(nil, 0))
			}
			return err == nil && on
		})
		return text, failed
	}
	for mode, name := range map[store.Mode]string{store.ReadOne: "a read", store.Snapshot: "a snapshot", store.Write: "a write"} {
		t.Run(name, func(t *testing.T) {
			ask := func(n int, on bool) (text string, failed error) {
				inTx(t, d, mode, func(ctx context.Context, tx store.Tx) error {
					text, failed = rows(ctx, tx, n, on)
					return nil
				})
				return text, failed
			}
			for range 4 { // on one connection and on the next
				if text, err := ask(1, true); err == nil {
					t.Errorf("to the end: %q without an error", text)
				}
				if text, err := ask(1, false); text != "null" || err != nil {
					t.Errorf("broken off: %q, %v", text, err)
				}
				if text, err := ask(2, true); text != "null" || err != nil {
					t.Errorf("who reads another row afterwards: %q, %v", text, err)
				}
			}
		})
	}
}
