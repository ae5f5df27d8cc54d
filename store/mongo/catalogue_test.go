package mongo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store/mongo"
	"github.com/mainstay-run/mainstay/value"
)

func TestWhatWasChangedByHandIsMendedByTheCommandsThatAreNamed(t *testing.T) {
	text := &value.Type{Kind: value.String}
	words := &schema.Table{Name: "words", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: &value.Type{Kind: value.ID}}, {Name: "word", Type: text, Nullable: true}},
		Indexes: []*schema.Index{{Name: "words__word__unique", Columns: []schema.IndexColumn{{Name: "word"}}, Unique: true}}}
	for _, command := range []string{
		`{"dropIndexes": "words", "index": "words__word__unique"}`,
		`{"createIndexes": "words", "indexes": [{"key": {"word": -1}, "name": "it's mine"}]}`,
		`{"drop": "words"}`,
		`{"create": "mine"}`,
	} {
		url := dbtest.MongoURL(t)
		d, err := mongo.Open(t.Context(), url, mongo.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Apply(t.Context(), schema.CreateTable{Table: words}); err != nil {
			t.Fatal(err)
		}
		if err := dbtest.Run(url, command); err != nil {
			t.Fatal(err)
		}
		_, err = d.Inspect(t.Context())
		var found *problem.Error
		if !errors.As(err, &found) {
			t.Fatalf("%s: nothing is found: %v", command, err)
		}
		for i, part := range strings.Split(found.Detail, "db.runCommand(EJSON.parse('") {
			mend, _, ok := strings.Cut(part, "'))")
			if i == 0 || !ok {
				continue
			}
			if err := dbtest.Run(url, strings.NewReplacer(`\\`, `\`, `\'`, "'").Replace(mend)); err != nil {
				t.Errorf("%s: %s: %v", command, mend, err)
			}
		}
		if _, err := d.Inspect(t.Context()); err != nil {
			t.Errorf("%s, mended: %v", command, err)
		}
	}
}
