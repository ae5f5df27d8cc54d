// Package plans holds the databases to the indexes that a contract plans: on many
// records, with their statistics, no read of a page goes through a whole table, and
// none sorts where an index has the order. What a database says of its own plan
// decides, never a time.
package plans

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

//go:embed contract.yaml
var contractText string

// data is how many records there are. Every tenth account is a member of a company,
// the others apply; every second job is open. A table of a thousand rows has so few
// pages that a database may well read it whole.
type data struct {
	companies, jobs, applications, accounts int
}

func sized(applications int) data {
	return data{companies: max(1000, applications/500), jobs: applications / 5, applications: applications, accounts: max(10_000, applications/50)}
}

// began is when the first record was made; one a second follows.
const began = value.Timestamp(1_700_000_000_000)

// id is that of record n of a table.
func id(table string, n int) value.UUID {
	at := began + value.Timestamp(n)*1000
	u := value.NewID(at.Time())
	for i := range 10 {
		u[6+i] = byte(n>>(8*(i%4))) ^ table[i%len(table)]
	}
	u[6], u[8] = 0x70|u[6]&0xf, 0x80|u[8]&0x3f
	return u
}

// table is how the records of one are made: n of them, row names the columns that
// are not built in.
type table struct {
	name string
	n    int
	row  func(n int, rnd *rand.Rand) map[string]any
}

func (d data) tables() []table {
	account := func(rnd *rand.Rand) any { return id("accounts", rnd.IntN(d.accounts)) }
	return []table{
		{"accounts", d.accounts, func(n int, _ *rand.Rand) map[string]any {
			return map[string]any{"email": fmt.Sprintf("a%d@example.org", n)}
		}},
		{"companies", d.companies, func(n int, rnd *rand.Rand) map[string]any {
			return map[string]any{"name": fmt.Sprintf("Company %d", n), "country": pick(rnd, "DE", "FR", "PL", "US"), "size": int64(rnd.IntN(5000)), "owner": account(rnd)}
		}},
		{"memberships", d.accounts / 10, func(n int, _ *rand.Rand) map[string]any {
			return map[string]any{"account": id("accounts", 10*n), "company": id("companies", n%d.companies)}
		}},
		{"jobs", d.jobs, func(n int, rnd *rand.Rand) map[string]any {
			return map[string]any{
				"company": id("companies", rnd.IntN(d.companies)), "title": fmt.Sprintf("Engineer %d", n), "body": fmt.Sprintf("%0400d", n),
				"status": []string{"open", "closed", "open", "draft"}[n%4], "salary_min": int64(30000 + 500*rnd.IntN(180)),
			}
		}},
		{"applications", d.applications, func(n int, rnd *rand.Rand) map[string]any {
			return map[string]any{
				"job": id("jobs", rnd.IntN(d.jobs)), "company": id("companies", n%d.companies), "candidate": account(rnd),
				"email": fmt.Sprintf("c%d@example.org", n), "stage": pick(rnd, "new", "interview", "offer"),
			}
		}},
		{"notes", d.jobs, func(n int, rnd *rand.Rand) map[string]any {
			owner := account(rnd)
			if n%500 == 0 {
				owner = id("accounts", candidate)
			}
			return map[string]any{"owner": owner, "job": id("jobs", rnd.IntN(d.jobs)), "text": fmt.Sprintf("Note %d", n)}
		}},
		{"invoices", d.jobs, func(n int, rnd *rand.Rand) map[string]any {
			return map[string]any{"company": id("companies", rnd.IntN(d.companies)), "amount": int64(rnd.IntN(10000))}
		}},
		{"interviews", d.jobs, func(n int, rnd *rand.Rand) map[string]any {
			return map[string]any{"application": id("applications", rnd.IntN(d.applications)), "at": began + value.Timestamp(n)*60_000}
		}},
		{"profiles", d.jobs, func(n int, _ *rand.Rand) map[string]any {
			return map[string]any{"headline": fmt.Sprintf("Engineer w%d", n%500)}
		}},
		{"profiles_words", 2 * d.jobs, func(n int, _ *rand.Rand) map[string]any {
			word := "engineer"
			if n%2 == 1 {
				word = fmt.Sprintf("w%d", n/2%500)
			}
			return map[string]any{"word": word, "field": "headline", "id": id("profiles", n/2)}
		}},
	}
}

const candidate = 11 // no member of any company, with some notes

// small are the tables that may be read whole.
func (d data) small() (names []string) {
	for _, t := range d.tables() {
		if t.n <= 1000 {
			names = append(names, t.name)
		}
	}
	return names
}

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

// fill makes the records, some hundreds in a statement.
func (d data) fill(ctx context.Context, db *store.DB, want *schema.Schema) error {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, t := range d.tables() {
		s := want.Table(t.name)
		q := &query.Insert{Table: t.name}
		for _, c := range s.Columns {
			q.Columns = append(q.Columns, query.Named{Name: c.Name, Type: c.Type})
		}
		const together = 250
		for from := 0; from < t.n; from += together {
			var args []any
			for n := from; n < min(from+together, t.n); n++ {
				row := t.row(n, rnd)
				at := began + value.Timestamp(n)*1000
				if row["id"] == nil {
					row["id"] = id(t.name, n)
				}
				row["created_at"], row["updated_at"], row["_revision"] = at, at, int64(1)
				for _, c := range s.Columns {
					args = append(args, row[c.Name])
				}
			}
			err := db.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
				_, err := tx.Insert(ctx, q, args)
				return err
			})
			if err != nil {
				return fmt.Errorf("plans: filling %s: %w", t.name, err)
			}
		}
	}
	return nil
}
