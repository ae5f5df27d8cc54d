package mongo_test

import (
	"context"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

var (
	idType   = &value.Type{Kind: value.ID}
	textType = &value.Type{Kind: value.String}

	shelf, book = value.UUID{15: 1}, value.UUID{15: 2}
)

func shelves() *schema.Table {
	return &schema.Table{Name: "shelves", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType},
		{Name: "name", Type: textType, MaxLength: 80},
		{Name: "above", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Clear},
	}, Indexes: []*schema.Index{
		{Name: "shelves__above", Columns: []schema.IndexColumn{{Name: "above"}, {Name: "id"}}},
	}}
}

// books refers to shelves.
func books() *schema.Table {
	return &schema.Table{Name: "books", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType},
		{Name: "title", Type: textType, MaxLength: 80},
		{Name: "shelf", Type: idType, Nullable: true, References: "shelves", OnDelete: schema.Cascade},
		{Name: "isbn", Type: textType, MaxLength: 20, Nullable: true},
	}, Indexes: []*schema.Index{
		{Name: "books__title__unique", Columns: []schema.IndexColumn{{Name: "title"}}, Unique: true},
		{Name: "books__isbn__unique", Columns: []schema.IndexColumn{{Name: "isbn"}}, Unique: true},
		{Name: "books__shelf", Columns: []schema.IndexColumn{{Name: "shelf"}, {Name: "id"}}},
	}}
}

func insertInto(t *schema.Table) *query.Insert {
	q := &query.Insert{Table: t.Name}
	for _, c := range t.Columns {
		q.Columns = append(q.Columns, query.Named{Name: c.Name, Type: c.Type})
	}
	return q
}

func column(name string, t *value.Type) query.Col { return query.Col{Alias: 1, Name: name, Type: t} }

func withID(slot int) query.Expr {
	return query.Cmp{Op: query.Eq, L: column("id", idType), R: query.Param{Slot: slot, Type: idType}}
}

var (
	renameBook = &query.Update{
		Table: query.Table{Name: "books", Alias: 1},
		Set:   []query.Assign{{Column: query.Named{Name: "title", Type: textType}, Value: query.Param{Slot: 0, Type: textType}}},
		Where: withID(1),
	}
	removeShelf = &query.Delete{Table: query.Table{Name: "shelves", Alias: 1}, Where: withID(0)}
	allShelves  = &query.Select{
		From:    query.Table{Name: "shelves", Alias: 1},
		Columns: []query.Column{{Expr: column("id", idType), Type: idType}, {Expr: column("name", textType), Type: textType}},
		OrderBy: []query.Order{{Expr: column("id", idType), NotNull: true}},
	}
)

func oneShelf(lock query.Lock) *query.Select {
	q := *allShelves
	q.OrderBy, q.Where, q.Lock = nil, withID(0), lock
	return &q
}

// carryOutWith reads everything that q gives.
func carryOutWith(ctx context.Context, tx store.Tx, q *query.Select, args []any) error {
	for _, err := range tx.Select(ctx, q, args) {
		if err != nil {
			return err
		}
	}
	return nil
}
