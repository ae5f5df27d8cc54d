package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// teamContract lets anybody ask for more than a database can do.
const teamContract = `mainstay: 1
name: teams
accounts:
  resource: User
  signup: open
resources:
  User:
    fields:
      email: email unique
    access:
      read: id == caller.id
  Team:
    fields:
      name: string
      tasks: many Task.team
    access:
      read: true
      create: true
  Task:
    fields:
      team: Team
      number: int
    access:
      read: true
      create: true
      update: true
`

// endless is a filter that compares every three tasks of a team, again and again:
// only the last two of them do not fit.
var endless = func() string {
	var either []string
	for n := range 8 {
		either = append(either, fmt.Sprintf(`team.tasks.all(a, team.tasks.all(b, a.number + b.number < %d || number < -%d))`, 2*(tasks-1), n))
	}
	return url.QueryEscape(strings.Join(either, " || "))
}()

// tasks is how many a team has, numbered from 0.
const tasks = 400

// watched are the databases whose list of running statements is looked at.
var watched = map[string]struct {
	// lock keeps everybody else from the tasks; running lists, in its last column, the
	// statements of the program that read or write them, or wait to.
	lock    []string
	running string
}{
	"PostgreSQL": {
		[]string{"BEGIN", "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"},
		"SELECT query FROM pg_stat_activity WHERE application_name = 'mainstay' AND state <> 'idle' AND pid IN (SELECT pid FROM pg_locks WHERE relation = 'tasks'::regclass)",
	},
	"MariaDB": {[]string{"LOCK TABLES tasks WRITE"}, runningMySQL},
	"MySQL":   {[]string{"LOCK TABLES tasks WRITE"}, runningMySQL},
}

// runningMySQL is of all databases; what it tells of is Id, User, Host, db, Command,
// Time, State, Info. The table of the same name fails on MySQL when an argument is not a text.
const runningMySQL = "SHOW FULL PROCESSLIST"

// crew is a program on a database with a team of many tasks.
type crew struct {
	t        *testing.T
	kind     string
	url      string
	database string
	team     string
	look     *dbtest.Session
}

// newCrew serves teams from a database, with further flags.
func newCrew(t *testing.T, kind dbtest.Kind, flags ...string) *crew {
	t.Helper()
	s := &shop{contract: t.TempDir(), folder: t.TempDir()}
	s.save(t, teamContract)
	database := kind.URL(t)
	s.migrateTo(t, database)
	p := start(t, command(append(s.serveFrom(database), flags...)...))
	if p.url == "" {
		t.Fatalf("it does not serve:\n%s", &p.out)
	}
	t.Cleanup(func() { // before its database is gone
		if p.stop(t) != 0 || strings.Contains(p.out.String(), `"level":"ERROR"`) {
			t.Errorf("it ends with %d and logged\n%s", p.code, &p.out)
		}
	})
	c := &crew{t: t, kind: kind.Name, url: p.url + "/v1", database: database, look: dbtest.Connect(t, database)}
	made := ask(t, "POST", c.url+"/teams", `{"name":"all"}`)
	_, id, _ := strings.Cut(made.header.Get("Location"), "/teams/")
	if c.team = id; made.status != 201 {
		t.Fatalf("a team is %d %s", made.status, made.body)
	}
	for n := 0; n < tasks; n += 50 {
		items := make([]string, 50)
		for i := range items {
			items[i] = fmt.Sprintf(`{"create":{"team":%q,"number":%d}}`, id, n+i)
		}
		if a := ask(t, "POST", c.url+"/tasks/batch", `{"operations":[`+strings.Join(items, ",")+`]}`); a.status != 200 {
			t.Fatalf("tasks are %d %s", a.status, a.body)
		}
	}
	return c
}

// lock keeps the program from the tasks until the test ends.
func (c *crew) lock() {
	c.t.Helper()
	dbtest.Connect(c.t, c.database).Run(c.t, watched[c.kind].lock...)
}

// await polls until n statements run, or none when n is 0; ended tells that none will.
func (c *crew) await(n int, ended <-chan int) {
	c.t.Helper()
	limit := time.Now().Add(patience)
	for {
		found := c.statements()
		if len(found) >= n && (n > 0 || len(found) == 0) {
			return
		}
		select {
		case status := <-ended:
			c.t.Fatalf("answered with %d before its statement was seen", status)
		default:
		}
		if time.Now().After(limit) {
			c.t.Fatalf("%d statements run, waited for %d:\n%s", len(found), n, strings.Join(found, "\n"))
		}
	}
}

// statements are those that run for the program on the tasks.
func (c *crew) statements() (found []string) {
	for _, row := range c.look.Rows(c.t, watched[c.kind].running) {
		if watched[c.kind].running == runningMySQL && (row[3] != c.databaseName() || row[4] == "Sleep" || !strings.Contains(row[7], "tasks")) {
			continue
		}
		found = append(found, row[len(row)-1])
	}
	return found
}

// databaseName is that of its URL.
func (c *crew) databaseName() string {
	at, err := url.Parse(c.database)
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.TrimPrefix(at.Path, "/")
}

// send sends a request that ctx ends; status is 0 when nobody waited for the answer.
func (c *crew) send(ctx context.Context, method, path, body string) (status int, text string) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return 0, ""
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if errors.Is(err, context.Canceled) {
		return 0, ""
	}
	if err != nil {
		c.t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil && !errors.Is(err, context.Canceled) {
		c.t.Error(err)
	}
	return res.StatusCode, string(content)
}

// TestWhatNobodyWaitsForEndsOnTheDatabase: who goes away takes the statement along,
// whether it works or waits.
func TestWhatNobodyWaitsForEndsOnTheDatabase(t *testing.T) {
	eachWatched(t, func(t *testing.T, kind dbtest.Kind) {
		c := newCrew(t, kind)
		for _, path := range []string{"/tasks?", "/tasks/count?", "/tasks.ndjson?", "/tasks/aggregate?measures=count&"} {
			c.leaves("GET", path+"filter="+endless, "")
		}
		c.leaves("PATCH", "/tasks?max_affected=1000&filter="+endless, `{"number":1}`)
		c.lock()
		c.leaves("GET", "/tasks", "")
		c.leaves("POST", "/tasks", `{"team":"`+c.team+`","number":1}`)
	})
}

// leaves sends a request, goes away once its statement runs, and waits until none does.
func (c *crew) leaves(method, path, body string) {
	c.t.Helper()
	ctx, leave := context.WithCancel(c.t.Context())
	defer leave()
	ended := make(chan int)
	go func() {
		status, _ := c.send(ctx, method, path, body)
		ended <- status
	}()
	c.await(1, ended)
	leave()
	if status := <-ended; status != 0 {
		c.t.Errorf("%s %s is answered with %d", method, path, status)
	}
	c.await(0, nil)
}

// TestAStatementEndsWithTheTimeOfItsRequest: the answer is 504 in time, and nothing
// goes on behind it.
func TestAStatementEndsWithTheTimeOfItsRequest(t *testing.T) {
	eachWatched(t, func(t *testing.T, kind dbtest.Kind) {
		c := newCrew(t, kind, "--timeout", "2s")
		late := func(method, path, body string) {
			t.Helper()
			if status, text := c.send(t.Context(), method, path, body); status != 504 || !strings.Contains(text, "/timeout") {
				t.Errorf("%s %s is answered with %d %s", method, path, status, text)
			}
			c.await(0, nil)
		}
		late("GET", "/tasks?filter="+endless, "")
		late("PATCH", "/tasks?max_affected=1000&filter="+endless, `{"number":1}`)
		c.lock()
		late("GET", "/tasks", "")
		late("POST", "/tasks", `{"team":"`+c.team+`","number":1}`)
	})
}

func eachWatched(t *testing.T, test func(t *testing.T, kind dbtest.Kind)) {
	kinds, _ := dbtest.Kinds()
	for _, kind := range kinds {
		if watched[kind.Name].running == "" {
			continue // SQLite is no server; of MongoDB nothing but a stand-in runs here
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}
