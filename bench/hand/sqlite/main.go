// The reference for SQLite: the direct API of a pure Go SQLite, four readers, one writer
// that commits the writes that wait together, synchronous FULL.
package main

import (
	"context"
	"flag"
	"log"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"zombiezen.com/go/sqlite"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/hand"
)

const (
	job     = `j.id, j.company, j.title, j.body, j.status, j.skills, j.salary_min, j.opens_at, j.created_at`
	company = `c.id, c.name, c.country, c.size, c.created_at`
	page    = ` ORDER BY j.created_at DESC, j.id DESC LIMIT 20`
)

var statements = map[string]string{
	"get":  `SELECT ` + job + ` FROM jobs j WHERE id = ?1`,
	"list": `SELECT ` + job + ` FROM jobs j WHERE status = ?1 AND salary_min >= ?2` + page,
	// The page first, then the join: a plain join may start at companies and sort every match.
	"include": `SELECT ` + job + `, ` + company + ` FROM (SELECT * FROM jobs j WHERE status = ?1 AND salary_min >= ?2` + page + `) j CROSS JOIN companies c ON c.id = j.company ORDER BY j.created_at DESC, j.id DESC`,
	"deep":    `SELECT ` + job + ` FROM jobs j WHERE (j.created_at, j.id) < (?1, ?2)` + page,
	"own":     `SELECT ` + job + ` FROM jobs j WHERE company = ?1 AND status = ?2` + page,
	"create":  `INSERT INTO applications (id, job, candidate_name, email, stage, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`,
	"update":  `UPDATE jobs AS j SET title = ?2 WHERE id = ?1 RETURNING id, company, title, body, status, skills, salary_min, opens_at, created_at`,
}

// conn is a connection with its prepared statements.
type conn struct {
	raw      *sqlite.Conn
	prepared map[string]*sqlite.Stmt
	buffers  [14][]byte
}

type row struct {
	c *conn
	s *sqlite.Stmt
}

func (r row) Int(i int) int64 { return r.s.ColumnInt64(i) }

func (r row) Text(i int) []byte {
	n := r.s.ColumnLen(i)
	if cap(r.c.buffers[i]) < n {
		r.c.buffers[i] = make([]byte, n*2)
	}
	b := r.c.buffers[i][:n]
	r.s.ColumnBytes(i, b)
	return b
}

func open(path string) (*conn, error) {
	raw, err := sqlite.OpenConn(path, sqlite.OpenReadWrite|sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw, prepared: map[string]*sqlite.Stmt{}}
	for _, p := range []string{"journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "foreign_keys = ON", "cache_size = -32000", "mmap_size = 1073741824", "temp_store = MEMORY"} {
		if err := c.simple("PRAGMA " + p); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *conn) prepare() (err error) {
	for name, text := range statements {
		if c.prepared[name], err = c.raw.Prepare(text); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) simple(text string) error {
	s, err := c.raw.Prepare(text)
	if err != nil {
		return err
	}
	return drain(s)
}

func drain(s *sqlite.Stmt) error {
	for {
		more, err := s.Step()
		if err != nil {
			s.Reset()
			return err
		}
		if !more {
			return s.Reset()
		}
	}
}

// run executes a statement and hands its rows over; it tells how many there were.
func (c *conn) run(name string, args []any, each func(row)) (n int, err error) {
	s := c.prepared[name]
	bind(s, args)
	for {
		more, err := s.Step()
		if err != nil {
			s.Reset()
			return n, err
		}
		if !more {
			return n, s.Reset()
		}
		n++
		each(row{c, s})
	}
}

func bind(s *sqlite.Stmt, args []any) {
	for i, a := range args {
		switch v := a.(type) {
		case string:
			s.BindText(i+1, v)
		case []byte:
			s.BindBytes(i+1, v)
		case int64:
			s.BindInt64(i+1, v)
		}
	}
}

// write is one statement that waits for its turn.
type write struct {
	name    string
	args    []any
	several [][]any // instead of args: all or none
	each    func(row)
	n       int
	err     error
	done    chan struct{}
}

type backend struct {
	readers  chan *conn
	writes   chan *write
	together int // the most writes that share a commit
}

// writer runs the writes that wait in one transaction; each statement that fails
// undoes itself only.
func (b *backend) writer(c *conn) {
	var group []*write
	for w := range b.writes {
		group = append(group[:0], w)
	waiting:
		for len(group) < b.together {
			select {
			case w := <-b.writes:
				group = append(group, w)
			default:
				break waiting
			}
		}
		if err := c.simple("BEGIN IMMEDIATE"); err != nil {
			log.Fatal(err)
		}
		for _, w := range group {
			if w.several != nil {
				w.err = c.all(w)
				continue
			}
			w.n, w.err = c.run(w.name, w.args, w.each)
		}
		err := c.simple("COMMIT")
		for _, w := range group {
			if err != nil {
				w.err = err
			}
			w.done <- struct{}{}
		}
	}
}

func (b *backend) write(w *write) {
	w.done = make(chan struct{}, 1)
	b.writes <- w
	<-w.done
}

func refused(dst []byte, err error) ([]byte, int) {
	if strings.Contains(err.Error(), "FOREIGN KEY") {
		return append(dst, `{"title":"no such job"}`...), 422
	}
	log.Print(err)
	return append(dst, `{"title":"error"}`...), 500
}

func one(dst []byte, n int, err error) ([]byte, int) {
	switch {
	case err != nil:
		return refused(dst[:0], err)
	case n == 0:
		return append(dst[:0], `{"title":"not found"}`...), 404
	}
	return dst, 200
}

func (b *backend) Get(_ context.Context, id string, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(id)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	c := <-b.readers
	n, err := c.run("get", []any{key}, func(r row) { dst = hand.AppendJob(dst, r, false) })
	b.readers <- c
	return one(dst, n, err)
}

func (b *backend) List(_ context.Context, q *hand.List, dst []byte) ([]byte, int) {
	name, args := "list", []any{q.Status, q.SalaryMin}
	switch {
	case q.Company != "":
		key, _ := hand.ParseID(q.Company)
		name, args = "own", []any{key, q.Status}
	case q.CursorAt != 0:
		key, _ := hand.ParseID(q.CursorID)
		name, args = "deep", []any{q.CursorAt, key}
	case q.Include == "applications":
		return b.nested(args, dst)
	case q.Include == "company":
		name = "include"
	}
	var at int64
	var last []byte
	dst = append(dst, `{"items":[`...)
	c := <-b.readers
	_, err := c.run(name, args, func(r row) {
		if last != nil {
			dst = append(dst, ',')
		}
		dst = hand.AppendJob(dst, r, q.Include != "")
		at, last = r.Int(8), append(last[:0], r.Text(0)...)
	})
	b.readers <- c
	if err != nil {
		return refused(dst[:0], err)
	}
	return hand.AppendNext(dst, at, last), 200
}

func (b *backend) Create(_ context.Context, in *hand.Application, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(in.Job)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	id, _ := uuid.NewV7()
	now := time.Now().UnixMilli()
	w := &write{name: "create", args: []any{id[:], key, in.CandidateName, in.Email, "new", now}}
	b.write(w)
	if w.err != nil {
		return refused(dst, w.err)
	}
	return hand.AppendApplication(dst, id[:], in, now), 201
}

func (b *backend) Update(_ context.Context, id string, p *hand.Patch, dst []byte) ([]byte, int) {
	key, ok := hand.ParseID(id)
	if !ok {
		return append(dst, `{"title":"bad id"}`...), 400
	}
	w := &write{name: "update", args: []any{key, *p.Title}, each: func(r row) { dst = hand.AppendJob(dst, r, false) }}
	b.write(w)
	return one(dst, w.n, w.err)
}

func main() {
	path := flag.String("database", "", "the file")
	listen := flag.String("listen", "", "address")
	guarantees := flag.Bool("guarantees", false, "write as safely as Mainstay does")
	together := flag.Int("together", 64, "how many writes may share a commit")
	fill := flag.Bool("load", false, "make and fill the tables instead of serving")
	reading := flag.Bool("reading", false, "only read jobs, from a table that may be Mainstay's")
	size := dataset.Flags()
	flag.Parse()
	if *fill {
		if err := load(*path, *size); err != nil {
			log.Fatal(err)
		}
		return
	}
	if *guarantees {
		if err := widened(*path); err != nil {
			log.Fatal(err)
		}
		maps.Copy(statements, sure)
	}
	if *reading {
		maps.DeleteFunc(statements, hand.BeyondJobs)
	}
	const readers = 4
	b := &backend{readers: make(chan *conn, readers), writes: make(chan *write, 256), together: *together}
	for i := range readers + 1 {
		c, err := open(*path)
		if err == nil {
			err = c.prepare()
		}
		if err != nil {
			log.Fatal(err)
		}
		if i == readers {
			go b.writer(c)
		} else {
			b.readers <- c
		}
	}
	if *guarantees {
		log.Fatal(hand.Serve(*listen, guaranteed{b}))
	}
	log.Fatal(hand.Serve(*listen, b))
}
