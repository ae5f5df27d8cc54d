package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Ids of deleted records are not given again. Those that clients give must be
// about as old as now, so only the young ones have to be remembered, and only
// until they are old. They stand among the idempotency keys, as if such a key had
// been used when the id was made, and are forgotten with them: when somebody uses a
// key or signs in.

// goneKey is under what a deleted record's id is remembered.
func goneKey(id value.UUID) string {
	sum := sha256.Sum256([]byte("gone|" + id.String()))
	return hex.EncodeToString(sum[:])
}

// youngest is the least id that a client may still give.
func youngest(now value.Timestamp) value.UUID {
	var id value.UUID
	ms := uint64(max(0, int64(now)-idWindow.Milliseconds()))
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

// remember keeps the ids that leaving noted.
func (w *work) remember(ctx context.Context) error {
	if len(w.gone) == 0 {
		return nil
	}
	var args []any
	for _, id := range w.gone {
		args = append(args, goneKey(id), "", int64(0), "", nil, nil, value.TimestampOf(id.Time()))
	}
	_, err := w.tx.Insert(ctx, claimKey, args)
	return err
}

// insert adds a row; an id that was a deleted record's is as taken as any.
func (w *work) insert(ctx context.Context, t *table, in *input, args []any) error {
	if in.sends("id") {
		if gone, err := w.isGone(ctx, in.id); err != nil {
			return err
		} else if gone {
			return &store.ConstraintError{Kind: store.Unique, Table: t.r.Table, Columns: []string{"id"}, Cause: errGone}
		}
	}
	by, known := w.asKnown()
	n, err := w.tx.Insert(ctx, t.insertIf[by], append(args, known...))
	if err == nil && n == 0 {
		return errOvertaken
	}
	w.wrote = true
	return err
}

var errGone = errors.New("engine: the id was a deleted record's")

// isGone reports whether an id that a client gives was a deleted record's.
func (w *work) isGone(ctx context.Context, id value.UUID) (bool, error) {
	if slices.Contains(w.gone, id) {
		return true, nil
	}
	for _, err := range w.tx.Select(ctx, findKey, []any{goneKey(id)}) {
		return err == nil, err
	}
	return false, nil
}
