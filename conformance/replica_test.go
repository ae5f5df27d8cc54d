package conformance

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// maxLag is how late the replicas of these tests may be.
const maxLag = 2 * time.Second

// notRead is what the log says when reads begin to go elsewhere.
const notRead = "a replica is not read from"

// followed is a program on a primary with a replica.
type followed struct {
	t                *testing.T
	shop             *shop
	url, token       string
	primary, replica *dbtest.Server
	pause, resume    string
}

func TestReadsThatMayBeLateComeFromAReplica(t *testing.T) {
	for _, kind := range dbtest.AllReplicated() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			p := &followed{t: t, shop: &shop{contract: t.TempDir(), folder: t.TempDir()}, pause: kind.Pause, resume: kind.Resume}
			p.primary, p.replica = kind.Start(t)
			if err := dbtest.Run(p.primary.URL(""), "CREATE DATABASE shop"); err != nil {
				t.Fatal(err)
			}
			p.shop.save(t, shopContract)
			p.shop.migrateTo(t, p.primary.URL("shop"))
			p.refusesOthers(kind.Name)
			program := start(t, command(append(p.shop.serveFrom(p.primary.URL("shop")), "--replica", p.replica.URL("shop"), "--replica-lag", maxLag.String())...))
			if program.url == "" {
				t.Fatalf("it does not serve:\n%s", &program.out)
			}
			p.url = program.url + "/v1"
			p.isAsked()
			p.isLate()
			p.isGone(program)
			if code := program.stop(t); code != 0 {
				t.Errorf("it ends with %d:\n%s", code, &program.out)
			}
		})
	}
}

// read asks a replica, if there is one, and tells where the answer comes from.
func (p *followed) read(path string) (answer answered, late bool) {
	p.t.Helper()
	answer = p.send("GET", path, "", "replica")
	from := answer.header.Get("Mainstay-Read")
	if answer.status == 200 && from != "primary" {
		late = true
		lag := regexp.MustCompile(`^replica; lag=(\d+\.\d\d\d)$`).FindStringSubmatch(from)
		if lag == nil {
			p.t.Fatalf("%s comes from %q", path, from)
		}
		if seconds, _ := strconv.ParseFloat(lag[1], 64); seconds > maxLag.Seconds() {
			p.t.Errorf("%s comes from a replica that is %s s late", path, lag[1])
		}
	}
	return answer, late
}

// send sends a request with the header Mainstay-Read, "" for none.
func (p *followed) send(method, path, body, from string) answered {
	p.t.Helper()
	r, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if from != "" {
		r.Header.Set("Mainstay-Read", from)
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Error(err)
	}
	return answered{res.StatusCode, res.Header.Get("Content-Type"), string(text), res.Header}
}

// add makes an item, which is acknowledged when add returns.
func (p *followed) add(name string) {
	p.t.Helper()
	if a := p.send("POST", "/items", `{"name":"`+name+`"}`, "primary"); a.status != 201 {
		p.t.Fatalf("making %s answers %d %s", name, a.status, a.body)
	}
}

// await polls a read until it is answered by a replica, or by the primary. Meanwhile
// the primary's answers all have the item of that name.
func (p *followed) await(late bool, item string) {
	p.t.Helper()
	limit := time.Now().Add(patience)
	for {
		a, found := p.read("/items?limit=200")
		if a.status != 200 {
			p.t.Fatalf("reading answers %d %s", a.status, a.body)
		}
		has := strings.Contains(a.body, `"`+item+`"`)
		if !found && !has {
			p.t.Fatalf("the primary does not show %s", item)
		}
		if found == late && has {
			return
		}
		if time.Now().After(limit) {
			p.t.Fatalf("from a replica: %t; with %s: %t", found, item, has)
		}
	}
}

// isAsked: what a header means, for every kind of request.
func (p *followed) isAsked() {
	p.t.Helper()
	for i := range 5 {
		p.add(fmt.Sprintf("item %d", i))
	}
	p.await(true, "item 4")
	for _, path := range []string{"/items/count", "/items/aggregate?measures=count", "/items.ndjson", "/items.csv", "/items?include=&limit=1"} {
		if a, late := p.read(path); path != "/items?include=&limit=1" && (a.status != 200 || !late) || !strings.Contains(a.header.Get("Vary"), "Mainstay-Read") && a.status == 200 {
			p.t.Errorf("%s answers %d from %q, and varies by %q", path, a.status, a.header.Get("Mainstay-Read"), a.header.Get("Vary"))
		}
	}
	if a := p.send("GET", "/items", "", ""); a.status != 200 || a.header.Get("Mainstay-Read") != "" {
		p.t.Errorf("without the header: %d from %q", a.status, a.header.Get("Mainstay-Read"))
	}
	if a := p.send("GET", "/items", "", "primary"); a.status != 200 || a.header.Get("Mainstay-Read") != "primary" {
		p.t.Errorf("from the primary: %d from %q", a.status, a.header.Get("Mainstay-Read"))
	}
	for _, refused := range [][3]string{
		{"POST", "/items", "replica"}, {"POST", "/batch", "replica"}, {"GET", "/auth/me", "replica"}, {"GET", "/items", "replicas"}, {"GET", "/items", "replica; lag=1"},
	} {
		body := ""
		if refused[0] == "POST" {
			body = `{"name":"x"}`
		}
		if a := p.send(refused[0], refused[1], body, refused[2]); a.status != 400 || !strings.Contains(a.body, "/invalid-parameter") || !strings.Contains(a.body, "Mainstay-Read") {
			p.t.Errorf("%v answers %d %s", refused, a.status, a.body)
		}
	}
	p.walks()
}

// walks: a cursor that one has made works on the other, and shows the same.
func (p *followed) walks() {
	p.t.Helper()
	var whole string
	for first, from := range []string{"replica", "primary"} {
		var names []string
		path := "/items?limit=2&sort=name"
		for step := first; path != ""; step++ {
			a := p.send("GET", path, "", []string{"replica", "primary"}[step%2])
			var page struct {
				Items []struct{ Name string }
				Next  string
			}
			if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 {
				p.t.Fatalf("%s answers %d %s", path, a.status, a.body)
			}
			for _, item := range page.Items {
				names = append(names, item.Name)
			}
			if path = ""; page.Next != "" {
				path = "/items?limit=2&sort=name&cursor=" + page.Next
			}
		}
		if text := strings.Join(names, ","); len(names) != 5 || first > 0 && text != whole {
			p.t.Errorf("beginning with the %s: %s", from, text)
		} else {
			whole = text
		}
	}
}

// isLate: a replica that stands still is read from for so long as it may be late, by
// callers whose session has not ended, wherever that has been told.
func (p *followed) isLate() {
	p.t.Helper()
	signup := p.send("POST", "/auth/signup", `{"email":"ann@shop.example","password":"correct horse battery"}`, "")
	var session struct{ Token string }
	if err := json.Unmarshal([]byte(signup.body), &session); err != nil || session.Token == "" {
		p.t.Fatalf("signing up answers %d %s", signup.status, signup.body)
	}
	p.token = session.Token
	p.await(true, "item 4") // the session is known to both by now, or will be
	if err := dbtest.Run(p.replica.URL("shop"), p.pause); err != nil {
		p.t.Fatal(err)
	}
	if a := p.send("POST", "/auth/logout", "", ""); a.status != 204 {
		p.t.Fatalf("signing out answers %d %s", a.status, a.body)
	}
	if a, _ := p.read("/items"); a.status != 401 {
		p.t.Errorf("who is signed out is answered with %d", a.status)
	}
	p.token = ""
	p.add("made while the replica stands still")
	p.await(false, "made while the replica stands still")
	if err := dbtest.Run(p.replica.URL("shop"), p.resume); err != nil {
		p.t.Fatal(err)
	}
	p.await(true, "made while the replica stands still")
}

// isGone: nobody feels that a replica is killed, and it is used again when it is back.
func (p *followed) isGone(program *process) {
	p.t.Helper()
	said := strings.Count(program.out.String(), notRead)
	p.replica.Kill()
	for range 20 {
		if a, late := p.read("/items?limit=1"); a.status != 200 || late {
			p.t.Errorf("without the replica: %d from %q", a.status, a.header.Get("Mainstay-Read"))
		}
	}
	program.await(p.t, notRead, said+1)
	p.add("made while the replica is gone")
	p.replica.Start(p.t)
	p.await(true, "made while the replica is gone")
}

// refusesOthers: what is no replica, or not of this database, is named at the start.
func (p *followed) refusesOthers(kind string) {
	p.t.Helper()
	at := func(s *dbtest.Server) string {
		u, err := url.Parse(s.URL(""))
		if err != nil {
			p.t.Fatal(err)
		}
		return u.Host
	}
	for _, tt := range map[string][]struct{ name, replica, want string }{
		"PostgreSQL": {
			{"the primary", p.primary.URL("shop"), "is no standby, so that it may hold anything; make one of the primary with pg_basebackup -R"},
			{"another database", p.replica.URL("postgres"), "it holds other tables than the database of --database; name the same database and schema on a server that follows it"},
			{"no database", p.replica.URL("nowhere"), `open the PostgreSQL database nowhere on ` + at(p.replica) + `: database "nowhere" does not exist`},
			{"another kind", "mariadb://root@" + at(p.replica) + "/shop", "the database's URL is postgres://"},
		},
		"MariaDB": {
			{"the primary", p.primary.URL("shop"), "has the server_id 1 of the primary, so that it is no replica of it"},
			{"another database", p.replica.URL("mysql"), "the database mysql is not as it was recorded"},
			{"no database", p.replica.URL("nowhere"), "Unknown database 'nowhere'"},
		},
	}[strings.Replace(kind, "MySQL", "MariaDB", 1)] {
		refused := start(p.t, command(append(p.shop.serveFrom(p.primary.URL("shop")), "--replica", tt.replica)...))
		if out := refused.out.String(); refused.url != "" || refused.code != 1 || !strings.Contains(out, "--replica ") || !strings.Contains(out, tt.want) {
			p.t.Errorf("%s: it ends with %d and says\n%s\nit is to say %q", tt.name, refused.code, out, tt.want)
			refused.kill()
		}
	}
}

// TestAReplicaThatIsAwayAtTheStartIsWaitedFor: reads go to the primary meanwhile.
func TestAReplicaThatIsAwayAtTheStartIsWaitedFor(t *testing.T) {
	s := &shop{contract: t.TempDir(), folder: t.TempDir()}
	s.save(t, shopContract)
	database := dbtest.PostgresURL(t)
	s.migrateTo(t, database)
	program := start(t, command(append(s.serveFrom(database), "--replica", "postgres://postgres:secret@127.0.0.1:1/postgres")...))
	if program.url == "" {
		t.Fatalf("it does not serve:\n%s", &program.out)
	}
	p := &followed{t: t, url: program.url + "/v1"}
	if a, late := p.read("/items"); a.status != 200 || late {
		t.Errorf("%d from %q", a.status, a.header.Get("Mainstay-Read"))
	}
	if program.stop(t); !strings.Contains(program.out.String(), notRead) || strings.Contains(program.out.String(), "secret") {
		t.Errorf("it logged\n%s", &program.out)
	}
}
