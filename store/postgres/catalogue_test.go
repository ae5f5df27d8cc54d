package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/postgres"
	"github.com/mainstay-run/mainstay/value"
)

func TestWhatWasChangedByHandIsMendedByTheStatementsThatAreNamed(t *testing.T) {
	id := &value.Type{Kind: value.ID}
	shelves := &schema.Table{Name: "shelves", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: id}, {Name: "size", Type: &value.Type{Kind: value.DecimalKind, Precision: 8, Scale: 2}}}}
	books := &schema.Table{Name: "books", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: id}, {Name: "shelf", Type: id, Nullable: true, References: "shelves", OnDelete: schema.Cascade}},
		Indexes: []*schema.Index{{Name: "books__shelf", Columns: []schema.IndexColumn{{Name: "shelf", Desc: true}, {Name: "id"}}}}}
	for _, statement := range []string{
		"ALTER TABLE books DROP CONSTRAINT books_shelf_fkey",
		"ALTER TABLE books DROP CONSTRAINT books_shelf_fkey, ADD FOREIGN KEY (shelf) REFERENCES shelves ON DELETE SET NULL",
		"ALTER TABLE books DROP COLUMN shelf",
		"ALTER TABLE shelves DROP CONSTRAINT shelves_pkey CASCADE",
		"ALTER TABLE shelves ALTER size TYPE text",
		"DROP INDEX books__shelf; CREATE UNIQUE INDEX books__shelf ON books (id)",
		"ALTER TABLE books DROP COLUMN shelf; DROP TABLE shelves",
	} {
		url := dbtest.PostgresURL(t)
		d, err := postgres.Open(t.Context(), url, postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Apply(t.Context(), schema.CreateTable{Table: shelves}, schema.CreateTable{Table: books}); err != nil {
			t.Fatal(err)
		}
		if err := dbtest.Run(url, strings.Split(statement, "; ")...); err != nil {
			t.Fatal(err)
		}
		_, err = d.Inspect(t.Context())
		var found *problem.Error
		if !errors.As(err, &found) {
			t.Fatalf("%s: nothing is found: %v", statement, err)
		}
		for part := range strings.SplitSeq(found.Detail, "; ") {
			if _, mend, ok := strings.Cut(part, "mend it with "); ok {
				if err := dbtest.Run(url, mend); err != nil {
					t.Errorf("%s: %s: %v", statement, mend, err)
				}
			}
		}
		if _, err := d.Inspect(t.Context()); err != nil {
			t.Errorf("%s, mended: %v", statement, err)
		}
	}
}
