package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// bulk is one of Mainstay's tables as a database takes many rows of it at once.
type bulk struct {
	table   string
	columns []string
	rows    iter.Seq[[]any] // ids, times as Unix milliseconds, numbers, texts and lists
}

// moment is a time in a row.
type moment int64

func bulks(size dataset.Size) []bulk {
	builtin := func(id dataset.ID, at int64) []any { return []any{id, moment(at), moment(at), int64(1)} }
	return []bulk{
		{"companies", strings.Fields("id created_at updated_at _revision name country size"), each(size.Companies, dataset.CompanyAt, func(r dataset.Company) []any {
			return append(builtin(r.ID, r.CreatedAt), r.Name, r.Country, r.Size)
		})},
		{"jobs", strings.Fields("id created_at updated_at _revision company title body status skills salary_min opens_at"), each(size.Jobs, size.JobAt, func(r dataset.Job) []any {
			skills, _ := json.Marshal(r.Skills)
			return append(builtin(r.ID, r.CreatedAt), r.Company, r.Title, r.Body, r.Status, skills, r.SalaryMin, moment(r.OpensAt))
		})},
	}
}

// ahead makes the rows beside who takes them, some hundred at a time.
func ahead(rows iter.Seq[[]any]) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		made, enough := make(chan [][]any, 4), make(chan struct{})
		defer close(enough)
		go func() {
			defer close(made)
			var some [][]any
			for row := range rows {
				if some = append(some, row); len(some) < 500 {
					continue
				}
				select {
				case made <- some:
					some = nil
				case <-enough:
					return
				}
			}
			select {
			case made <- some:
			case <-enough:
			}
		}()
		for some := range made {
			for _, row := range some {
				if !yield(row) {
					return
				}
			}
		}
	}
}

// fillMany fills the tables that the contract in folder has made with companies and jobs,
// past the engine and without their secondary indexes, which are made afterwards: ten
// million rows take minutes. It gives the tokens of callers.
func fillMany(ctx context.Context, folder, kind, url string, size dataset.Size) ([]string, error) {
	many := map[string]func(context.Context, string, []bulk) error{"postgresql": manyInPostgreSQL, "sqlite": manyInSQLite}[kind]
	if err := many(ctx, url, bulks(size)); err != nil {
		return nil, fmt.Errorf("fill the tables: %w", err)
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
	tokens := f.callers(size)
	if err := errors.Join(f.err, driver.Close()); err != nil {
		return nil, err
	}
	return tokens, analyzed(ctx, url)
}

func manyInPostgreSQL(ctx context.Context, url string, bulks []bulk) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	// Every reference is known to hold.
	if _, err := c.Exec(ctx, "SET session_replication_role = replica; SET maintenance_work_mem = '1GB'; SET synchronous_commit = off"); err != nil {
		return err
	}
	for _, b := range bulks {
		var indexes, dropped string
		if err := c.QueryRow(ctx, `SELECT coalesce(string_agg(indexdef, ';'), ''), coalesce(string_agg('DROP INDEX ' || quote_ident(indexname), ';'), '') FROM pg_indexes
			WHERE schemaname = 'public' AND tablename = $1 AND indexname NOT IN (SELECT conname FROM pg_constraint)`, b.table).Scan(&indexes, &dropped); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, dropped); err != nil {
			return err
		}
		next, stop := iter.Pull(ahead(b.rows))
		_, err := c.CopyFrom(ctx, pgx.Identifier{b.table}, b.columns, pgx.CopyFromFunc(func() ([]any, error) {
			row, ok := next()
			if !ok {
				return nil, nil
			}
			for i, v := range row {
				switch v := v.(type) {
				case dataset.ID:
					row[i] = [16]byte(v)
				case moment:
					row[i] = time.UnixMilli(int64(v))
				}
			}
			return row, nil
		}))
		stop()
		if err != nil {
			return fmt.Errorf("%s: %w", b.table, err)
		}
		if _, err := c.Exec(ctx, indexes); err != nil {
			return err
		}
	}
	return nil
}

func manyInSQLite(ctx context.Context, url string, bulks []bulk) error {
	c, err := sqlite.OpenConn(strings.TrimPrefix(url, "sqlite:"), sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	f := &fileFiller{c: c}
	// Nobody else reads meanwhile, and a load that breaks off begins anew.
	f.do("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA foreign_keys = OFF", "PRAGMA cache_size = -600000")
	for _, b := range bulks {
		f.fill(ctx, b)
	}
	f.do("PRAGMA journal_mode = WAL")
	return errors.Join(f.err, c.Close())
}

// fileFiller keeps the first fault.
type fileFiller struct {
	c   *sqlite.Conn
	err error
}

func (f *fileFiller) do(statements ...string) {
	for _, text := range statements {
		f.each(text, func(*sqlite.Stmt) {})
	}
}

func (f *fileFiller) each(text string, row func(*sqlite.Stmt)) {
	if f.err != nil {
		return
	}
	s, _, err := f.c.PrepareTransient(text)
	if err != nil {
		f.err = fmt.Errorf("%s: %w", text, err)
		return
	}
	more := true
	for more && err == nil {
		if more, err = s.Step(); more {
			row(s)
		}
	}
	f.err = errors.Join(err, s.Finalize())
}

func (f *fileFiller) fill(ctx context.Context, b bulk) {
	var indexes, dropped []string
	f.each("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = '"+b.table+"'", func(s *sqlite.Stmt) {
		dropped, indexes = append(dropped, `DROP INDEX "`+s.ColumnText(0)+`"`), append(indexes, s.ColumnText(1))
	})
	f.do(append(dropped, "BEGIN")...)
	if f.err != nil {
		return
	}
	s, err := f.c.Prepare("INSERT INTO " + b.table + " (" + strings.Join(b.columns, ", ") + ") VALUES (" + strings.TrimSuffix(strings.Repeat("?, ", len(b.columns)), ", ") + ")")
	for row := range ahead(b.rows) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			break
		}
		for i, v := range row {
			switch v := v.(type) {
			case dataset.ID:
				s.BindBytes(i+1, v[:])
			case moment:
				s.BindInt64(i+1, int64(v))
			case int64:
				s.BindInt64(i+1, v)
			case string:
				s.BindText(i+1, v)
			case []byte:
				s.BindText(i+1, string(v))
			}
		}
		if _, err = s.Step(); err == nil {
			err = s.Reset()
		}
	}
	if f.err = err; err != nil {
		return
	}
	f.do(append([]string{"COMMIT"}, indexes...)...)
}
