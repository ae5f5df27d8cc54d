package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"zombiezen.com/go/sqlite"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// copied are the tables of Mainstay that are filled from the reference's, each with the
// columns that it has, and what the reference keeps for them as each database reads it.
// Ten million rows take minutes, where the engine's own way would take hours.
var copied = []struct{ table, columns, postgres, sqlite, mariadb string }{
	{
		"companies", "id, created_at, updated_at, _revision, name, country, size",
		"id, created_at, created_at, 1::bigint, name, country, size::bigint",
		"id, created_at, created_at, 1, name, country, size",
		"id, TIMESTAMPADD(MICROSECOND, 1000 * created_at, '1970-01-01'), TIMESTAMPADD(MICROSECOND, 1000 * created_at, '1970-01-01'), 1, name, country, size",
	},
	{
		"jobs", "id, created_at, updated_at, _revision, company, title, body, status, skills, salary_min, opens_at",
		"id, created_at, created_at, 1::bigint, company, title, body, status, replace(skills::text, ', ', ',')::json, salary_min::bigint, opens_at",
		"id, created_at, created_at, 1, company, title, body, status, skills, salary_min, opens_at",
		"id, TIMESTAMPADD(MICROSECOND, 1000 * created_at, '1970-01-01'), TIMESTAMPADD(MICROSECOND, 1000 * created_at, '1970-01-01'), 1, company, title, body, status, skills, salary_min, TIMESTAMPADD(MICROSECOND, 1000 * opens_at, '1970-01-01')",
	},
}

// copyStore fills the tables in the database to, which the contract in folder has made,
// from the reference's database from, and gives the tokens of callers.
func copyStore(ctx context.Context, folder, kind, from, to string, size dataset.Size) ([]string, error) {
	copies := map[string]func(context.Context, string, string) error{"postgresql": copyInPostgreSQL, "sqlite": copyInSQLite, "mariadb": copyInMariaDB}
	if err := copies[kind](ctx, from, to); err != nil {
		return nil, fmt.Errorf("copy the records: %w", err)
	}
	c, faults := contract.Load(folder)
	if c == nil {
		return nil, fmt.Errorf("%v", faults)
	}
	driver, err := openStore(ctx, to)
	if err != nil {
		return nil, err
	}
	f := &filler{ctx: ctx, db: store.New(driver), tables: schema.Of(c)}
	tokens := f.callers(size)
	if err := errors.Join(f.err, driver.Close()); err != nil {
		return nil, err
	}
	return tokens, analyzed(ctx, to)
}

func copyInPostgreSQL(ctx context.Context, from, to string) error {
	source, err := pgx.Connect(ctx, from)
	if err != nil {
		return err
	}
	defer source.Close(ctx)
	c, err := pgx.Connect(ctx, to)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	// The references hold already; indexes are cheaper made at once.
	if _, err := c.Exec(ctx, "SET session_replication_role = replica; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off"); err != nil {
		return err
	}
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	for _, t := range copied {
		var indexes, dropped string
		if err := tx.QueryRow(ctx, `SELECT coalesce(string_agg(indexdef, ';'), ''), coalesce(string_agg('DROP INDEX ' || quote_ident(indexname), ';'), '') FROM pg_indexes
			WHERE schemaname = 'public' AND tablename = $1 AND indexname NOT IN (SELECT conname FROM pg_constraint)`, t.table).Scan(&indexes, &dropped); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "TRUNCATE "+t.table+" CASCADE;"+dropped); err != nil {
			return err
		}
		if err := piped(ctx, source.PgConn(), tx.Conn().PgConn(), "SELECT "+t.postgres+" FROM "+t.table, t.table+" ("+t.columns+")"); err != nil {
			return fmt.Errorf("%s: %w", t.table, err)
		}
		if _, err := tx.Exec(ctx, indexes); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

// piped sends what a query finds on one connection into a table that was emptied in the
// transaction of the other one.
func piped(ctx context.Context, from, to *pgconn.PgConn, query, table string) error {
	r, w := io.Pipe()
	sent := make(chan error, 1)
	go func() {
		_, err := from.CopyTo(ctx, w, "COPY ("+query+") TO STDOUT (FORMAT binary)")
		w.CloseWithError(err)
		sent <- err
	}()
	_, err := to.CopyFrom(ctx, r, "COPY "+table+" FROM STDIN (FORMAT binary, FREEZE)")
	r.CloseWithError(err)
	return errors.Join(err, <-sent)
}

func copyInSQLite(_ context.Context, from, to string) error {
	c, err := sqlite.OpenConn(strings.TrimPrefix(to, "sqlite:"), sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	run := func(text string, each func(*sqlite.Stmt)) error {
		s, _, err := c.PrepareTransient(text)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		defer s.Finalize()
		for {
			more, err := s.Step()
			if err != nil || !more {
				return err
			}
			each(s)
		}
	}
	do := func(statements ...string) error {
		for _, text := range statements {
			if err := run(text, func(*sqlite.Stmt) {}); err != nil {
				return err
			}
		}
		return nil
	}
	err = do("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA foreign_keys = OFF", "PRAGMA cache_size = -500000", "ATTACH '"+from+"' AS hand")
	for _, t := range copied {
		if err != nil {
			break
		}
		var indexes, dropped []string
		err = run("SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = '"+t.table+"'", func(s *sqlite.Stmt) {
			dropped, indexes = append(dropped, `DROP INDEX main."`+s.ColumnText(0)+`"`), append(indexes, s.ColumnText(1))
		})
		if err == nil {
			err = do(append(append(dropped, "INSERT INTO main."+t.table+" ("+t.columns+") SELECT "+t.sqlite+" FROM hand."+t.table), indexes...)...)
		}
	}
	if err == nil {
		err = do("DETACH hand", "PRAGMA journal_mode = WAL")
	}
	return errors.Join(err, c.Close())
}

// copyInMariaDB reads the other database on the same server.
func copyInMariaDB(ctx context.Context, from, to string) error {
	_, source, _ := strings.Cut(from, ")/")
	address, name, _ := strings.Cut(strings.TrimPrefix(to, "mariadb://bench@"), "/")
	db, err := sql.Open("mysql", "bench@tcp("+address+")/"+name)
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	statements := []string{"SET unique_checks = 0, foreign_key_checks = 0"}
	for _, t := range copied {
		statements = append(statements, "INSERT INTO "+t.table+" ("+t.columns+") SELECT "+t.mariadb+" FROM "+source+"."+t.table)
	}
	for _, text := range statements {
		if _, err := c.ExecContext(ctx, text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}
