package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

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
	brief      bool          // its answer to a write is only that it was done
	warm       time.Duration // before its first round, where it needs more than others
}

// database is one database with all systems on it; Mainstay is the first.
type database struct {
	name, version string
	program       *program // nil: in the server's own process
	size          dataset.Size
	url           string // of the empty database for Mainstay
	// copied makes a database with the reference's tables, filled, and tells where it
	// is: an address as the reference reads it.
	copied  func(ctx context.Context, name string) (string, error)
	systems []*system
	absent  []absence
	beyond  map[string]string // scenarios that the database cannot be asked, and why
}

// absence is a peer that could not be measured, and why.
type absence struct{ database, system, reason string }

// populated sets up the systems that were chosen, one after the other. A peer that
// cannot be had is left out and named; Mainstay and the reference must be there.
func (p *place) populated(ctx context.Context, db *database, against []string) error {
	for _, c := range contenders {
		if !c.wanted(db.name, against) {
			continue
		}
		progress("%s: setting up %s", db.name, c.name)
		s, err := c.up(ctx, p, db)
		switch {
		case err == nil:
			s.name, s.database = c.name, db.program
			db.systems = append(db.systems, s)
		case c.peer && ctx.Err() == nil:
			progress("%s: %s is not measured: %s", db.name, c.name, err)
			db.absent = append(db.absent, absence{db.name, c.name, err.Error()})
		default:
			return fmt.Errorf("%s on %s: %w", c.name, db.name, err)
		}
	}
	return nil
}

func onPostgreSQL(ctx context.Context, p *place, size dataset.Size) (*database, error) {
	server, err := p.postgres(ctx)
	if err != nil {
		return nil, err
	}
	source := ""
	copied := func(ctx context.Context, name string) (string, error) {
		if source == "" {
			if err := p.loaded(ctx, "postgres", server.postgresURL("hand"), size); err != nil {
				return "", err
			}
			source = "hand"
		}
		c, err := pgx.Connect(ctx, server.postgresURL("postgres"))
		if err != nil {
			return "", err
		}
		defer c.Close(ctx)
		own := "of_" + strings.NewReplacer("-", "_", ",", "", " ", "_").Replace(name)
		_, err = c.Exec(ctx, "CREATE DATABASE "+own+" TEMPLATE "+source)
		return server.postgresURL(own), err
	}
	return &database{name: "postgresql", version: server.version, program: server.program, size: size, url: server.postgresURL("mainstay"), copied: copied}, nil
}

func onMariaDB(ctx context.Context, p *place, size dataset.Size) (*database, error) {
	server, err := p.mariadb(ctx)
	if err != nil {
		return nil, err
	}
	copied := func(ctx context.Context, name string) (string, error) {
		db, err := sql.Open("mysql", server.mariadbDSN("hand"))
		if err != nil {
			return "", err
		}
		defer db.Close()
		own := "of_" + strings.NewReplacer("-", "_", ",", "", " ", "_").Replace(name)
		if _, err := db.ExecContext(ctx, "CREATE DATABASE "+own); err != nil {
			return "", err
		}
		return server.mariadbDSN(own), p.loaded(ctx, "mariadb", server.mariadbDSN(own), size)
	}
	return &database{name: "mariadb", version: server.version, program: server.program, size: size, url: server.mariadbURL("mainstay"), copied: copied}, nil
}

func inFiles(_ context.Context, p *place, size dataset.Size) (*database, error) {
	source := p.sqliteFile("source")
	copied := func(ctx context.Context, name string) (string, error) {
		if _, err := os.Stat(source); errors.Is(err, os.ErrNotExist) {
			if err := p.loaded(ctx, "sqlite", source, size); err != nil {
				return "", err
			}
		}
		file := p.sqliteFile(name)
		return file, copyFile(file, source)
	}
	return &database{name: "sqlite", version: "SQLite", size: size, url: "sqlite:" + p.sqliteFile(mainstay), copied: copied}, nil
}

// onStandIn is what stands in for MongoDB in the tests. It keeps everything in memory,
// has few indexes and takes one command at a time, so it gets little data, and what is
// measured is the stand-in.
func onStandIn(ctx context.Context, p *place, _ dataset.Size) (*database, error) {
	program, err := p.build(ctx, ".", "./standin", "standin")
	if err != nil {
		return nil, err
	}
	file := p.path("standin.address")
	running, err := p.start("standin", syscall.SIGTERM, exec.Command(program, file))
	if err != nil {
		return nil, err
	}
	var addr []byte
	if err := running.ready(ctx, func() (err error) {
		if addr, err = os.ReadFile(file); err == nil && len(addr) == 0 {
			err = io.ErrUnexpectedEOF
		}
		return err
	}); err != nil {
		return nil, err
	}
	size := dataset.Size{Companies: 100, Jobs: 1_000, Applications: 2_000, Profiles: 500}
	version := fmt.Sprintf("a stand-in for MongoDB with %d jobs and %d applications", size.Jobs, size.Applications)
	return &database{
		name: "mongodb", version: version, program: running, size: size, url: "mongodb://" + string(addr) + "/mainstay?replicaSet=standin",
		beyond: map[string]string{"S12": "32 batches at once keep the stand-in, which takes one command at a time, busy for longer than 30 s"},
	}, nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// handProgram builds the reference for a database.
func (p *place) handProgram(ctx context.Context, name string) (string, error) {
	return p.build(ctx, ".", "./hand/"+name, "hand-"+name)
}

// loaded makes and fills the reference's tables.
func (p *place) loaded(ctx context.Context, reference, at string, size dataset.Size) error {
	program, err := p.handProgram(ctx, reference)
	if err != nil {
		return err
	}
	_, err = p.command(ctx, exec.CommandContext(ctx, program, append(size.Arguments(), "-load", "-database", at)...))
	return err
}

// reference serves the hand-written one of a database.
func reference(ctx context.Context, p *place, db *database) (*system, error) {
	return handWritten(ctx, p, db, byHand)
}

// sureReference serves the one whose writes have Mainstay's guarantees.
func sureReference(ctx context.Context, p *place, db *database) (*system, error) {
	s, err := handWritten(ctx, p, db, bySureHand, "-guarantees")
	return onlyWriting(s), err
}

// loneReference serves the one for SQLite that commits every write by itself.
func loneReference(ctx context.Context, p *place, db *database) (*system, error) {
	s, err := handWritten(ctx, p, db, byLoneHand, "-together", "1")
	return onlyWriting(s), err
}

// onlyWriting leaves a system the single writes; the rest is another one's as well.
func onlyWriting(s *system) *system {
	if s != nil {
		maps.DeleteFunc(s.dialect, func(name string, _ func(ask) message) bool { return name != "S5" && name != "S6" })
	}
	return s
}

func handWritten(ctx context.Context, p *place, db *database, own string, flags ...string) (*system, error) {
	at, err := db.copied(ctx, own)
	if err != nil {
		return nil, err
	}
	program, err := p.handProgram(ctx, handOf(db.name))
	if err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	running, err := p.start(own, syscall.SIGTERM, exec.Command(program, append(flags, "-database", at, "-listen", addr)...))
	if err != nil {
		return nil, err
	}
	return &system{addr: addr, dialect: handDialect(db.size, handTokens(db.size)), program: running}, running.ready(ctx, listening(addr))
}

// handOf is the folder of a database's reference.
func handOf(database string) string {
	if database == "postgresql" {
		return "postgres"
	}
	return database
}

// handTokens are what the callers show to whatever takes the references' tokens.
func handTokens(size dataset.Size) (tokens []string) {
	for r := range dataset.Each(size.Users(), dataset.UserAt) {
		tokens = append(tokens, hand.Token(r.ID.String(), r.Company.String()))
	}
	return tokens
}

// ours makes Mainstay's tables, fills them and serves them.
func ours(ctx context.Context, p *place, db *database) (*system, error) {
	program, err := p.build(ctx, "..", "./cmd/mainstay", "mainstay")
	if err != nil {
		return nil, err
	}
	if err := p.migrated(ctx, program, p.root, db.url); err != nil {
		return nil, err
	}
	tokens, err := fillStore(ctx, p.root, db.url, db.size)
	if err != nil {
		return nil, err
	}
	s, err := p.serve(ctx, program, p.root, db.url)
	if err != nil {
		return nil, err
	}
	cursors, err := s.cursors(db.size)
	d := mainstayDialect(tokens, cursors)
	for name, reason := range db.beyond {
		delete(d, name)
		db.absent = append(db.absent, absence{db.name, mainstay + " in " + name, reason})
	}
	return &system{addr: s.addr, dialect: d, program: s.program, statements: s.statements}, err
}
