package main

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

const tables = `
CREATE TABLE companies (id uuid PRIMARY KEY, name text NOT NULL, country text NOT NULL, size int NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE jobs (
	id uuid PRIMARY KEY,
	company uuid NOT NULL,
	title text NOT NULL,
	body text NOT NULL,
	status text NOT NULL CHECK (status IN ('draft', 'open', 'closed')),
	skills jsonb NOT NULL,
	salary_min int NOT NULL,
	opens_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL
) WITH (fillfactor = 90);
CREATE TABLE applications (id uuid PRIMARY KEY, job uuid NOT NULL, candidate_name text NOT NULL, email text NOT NULL, stage text NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE users (id uuid PRIMARY KEY, email text NOT NULL UNIQUE, company uuid NOT NULL, created_at timestamptz NOT NULL);
CREATE TABLE profiles (id uuid PRIMARY KEY, headline text NOT NULL, created_at timestamptz NOT NULL, words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', headline)) STORED);`

const indexes = `
ALTER TABLE jobs ADD FOREIGN KEY (company) REFERENCES companies;
ALTER TABLE applications ADD FOREIGN KEY (job) REFERENCES jobs;
CREATE INDEX ON jobs (created_at DESC, id DESC);
CREATE INDEX ON jobs (status, created_at DESC, id DESC);
CREATE INDEX ON jobs (company, status, created_at DESC, id DESC);
CREATE INDEX ON applications (job);
ALTER TABLE users ADD FOREIGN KEY (company) REFERENCES companies;
CREATE INDEX ON profiles USING gin (words) WITH (fastupdate = off)`

func load(ctx context.Context, dsn string, size dataset.Size) error {
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, tables); err != nil {
		return err
	}
	if err := fill(ctx, c, "companies", []string{"id", "name", "country", "size", "created_at"}, dataset.Each(size.Companies, dataset.CompanyAt), func(r dataset.Company) []any {
		return []any{[16]byte(r.ID), r.Name, r.Country, r.Size, time.UnixMilli(r.CreatedAt)}
	}); err != nil {
		return err
	}
	if err := fill(ctx, c, "jobs", []string{"id", "company", "title", "body", "status", "skills", "salary_min", "opens_at", "created_at"}, dataset.Each(size.Jobs, size.JobAt), func(r dataset.Job) []any {
		skills, _ := json.Marshal(r.Skills)
		return []any{[16]byte(r.ID), [16]byte(r.Company), r.Title, r.Body, r.Status, skills, r.SalaryMin, time.UnixMilli(r.OpensAt), time.UnixMilli(r.CreatedAt)}
	}); err != nil {
		return err
	}
	if err := fill(ctx, c, "applications", []string{"id", "job", "candidate_name", "email", "stage", "created_at"}, dataset.Each(size.Applications, size.ApplicationAt), func(r dataset.Application) []any {
		return []any{[16]byte(r.ID), [16]byte(r.Job), r.Name, r.Email, r.Stage, time.UnixMilli(r.CreatedAt)}
	}); err != nil {
		return err
	}
	if err := fill(ctx, c, "users", []string{"id", "email", "company", "created_at"}, dataset.Each(size.Users(), dataset.UserAt), func(r dataset.User) []any {
		return []any{[16]byte(r.ID), r.Email, [16]byte(r.Company), time.UnixMilli(r.CreatedAt)}
	}); err != nil {
		return err
	}
	if err := fill(ctx, c, "profiles", []string{"id", "headline", "created_at"}, dataset.Each(size.Profiles, dataset.ProfileAt), func(r dataset.Profile) []any {
		return []any{[16]byte(r.ID), r.Headline, time.UnixMilli(r.CreatedAt)}
	}); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, indexes); err != nil {
		return err
	}
	_, err = c.Exec(ctx, "VACUUM ANALYZE")
	return err
}

func fill[T any](ctx context.Context, c *pgx.Conn, table string, columns []string, records iter.Seq[T], values func(T) []any) error {
	next, stop := iter.Pull(records)
	defer stop()
	_, err := c.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		r, ok := next()
		if !ok {
			return nil, nil
		}
		return values(r), nil
	}))
	return err
}
