package engine

import (
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const archive = `
mainstay: 1
name: archive
accounts: {resource: User, signup: open}
resources:
  User:
    fields: {email: email unique, folder: Folder optional on delete cascade}
    access: {all: true}
  Folder:
    fields:
      name:   string 1..20 search
      parent: Folder optional on delete cascade
    access: {all: true}
  Label:
    fields:
      folder: Folder optional on delete clear
    access: {all: true}
`

// A tree goes whole, however deep it is and even when it closes on itself, and
// everything that a deletion does to a record it does on every level.
func TestDeleteFollowsATreeToItsLeaves(t *testing.T) {
	w := openEmpty(t, archive)
	nobody := auth.Nobody
	branch := func(depth int) (folders []string) {
		parent := "null"
		for range depth {
			id := w.id(nobody, "POST /folders", fmt.Sprintf(`{"name":"leaf","parent":%s}`, parent))
			folders, parent = append(folders, id), fmt.Sprintf("%q", id)
		}
		return folders
	}
	for _, tt := range []struct {
		name   string
		closed bool
	}{{name: "a chain"}, {name: "a ring", closed: true}} {
		folders := branch(5)
		last := folders[len(folders)-1]
		if tt.closed {
			w.ok(nobody, "PATCH /folders/"+folders[0], fmt.Sprintf(`{"parent":%q}`, last))
		}
		label := w.id(nobody, "POST /labels", fmt.Sprintf(`{"folder":%q}`, last))
		before, err := w.do(nobody, "GET /labels/"+label, "")
		if err != nil {
			t.Fatal(err)
		}
		w.ok(nobody, "DELETE /folders/"+folders[0], "")
		for i, id := range folders {
			if got := w.no(nobody, "POST /folders", fmt.Sprintf(`{"id":%q,"name":"again"}`, id)); got != "unique-violation #/id:unique" {
				t.Errorf("%s: the id of level %d is given again: %s", tt.name, i, got)
			}
		}
		after, err := w.do(nobody, "GET /labels/"+label, "")
		if err != nil {
			t.Fatal(err)
		}
		if object(w, after.Body)["folder"] != nil || before.ETag == after.ETag {
			t.Errorf("%s: what referred to a leaf: %s %s, then %s %s", tt.name, before.ETag, before.Body, after.ETag, after.Body)
		}
		found, err := w.e.Do(t.Context(), nobody, &Operation{Kind: Count, Resource: w.set.Resource("Folder"), Query: Query{Search: "leaf"}})
		if err != nil || string(found.Body) != `{"total":0}` {
			t.Errorf("%s: search still finds it: %s, %v", tt.name, found.Body, err)
		}
	}

	folders := branch(3)
	token, account := w.signup(`{"email":"eve@example.org","password":"correct horse battery"}`)
	w.ok(nobody, "PATCH /users/"+account["id"].(string), fmt.Sprintf(`{"folder":%q}`, folders[2]))
	w.known(token)
	w.ok(nobody, "DELETE /folders/"+folders[0], "")
	if _, err := w.identify(token); problem.KindOf(err) != problem.Unauthenticated {
		t.Errorf("an account that went with a tree: %v", err)
	}
	id, _ := value.ParseID(account["id"].(string))
	for table, n := range w.loginRows(id) {
		if n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

// loginRows counts what Mainstay keeps about an account, by table.
func (w *workshop) loginRows(account value.UUID) map[string]int {
	w.Helper()
	rows := map[string]int{}
	for _, q := range loginTables {
		look := &query.Select{From: q.Table, Columns: selectNamed([]query.Named{{Name: "account", Type: uuidType}}),
			Where: equals(query.Col{Alias: 1, Name: "account", Type: uuidType}, query.Param{Slot: 0, Type: uuidType})}
		err := w.db.InTx(w.Context(), store.ReadOne, nil, func(tx store.Tx) error {
			for _, err := range tx.Select(w.Context(), look, []any{account}) {
				if err != nil {
					return err
				}
				rows[q.Table.Name]++
			}
			return nil
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	return rows
}
