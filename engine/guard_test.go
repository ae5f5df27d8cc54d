package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// TestAReferenceIsKeptInItsOwnFieldOnly: what the caller cannot read may stay where it
// stands, and is as good as absent in any other field, one that held it a moment ago
// included.
func TestAReferenceIsKeptInItsOwnFieldOnly(t *testing.T) {
	_, set := compile(t, `mainstay: 1
name: boxes
resources:
  Thing:
    fields:
      shown: bool
    access:
      read: shown
  Box:
    fields:
      left:  Thing
      right: Thing
    access:
      read:  true
      write: true
`)
	driver := dbtest.SQLite(t)
	if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
		t.Fatal(err)
	}
	db := store.New(driver)
	a, b, box := value.UUID{6: 0x70, 8: 0x80, 15: 1}, value.UUID{6: 0x70, 8: 0x80, 15: 2}, value.UUID{6: 0x70, 8: 0x80, 15: 3}
	insert := func(resource string, names string, args ...any) {
		r := set.Resource(resource)
		q := &query.Insert{Table: r.Table, Columns: []query.Named{{Name: revisionColumn, Type: intType}}}
		for _, name := range strings.Fields("created_at updated_at id " + names) {
			q.Columns = append(q.Columns, named(r.Field(name)))
		}
		at := value.Timestamp(noon.UnixMilli())
		if err := db.InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
			_, err := tx.Insert(t.Context(), q, append([]any{int64(1), at, at}, args...))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	insert("Thing", "shown", a, false)
	insert("Thing", "shown", b, false)
	insert("Box", "left right", box, a, b)
	e := New(set, db, testKeys(t), Options{})
	for _, tt := range []struct {
		name        string
		left, right value.UUID
		want        string
	}{
		{"as they were", a, b, ""},
		{"one in the other's place", b, b, "validation #/left:reference"},
		{"both in the other's place", b, a, "validation #/left:reference #/right:reference"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := fmt.Sprintf(`{"left":%q,"right":%q}`, tt.left, tt.right)
			_, err := e.Do(t.Context(), auth.Nobody, &Operation{Kind: Update, Resource: set.Resource("Box"), ID: box.String(), Body: []byte(body)})
			got := ""
			if err != nil {
				got = refusalText(err)
			}
			if got != tt.want {
				t.Errorf("%s: %q, want %q", body, got, tt.want)
			}
		})
	}
}
