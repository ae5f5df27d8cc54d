package main

import (
	"database/sql"
	"encoding/json"
	"iter"
	"strings"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

var tables = []string{
	`CREATE TABLE companies (id BINARY(16) PRIMARY KEY, name VARCHAR(200) NOT NULL, country VARCHAR(100) NOT NULL, size INT NOT NULL, created_at BIGINT NOT NULL) CHARACTER SET utf8mb4`,
	`CREATE TABLE jobs (id BINARY(16) PRIMARY KEY, company BINARY(16) NOT NULL, title VARCHAR(200) NOT NULL, body TEXT NOT NULL,
		status VARCHAR(10) NOT NULL, skills TEXT NOT NULL, salary_min INT NOT NULL, opens_at BIGINT NOT NULL, created_at BIGINT NOT NULL,
		KEY (created_at DESC, id DESC), KEY (status, created_at DESC, id DESC), KEY (company, status, created_at DESC, id DESC),
		FOREIGN KEY (company) REFERENCES companies (id)) CHARACTER SET utf8mb4`,
	`CREATE TABLE applications (id BINARY(16) PRIMARY KEY, job BINARY(16) NOT NULL, candidate_name VARCHAR(200) NOT NULL, email VARCHAR(200) NOT NULL, stage VARCHAR(50) NOT NULL, created_at BIGINT NOT NULL,
		KEY (job), FOREIGN KEY (job) REFERENCES jobs (id)) CHARACTER SET utf8mb4`,
	`CREATE TABLE users (id BINARY(16) PRIMARY KEY, email VARCHAR(200) NOT NULL UNIQUE, company BINARY(16) NOT NULL, created_at BIGINT NOT NULL, FOREIGN KEY (company) REFERENCES companies (id)) CHARACTER SET utf8mb4`,
	`CREATE TABLE profiles (id BINARY(16) PRIMARY KEY, headline VARCHAR(300) NOT NULL, created_at BIGINT NOT NULL, FULLTEXT KEY (headline)) CHARACTER SET utf8mb4`,
}

func load(db *sql.DB, size dataset.Size) error {
	for _, s := range tables {
		if _, err := db.Exec(s); err != nil {
			return err
		}
	}
	if err := fill(db, "companies", dataset.Each(size.Companies, dataset.CompanyAt), func(r dataset.Company) []any {
		return []any{r.ID[:], r.Name, r.Country, r.Size, r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(db, "jobs", dataset.Each(size.Jobs, size.JobAt), func(r dataset.Job) []any {
		skills, _ := json.Marshal(r.Skills)
		return []any{r.ID[:], r.Company[:], r.Title, r.Body, r.Status, string(skills), r.SalaryMin, r.OpensAt, r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(db, "applications", dataset.Each(size.Applications, size.ApplicationAt), func(r dataset.Application) []any {
		return []any{r.ID[:], r.Job[:], r.Name, r.Email, r.Stage, r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(db, "users", dataset.Each(size.Users(), dataset.UserAt), func(r dataset.User) []any {
		return []any{r.ID[:], r.Email, r.Company[:], r.CreatedAt}
	}); err != nil {
		return err
	}
	if err := fill(db, "profiles", dataset.Each(size.Profiles, dataset.ProfileAt), func(r dataset.Profile) []any {
		return []any{r.ID[:], r.Headline, r.CreatedAt}
	}); err != nil {
		return err
	}
	_, err := db.Exec("ANALYZE TABLE companies, jobs, applications, users, profiles")
	return err
}

// fill adds the records a thousand at a time, all in one transaction.
func fill[T any](db *sql.DB, table string, records iter.Seq[T], values func(T) []any) error {
	const several = 1000
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var args []any
	var full *sql.Stmt
	flush := func(rows int) error {
		width := len(args) / rows
		text := "INSERT INTO " + table + " VALUES " + strings.TrimSuffix(strings.Repeat("("+strings.TrimSuffix(strings.Repeat("?,", width), ",")+"),", rows), ",")
		if rows < several {
			_, err := tx.Exec(text, args...)
			return err
		}
		if full == nil {
			if full, err = tx.Prepare(text); err != nil {
				return err
			}
		}
		_, err := full.Exec(args...)
		args = args[:0]
		return err
	}
	rows := 0
	for r := range records {
		args = append(args, values(r)...)
		if rows++; rows == several {
			if err := flush(rows); err != nil {
				return err
			}
			rows = 0
		}
	}
	if rows > 0 {
		if err := flush(rows); err != nil {
			return err
		}
	}
	return tx.Commit()
}
