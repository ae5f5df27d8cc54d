package main

import (
	"encoding/json"
	"iter"
	"strings"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

var tables = []string{
	`CREATE TABLE companies (id BLOB PRIMARY KEY, name TEXT NOT NULL, country TEXT NOT NULL, size INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT`,
	`CREATE TABLE jobs (id BLOB PRIMARY KEY, company BLOB NOT NULL REFERENCES companies, title TEXT NOT NULL, body TEXT NOT NULL,
		status TEXT NOT NULL CHECK (status IN ('draft', 'open', 'closed')), skills TEXT NOT NULL, salary_min INTEGER NOT NULL, opens_at INTEGER NOT NULL, created_at INTEGER NOT NULL) STRICT`,
	`CREATE TABLE applications (id BLOB PRIMARY KEY, job BLOB NOT NULL REFERENCES jobs, candidate_name TEXT NOT NULL, email TEXT NOT NULL, stage TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT`,
	`CREATE TABLE users (id BLOB PRIMARY KEY, email TEXT NOT NULL UNIQUE, company BLOB NOT NULL REFERENCES companies, created_at INTEGER NOT NULL) STRICT`,
	`CREATE TABLE profiles (id BLOB PRIMARY KEY, headline TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT`,
	`CREATE VIRTUAL TABLE profile_words USING fts5 (headline, content = 'profiles', detail = none)`,
}

var indexes = []string{
	`CREATE INDEX jobs_created ON jobs (created_at DESC, id DESC)`,
	`CREATE INDEX jobs_status ON jobs (status, created_at DESC, id DESC)`,
	`CREATE INDEX jobs_company ON jobs (company, status, created_at DESC, id DESC)`,
	`CREATE INDEX applications_job ON applications (job)`,
	`INSERT INTO profile_words (profile_words) VALUES ('rebuild')`,
	`ANALYZE`,
}

func load(path string, size dataset.Size) error {
	c, err := open(path)
	if err != nil {
		return err
	}
	defer c.raw.Close()
	// Nobody else reads meanwhile, and a load that breaks off begins anew.
	for _, s := range append(tables, "PRAGMA foreign_keys = OFF", "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -500000", "BEGIN") {
		if err := c.simple(s); err != nil {
			return err
		}
	}
	if err := fill(c, "companies", 5, dataset.Each(size.Companies, dataset.CompanyAt), func(r dataset.Company) []any {
		return []any{r.ID[:], r.Name, r.Country, r.Size, r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(c, "jobs", 9, dataset.Each(size.Jobs, size.JobAt), func(r dataset.Job) []any {
		skills, _ := json.Marshal(r.Skills)
		return []any{r.ID[:], r.Company[:], r.Title, r.Body, r.Status, string(skills), r.SalaryMin, r.OpensAt, r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(c, "applications", 6, dataset.Each(size.Applications, size.ApplicationAt), func(r dataset.Application) []any {
		return []any{r.ID[:], r.Job[:], r.Name, r.Email, r.Stage, r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(c, "users", 4, dataset.Each(size.Users(), dataset.UserAt), func(r dataset.User) []any {
		return []any{r.ID[:], r.Email, r.Company[:], r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(c, "profiles", 3, dataset.Each(size.Profiles, dataset.ProfileAt), func(r dataset.Profile) []any {
		return []any{r.ID[:], r.Headline, r.CreatedAt}
	}); err != nil {
		return err
	}
	for _, s := range append(append([]string{"COMMIT"}, indexes...), "PRAGMA journal_mode = WAL") {
		if err := c.simple(s); err != nil {
			return err
		}
	}
	return nil
}

func fill[T any](c *conn, table string, columns int, records iter.Seq[T], values func(T) []any) error {
	s, err := c.raw.Prepare("INSERT INTO " + table + " VALUES (" + strings.Repeat("?, ", columns-1) + "?)")
	if err != nil {
		return err
	}
	for r := range records {
		bind(s, values(r))
		if err := drain(s); err != nil {
			return err
		}
	}
	return s.Finalize()
}
