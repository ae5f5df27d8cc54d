package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// keyLife is how long an Idempotency-Key is remembered.
const keyLife = 24 * time.Hour

// The table of keys: what was asked and which records it wrote, never a body.
var (
	timestampType = &value.Type{Kind: value.TimestampKind}
	jsonType      = &value.Type{Kind: value.JSON}

	keyColumns = []query.Named{
		{Name: "id", Type: wordType},
		{Name: "fingerprint", Type: wordType},
		{Name: "status", Type: intType},
		{Name: "resource", Type: wordType},
		{Name: "record", Type: uuidType},
		{Name: "outcome", Type: jsonType}, // of a bulk; see appendOutcome
		{Name: "created_at", Type: timestampType},
	}
	keyTable  = query.Table{Name: "mainstay_idempotency", Alias: 1}
	keyIsMine = equals(query.Col{Alias: 1, Name: "id", Type: wordType}, query.Param{Slot: 0, Type: wordType})
	claimKey  = &query.Insert{Table: keyTable.Name, Columns: keyColumns, OnConflictIgnore: true}
	findKey   = &query.Select{From: keyTable, Columns: selectNamed(keyColumns[1:6]), Where: keyIsMine}
	settleKey = &query.Update{Table: keyTable, Set: assignNamed(keyColumns[2:6], 1), Where: keyIsMine}
	expireKey = &query.Delete{Table: keyTable, Where: query.Cmp{Op: query.Le,
		L: query.Col{Alias: 1, Name: "created_at", Type: timestampType}, R: query.Param{Slot: 0, Type: timestampType}}}
)

func selectNamed(columns []query.Named) []query.Column {
	out := make([]query.Column, len(columns))
	for i, c := range columns {
		out[i] = query.Column{Expr: query.Col{Alias: 1, Name: c.Name, Type: c.Type}, Type: c.Type}
	}
	return out
}

// assignNamed sets columns to the parameters from slot first on.
func assignNamed(columns []query.Named, first int) []query.Assign {
	out := make([]query.Assign, len(columns))
	for i, c := range columns {
		out[i] = query.Assign{Column: c, Value: query.Param{Slot: first + i, Type: c.Type}}
	}
	return out
}

// once runs do unless the caller has used the key before; then it shows what was
// done. The key's row is the transaction's first insert: a duplicate that comes
// meanwhile waits for it.
func (w *work) once(ctx context.Context, op *Operation, do step) (out *outcome, replayed bool, err error) {
	if w.c.who.Caller == nil {
		return nil, false, problem.Errorf(problem.InvalidParameter, "an Idempotency-Key needs somebody who is signed in")
	}
	now := w.c.env.Now
	if err := w.expireKeys(ctx); err != nil {
		return nil, false, err
	}
	sum := sha256.Sum256([]byte(w.c.who.Caller.ID.String() + "|" + op.IdempotencyKey))
	id, fingerprint := hex.EncodeToString(sum[:]), hex.EncodeToString(op.Fingerprint[:])
	n, err := w.tx.Insert(ctx, claimKey, []any{id, fingerprint, int64(0), "", nil, nil, now})
	if err != nil {
		return nil, false, err
	}
	if n == 0 {
		out, err = w.replay(ctx, op, id, fingerprint)
		return out, true, err
	}
	if out, err = do(ctx, w); err != nil {
		return nil, false, err
	}
	_, err = w.tx.Update(ctx, settleKey, append([]any{id}, out.stored()...))
	return out, false, err
}

// expireKeys drops the keys that are no longer remembered.
func (w *work) expireKeys(ctx context.Context) error {
	_, err := w.tx.Delete(ctx, expireKey, []any{w.c.env.Now - value.Timestamp(keyLife.Milliseconds())})
	return err
}

// stored is what is kept of an outcome: status, resource, record, outcome.
func (out *outcome) stored() []any {
	switch {
	case out.counted:
		return []any{int64(out.status), out.r.Name, nil, value.Raw(`{"affected":` + strconv.Itoa(out.count) + `}`)}
	case out.members != nil:
		return []any{int64(out.status), "", nil, value.Raw(appendOutcome(nil, out.members))}
	}
	return []any{int64(out.status), out.r.Name, out.id, nil}
}

// appendOutcome appends the members of a bulk as [["id","name","Resource",status],…].
func appendOutcome(dst []byte, members []*outcome) []byte {
	dst = append(dst, '[')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value.AppendString(append(dst, '['), m.id.String())
		dst = value.AppendString(append(dst, ','), m.name)
		dst = value.AppendString(append(dst, ','), m.r.Name)
		dst = append(strconv.AppendInt(append(dst, ','), int64(m.status), 10), ']')
	}
	return append(dst, ']')
}

// replay shows what the first request with the key did, through the caller's
// rights of today.
func (w *work) replay(ctx context.Context, op *Operation, id, fingerprint string) (*outcome, error) {
	var kept []any
	for row, err := range w.tx.Select(ctx, findKey, []any{id}) {
		if err != nil {
			return nil, err
		}
		kept = make([]any, len(findKey.Columns))
		for i := range kept {
			if kept[i], err = row.Value(i); err != nil {
				return nil, err
			}
		}
	}
	if kept == nil {
		return nil, problem.Errorf(problem.IdempotencyInProgress, "the same request is being carried out")
	}
	if kept[0] != fingerprint {
		return nil, problem.Errorf(problem.IdempotencyKeyReused, "this Idempotency-Key was used for another request")
	}
	status, _ := kept[1].(int64)
	name, _ := kept[2].(string)
	record, _ := kept[3].(value.UUID)
	many, isMany := kept[4].(value.Raw)
	if !isMany {
		return w.again(ctx, op, int(status), name, record)
	}
	j, err := value.DecodeJSON([]byte(many), maxDepth)
	if err != nil {
		return nil, err
	}
	return w.againMany(ctx, op, j)
}

// again shows one record.
func (w *work) again(ctx context.Context, op *Operation, status int, resource string, id value.UUID) (*outcome, error) {
	r := w.e.set.Resource(resource)
	if r == nil || status == 204 {
		return &outcome{status: status, r: r, id: id}, nil
	}
	shown := &Operation{Resource: r, Query: op.Query, Minimal: op.Minimal}
	return w.done(ctx, status, shown, id, nil)
}

// againMany shows the records of a bulk, or how many a filter chose.
func (w *work) againMany(ctx context.Context, op *Operation, j any) (*outcome, error) {
	if counted, ok := j.(map[string]any); ok {
		n, _ := counted["affected"].(value.Number)
		count, err := strconv.Atoi(string(n))
		return &outcome{status: 200, counted: true, count: count}, err
	}
	out := &outcome{status: 200, members: []*outcome{}}
	members, _ := j.([]any)
	for _, m := range members {
		parts, _ := m.([]any)
		if len(parts) != 4 {
			continue
		}
		text, _ := parts[0].(string)
		name, _ := parts[1].(string)
		resource, _ := parts[2].(string)
		number, _ := parts[3].(value.Number)
		id, err := value.ParseID(text)
		if err != nil {
			return nil, err
		}
		status, err := strconv.Atoi(string(number))
		if err != nil {
			return nil, err
		}
		member, err := w.again(ctx, op, status, resource, id)
		if err != nil {
			return nil, err
		}
		member.name = name
		out.members = append(out.members, member)
	}
	return out, nil
}
