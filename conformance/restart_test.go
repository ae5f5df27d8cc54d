package conformance

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// recoveryTime is the promise: so long after a database is back requests succeed.
const recoveryTime = 2 * time.Second

// owned are the databases that can be killed and started again.
var owned = []struct {
	name  string
	start func(testing.TB, ...string) *dbtest.Server
}{
	{"PostgreSQL", dbtest.OwnPostgres},
	{"MariaDB", dbtest.OwnMaria},
}

// servedFrom makes a database on the server and serves the shop from it.
func servedFrom(t *testing.T, server *dbtest.Server) (url, operator string) {
	t.Helper()
	if err := dbtest.Run(server.URL(""), "CREATE DATABASE shop"); err != nil {
		t.Fatal(err)
	}
	s := &shop{contract: t.TempDir()}
	s.save(t, shopContract)
	database := server.URL("shop")
	if out, err := command("migrate", s.contract, "--database", database).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := start(t, command("serve", s.contract, "--database", database, "--keys", t.TempDir(), "--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0"))
	if p.url == "" {
		t.Fatalf("it does not serve:\n%s", &p.out)
	}
	t.Cleanup(func() {
		for line := range strings.Lines(p.out.String()) { // that the database is away is to be said, and nothing else
			if strings.Contains(line, "panic") || strings.Contains(line, `"level":"ERROR"`) && !strings.Contains(line, `"error":"unavailable: `) {
				t.Errorf("it logged %s", line)
			}
		}
	})
	at := regexp.MustCompile(`"operator":"([^"]+)"`).FindStringSubmatch(p.out.String())
	if at == nil {
		t.Fatalf("it does not say where the operator's port is:\n%s", &p.out)
	}
	return p.url, "http://" + at[1]
}

// TestADatabaseThatIsKilledUnderLoad kills the server of the database and starts
// it again while many write and read: what was acknowledged is there, every answer
// is right or 503 with Retry-After, and soon after its return all succeed.
func TestADatabaseThatIsKilledUnderLoad(t *testing.T) {
	for _, kind := range owned {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := kind.start(t)
			url, _ := servedFrom(t, server)
			l := &load{url: url, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20}}}
			stop := l.run(t, 6, 6)
			for range 2 {
				made, told := l.acknowledged.Load(), l.told.Load()
				l.await(t, "writes", func() bool { return l.acknowledged.Load() >= made+200 })
				server.Kill()
				l.await(t, "refusals", func() bool { return l.told.Load() >= told+50 })
				server.Start(t)
				l.recovers(t)
			}
			stop()
			l.look(t)
			t.Logf("%d writes acknowledged, %d requests told to wait, all succeed %s after the return at most", l.acknowledged.Load(), l.told.Load(), l.slowest.Round(time.Millisecond))
		})
	}
}

// TestADatabaseThatIsRestartedWhileNobodyAsks is not felt by anybody: every
// connection was lost while it lay at rest.
func TestADatabaseThatIsRestartedWhileNobodyAsks(t *testing.T) {
	for _, kind := range owned {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			server := kind.start(t)
			url, operator := servedFrom(t, server)
			for _, end := range []func(){server.Stop, server.Kill} {
				atOnce(t, url)
				end()
				if a := ask(t, "GET", operator+"/readyz", ""); a.status != 503 {
					t.Errorf("while the database is away /readyz answers %d %s", a.status, a.body)
				}
				server.Start(t)
				if a := ask(t, "GET", operator+"/readyz", ""); a.status != 200 {
					t.Errorf("when the database is back /readyz answers %d %s", a.status, a.body)
				}
				atOnce(t, url)
			}
		})
	}
}

// atOnce sends many requests at the same time, which must all succeed.
func atOnce(t *testing.T, url string) {
	t.Helper()
	var asking sync.WaitGroup
	for i := range 40 {
		asking.Go(func() {
			if i%2 == 0 {
				if a := ask(t, "GET", url+"/v1/items?limit=3&count=exact", ""); a.status != 200 {
					t.Errorf("reading answers %d %s", a.status, a.body)
				}
			} else if a := ask(t, "POST", url+"/v1/items", `{"name":"pen"}`); a.status != 201 {
				t.Errorf("writing answers %d %s", a.status, a.body)
			}
		})
	}
	asking.Wait()
}

// load is writers, who make items, and readers, who count them.
type load struct {
	url                 string
	client              *http.Client
	made                atomic.Int64 // names given out
	acknowledged, reads atomic.Int64
	told                atomic.Int64 // how often somebody was told to come again
	lock                sync.Mutex
	names               []string // of items that were acknowledged
	successes           []*atomic.Int64
	slowest             time.Duration
}

// run starts writers and readers; stop waits for their last answers.
func (l *load) run(t *testing.T, writers, readers int) (stop func()) {
	var stopped atomic.Bool
	var running sync.WaitGroup
	each := func(do func() error) {
		done := new(atomic.Int64)
		l.successes = append(l.successes, done)
		running.Go(func() {
			for !stopped.Load() {
				switch err := do(); err {
				case nil:
					done.Add(1)
				case errTold:
					l.told.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	for range writers {
		each(l.write)
	}
	for range readers {
		each(l.read)
	}
	stop = sync.OnceFunc(func() { stopped.Store(true); running.Wait() })
	t.Cleanup(stop)
	return stop
}

// errTold is an answer that says to come again.
var errTold = fmt.Errorf("503 with Retry-After")

// send sends a request; the program must answer whatever its database does.
func (l *load) send(method, path, body string) (status int, text string, err error) {
	r, err := http.NewRequest(method, l.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := l.client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", err
	}
	if res.StatusCode == http.StatusServiceUnavailable {
		if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || seconds < 1 {
			return 0, "", fmt.Errorf("503 says Retry-After: %q: %s", res.Header.Get("Retry-After"), content)
		}
		return 0, "", errTold
	}
	return res.StatusCode, string(content), nil
}

func (l *load) write() error {
	name := fmt.Sprintf("item %d", l.made.Add(1))
	status, text, err := l.send("POST", "/v1/items", `{"name":"`+name+`"}`)
	if err != nil {
		return err
	}
	if status != 201 || !strings.Contains(text, `"`+name+`"`) {
		return fmt.Errorf("making %s answers %d %s", name, status, text)
	}
	l.lock.Lock()
	l.names = append(l.names, name)
	l.lock.Unlock()
	l.acknowledged.Add(1)
	return nil
}

// read counts: what was acknowledged before is there, and no more than was tried.
func (l *load) read() error {
	least := l.acknowledged.Load()
	status, text, err := l.send("GET", "/v1/items/count", "")
	if err != nil {
		return err
	}
	var n int64
	if _, bad := fmt.Sscanf(text, `{"total":%d}`, &n); bad != nil || status != 200 || n < least || n > l.made.Load() {
		return fmt.Errorf("counting answers %d %s after %d acknowledged of %d", status, text, least, l.made.Load())
	}
	l.reads.Add(1)
	return nil
}

// await waits until something holds.
func (l *load) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit:
			t.Errorf("%s do not come", what)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// recovers waits until everybody has succeeded again, and takes the time.
func (l *load) recovers(t *testing.T) {
	t.Helper()
	began := time.Now()
	for _, done := range l.successes {
		before := done.Load()
		l.await(t, "successes", func() bool { return done.Load() > before })
	}
	took := time.Since(began)
	if l.slowest = max(l.slowest, took); took > recoveryTime {
		t.Errorf("all succeed %s after the database is back, which is to be %s", took, recoveryTime)
	}
}

// look compares what is there with what was acknowledged.
func (l *load) look(t *testing.T) {
	t.Helper()
	status, text, err := l.send("GET", "/v1/items.csv?fields=name", "")
	if err != nil || status != 200 {
		t.Fatalf("the export answers %d %s: %v", status, text, err)
	}
	there := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\r\n")[1:] {
		there[line]++
	}
	for _, name := range l.names {
		if there[name] != 1 {
			t.Errorf("%s was acknowledged and is there %d times", name, there[name])
		}
	}
	if len(there) > int(l.made.Load()) {
		t.Errorf("%d items are there of %d", len(there), l.made.Load())
	}
}
