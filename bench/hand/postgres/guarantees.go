package main

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/mainstay-run/mainstay/bench/hand"
)

// guaranteed is the backend whose writes have Mainstay's guarantees: one statement
// each, which says itself what it relies on.
type guaranteed struct{ *backend }

// keeps makes room for them.
const keeps = `
ALTER TABLE jobs ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN IF NOT EXISTS revision bigint NOT NULL DEFAULT 1;
ALTER TABLE applications ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now(), ADD COLUMN IF NOT EXISTS revision bigint NOT NULL DEFAULT 1`

var sure = map[string]string{
	"add": `INSERT INTO applications (id, job, candidate_name, email, stage, created_at, updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $6, 1)`,
	"change": `UPDATE jobs j SET title = $2, updated_at = $3, revision = revision + 1
WHERE id = $1 AND title IS DISTINCT FROM $2 AND ($4::bigint = 0 OR revision = $4) RETURNING ` + job + `, j.updated_at, j.revision`,
	"look": `SELECT ` + job + `, j.updated_at, j.revision FROM jobs j WHERE id = $1`,
}

func widened(ctx context.Context, dsn string) error {
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, keeps)
	return err
}

func (g guaranteed) Add(ctx context.Context, in *hand.Application, dst []byte) ([]byte, int, int64) {
	key, ok := hand.ParseID(in.Job)
	if !ok {
		return append(dst, `{"title":"no such job"}`...), 422, 0
	}
	id, _ := uuid.NewV7()
	now := time.Now().UnixMilli()
	args := [][]byte{id[:], key, []byte(in.CandidateName), []byte(in.Email), []byte(in.Stage), moment(now)}
	if _, err := g.run(ctx, "add", args, nil); err != nil {
		dst, status := refused(dst, err)
		return dst, status, 0
	}
	return hand.AppendAdded(dst, id[:], in, now), 201, 1
}

func (g guaranteed) Change(ctx context.Context, id, title string, match int64, dst []byte) ([]byte, int, int64) {
	key, ok := hand.ParseID(id)
	if !ok {
		return append(dst, `{"title":"not found"}`...), 404, 0
	}
	for {
		revision, before := int64(0), ""
		each := func(r row) {
			dst = hand.AppendChanged(dst[:0], r, r.Int(9))
			revision, before = int64(binary.BigEndian.Uint64(r[10])), string(r[2])
		}
		args := [][]byte{key, []byte(title), moment(time.Now().UnixMilli()), binary.BigEndian.AppendUint64(nil, uint64(match))}
		n, err := g.run(ctx, "change", args, each)
		if err == nil && n == 0 {
			n, err = g.run(ctx, "look", args[:1], each)
		} else if err == nil {
			return dst, 200, revision
		}
		switch {
		case err != nil:
			dst, status := refused(dst[:0], err)
			return dst, status, 0
		case n == 0:
			return append(dst[:0], `{"title":"not found"}`...), 404, 0
		case match != 0 && match != revision:
			return append(dst[:0], `{"title":"precondition failed"}`...), 412, 0
		case before == title:
			return dst, 200, revision
		}
	}
}
