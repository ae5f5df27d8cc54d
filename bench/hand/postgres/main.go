// The reference for PostgreSQL: pgx's lowest level, prepared statements, binary columns
// appended to the body as JSON, no structs, a pool of 16.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"log"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/hand"
)

const (
	job     = `j.id, j.company, j.title, j.body, j.status, j.skills, j.salary_min, j.opens_at, j.created_at`
	company = `c.id, c.name, c.country, c.size, c.created_at`
	page    = ` ORDER BY j.created_at DESC, j.id DESC LIMIT 20`
)

var statements = map[string]string{
	"get":     `SELECT ` + job + ` FROM jobs j WHERE id = $1`,
	"list":    `SELECT ` + job + ` FROM jobs j WHERE status = $1 AND salary_min >= $2::int` + page,
	"include": `SELECT ` + job + `, ` + company + ` FROM jobs j JOIN companies c ON c.id = j.company WHERE status = $1 AND salary_min >= $2::int` + page,
	"deep":    `SELECT ` + job + ` FROM jobs j WHERE (j.created_at, j.id) < ($1, $2)` + page,
	"own":     `SELECT ` + job + ` FROM jobs j WHERE company = $1 AND status = $2` + page,
	"create":  `INSERT INTO applications (id, job, candidate_name, email, stage, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
	"update":  `UPDATE jobs j SET title = $2 WHERE id = $1 RETURNING ` + job,
}

const epoch = 946_684_800_000 // 2000-01-01, where PostgreSQL's times begin

type row [][]byte

func (r row) Text(i int) []byte {
	if i == 5 && r[i][0] == 1 {
		return r[i][1:] // jsonb: a version byte, then text
	}
	return r[i]
}

func (r row) Int(i int) int64 {
	if len(r[i]) == 4 {
		return int64(int32(binary.BigEndian.Uint32(r[i])))
	}
	n := int64(binary.BigEndian.Uint64(r[i]))
	if i == 6 {
		return n // a salary, where the column is as wide
	}
	return n/1000 + epoch
}

func moment(ms int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64((ms-epoch)*1000))
}

type backend struct{ pool *pgxpool.Pool }

var binaryFormat = []int16{1}

// run executes a statement and hands its rows over; it tells how many rows it touched.
func (b *backend) run(ctx context.Context, name string, args [][]byte, each func(row)) (int, error) {
	c, err := b.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Release()
	result := c.Conn().PgConn().ExecPrepared(ctx, name, args, binaryFormat, binaryFormat)
	for result.NextRow() {
		each(result.Values())
	}
	tag, err := result.Close()
	return int(tag.RowsAffected()), err
}

func refused(dst []byte, err error) ([]byte, int) {
	var violation *pgconn.PgError
	if errors.As(err, &violation) && violation.Code == "23503" {
		return append(dst, `{"title":"no such job"}`...), 422
	}
	log.Print(err)
	return append(dst, `{"title":"error"}`...), 500
}

func (b *backend) one(ctx context.Context, name string, args [][]byte, dst []byte) ([]byte, int) {
	n, err := b.run(ctx, name, args, func(r row) { dst = hand.AppendJob(dst, r, false) })
	if err != nil {
		return refused(dst[:0], err)
	}
	if n == 0 {
		return append(dst, `{"title":"not found"}`...), 404
	}
	return dst, 200
}

func (b *backend) Get(ctx context.Context, id string, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(id)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	return b.one(ctx, "get", [][]byte{key}, dst)
}

func (b *backend) List(ctx context.Context, q *hand.List, dst []byte) ([]byte, int) {
	name, args := "list", [][]byte{[]byte(q.Status), binary.BigEndian.AppendUint32(nil, uint32(q.SalaryMin))}
	switch {
	case q.Company != "":
		key, _ := hand.ParseID(q.Company)
		name, args = "own", [][]byte{key, []byte(q.Status)}
	case q.CursorAt != 0:
		key, _ := hand.ParseID(q.CursorID)
		name, args = "deep", [][]byte{moment(q.CursorAt), key}
	case q.Include == "applications":
		return b.nested(ctx, args, dst)
	case q.Include == "company":
		name = "include"
	}
	var at int64
	var last []byte
	dst = append(dst, `{"items":[`...)
	_, err := b.run(ctx, name, args, func(r row) {
		if last != nil {
			dst = append(dst, ',')
		}
		dst = hand.AppendJob(dst, r, q.Include != "")
		at, last = r.Int(8), append(last[:0], r[0]...)
	})
	if err != nil {
		return refused(dst[:0], err)
	}
	return hand.AppendNext(dst, at, last), 200
}

func (b *backend) Create(ctx context.Context, in *hand.Application, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(in.Job)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	id, _ := uuid.NewV7()
	now := time.Now().UnixMilli()
	args := [][]byte{id[:], key, []byte(in.CandidateName), []byte(in.Email), []byte("new"), moment(now)}
	if _, err := b.run(ctx, "create", args, nil); err != nil {
		return refused(dst, err)
	}
	return hand.AppendApplication(dst, id[:], in, now), 201
}

func (b *backend) Update(ctx context.Context, id string, p *hand.Patch, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(id)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	return b.one(ctx, "update", [][]byte{key, []byte(*p.Title)}, dst)
}

func main() {
	dsn := flag.String("database", "", "where the tables are")
	listen := flag.String("listen", "", "address")
	guarantees := flag.Bool("guarantees", false, "write as safely as Mainstay does")
	fill := flag.Bool("load", false, "make and fill the tables instead of serving")
	reading := flag.Bool("reading", false, "only read jobs, from a table that may be Mainstay's")
	size := dataset.Flags()
	flag.Parse()
	ctx := context.Background()
	if *fill {
		if err := load(ctx, *dsn, *size); err != nil {
			log.Fatal(err)
		}
		return
	}
	if *guarantees {
		if err := widened(ctx, *dsn); err != nil {
			log.Fatal(err)
		}
		maps.Copy(statements, sure)
	}
	config, err := pgxpool.ParseConfig(*dsn)
	if err != nil {
		log.Fatal(err)
	}
	maps.Copy(statements, more)
	if *reading {
		maps.DeleteFunc(statements, hand.BeyondJobs)
	}
	config.MaxConns, config.MinConns = 16, 16
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		for name, text := range statements {
			if _, err := c.Prepare(ctx, name, text); err != nil {
				return err
			}
		}
		return nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	b := &backend{pool}
	if *guarantees {
		log.Fatal(hand.Serve(*listen, guaranteed{b}))
	}
	log.Fatal(hand.Serve(*listen, b))
}
