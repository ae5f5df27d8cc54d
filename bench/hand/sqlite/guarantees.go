package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-run/mainstay/bench/hand"
)

// guaranteed is the backend whose writes have Mainstay's guarantees: one statement
// each, which says itself what it relies on.
type guaranteed struct{ *backend }

// keeps makes room for them.
var keeps = []string{
	`ALTER TABLE jobs ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0`,
	`ALTER TABLE jobs ADD COLUMN revision INTEGER NOT NULL DEFAULT 1`,
	`ALTER TABLE applications ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0`,
	`ALTER TABLE applications ADD COLUMN revision INTEGER NOT NULL DEFAULT 1`,
}

var sure = map[string]string{
	"add": `INSERT INTO applications (id, job, candidate_name, email, stage, created_at, updated_at, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 1)`,
	"change": `UPDATE jobs SET title = ?2, updated_at = ?3, revision = revision + 1
WHERE id = ?1 AND title <> ?2 AND (?4 = 0 OR revision = ?4)
RETURNING id, company, title, body, status, skills, salary_min, opens_at, created_at, updated_at, revision`,
	"look": `SELECT ` + job + `, j.updated_at, j.revision FROM jobs j WHERE id = ?1`,
}

func widened(path string) error {
	c, err := open(path)
	if err != nil {
		return err
	}
	for _, text := range keeps {
		if err := c.simple(text); err != nil {
			return err
		}
	}
	return c.raw.Close()
}

func (g guaranteed) Add(_ context.Context, in *hand.Application, dst []byte) ([]byte, int, int64) {
	key, ok := hand.ParseID(in.Job)
	if !ok {
		return append(dst, `{"title":"no such job"}`...), 422, 0
	}
	id, _ := uuid.NewV7()
	now := time.Now().UnixMilli()
	w := &write{name: "add", args: []any{id[:], key, in.CandidateName, in.Email, in.Stage, now}}
	g.write(w)
	if w.err != nil {
		dst, status := refused(dst, w.err)
		return dst, status, 0
	}
	return hand.AppendAdded(dst, id[:], in, now), 201, 1
}

func (g guaranteed) Change(_ context.Context, id, title string, match int64, dst []byte) ([]byte, int, int64) {
	key, ok := hand.ParseID(id)
	if !ok {
		return append(dst, `{"title":"not found"}`...), 404, 0
	}
	for {
		revision, before := int64(0), ""
		each := func(r row) {
			dst = hand.AppendChanged(dst[:0], r, r.Int(9))
			revision, before = r.Int(10), string(r.Text(2))
		}
		w := &write{name: "change", args: []any{key, title, time.Now().UnixMilli(), match}, each: each}
		g.write(w)
		if w.err == nil && w.n > 0 {
			return dst, 200, revision
		}
		n, err := w.n, w.err
		if err == nil {
			c := <-g.readers
			n, err = c.run("look", []any{key}, each)
			g.readers <- c
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
