// The reference for MariaDB and MySQL: database/sql, prepared statements, raw bytes to
// JSON, a pool of 8.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"log"
	"maps"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/uuid"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/hand"
)

const (
	job     = `j.id, j.company, j.title, j.body, j.status, j.skills, j.salary_min, j.opens_at, j.created_at`
	company = `c.id, c.name, c.country, c.size, c.created_at`
	page    = ` ORDER BY j.created_at DESC, j.id DESC LIMIT 20`
)

var statements = map[string]string{
	"get":  `SELECT ` + job + ` FROM jobs j WHERE id = ?`,
	"list": `SELECT ` + job + ` FROM jobs j WHERE status = ? AND salary_min >= ?` + page,
	// The page first, then the join: a plain join starts at companies and sorts every match.
	"include": `SELECT ` + job + `, ` + company + ` FROM (SELECT ` + job + ` FROM jobs j WHERE status = ? AND salary_min >= ?` + page + `) j JOIN companies c ON c.id = j.company ORDER BY j.created_at DESC, j.id DESC`,
	// A row value would read the index from its start.
	"deep":   `SELECT ` + job + ` FROM jobs j WHERE j.created_at <= ? AND (j.created_at < ? OR j.id < ?)` + page,
	"own":    `SELECT ` + job + ` FROM jobs j WHERE company = ? AND status = ?` + page,
	"create": `INSERT INTO applications (id, job, candidate_name, email, stage, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
	"update": `UPDATE jobs SET title = ? WHERE id = ?`,
}

// row is what a row is scanned into.
type row struct {
	text    [14]sql.RawBytes
	numbers [14]int64
}

func (r *row) Text(i int) []byte { return r.text[i] }
func (r *row) Int(i int) int64   { return r.numbers[i] }

func (r *row) targets(include bool) []any {
	n := 9
	if include {
		n = 14
	}
	out := make([]any, n)
	for i := range out {
		switch i {
		case 6, 7, 8, 12, 13:
			out[i] = &r.numbers[i]
		default:
			out[i] = &r.text[i]
		}
	}
	return out
}

type backend struct {
	db       *sql.DB
	prepared map[string]*sql.Stmt
}

func refused(dst []byte, err error) ([]byte, int) {
	var known *mysql.MySQLError
	if errors.As(err, &known) && known.Number == 1452 {
		return append(dst, `{"title":"no such job"}`...), 422
	}
	log.Print(err)
	return append(dst, `{"title":"error"}`...), 500
}

func key(id string) []byte {
	b, _ := hand.ParseID(id)
	return b
}

func (b *backend) Get(ctx context.Context, id string, dst []byte) ([]byte, int) {
	rows, err := b.prepared["get"].QueryContext(ctx, key(id))
	if err != nil {
		return refused(dst, err)
	}
	defer rows.Close()
	if !rows.Next() {
		return append(dst, `{"title":"not found"}`...), 404
	}
	var r row
	if err := rows.Scan(r.targets(false)...); err != nil {
		return refused(dst, err)
	}
	return hand.AppendJob(dst, &r, false), 200
}

func (b *backend) List(ctx context.Context, q *hand.List, dst []byte) ([]byte, int) {
	name, args := "list", []any{q.Status, q.SalaryMin}
	switch {
	case q.Company != "":
		name, args = "own", []any{key(q.Company), q.Status}
	case q.CursorAt != 0:
		name, args = "deep", []any{q.CursorAt, q.CursorAt, key(q.CursorID)}
	case q.Include == "applications":
		return b.nested(ctx, args, dst)
	case q.Include == "company":
		name = "include"
	}
	rows, err := b.prepared[name].QueryContext(ctx, args...)
	if err != nil {
		return refused(dst, err)
	}
	defer rows.Close()
	var r row
	targets := r.targets(q.Include != "")
	var last []byte
	dst = append(dst, `{"items":[`...)
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return refused(dst[:0], err)
		}
		if last != nil {
			dst = append(dst, ',')
		}
		dst = hand.AppendJob(dst, &r, q.Include != "")
		last = append(last[:0], r.text[0]...)
	}
	if rows.Err() != nil {
		return refused(dst[:0], rows.Err())
	}
	return hand.AppendNext(dst, r.numbers[8], last), 200
}

func (b *backend) Create(ctx context.Context, in *hand.Application, dst []byte) ([]byte, int) {
	id, _ := uuid.NewV7()
	now := time.Now().UnixMilli()
	if _, err := b.prepared["create"].ExecContext(ctx, id[:], key(in.Job), in.CandidateName, in.Email, "new", now); err != nil {
		return refused(dst, err)
	}
	return hand.AppendApplication(dst, id[:], in, now), 201
}

// Update writes and reads: there is no RETURNING for updates.
func (b *backend) Update(ctx context.Context, id string, p *hand.Patch, dst []byte) ([]byte, int) {
	if _, err := b.prepared["update"].ExecContext(ctx, *p.Title, key(id)); err != nil {
		return refused(dst, err)
	}
	return b.Get(ctx, id, dst)
}

func main() {
	dsn := flag.String("database", "", "where the tables are, as go-sql-driver reads it")
	listen := flag.String("listen", "", "address")
	guarantees := flag.Bool("guarantees", false, "write as safely as Mainstay does")
	fill := flag.Bool("load", false, "make and fill the tables instead of serving")
	size := dataset.Flags()
	flag.Parse()
	db, err := sql.Open("mysql", *dsn)
	if err != nil {
		log.Fatal(err)
	}
	if *fill {
		if err := load(db, *size); err != nil {
			log.Fatal(err)
		}
		return
	}
	if *guarantees {
		if err := widened(db); err != nil {
			log.Fatal(err)
		}
		maps.Copy(statements, sure)
	}
	const connections = 8
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	b := &backend{db: db, prepared: map[string]*sql.Stmt{}}
	for name, text := range statements {
		if b.prepared[name], err = db.Prepare(text); err != nil {
			log.Fatal(err)
		}
	}
	if *guarantees {
		log.Fatal(hand.Serve(*listen, guaranteed{b}))
	}
	log.Fatal(hand.Serve(*listen, b))
}
