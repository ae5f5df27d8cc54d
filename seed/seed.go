// Package seed fills a database with sample records: those that a team writes
// down in seed.yaml, loaded once, and any number of made-up ones. Both keep to
// the contract's types, checks and unique fields; access rules and actions do
// not apply, so that a seed may hold a posting that is long closed.
//
// A seed file lists records by resource, each under a name of its own, and a
// reference is the name of a record of its target:
//
//	User:
//	  ann: {name: Ann Archer, email: ann@example.org, password: correct horse battery}
//	Candidate:
//	  ann: {user: ann, name: Ann Archer, email: ann@example.org}
//
// What is left out gets its default. Readonly fields, id, created_at and
// updated_at may be given. An account with a password can sign in.
package seed

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// Report is what a seed brought.
type Report struct {
	// Loaded is false when the seed had been loaded before and nothing was done.
	Loaded bool
	// Records were added, credentials apart.
	Records int
	// Changed: what was loaded before was another text than the file is now.
	Changed bool
	// Accounts can sign in, in the order of the file, also when Loaded is false;
	// none when Changed, since the file no longer tells.
	Accounts []Account
	// Short says where fewer records were made than asked for, and why.
	Short []string
}

// Account is somebody who can sign in.
type Account struct{ Email, Password string }

// Load adds the records of a seed file, all of them or none, unless a seed was
// loaded into this database before. A missing file is fs.ErrNotExist, a wrong
// one contract.Faults; the file is checked even when it was loaded before.
func Load(ctx context.Context, db *store.DB, set *rule.Set, file string) (*Report, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("seed: %w", err)
	}
	now := time.Now()
	seeds, faults := read(set, file, text, now)
	if len(faults) > 0 {
		return nil, contract.Faults(faults)
	}
	report := &Report{}
	for _, s := range seeds {
		if s.password != "" {
			email, _ := s.record[set.Contract.Accounts.Email.Name].(string)
			report.Accounts = append(report.Accounts, Account{email, s.password})
		}
	}
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256(text))
	before, err := marked(ctx, db)
	if err != nil {
		return nil, err
	}
	if before != "" {
		return report.loadedBefore(strings.HasSuffix(before, sum)), nil
	}

	rows, err := rowsOf(ctx, seeds)
	if err != nil {
		return nil, err
	}
	err = db.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		if before, err = readMark(ctx, tx); before != "" || err != nil {
			return err
		}
		if err := insert(ctx, tx, rows, db.Driver().Limits()); err != nil {
			return err
		}
		text := &value.Type{Kind: value.String}
		meta := &query.Insert{Table: "mainstay_meta", Columns: []query.Named{{Name: "name", Type: text}, {Name: "content", Type: text}}}
		_, err = tx.Insert(ctx, meta, []any{schema.SeedMark, "loaded " + value.TimestampOf(now).String() + " " + sum})
		return err
	})
	if err != nil {
		return nil, explain(set, err)
	}
	if before != "" { // by another process, meanwhile
		return report.loadedBefore(strings.HasSuffix(before, sum)), nil
	}
	report.Loaded, report.Records = true, len(rows)
	return report, nil
}

// loadedBefore is the report of a seed that was not needed; same: it is the very
// text that was loaded.
func (r *Report) loadedBefore(same bool) *Report {
	if !same {
		r.Changed, r.Accounts = true, nil
	}
	return r
}

// marked is what the database says about the seed that was loaded into it; empty: none was.
func marked(ctx context.Context, db *store.DB) (content string, err error) {
	err = db.InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		content, err = readMark(ctx, tx)
		return err
	})
	return content, err
}

func readMark(ctx context.Context, tx store.Tx) (string, error) {
	text := &value.Type{Kind: value.String}
	name, content := query.Col{Alias: 1, Name: "name", Type: text}, query.Col{Alias: 1, Name: "content", Type: text}
	q := &query.Select{
		From:    query.Table{Name: "mainstay_meta", Alias: 1},
		Columns: []query.Column{{Expr: content, Type: text}},
		Where:   query.Cmp{Op: query.Eq, L: name, R: query.Param{Slot: 0, Type: text}},
	}
	for row, err := range tx.Select(ctx, q, []any{schema.SeedMark}) {
		if err != nil {
			return "", err
		}
		v, err := row.Value(0)
		said, _ := v.(string)
		return said, err
	}
	return "", nil
}

// explain puts a violated constraint into the contract's words.
func explain(set *rule.Set, err error) error {
	var violated *store.ConstraintError
	if !errors.As(err, &violated) {
		return fmt.Errorf("seed: %w", err)
	}
	name := violated.Table
	for _, r := range set.Contract.Resources {
		if r.Table == violated.Table {
			name = r.Name
		}
	}
	if violated.Kind == store.Unique {
		return fmt.Errorf("seed: the database has a %s already with the same %s; nothing was added", name, orList(violated.Columns, "and"))
	}
	return fmt.Errorf("seed: a %s refers to a record that is not there; nothing was added", name)
}
