package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-run/mainstay/bench/hand"
)

// guaranteed is the backend whose writes have Mainstay's guarantees. MariaDB returns
// nothing from an update: the record is read, and changed if it is still of that
// revision, without a transaction.
type guaranteed struct{ *backend }

// keeps makes room for them.
var keeps = []string{
	`ALTER TABLE jobs ADD COLUMN IF NOT EXISTS updated_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS revision BIGINT NOT NULL DEFAULT 1`,
	`ALTER TABLE applications ADD COLUMN IF NOT EXISTS updated_at BIGINT NOT NULL DEFAULT 0, ADD COLUMN IF NOT EXISTS revision BIGINT NOT NULL DEFAULT 1`,
}

var sure = map[string]string{
	"add":    `INSERT INTO applications (id, job, candidate_name, email, stage, created_at, updated_at, revision) VALUES (?, ?, ?, ?, ?, ?, ?, 1)`,
	"look":   `SELECT ` + job + `, j.updated_at, j.revision FROM jobs j WHERE id = ?`,
	"change": `UPDATE jobs SET title = ?, updated_at = ?, revision = revision + 1 WHERE id = ? AND revision = ?`,
}

func widened(db *sql.DB) error {
	for _, text := range keeps {
		if _, err := db.Exec(text); err != nil {
			return err
		}
	}
	return nil
}

func (g guaranteed) Add(ctx context.Context, in *hand.Application, dst []byte) ([]byte, int, int64) {
	id, _ := uuid.NewV7()
	now := time.Now().UnixMilli()
	if _, err := g.prepared["add"].ExecContext(ctx, id[:], key(in.Job), in.CandidateName, in.Email, in.Stage, now, now); err != nil {
		dst, status := refused(dst, err)
		return dst, status, 0
	}
	return hand.AppendAdded(dst, id[:], in, now), 201, 1
}

func (g guaranteed) Change(ctx context.Context, id, title string, match int64, dst []byte) ([]byte, int, int64) {
	for {
		var r row
		revision, at, same := int64(0), int64(0), false
		found, err := g.look(ctx, key(id), &r, &at, &revision, func() {
			if same = string(r.text[2]) == title; !same {
				r.text[2], at = []byte(title), time.Now().UnixMilli()
			}
			dst = hand.AppendChanged(dst[:0], &r, at)
		})
		switch {
		case err != nil:
			dst, status := refused(dst[:0], err)
			return dst, status, 0
		case !found:
			return append(dst[:0], `{"title":"not found"}`...), 404, 0
		case match != 0 && match != revision:
			return append(dst[:0], `{"title":"precondition failed"}`...), 412, 0
		case same:
			return dst, 200, revision
		}
		result, err := g.prepared["change"].ExecContext(ctx, title, at, key(id), revision)
		if err != nil {
			dst, status := refused(dst[:0], err)
			return dst, status, 0
		}
		if n, err := result.RowsAffected(); n == 1 && err == nil {
			return dst, 200, revision + 1
		}
	}
}

// look reads a job; use sees it as long as its bytes are there.
func (g guaranteed) look(ctx context.Context, id []byte, r *row, at, revision *int64, use func()) (bool, error) {
	rows, err := g.prepared["look"].QueryContext(ctx, id)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	if err := rows.Scan(append(r.targets(false), at, revision)...); err != nil {
		return false, err
	}
	use()
	return true, nil
}
