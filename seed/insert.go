package seed

import (
	"context"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// row is a record on its way into the database.
type row struct {
	resource *rule.Resource
	record   rule.Record
	hash     string // of the account's password; empty: cannot sign in
}

// batch is how many records one statement adds at most.
const batch = 200

// rowsOf hashes the passwords, which takes its time, before the transaction.
func rowsOf(ctx context.Context, seeds []*seedling) ([]row, error) {
	rows := make([]row, len(seeds))
	for i, s := range seeds {
		rows[i] = row{resource: s.resource, record: s.record}
		if s.password == "" {
			continue
		}
		hash, err := auth.HashPassword(ctx, s.password)
		if err != nil {
			return nil, err
		}
		rows[i].hash = hash
	}
	return rows, nil
}

// insert adds rows in their order, neighbours of one resource together.
func insert(ctx context.Context, tx store.Tx, rows []row, limits store.Limits) error {
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && n < batch && rows[n].resource == rows[0].resource {
			n++
		}
		if err := insertBatch(ctx, tx, rows[:n], limits); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func insertBatch(ctx context.Context, tx store.Tx, rows []row, limits store.Limits) error {
	r := rows[0].resource
	records, words, credentials := recordsOf(r), wordsOf(r), credentials()
	for _, row := range rows {
		for _, f := range stored(r) {
			records.args = append(records.args, row.record[f.Name])
		}
		records.args = append(records.args, int64(1)) // the revision
		id := row.record["id"]
		for _, f := range r.Fields {
			if text, ok := row.record[f.Name].(string); ok && f.Search {
				for _, word := range value.Words(text) {
					words.args = append(words.args, word, f.Name, id)
				}
			}
		}
		if row.hash != "" {
			credentials.args = append(credentials.args, id, row.hash, int64(1))
		}
	}
	for _, s := range []*statement{records, words, credentials} {
		if err := s.run(ctx, tx, limits); err != nil {
			return err
		}
	}
	return nil
}

// statement is an insert with the values of its rows.
type statement struct {
	insert *query.Insert
	args   []any
}

func (s *statement) run(ctx context.Context, tx store.Tx, limits store.Limits) error {
	width := len(s.insert.Columns)
	most := batch * width
	if limits.MaxParams > 0 {
		most = min(most, limits.MaxParams/width*width)
	}
	for rest := s.args; len(rest) > 0; {
		n := min(len(rest), most)
		if _, err := tx.Insert(ctx, s.insert, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// stored are the fields that have a column, in the contract's order.
func stored(r *rule.Resource) []*contract.Field {
	var fields []*contract.Field
	for _, f := range r.Fields {
		if f.Stored() && f.Type.Value != nil {
			fields = append(fields, f)
		}
	}
	return fields
}

func recordsOf(r *rule.Resource) *statement {
	q := &query.Insert{Table: r.Table}
	for _, f := range stored(r) {
		q.Columns = append(q.Columns, query.Named{Name: f.Name, Type: f.Type.Value})
	}
	q.Columns = append(q.Columns, query.Named{Name: schema.Revision, Type: &value.Type{Kind: value.Int}})
	return &statement{insert: q}
}

func wordsOf(r *rule.Resource) *statement {
	text := &value.Type{Kind: value.String}
	return &statement{insert: &query.Insert{Table: r.Table + schema.WordsSuffix, Columns: []query.Named{
		{Name: "word", Type: text}, {Name: "field", Type: text}, {Name: "id", Type: &value.Type{Kind: value.ID}},
	}}}
}

func credentials() *statement {
	return &statement{insert: &query.Insert{Table: "mainstay_credentials", Columns: []query.Named{
		{Name: "account", Type: &value.Type{Kind: value.ID}}, {Name: "hash", Type: &value.Type{Kind: value.String}}, {Name: "epoch", Type: &value.Type{Kind: value.Int}},
	}}}
}
