package move

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// state is how far a move has come. It stands in the target and changes with
// every page, in the page's transaction.
type state struct {
	From     string   `json:"from"`
	Contract string   `json:"contract"` // a hash of its tables
	Pulse    pulse    `json:"pulse"`    // of the source; none while the target is emptied
	Step     string   `json:"step,omitempty"`
	After    []string `json:"after,omitempty"` // the last key that was taken, each part in JSON
	Done     int64    `json:"done,omitempty"`  // rows of the step
	Finished string   `json:"finished,omitempty"`
}

// record is the state's name among Mainstay's records of a database.
const record = "move"

// hash tells one contract's tables from another's.
func hash(s *schema.Schema) (string, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text)), nil
}

// keep notes the key that was taken last.
func (s *state) keep(t *table, key []any) {
	s.After = nil
	for i, v := range key {
		s.After = append(s.After, string(t.Columns[t.rows.keys[i]].Type.AppendJSON(nil, v)))
	}
}

// after is the key that keep noted, nil when there is none.
func (s *state) after(t *table) (key []any, err error) {
	for i, text := range s.After {
		j, err := value.DecodeJSON([]byte(text), 1)
		if err != nil {
			return nil, fmt.Errorf("move: what the target holds of the move cannot be read: %w", err)
		}
		v, err := t.Columns[t.rows.keys[i]].Type.FromJSON(j)
		if err != nil {
			return nil, fmt.Errorf("move: what the target holds of the move cannot be read: %w", err)
		}
		key = append(key, v)
	}
	return key, nil
}

var (
	textType = &value.Type{Kind: value.String}
	name     = query.Col{Alias: alias, Name: "name", Type: textType}
	content  = query.Col{Alias: alias, Name: "content", Type: textType}
	isRecord = query.Cmp{Op: query.Eq, L: name, R: query.Const{Value: record, Type: textType}}

	readState = &query.Select{
		From:    query.Table{Name: metaTable, Alias: alias},
		Columns: []query.Column{{Expr: content, Type: textType}},
		Where:   isRecord,
	}
	newState = &query.Insert{
		Table:            metaTable,
		Columns:          []query.Named{{Name: "name", Type: textType}, {Name: "content", Type: textType}},
		OnConflictIgnore: true,
	}
	writeState = &query.Update{
		Table: query.Table{Name: metaTable, Alias: alias},
		Set:   []query.Assign{{Column: query.Named{Name: "content", Type: textType}, Value: query.Param{Slot: 0, Type: textType}}},
		Where: isRecord,
	}
)

// stored is the state of a move into a database, nil when none was begun.
func stored(ctx context.Context, db *store.DB) (s *state, err error) {
	var text string
	err = db.InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		text = ""
		for row, err := range tx.Select(ctx, readState, nil) {
			if err != nil {
				return err
			}
			v, err := row.Value(0)
			text, _ = v.(string)
			return err
		}
		return nil
	})
	if err != nil || text == "" {
		return nil, err
	}
	s = &state{}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("move: what the target holds of the move cannot be read: %w", err)
	}
	return s, nil
}

// write keeps s, which has been kept before.
func (s *state) write(ctx context.Context, tx store.Tx) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	_, err = tx.Update(ctx, writeState, []any{string(text)})
	return err
}

// save keeps s, for the first time or again.
func (s *state) save(ctx context.Context, db *store.DB) error {
	return db.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		if _, err := tx.Insert(ctx, newState, []any{record, ""}); err != nil {
			return err
		}
		return s.write(ctx, tx)
	})
}
