package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// guaranteesContract has the same records three times: under no rule, under one of
// their own fields, and under one that follows a relation.
const guaranteesContract = `mainstay: 1
name: guarantees
accounts:
  resource: User
  signup: closed
resources:
  User:
    fields:
      email:   email unique personal
      company: Company
    access:
      read: id == caller.id
  Company:
    fields:
      name:    string 1..200
      country: string 1..100
      size:    int
      staff:   many User.company
    access:
      read: true
  Free:
    fields:
      company: Company
      title:   string 1..200
      body:    text
      shut:    bool = false
    access:
      read:  true
      write: true
  Ruled:
    fields:
      company: Company
      title:   string 1..200
      body:    text
      shut:    bool = false
    access:
      read:  shut == false
      write: shut == false
  Related:
    fields:
      company: Company
      title:   string 1..200
      body:    text
      shut:    bool = false
    access:
      read:  company.staff.exists(s, s == caller)
      write: company.staff.exists(s, s == caller)
`

// guarantee is what a request is given more than the one before it in the table, or
// than the one whose name it says.
type guarantee struct {
	name, than string
	path       string
	signed     bool
	key        bool // a fresh Idempotency-Key
	match      bool // If-None-Match of a read, If-Match of a change
}

var guaranteed = []guarantee{
	{name: "nobody, no rule", path: "/v1/frees"},
	{name: "an entity tag is compared", than: "nobody, no rule", path: "/v1/frees", match: true},
	{name: "somebody is signed in", than: "nobody, no rule", path: "/v1/frees", signed: true},
	{name: "an Idempotency-Key", than: "somebody is signed in", path: "/v1/frees", signed: true, key: true},
	{name: "a rule of the record's own fields", than: "somebody is signed in", path: "/v1/ruleds", signed: true},
	{name: "a rule that follows a relation", than: "somebody is signed in", path: "/v1/relateds", signed: true},
}

const guardedRecords = 20_000

// guarantees measures what each guarantee adds to a read, a change and a creation.
func (p *place) guarantees(ctx context.Context, o options, out io.Writer) error {
	program, err := p.build(ctx, "..", "./cmd/mainstay", "mainstay")
	if err != nil {
		return err
	}
	folder := p.path("guarantees")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "contract.yaml"), []byte(guaranteesContract), 0o644); err != nil {
		return err
	}
	server, err := p.postgres(ctx)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "`bench/run --guarantees` on %s; %s, SQLite; median of %d rounds.\n", machine(), server.version, o.rounds)
	for _, db := range []*database{
		{name: "PostgreSQL", program: server.program, url: server.postgresURL("mainstay")},
		{name: "SQLite", url: "sqlite:" + p.sqliteFile("guarantees")},
	} {
		s, err := p.guarded(ctx, program, folder, db)
		if err == nil {
			err = s.writeGuarantees(&b, db, o)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", db.name, err)
		}
	}
	if o.write {
		if err := p.document("guarantees", b.String()); err != nil {
			return err
		}
	}
	_, err = out.Write(b.Bytes())
	return err
}

// guardedSystem is Mainstay with the contract of guarantees.
type guardedSystem struct {
	*system
	tokens []string
	size   dataset.Size
}

func (p *place) guarded(ctx context.Context, program, folder string, db *database) (*guardedSystem, error) {
	if err := p.migrated(ctx, program, folder, db.url); err != nil {
		return nil, err
	}
	c, faults := contract.Load(folder)
	if c == nil {
		return nil, fmt.Errorf("%v", faults)
	}
	driver, err := openStore(ctx, db.url)
	if err != nil {
		return nil, err
	}
	size := dataset.Size{Companies: 100, Jobs: guardedRecords}
	f := &filler{ctx: ctx, db: store.New(driver), tables: schema.Of(c)}
	f.add("companies", "id created_at updated_at _revision name country size", each(size.Companies, dataset.CompanyAt, func(r dataset.Company) []any {
		return append(builtin(r.ID, r.CreatedAt), r.Name, r.Country, r.Size)
	}))
	for _, table := range []string{"frees", "ruleds", "relateds"} {
		f.add(table, "id created_at updated_at _revision company title body shut", each(size.Jobs, size.JobAt, func(r dataset.Job) []any {
			return append(builtin(r.ID, r.CreatedAt), value.UUID(r.Company), r.Title, r.Body, false)
		}))
	}
	tokens := f.callers(size)
	if err := driver.Close(); err != nil || f.err != nil {
		return nil, fmt.Errorf("%w %w", err, f.err)
	}
	if err := analyzed(ctx, db.url); err != nil {
		return nil, err
	}
	s, err := p.serve(ctx, program, folder, db.url)
	if err != nil {
		return nil, err
	}
	return &guardedSystem{&system{name: mainstay, addr: s.addr, program: s.program, database: db.program, statements: s.statements}, tokens, size}, nil
}

// requests are n of one kind ("read", "change", "create"), none of which was sent before.
func (s *guardedSystem) requests(g guarantee, kind string, n, round int) (out [][]byte) {
	if kind == "read" && g.key {
		return nil
	}
	if kind == "create" && g.match {
		return nil
	}
	companies := map[dataset.ID]int{}
	for i := range s.size.Users() {
		companies[dataset.UserAt(i).Company] = i
	}
	for i := 0; len(out) < n; i++ {
		at := (i*7919 + round) % s.size.Jobs
		job := s.size.JobAt(at)
		user, ok := companies[job.Company]
		if !ok {
			continue
		}
		m := message{method: "GET", path: g.path + "/" + job.ID.String()}
		title := fmt.Sprintf("Title %d of round %d, %s", i, round, g.name) // changes what every other request made of it
		switch kind {
		case "change":
			m.method, m.body = "PATCH", fmt.Sprintf(`{"title":%q}`, title)
		case "create":
			m.method, m.path = "POST", g.path
			m.body = fmt.Sprintf(`{"company":%q,"title":%q,"body":"What there is to do."}`, job.Company, title)
		}
		if g.signed {
			m.authorization = "Bearer " + s.tokens[user]
		}
		if g.key {
			m.header += fmt.Sprintf("Idempotency-Key: %s-%d-%d\r\n", kind, round, i)
		}
		switch {
		case g.match && kind == "read":
			m.header += "If-None-Match: \"r0\"\r\n" // so that the record is sent
		case g.match:
			m.header += "If-Match: *\r\n"
		}
		out = append(out, m.bytes(s.addr))
	}
	return out
}

var kindsOfRequest = []string{"read", "change", "create"}

// writeGuarantees measures all of the table round by round and writes it.
func (s *guardedSystem) writeGuarantees(b *bytes.Buffer, db *database, o options) error {
	e := effort{rounds: 1, measure: time.Second} // what is sent to warm up would be repeated
	if o.seconds > 0 {
		e.measure = time.Duration(o.seconds * float64(time.Second))
	}
	figures := map[[2]string][]figure{}
	for round := range o.rounds {
		for _, kind := range kindsOfRequest {
			for _, g := range guaranteed {
				progress("%s %s: %s", db.name, kind, g.name)
				messages := s.requests(g, kind, 12_000, round)
				if messages == nil {
					continue
				}
				f, err := s.figure(messages, 0, e)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", g.name, kind, err)
				}
				figures[[2]string{g.name, kind}] = append(figures[[2]string{g.name, kind}], *f)
			}
		}
	}
	fmt.Fprintf(b, "\n| %s | read | | change | | create | |\n|---|---|---|---|---|---|---|\n", db.name)
	of := func(name, kind string, what func(figure) float64) float64 {
		return median(figures[[2]string{name, kind}], what)
	}
	cost := func(f figure) float64 { return f.Processor }
	for _, g := range guaranteed {
		line := []string{g.name}
		for _, kind := range kindsOfRequest {
			switch {
			case len(figures[[2]string{g.name, kind}]) == 0:
				line = append(line, "", "")
			case g.than == "":
				line = append(line, fmt.Sprintf("%.3f", of(g.name, kind, cost)), statementsOf(of(g.name, kind, func(f figure) float64 { return f.Statements })))
			default:
				line = append(line, fmt.Sprintf("%+.3f", of(g.name, kind, cost)-of(g.than, kind, cost)), statementsOf(of(g.name, kind, func(f figure) float64 { return f.Statements })))
			}
		}
		fmt.Fprintf(b, "|%s\n", cells(slices.Clone(line)))
	}
	return nil
}

func statementsOf(n float64) string { return fmt.Sprintf("%.1f statements", n) }
