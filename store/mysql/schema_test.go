package mysql_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/value"
)

var (
	idType   = &value.Type{Kind: value.ID}
	textType = &value.Type{Kind: value.String}
	intType  = &value.Type{Kind: value.Int}
)

func shelves() *schema.Table {
	return &schema.Table{Name: "shelves", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType},
		{Name: "name", Type: textType, MaxLength: 80},
		{Name: "above", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Clear},
	}}
}

// books refers to shelves, which may come later.
func books() *schema.Table {
	return &schema.Table{Name: "books", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType},
		{Name: "title", Type: textType, MaxLength: 80},
		{Name: "shelf", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Cascade},
		{Name: "label", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Clear},
	}, Indexes: []*schema.Index{
		{Name: "books__title__unique", Columns: []schema.IndexColumn{{Name: "title"}}, Unique: true},
		{Name: "books__label__unique", Columns: []schema.IndexColumn{{Name: "label"}}, Unique: true},
		{Name: "books__shelf", Columns: []schema.IndexColumn{{Name: "shelf"}, {Name: "id"}}},
	}}
}

func apply(t *testing.T, d *mysql.Driver, steps ...schema.Step) {
	t.Helper()
	for _, s := range steps {
		if err := d.Apply(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestATableMayReferToOneThatComesLater(t *testing.T) {
	onEach(t, aTableMayReferToOneThatComesLater)
}

func aTableMayReferToOneThatComesLater(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	apply(t, d, schema.CreateTable{Table: books()})
	if _, err := d.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
	apply(t, d, schema.CreateTable{Table: shelves()})
	if _, err := d.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
	orphan := "INSERT INTO books (id, title, shelf) VALUES (REPEAT('a', 16), 'x', REPEAT('b', 16))"
	if err := d.Exec(t.Context(), orphan); err == nil {
		t.Error("a reference to nothing was stored")
	}
}

func TestAnIndexThatAReferenceNeedsMayGo(t *testing.T) { onEach(t, anIndexThatAReferenceNeedsMayGo) }

func anIndexThatAReferenceNeedsMayGo(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	apply(t, d, schema.CreateTable{Table: shelves()}, schema.CreateTable{Table: books()},
		schema.DropIndex{Table: "books", Index: books().Index("books__shelf")})
	s, err := d.Inspect(t.Context())
	if err != nil || s.Table("books").Index("books__shelf") != nil {
		t.Errorf("%v, %v", s, err)
	}
}

// A step whose record was cut short is found out by what is there, and the next
// run goes on from that.
func TestAStepThatWasCutShortConverges(t *testing.T) { onEach(t, aStepThatWasCutShortConverges) }

func aStepThatWasCutShortConverges(t *testing.T, k dbtest.Kind) {
	steps := []schema.Step{
		schema.CreateTable{Table: books()},
		schema.AddColumn{Table: "shelves", Column: &schema.Column{Name: "place", Type: intType, Default: int64(7)}, Default: int64(7)},
		schema.AddColumn{Table: "shelves", Column: &schema.Column{Name: "below", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Refuse}},
		schema.WidenColumn{Table: "shelves", Column: &schema.Column{Name: "name", Type: textType, MaxLength: 300}},
		schema.CreateIndex{Table: "shelves", Index: &schema.Index{Name: "shelves__name", Columns: []schema.IndexColumn{{Name: "name"}, {Name: "id"}}}},
	}
	for _, step := range steps {
		for _, done := range []bool{false, true} {
			d := open(t, k)
			apply(t, d, schema.CreateTable{Table: shelves()})
			have, err := d.Inspect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Begun(t.Context(), have, step, done); err != nil {
				t.Fatalf("%s: %v", step, err)
			}
			s, err := d.Inspect(t.Context())
			if err != nil {
				t.Fatalf("%s, carried out %v: %v", step, done, err)
			}
			if changed := !cmp.Equal(have, s); changed != done {
				t.Errorf("%s, carried out %v: it is taken for %v", step, done, changed)
			}
			if !done {
				apply(t, d, step)
			}
			apply(t, d, schema.AddColumn{Table: "shelves", Column: &schema.Column{Name: "later", Type: intType, Nullable: true}})
			if _, err := d.Inspect(t.Context()); err != nil {
				t.Errorf("%s, carried out %v, afterwards: %v", step, done, err)
			}
		}
	}
}

func TestWhatWasChangedByHandIsNamed(t *testing.T) { onEach(t, whatWasChangedByHandIsNamed) }

func whatWasChangedByHandIsNamed(t *testing.T, k dbtest.Kind) {
	for _, tt := range []struct{ statement, want string }{
		{"ALTER TABLE shelves MODIFY name varchar(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL", "column name varchar(80) COLLATE utf8mb4_general_ci"},
		{"ALTER TABLE shelves MODIFY name varchar(80) CHARACTER SET latin1 COLLATE latin1_bin NOT NULL", "latin1_bin"},
		{"ALTER TABLE shelves ADD COLUMN extra int", "has column extra"},
		{"ALTER TABLE books DROP FOREIGN KEY books__label__ref, DROP INDEX books__label__unique", "lacks index books__label__unique unique on label"},
		{"ALTER TABLE books DROP FOREIGN KEY books__label__ref", "lacks reference label to shelves on delete set null"},
		{"ALTER TABLE books DROP INDEX books__title__unique", "lacks index books__title__unique unique on title"},
		{"ALTER TABLE books DROP INDEX books__title__unique, ADD UNIQUE INDEX books__title__unique (title(5))", "books__title__unique unique on title(prefix)"},
		{"CREATE TABLE stranger (id int PRIMARY KEY)", "table stranger is not one of mainstay's"},
		{"DROP TABLE books", "table books is missing"},
	} {
		d := open(t, k)
		apply(t, d, schema.CreateTable{Table: shelves()}, schema.CreateTable{Table: books()})
		if err := d.Exec(t.Context(), tt.statement); err != nil {
			t.Fatal(err)
		}
		_, err := d.Inspect(t.Context())
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.statement, err)
			continue
		}
		var found *problem.Error
		if !errors.As(err, &found) {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(found.Detail, "; ") {
			if _, mend, ok := strings.Cut(part, "mend it with "); ok {
				if err := d.Exec(t.Context(), mend); err != nil {
					t.Errorf("%s: %s: %v", tt.statement, mend, err)
				}
			}
		}
		if _, err := d.Inspect(t.Context()); err != nil {
			t.Errorf("%s, mended: %v", tt.statement, err)
		}
	}
}

// Rows of one removal that refer to each other go together.
func TestWhatRefersToEachOtherGoesTogether(t *testing.T) {
	onEach(t, whatRefersToEachOtherGoesTogether)
}

func whatRefersToEachOtherGoesTogether(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	table := shelves()
	table.Columns = append(table.Columns, &schema.Column{Name: "twin", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Refuse},
		&schema.Column{Name: "part", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Cascade})
	apply(t, d, schema.CreateTable{Table: table})
	for n := range byte(3) {
		add(t, d, n, "shelf")
	}
	if err := d.Exec(t.Context(), "UPDATE shelves SET twin = IF(RIGHT(id, 1) = X'01', CONCAT(LEFT(id, 15), X'02'), CONCAT(LEFT(id, 15), X'01')), part = REPEAT(X'00', 16) WHERE RIGHT(id, 1) <> X'00'"); err != nil {
		t.Fatal(err)
	}
	inTx(t, d, func(tx store.Tx) error {
		n, err := tx.Delete(t.Context(), &query.Delete{Table: shelf, Where: byID}, []any{value.UUID{}})
		if n != 1 {
			t.Errorf("%d", n)
		}
		return err
	})
	if left, err := d.List(t.Context(), "SELECT name FROM shelves"); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// MariaDB keeps references from who may only read: they are not missing for that.
func TestWhoMayOnlyReadFindsTheTablesAsTheyAre(t *testing.T) {
	onEach(t, whoMayOnlyReadFindsTheTablesAsTheyAre)
}

func whoMayOnlyReadFindsTheTablesAsTheyAre(t *testing.T, k dbtest.Kind) {
	database := k.URL(t)
	d := openAs(t, database)
	apply(t, d, schema.CreateTable{Table: shelves()}, schema.CreateTable{Table: books()})
	at, reader := asReader(t, database)
	r := openAs(t, at)
	s, err := r.Inspect(t.Context())
	if err != nil || s.Table("books") == nil {
		t.Errorf("%v, %v", s, err)
	}
	if err := r.Barred(t.Context()); err == nil || !strings.Contains(err.Error(), "not books, mainstay_meta, shelves; mend it with GRANT SELECT, INSERT, UPDATE, DELETE ON `") ||
		!strings.Contains(err.Error(), reader) {
		t.Errorf("%v", err)
	}
}

// asReader is the URL of a database for a user who may only read it, and that user.
func asReader(t *testing.T, database string) (reading, reader string) {
	t.Helper()
	at, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	reader = "reader_" + strings.TrimPrefix(at.Path, "/")
	for _, s := range []string{"CREATE USER " + reader + " IDENTIFIED BY 'secret'", "GRANT SELECT ON " + strings.TrimPrefix(at.Path, "/") + ".* TO " + reader} {
		if err := dbtest.Run(database, s); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := dbtest.Run(database, "DROP USER "+reader); err != nil {
			t.Error(err)
		}
	})
	at.User = url.UserPassword(reader, "secret")
	return at.String(), reader
}

// openAs opens the database of a URL.
func openAs(t testing.TB, database string) *mysql.Driver {
	t.Helper()
	d, err := mysql.Open(t.Context(), database, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestAnotherEngineIsNamed(t *testing.T) { onEach(t, anotherEngineIsNamed) }

func anotherEngineIsNamed(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	apply(t, d, schema.CreateTable{Table: &schema.Table{Name: "plain", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: idType}}}})
	if err := d.Exec(t.Context(), "ALTER TABLE plain ENGINE=MyISAM"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Inspect(t.Context()); err == nil || !strings.Contains(err.Error(), "plain is not kept by InnoDB but by myisam") {
		t.Errorf("%v", err)
	}
}

func TestDigitsThatTheDatabaseCannotKeepAreRefused(t *testing.T) {
	onEach(t, digitsThatTheDatabaseCannotKeepAreRefused)
}

func digitsThatTheDatabaseCannotKeepAreRefused(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	fine := &value.Type{Kind: value.DecimalKind, Precision: 34, Scale: 34}
	err := d.Apply(t.Context(), schema.CreateTable{Table: &schema.Table{Name: "fine", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType}, {Name: "share", Type: fine}}}})
	switch d.Limits().Name[:5] {
	case "Maria": // keeps 38
		if err != nil {
			t.Error(err)
		}
	default:
		if err == nil || !strings.Contains(err.Error(), "column share has 34 digits after the point") {
			t.Errorf("%v", err)
		}
	}
}

// What is said of a table before it is made is what the database says when it is.
func TestATableThatCannotBeIsToldBefore(t *testing.T) { onEach(t, aTableThatCannotBeIsToldBefore) }

func aTableThatCannotBeIsToldBefore(t *testing.T, k dbtest.Kind) {
	d := open(t, k)
	for _, tt := range []struct {
		name            string
		columns, length int
		indexed         bool
		fits            bool
	}{
		{"short texts that a page keeps", 33, 60, false, true},
		{"short texts", 34, 60, false, k.Name == "MySQL"},
		{"long texts that a row keeps", 30, 500, false, true},
		{"long texts", 34, 500, false, false},
		{"texts without a bound", 100, 0, false, true},
		{"as many indexes as there can be", 62, 0, true, true},
		{"one more", 65, 0, true, false},
	} {
		wide := &schema.Table{Name: "wides", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: idType}}}
		for i := range tt.columns {
			c := &schema.Column{Name: fmt.Sprintf("c%d", i), Type: textType, MaxLength: tt.length, Nullable: true}
			if tt.indexed {
				c.Type = intType
			}
			wide.Columns = append(wide.Columns, c)
			if tt.indexed {
				wide.AddIndex(schema.IndexColumn{Name: c.Name})
			}
		}
		why, err := d.Unfit(t.Context(), wide)
		if err != nil || (why == "") != tt.fits {
			t.Errorf("%s: it is said %q, %v", tt.name, why, err)
		}
		err = d.Apply(t.Context(), schema.CreateTable{Table: wide})
		if (err == nil) != tt.fits {
			t.Errorf("%s: made, %v", tt.name, err)
		}
		if err == nil {
			if err := d.Clear(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	deep := shelves()
	deep.Columns = append(deep.Columns, &schema.Column{Name: "depth", Type: &value.Type{Kind: value.DecimalKind, Precision: 60, Scale: 38}})
	if why, err := d.Unfit(t.Context(), deep); err != nil || !strings.Contains(why, "digits") && k.Name == "MySQL" {
		t.Errorf("a number that is too long: %q, %v", why, err)
	}
}
