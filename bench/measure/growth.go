package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// growing measures how cost grows.
type growing struct {
	p        *place
	mainstay string
	size     dataset.Size
	only     []string // databases; none: all that a part knows
	// databases is how many of the contract of the benchmarks were made.
	databases int
	e         effort
	servers   map[string]*databaseServer
	out       *bytes.Buffer // Markdown of a section
	print     io.Writer
	write     bool
}

// growthParts are what --growth measures; each has a place of its own in the documentation.
var growthParts = []struct {
	name string
	do   func(*growing, context.Context) error
}{
	{"records", (*growing).records}, {"includes", (*growing).includes}, {"rules", (*growing).rules},
	{"resources", (*growing).resources}, {"start", (*growing).start}, {"connections", (*growing).connections},
	{"sizes", (*growing).sizes}, {"memory", (*growing).memory}, {"exports", (*growing).exports},
}

func (p *place) growth(ctx context.Context, o options, out io.Writer) error {
	mainstay, err := p.build(ctx, "..", "./cmd/mainstay", "mainstay")
	if err != nil {
		return err
	}
	g := &growing{p: p, mainstay: mainstay, size: *o.size, only: strings.FieldsFunc(o.only, func(r rune) bool { return r == ',' }), servers: map[string]*databaseServer{}, out: &bytes.Buffer{}, print: out, write: o.write, e: effort{rounds: 3, warm: 200 * time.Millisecond, measure: time.Second}}
	if o.rounds > 0 {
		g.e.rounds = o.rounds
	}
	if o.seconds > 0 {
		g.e.measure = time.Duration(o.seconds * float64(time.Second))
	}
	known := 0
	var faults []error
	for _, part := range growthParts {
		if o.parts != "" && !slices.Contains(strings.Split(o.parts, ","), part.name) {
			continue
		}
		known++
		progress("%s", part.name)
		g.out.Reset()
		err := part.do(g, ctx)
		if err := g.section(part.name); err != nil { // also what was measured before a fault
			return err
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", part.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	if known == 0 {
		return fmt.Errorf("there is no part %q", o.parts)
	}
	return errors.Join(faults...)
}

// section prints what was measured since the last one, and puts it into its place in the
// documentation, so that a run that is broken off keeps what it had.
func (g *growing) section(name string) error {
	text := strings.TrimSpace(g.out.String())
	if g.out.Reset(); text == "" {
		return nil
	}
	if _, err := fmt.Fprintln(g.print, text); err != nil || !g.write {
		return err
	}
	return g.p.document("growth "+name, fmt.Sprintf("%s\n\n`%s`: %s.\n", text, command(), machine()))
}

// on are the databases of these that were asked for.
func (g *growing) on(kinds ...string) []string {
	return slices.DeleteFunc(kinds, func(kind string) bool { return len(g.only) > 0 && !slices.Contains(g.only, kind) })
}

// url makes an empty database.
func (g *growing) url(ctx context.Context, kind, name string) (string, error) {
	if kind == "sqlite" {
		return "sqlite:" + g.p.sqliteFile(name), nil
	}
	s := g.servers[kind]
	if s == nil {
		up := map[string]func(context.Context) (*databaseServer, error){"postgresql": g.p.postgres, "mariadb": g.p.mariadb}[kind]
		var err error
		if s, err = up(ctx); err != nil {
			return "", err
		}
		g.servers[kind] = s
	}
	client, dsn, url := "pgx", s.postgresURL("postgres"), s.postgresURL(name)
	if kind == "mariadb" {
		client, dsn, url = "mysql", s.mariadbDSN("mainstay"), s.mariadbURL(name)
	}
	db, err := sql.Open(client, dsn)
	if err != nil {
		return "", err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE DATABASE "+name)
	return url, err
}

// filled is a served database of the bench contract.
func (g *growing) filled(ctx context.Context, kind string, size dataset.Size) (*system, *serving, error) {
	g.databases++
	url, err := g.url(ctx, kind, fmt.Sprintf("growth%d", g.databases))
	if err != nil {
		return nil, nil, err
	}
	if err := g.p.migrated(ctx, g.mainstay, g.p.root, url); err != nil {
		return nil, nil, err
	}
	tokens, err := fillStore(ctx, g.p.root, url, size)
	if err != nil {
		return nil, nil, err
	}
	return g.standing(ctx, kind, url, tokens, size)
}

// standing serves Mainstay on a database that is filled.
func (g *growing) standing(ctx context.Context, kind, url string, tokens []string, size dataset.Size) (*system, *serving, error) {
	s, err := g.p.serve(ctx, g.mainstay, g.p.root, url)
	if err != nil {
		return nil, nil, err
	}
	cursors, err := s.cursors(size)
	if err != nil {
		return nil, nil, err
	}
	out := &system{addr: s.addr, dialect: mainstayDialect(tokens, cursors), program: s.program, statements: s.statements}
	if server := g.servers[kind]; server != nil {
		out.database = server.program
	}
	return out, s, nil
}

// one measures a path on a server, alone.
func (g *growing) one(addr string, p *program, path string) (figure, error) {
	s := &system{name: path, addr: addr, program: p}
	e := g.e
	db := &database{name: "sqlite", systems: []*system{s}}
	figures, failed := measured(db, path, [][][]byte{{message{method: "GET", path: path}.bytes(addr)}}, e)
	if len(failed) > 0 {
		return figure{}, asError(failed)
	}
	return figure{
		Processor: median(figures, func(f figure) float64 { return f.Processor }), P99: median(figures, func(f figure) float64 { return f.P99 }),
		Bytes: figures[0].Bytes, Resident: figures[len(figures)-1].Resident,
	}, nil
}

// plot draws one bar for each group under the table.
func (g *growing) plot(file, title, unit string, groups []string, values []float64) error {
	c := chart{title: title, unit: unit, groups: groups, series: []series{{name: unit, values: values}}}
	fmt.Fprintf(g.out, "\n![%s](performance/%s.svg)\n", title, file)
	return c.write(g.p.charts(), file+".svg", math.Inf(1))
}

// generated writes a contract into a folder of its own.
func (g *growing) generated(name, text string) (string, error) {
	folder := g.p.path(name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	return folder, os.WriteFile(filepath.Join(folder, "contract.yaml"), []byte(text), 0o644)
}

func builtinOf(i int) []any { return builtin(dataset.JobID(i), int64(1_700_000_000_000+i)) }

func numberedRows(n int, row func(int) []any) func(func([]any) bool) {
	return each(n, func(i int) int { return i }, row)
}

// served fills a new database of the contract in folder and serves it.
func (g *growing) served(ctx context.Context, kind, folder string, fill func(*filler)) (*serving, error) {
	url, err := g.url(ctx, kind, filepath.Base(folder))
	if err != nil {
		return nil, err
	}
	if err := g.p.migrated(ctx, g.mainstay, folder, url); err != nil {
		return nil, err
	}
	c, faults := contract.Load(folder)
	if c == nil {
		return nil, fmt.Errorf("%v", faults)
	}
	driver, err := openStore(ctx, url)
	if err != nil {
		return nil, err
	}
	f := &filler{ctx: ctx, db: store.New(driver), tables: schema.Of(c)}
	fill(f)
	if err := errors.Join(f.err, driver.Close()); err != nil {
		return nil, err
	}
	return g.p.serve(ctx, g.mainstay, folder, url)
}
