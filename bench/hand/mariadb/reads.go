package main

import (
	"context"
	"database/sql"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mainstay-run/mainstay/bench/hand"
)

const (
	received = `a.id, a.job, a.candidate_name, a.email, a.stage, a.created_at`
	create   = `INSERT INTO applications (id, job, candidate_name, email, stage, created_at) VALUES `
	several  = 100 // as many as a batch has a prepared statement
)

func init() {
	maps.Copy(statements, map[string]string{
		// The company's jobs first: from the applications' end, most rows would be somebody else's.
		"inbox":   `SELECT STRAIGHT_JOIN ` + received + ` FROM jobs j JOIN applications a ON a.job = j.id WHERE j.company = (SELECT company FROM users WHERE id = ?) ORDER BY a.id DESC LIMIT 20`,
		"nested":  `SELECT ` + received + ` FROM applications a WHERE job IN (?` + strings.Repeat(", ?", 19) + `) ORDER BY a.id`,
		"groups":  `SELECT status, count(*), CAST(sum(salary_min) AS SIGNED) FROM jobs WHERE company = ? GROUP BY status`,
		"search":  `SELECT id, headline, created_at FROM profiles WHERE MATCH (headline) AGAINST (? IN BOOLEAN MODE) ORDER BY id LIMIT 20`,
		"export":  `SELECT ` + job + ` FROM jobs j ORDER BY id`,
		"several": create + rowsOf(several),
	})
}

func rowsOf(n int) string {
	return strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?), ", n), ", ")
}

// numbers are the columns of a statement that are numbers; the others are texts.
var numbers = map[string]string{"inbox": "5", "nested": "5", "search": "2", "export": "678", "list": "678"}

// read hands over the rows of a statement, of so many columns.
func (b *backend) read(ctx context.Context, name string, columns int, args []any, each func(*row) error) error {
	rows, err := b.prepared[name].QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r row
	targets := make([]any, columns)
	for i := range targets {
		targets[i] = &r.text[i]
		if strings.Contains(numbers[name], string(rune('0'+i))) {
			targets[i] = &r.numbers[i]
		}
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// page appends a page of what each appends.
func (b *backend) page(ctx context.Context, name string, columns int, arg any, dst []byte, each func([]byte, *row) []byte) ([]byte, int) {
	dst = append(dst, `{"items":[`...)
	some := false
	if err := b.read(ctx, name, columns, []any{arg}, func(r *row) error {
		if some {
			dst = append(dst, ',')
		}
		dst, some = each(dst, r), true
		return nil
	}); err != nil {
		return refused(dst[:0], err)
	}
	return append(dst, "]}"...), 200
}

func (b *backend) Inbox(ctx context.Context, user string, dst []byte) ([]byte, int) {
	return b.page(ctx, "inbox", 6, key(user), dst, hand.AppendReceived)
}

func (b *backend) Search(ctx context.Context, text string, dst []byte) ([]byte, int) {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = `+"` + strings.ReplaceAll(w, `"`, "") + `"`
	}
	return b.page(ctx, "search", 3, strings.Join(words, " "), dst, hand.AppendProfile)
}

// nested reads a page of jobs, then the applications of all of them.
func (b *backend) nested(ctx context.Context, args []any, dst []byte) ([]byte, int) {
	var n hand.Nested
	var at int64
	if err := b.read(ctx, "list", 9, args, func(r *row) error {
		n.Job(r)
		at = r.Int(8)
		return nil
	}); err != nil {
		return refused(dst, err)
	}
	if len(n.IDs) == 0 {
		return append(dst, `{"items":[]}`...), 200
	}
	jobs := make([]any, 20)
	for i := range jobs {
		jobs[i] = n.IDs[min(i, len(n.IDs)-1)]
	}
	if err := b.read(ctx, "nested", 6, jobs, func(r *row) error { n.Application(r); return nil }); err != nil {
		return refused(dst, err)
	}
	dst = n.Append(append(dst, `{"items":[`...))
	return hand.AppendNext(dst, at, n.IDs[len(n.IDs)-1]), 200
}

func (b *backend) ByStatus(ctx context.Context, company string, dst []byte) ([]byte, int) {
	rows, err := b.prepared["groups"].QueryContext(ctx, key(company))
	if err != nil {
		return refused(dst, err)
	}
	defer rows.Close()
	groups := map[string]hand.Group{}
	for rows.Next() {
		var status sql.RawBytes
		var g hand.Group
		if err := rows.Scan(&status, &g.Count, &g.Sum); err != nil {
			return refused(dst, err)
		}
		groups[string(status)] = g
	}
	if rows.Err() != nil {
		return refused(dst, rows.Err())
	}
	return hand.AppendGroups(dst, groups), 200
}

func (b *backend) Export(ctx context.Context, dst []byte, flush func([]byte) ([]byte, error)) error {
	if err := b.read(ctx, "export", 9, nil, func(r *row) (err error) {
		dst = append(hand.AppendJob(dst, r, false), '\n')
		if len(dst) >= hand.Piece {
			dst, err = flush(dst)
		}
		return err
	}); err != nil {
		return err
	}
	_, err := flush(dst)
	return err
}

func (b *backend) CreateAll(ctx context.Context, in []hand.Application, dst []byte) ([]byte, int) {
	now := time.Now().UnixMilli()
	ids := make([][]byte, len(in))
	args := make([]any, 0, 6*len(in))
	for i := range in {
		id, _ := uuid.NewV7()
		ids[i] = id[:]
		args = append(args, ids[i], key(in[i].Job), in[i].CandidateName, in[i].Email, "new", now)
	}
	var err error
	if len(in) == several {
		_, err = b.prepared["several"].ExecContext(ctx, args...)
	} else {
		_, err = b.db.ExecContext(ctx, create+rowsOf(len(in)), args...)
	}
	if err != nil {
		return refused(dst, err)
	}
	return hand.AppendCreated(dst, ids, in, now), 201
}
