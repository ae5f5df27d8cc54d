package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"zombiezen.com/go/sqlite"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/mongo"
	"github.com/mainstay-run/mainstay/store/mysql"
	"github.com/mainstay-run/mainstay/store/postgres"
	storesqlite "github.com/mainstay-run/mainstay/store/sqlite"
	"github.com/mainstay-run/mainstay/value"
)

// openStore opens a database as Mainstay does.
func openStore(ctx context.Context, url string) (store.Driver, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return storesqlite.Open(ctx, rest, storesqlite.Options{})
	case "mariadb":
		return mysql.Open(ctx, url, mysql.Options{})
	case "mongodb":
		return mongo.Open(ctx, url, mongo.Options{})
	}
	return postgres.Open(ctx, url, postgres.Options{})
}

// migrated makes the tables of the contract in folder.
func (p *place) migrated(ctx context.Context, mainstay, folder, url string) error {
	_, err := p.command(ctx, exec.CommandContext(ctx, mainstay, "migrate", folder, "--database", url))
	return err
}

// fillStore adds the dataset to tables that are there, in the form of their database,
// and gives the tokens of callers.
func fillStore(ctx context.Context, folder, url string, size dataset.Size) (tokens []string, err error) {
	c, faults := contract.Load(folder)
	if c == nil {
		return nil, fmt.Errorf("%v", faults)
	}
	driver, err := openStore(ctx, url)
	if err != nil {
		return nil, err
	}
	defer driver.Close()
	f := &filler{ctx: ctx, db: store.New(driver), tables: schema.Of(c)}
	f.add("companies", "id created_at updated_at _revision name country size", each(size.Companies, dataset.CompanyAt, func(r dataset.Company) []any {
		return append(builtin(r.ID, r.CreatedAt), r.Name, r.Country, r.Size)
	}))
	f.add("jobs", "id created_at updated_at _revision company title body status skills salary_min opens_at", each(size.Jobs, size.JobAt, func(r dataset.Job) []any {
		return append(builtin(r.ID, r.CreatedAt), value.UUID(r.Company), r.Title, r.Body, r.Status, []any{r.Skills[0], r.Skills[1], r.Skills[2]}, r.SalaryMin, value.Timestamp(r.OpensAt))
	}))
	f.add("applications", "id created_at updated_at _revision job candidate_name email stage", each(size.Applications, size.ApplicationAt, func(r dataset.Application) []any {
		return append(builtin(r.ID, r.CreatedAt), value.UUID(r.Job), r.Name, r.Email, r.Stage)
	}))
	f.add("profiles", "id created_at updated_at _revision headline", each(size.Profiles, dataset.ProfileAt, func(r dataset.Profile) []any {
		return append(builtin(r.ID, r.CreatedAt), r.Headline)
	}))
	f.add("profiles_words", "word field id", headlineWords(size.Profiles))
	tokens = f.callers(size)
	if f.err != nil {
		return nil, f.err
	}
	return tokens, analyzed(ctx, url)
}

func each[T any](n int, at func(int) T, values func(T) []any) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for r := range dataset.Each(n, at) {
			if !yield(values(r)) {
				return
			}
		}
	}
}

// headlineWords are the words by which profiles are found.
func headlineWords(profiles int) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for r := range dataset.Each(profiles, dataset.ProfileAt) {
			for _, word := range value.Words(r.Headline) {
				if !yield([]any{word, "headline", value.UUID(r.ID)}) {
					return
				}
			}
		}
	}
}

func builtin(id dataset.ID, at int64) []any {
	return []any{value.UUID(id), value.Timestamp(at), value.Timestamp(at), int64(1)}
}

// filler writes records past the engine, as the references' loaders do.
type filler struct {
	ctx    context.Context
	db     *store.DB
	tables *schema.Schema
	err    error
}

// add inserts rows, a few thousand in each transaction.
func (f *filler) add(table, columns string, rows iter.Seq[[]any]) {
	names := strings.Fields(columns)
	q := &query.Insert{Table: table}
	for _, name := range names {
		q.Columns = append(q.Columns, query.Named{Name: name, Type: f.tables.Table(table).Column(name).Type})
	}
	var args []any
	flush := func() {
		if f.err == nil && len(args) > 0 {
			f.err = f.db.InTx(f.ctx, store.Write, nil, func(tx store.Tx) error {
				_, err := tx.Insert(f.ctx, q, args)
				return err
			})
		}
		args = args[:0]
	}
	for row := range rows {
		if args = append(args, row...); len(args) >= 2000*len(names) {
			flush()
		}
		if f.err != nil {
			return
		}
	}
	flush()
}

// callers makes an account for each of the first companies, and its session.
func (f *filler) callers(size dataset.Size) (tokens []string) {
	var users, sessions, credentials [][]any
	now := time.Now().UnixMilli()
	for r := range dataset.Each(size.Users(), dataset.UserAt) {
		token, hash := auth.NewToken()
		tokens = append(tokens, token)
		users = append(users, append(builtin(r.ID, r.CreatedAt), r.Email, value.UUID(r.Company)))
		sessions = append(sessions, []any{hash, value.UUID(r.ID), value.Timestamp(now), value.Timestamp(now + 24*time.Hour.Milliseconds()), int64(0)})
		credentials = append(credentials, []any{value.UUID(r.ID), "none", int64(0)})
	}
	of := func(rows [][]any) iter.Seq[[]any] {
		return func(yield func([]any) bool) {
			for _, r := range rows {
				if !yield(r) {
					return
				}
			}
		}
	}
	f.add("users", "id created_at updated_at _revision email company", of(users))
	f.add("mainstay_credentials", "account hash epoch", of(credentials))
	f.add("mainstay_sessions", "hash account created_at expires_at epoch", of(sessions))
	return tokens
}

// analyzed has the database look at what it holds, as after any large load.
func analyzed(ctx context.Context, url string) error {
	scheme, rest, _ := strings.Cut(url, "://")
	switch scheme {
	case "mongodb":
		return nil
	case "postgres":
		c, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		_, err = c.Exec(ctx, "VACUUM ANALYZE")
		return err
	case "mariadb":
		user, at, _ := strings.Cut(rest, "@")
		host, name, _ := strings.Cut(at, "/")
		db, err := sql.Open("mysql", user+"@tcp("+host+")/"+name)
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = db.ExecContext(ctx, "ANALYZE TABLE companies, jobs, applications, users, profiles, profiles_words")
		return err
	}
	c, err := sqlite.OpenConn(strings.TrimPrefix(url, "sqlite:"), sqlite.OpenReadWrite)
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.Prepare("ANALYZE")
	if err != nil {
		return err
	}
	_, err = s.Step()
	return err
}

// serving is a Mainstay that runs.
type serving struct {
	program        *program
	addr, operator string
	url            string        // of its database
	start          time.Duration // to the first answer
}

// serve starts the contract in folder on a database that fits it, with further flags.
func (p *place) serve(ctx context.Context, mainstay, folder, url string, flags ...string) (*serving, error) {
	return p.serveWith(ctx, nil, mainstay, folder, url, flags...)
}

// serveWith serves with more in its environment.
func (p *place) serveWith(ctx context.Context, env []string, mainstay, folder, url string, flags ...string) (*serving, error) {
	began := time.Now()
	s, err := p.launch(env, mainstay, folder, url, flags...)
	if err != nil {
		return nil, err
	}
	err = s.program.ready(ctx, answering("http://"+s.operator+"/readyz"))
	s.start = time.Since(began)
	return s, err
}

// launch starts it and does not wait.
func (p *place) launch(env []string, mainstay, folder, url string, flags ...string) (s *serving, err error) {
	s = &serving{url: url}
	if s.addr, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.operator, err = freeAddress(); err != nil {
		return nil, err
	}
	flags = append([]string{"serve", folder, "--database", url, "--listen", s.addr, "--operator", s.operator}, flags...)
	cmd := exec.Command(mainstay, flags...)
	cmd.Env = append(append(os.Environ(), env...), "MAINSTAY_SECRET=only for measurements, where nothing is secret")
	s.program, err = p.start("mainstay", syscall.SIGTERM, cmd)
	return s, err
}

// statements is how many statements the server has run.
func (s *serving) statements() (float64, error) {
	r, err := http.Get("http://" + s.operator + "/metrics")
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return 0, err
	}
	_, rest, ok := strings.Cut(string(text), "\nmainstay_db_statements_total ")
	if !ok {
		return 0, fmt.Errorf("no mainstay_db_statements_total in /metrics")
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(line, 64)
}

// cursors walks the jobs, the newest first, and keeps where the deep pages begin.
func (s *serving) cursors(size dataset.Size) (found []string, err error) {
	before, pages := deep(size)
	const path = "/v1/jobs?sort=-created_at&limit=200&fields=id"
	cursor := ""
	for row := 200; len(found) < pages; row += 200 {
		m := message{method: "GET", path: path}
		if cursor != "" {
			m.path += "&cursor=" + cursor
		}
		body, err := m.answer(s.addr)
		if err != nil {
			return nil, err
		}
		page, _ := body.(map[string]any)
		next, ok := page["next"].(string)
		if !ok {
			text, _ := json.Marshal(body)
			return nil, fmt.Errorf("the walk ends at row %d: %.200s", row, text)
		}
		if cursor = next; row >= before {
			found = append(found, next)
		}
	}
	return found, nil
}

// sqliteFile is the name of a database in the place.
func (p *place) sqliteFile(name string) string { return filepath.Join(p.folder, name+".db") }
