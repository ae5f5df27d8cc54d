package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/hand"
)

// system is one server under measurement.
type system struct {
	name       string // "mainstay", "hand-written" or a peer's
	addr       string
	dialect    dialect
	program    *program
	database   *program // nil: in the server's own process
	statements func() (float64, error)
}

// database is one database with all systems on it; Mainstay is the first.
type database struct {
	name, version string
	systems       []*system
}

// programs are what is built before a run.
type programs struct {
	mainstay   string
	hand       map[string]string
	pocketbase string // empty: not wanted
}

func (p *place) programs(ctx context.Context, peers bool) (*programs, error) {
	built := &programs{hand: map[string]string{}}
	var err error
	if built.mainstay, err = p.build(ctx, "..", "./cmd/mainstay", "mainstay"); err != nil {
		return nil, err
	}
	for _, name := range []string{"postgres", "sqlite", "mariadb"} {
		if built.hand[name], err = p.build(ctx, ".", "./hand/"+name, "hand-"+name); err != nil {
			return nil, err
		}
	}
	if peers {
		built.pocketbase, err = p.build(ctx, "peers/pocketbase", ".", "pocketbase")
	}
	return built, err
}

// reference fills the tables of a hand-written one and serves them.
func (p *place) reference(ctx context.Context, program, at string, size dataset.Size, db *program) (*system, error) {
	if _, err := p.command(ctx, exec.CommandContext(ctx, program, append(size.Arguments(), "-load", "-database", at)...)); err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	running, err := p.start("hand-written", syscall.SIGTERM, exec.Command(program, "-database", at, "-listen", addr))
	if err != nil {
		return nil, err
	}
	d := &handDialect{size: size}
	for i := range min(callers, size.Companies) {
		d.tokens = append(d.tokens, hand.Token(dataset.CompanyAt(i).ID.String()))
	}
	return &system{name: "hand-written", addr: addr, dialect: d, program: running, database: db}, running.ready(ctx, listening(addr))
}

// ours makes Mainstay's tables, fills them and serves them.
func (p *place) ours(ctx context.Context, mainstay, url string, size dataset.Size, db *program) (*system, error) {
	if err := p.migrated(ctx, mainstay, p.root, url); err != nil {
		return nil, err
	}
	tokens, err := fillStore(ctx, p.root, url, size)
	if err != nil {
		return nil, err
	}
	s, err := p.serve(ctx, mainstay, p.root, url)
	if err != nil {
		return nil, err
	}
	d := &mainstayDialect{tokens: tokens}
	if d.cursors, err = s.cursors(size); err != nil {
		return nil, err
	}
	return &system{name: "mainstay", addr: s.addr, dialect: d, program: s.program, database: db, statements: s.statements}, nil
}

// peer fills PocketBase from the reference's database for SQLite and serves it.
func (p *place) peer(ctx context.Context, pocketbase, source string, size dataset.Size) (*system, error) {
	folder, tokens := p.path("pocketbase"), p.path("pocketbase.tokens")
	if _, err := p.command(ctx, exec.CommandContext(ctx, pocketbase, "setup", source, tokens, "--dir", folder, "--dev=false")); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(tokens)
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	// It turns development mode on, which prints every statement, when its program
	// lies under the temporary folder.
	running, err := p.start("pocketbase", syscall.SIGTERM, exec.Command(pocketbase, "serve", "--dev=false", "--http", addr, "--dir", folder))
	if err != nil {
		return nil, err
	}
	d := &pocketbaseDialect{size: size, tokens: strings.Fields(string(text))}
	return &system{name: "pocketbase", addr: addr, dialect: d, program: running}, running.ready(ctx, answering("http://"+addr+"/api/health"))
}

// onPostgres, onSQLite and onMariaDB set up all systems of one database.
func (p *place) onPostgres(ctx context.Context, built *programs, size dataset.Size) (*database, error) {
	server, err := p.postgres(ctx)
	if err != nil {
		return nil, err
	}
	byHand, err := p.reference(ctx, built.hand["postgres"], server.postgresURL("hand"), size, server.program)
	if err != nil {
		return nil, fmt.Errorf("the reference on PostgreSQL: %w", err)
	}
	ours, err := p.ours(ctx, built.mainstay, server.postgresURL("mainstay"), size, server.program)
	if err != nil {
		return nil, fmt.Errorf("Mainstay on PostgreSQL: %w", err)
	}
	return &database{name: "postgresql", version: server.version, systems: []*system{ours, byHand}}, nil
}

func (p *place) onMariaDB(ctx context.Context, built *programs, size dataset.Size) (*database, error) {
	server, err := p.mariadb(ctx)
	if err != nil {
		return nil, err
	}
	byHand, err := p.reference(ctx, built.hand["mariadb"], server.mariadbDSN("hand"), size, server.program)
	if err != nil {
		return nil, fmt.Errorf("the reference on MariaDB: %w", err)
	}
	ours, err := p.ours(ctx, built.mainstay, server.mariadbURL("mainstay"), size, server.program)
	if err != nil {
		return nil, fmt.Errorf("Mainstay on MariaDB: %w", err)
	}
	return &database{name: "mariadb", version: server.version, systems: []*system{ours, byHand}}, nil
}

func (p *place) onSQLite(ctx context.Context, built *programs, size dataset.Size) (*database, error) {
	source := p.sqliteFile("hand")
	byHand, err := p.reference(ctx, built.hand["sqlite"], source, size, nil)
	if err != nil {
		return nil, fmt.Errorf("the reference on SQLite: %w", err)
	}
	ours, err := p.ours(ctx, built.mainstay, "sqlite:"+p.sqliteFile("mainstay"), size, nil)
	if err != nil {
		return nil, fmt.Errorf("Mainstay on SQLite: %w", err)
	}
	all := &database{name: "sqlite", version: "SQLite", systems: []*system{ours, byHand}}
	if built.pocketbase != "" {
		peer, err := p.peer(ctx, built.pocketbase, source, size)
		if err != nil {
			return nil, fmt.Errorf("PocketBase: %w", err)
		}
		all.systems = append(all.systems, peer)
	}
	return all, nil
}
