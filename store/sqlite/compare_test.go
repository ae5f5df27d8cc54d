package sqlite

import (
	"context"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"
	"syscall"
	"time"

	zs "zombiezen.com/go/sqlite"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

var (
	tID    = &value.Type{Kind: value.ID}
	tStr   = &value.Type{Kind: value.String}
	tInt   = &value.Type{Kind: value.Int}
	tTS    = &value.Type{Kind: value.TimestampKind}
	tList  = &value.Type{Kind: value.List, Elem: tStr}
	tEnum  = &value.Type{Kind: value.Enum, Enum: []string{"draft", "open", "closed"}}
	tDec   = &value.Type{Kind: value.DecimalKind, Precision: 12, Scale: 2}
	jobCol = []query.Named{{"id", tID}, {"company", tID}, {"title", tStr}, {"body", tStr}, {"status", tEnum}, {"skills", tList}, {"salary_min", tInt}, {"opens_at", tTS}, {"created_at", tTS}}
)

const N = 100000

func uid(i int, tag byte) value.UUID { // time ordered
	var u value.UUID
	ms := uint64(1704067200000 + i*600000)
	for k := 0; k < 6; k++ {
		u[k] = byte(ms >> (40 - 8*k))
	}
	u[6] = 0x70
	u[8] = 0x80
	r := rand.New(rand.NewSource(int64(i)*7 + int64(tag)))
	r.Read(u[9:])
	u[15] = tag
	return u
}

func seedOurs(tb testing.TB, path string) {
	ctx := context.Background()
	d, err := Open(ctx, path, Options{})
	if err != nil {
		tb.Fatal(err)
	}
	defer d.Close()
	tables := []*schema.Table{
		{Name: "companies", PrimaryKey: []string{"id"}, Columns: []*schema.Column{{Name: "id", Type: tID}, {Name: "name", Type: tStr}}},
		{Name: "jobs", PrimaryKey: []string{"id"}, Indexes: []*schema.Index{
			{Name: "jobs_status", Columns: []schema.IndexColumn{{"status", false}, {"created_at", true}, {"id", true}}},
			{Name: "jobs_company", Columns: []schema.IndexColumn{{"company", false}, {"status", false}, {"created_at", true}, {"id", true}}},
		}},
	}
	for _, c := range jobCol {
		col := &schema.Column{Name: c.Name, Type: c.Type}
		if c.Name == "company" {
			col.References = "companies"
		}
		tables[1].Columns = append(tables[1].Columns, col)
	}
	for _, t := range tables {
		if err := d.Apply(ctx, schema.CreateTable{Table: t}); err != nil {
			tb.Fatal(err)
		}
	}
	db := store.New(d)
	insC := &query.Insert{Table: "companies", Columns: []query.Named{{"id", tID}, {"name", tStr}}}
	ins := &query.Insert{Table: "jobs", Columns: jobCol}
	t0 := time.Now()
	err = db.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		for i := range 1000 {
			if _, err := tx.Insert(ctx, insC, []any{uid(i, 1), "Company " + strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		for i := range N {
			if _, err := tx.Insert(ctx, ins, job(i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	fmt.Println("seed", time.Since(t0))
}

func job(i int) []any {
	r := rand.New(rand.NewSource(int64(i)))
	st := []string{"open", "open", "open", "open", "open", "open", "closed", "closed", "closed", "draft"}[r.Intn(10)]
	body := fmt.Sprintf("We look for an engineer who designs, builds and runs services. Reference %032x. You will define API contracts with the frontend team, write \"robust\" reusable code, keep systems fast and secure, and review changes of others. Token %032x. We offer a real roadmap, time for quality, and a team that ships every day; remote work within two hours of our time zone is fine. %032x", i, i*3, i*7)
	return []any{uid(i, 2), uid(r.Intn(1000), 1), "Senior Backend Engineer #" + strconv.Itoa(i), body, st, []any{"go", "postgres", "docker"}, int64(30000 + 500*r.Intn(180)), value.Timestamp(1706745600000 + int64(i)*660000), value.Timestamp(1704067200000 + int64(i)*600000)}
}

func seedRef(tb testing.TB, path string) {
	c, err := zs.OpenConn(path, zs.OpenReadWrite|zs.OpenCreate)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	run := func(q string) {
		s, _, err := c.PrepareTransient(q)
		if err != nil {
			tb.Fatal(err)
		}
		s.Step()
		s.Finalize()
	}
	for _, q := range []string{"PRAGMA journal_mode=WAL", "BEGIN",
		`CREATE TABLE companies (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT`,
		`CREATE TABLE jobs (id TEXT PRIMARY KEY, company_id TEXT NOT NULL REFERENCES companies(id), title TEXT NOT NULL, body TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('draft','open','closed')), skills TEXT NOT NULL, salary_min INTEGER NOT NULL, opens_at INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT`} {
		run(q)
	}
	for i := range 1000 {
		run(fmt.Sprintf("INSERT INTO companies VALUES('%s','Company %d')", uid(i, 1), i))
	}
	s, err := c.Prepare("INSERT INTO jobs VALUES(?,?,?,?,?,?,?,?,?)")
	if err != nil {
		tb.Fatal(err)
	}
	for i := range N {
		j := job(i)
		s.BindText(1, j[0].(value.UUID).String())
		s.BindText(2, j[1].(value.UUID).String())
		s.BindText(3, j[2].(string))
		s.BindText(4, j[3].(string))
		s.BindText(5, j[4].(string))
		s.BindText(6, `["go","postgres","docker"]`)
		s.BindInt64(7, j[6].(int64))
		s.BindInt64(8, int64(j[7].(value.Timestamp))*1000)
		s.BindInt64(9, int64(j[8].(value.Timestamp))*1000)
		if _, err := s.Step(); err != nil {
			tb.Fatal(err)
		}
		s.Reset()
	}
	for _, q := range []string{`CREATE INDEX jobs_created ON jobs (created_at DESC, id DESC)`,
		`CREATE INDEX jobs_status ON jobs (status, created_at DESC, id DESC)`,
		`CREATE INDEX jobs_company ON jobs (company_id, status, created_at DESC, id DESC)`, "COMMIT", "ANALYZE"} {
		run(q)
	}
}

func dbPath(tb testing.TB, name string, seed func(testing.TB, string)) string {
	p := "/tmp/stan/" + name + ".db"
	if _, err := os.Stat(p); err != nil {
		seed(tb, p)
	}
	return p
}

func cols(a int) []query.Column {
	var l []query.Column
	for _, c := range jobCol {
		l = append(l, query.Column{query.Col{a, c.Name, c.Type}, c.Type})
	}
	return l
}

var (
	getQ  = &query.Select{From: query.Table{"jobs", 1}, Columns: cols(1), Where: query.Cmp{query.Eq, query.Col{1, "id", tID}, query.Param{0, tID}}}
	listQ = &query.Select{From: query.Table{"jobs", 1}, Columns: cols(1), Where: query.And{[]query.Expr{
		query.Cmp{query.Eq, query.Col{1, "status", tEnum}, query.Param{0, tEnum}}, query.Cmp{query.Ge, query.Col{1, "salary_min", tInt}, query.Param{1, tInt}}}},
		OrderBy: []query.Order{{query.Col{1, "created_at", tTS}, true, true}, {query.Col{1, "id", tID}, true, true}}, Limit: query.Param{2, tInt}}
)

func cpu(b *testing.B) func() {
	var a syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &a)
	return func() {
		var z syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &z)
		b.ReportMetric(float64(z.Utime.Nano()+z.Stime.Nano()-a.Utime.Nano()-a.Stime.Nano())/float64(b.N), "cpu-ns/op")
	}
}

var names = func() []string {
	var l []string
	for i, c := range jobCol {
		p := ","
		if i == 0 {
			p = "{"
		}
		l = append(l, p+`"`+c.Name+`":`)
	}
	return l
}()

func ourRead(db *store.DB, ctx context.Context, q *query.Select, args []any, dst []byte) []byte {
	err := db.InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		for r, err := range tx.Select(ctx, q, args) {
			if err != nil {
				return err
			}
			for i, n := range names {
				dst = append(dst, n...)
				dst = r.AppendJSON(dst, i)
			}
			dst = append(dst, '}')
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	return dst
}

func BenchmarkOurs(b *testing.B) {
	name := os.Getenv("DB")
	if name == "" {
		name = "ours"
	}
	d, err := Open(context.Background(), dbPath(b, name, seedOurs), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	db := store.New(d)
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	dst := make([]byte, 0, 64<<10)
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		defer cpu(b)()
		for i := range b.N {
			dst = ourRead(db, ctx, getQ, []any{uid1[(i*7919)%N]}, dst[:0])
		}
	})
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		defer cpu(b)()
		for i := range b.N {
			dst = ourRead(db, ctx, listQ, []any{"open", int64(30000 + 500*(i%100)), int64(20)}, dst[:0])
		}
	})
}

var uid1, uid1s = func() ([]value.UUID, []string) {
	var l []value.UUID
	var s []string
	for i := range N {
		l = append(l, uid(i, 2))
		s = append(s, l[i].String())
	}
	return l, s
}()

type zrow struct {
	s    *zs.Stmt
	bufs [14][]byte
}

func (r *zrow) text(i int) []byte {
	n := r.s.ColumnLen(i)
	if cap(r.bufs[i]) < n {
		r.bufs[i] = make([]byte, n*2)
	}
	b := r.bufs[i][:n]
	r.s.ColumnBytes(i, b)
	return b
}

func (r *zrow) job(dst []byte) []byte {
	str := func(n string, i int) {
		dst = append(dst, n...)
		dst = value.AppendString(dst, r.text(i))
	}
	str(`{"id":`, 0)
	str(`,"company":`, 1)
	str(`,"title":`, 2)
	str(`,"body":`, 3)
	str(`,"status":`, 4)
	dst = append(dst, `,"skills":`...)
	dst = append(dst, r.text(5)...)
	dst = append(dst, `,"salary_min":`...)
	dst = strconv.AppendInt(dst, r.s.ColumnInt64(6), 10)
	for i, n := range []string{`,"opens_at":`, `,"created_at":`} {
		dst = append(dst, n...)
		dst = append(dst, '"')
		dst = time.UnixMicro(r.s.ColumnInt64(7+i)).UTC().AppendFormat(dst, time.RFC3339Nano)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

func BenchmarkZombie(b *testing.B) {
	p := dbPath(b, "ref", seedRef)
	c, err := zs.OpenConn(p, zs.OpenReadWrite)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for _, q := range strings.Split(os.Getenv("PRAG")+";PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;PRAGMA temp_store=MEMORY", ";") {
		if q == "" {
			continue
		}
		s, _, err := c.PrepareTransient(q)
		if err != nil {
			b.Fatal(err)
		}
		s.Step()
		s.Finalize()
	}
	const jc = `j.id,j.company_id,j.title,j.body,j.status,j.skills,j.salary_min,j.opens_at,j.created_at`
	get, _ := c.Prepare(`select ` + jc + ` from jobs j where id=?1`)
	list, err := c.Prepare(`select ` + jc + ` from jobs j where status=?1 and salary_min>=?2 order by j.created_at desc, j.id desc limit 20`)
	if err != nil {
		b.Fatal(err)
	}
	dst := make([]byte, 0, 64<<10)
	r := &zrow{}
	read := func(s *zs.Stmt) {
		r.s = s
		for {
			ok, err := s.Step()
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				s.Reset()
				return
			}
			dst = r.job(dst)
		}
	}
	b.Run("get", func(b *testing.B) {
		b.ReportAllocs()
		defer cpu(b)()
		for i := range b.N {
			get.BindText(1, uid1s[(i*7919)%N])
			dst = dst[:0]
			read(get)
		}
	})
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		defer cpu(b)()
		for i := range b.N {
			list.BindText(1, "open")
			list.BindInt64(2, int64(30000+500*(i%100)))
			dst = dst[:0]
			read(list)
		}
	})
}
