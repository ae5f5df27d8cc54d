package conformance

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	kills = flag.Int("kills", 12, "how often TestKilledWhileWriting kills the program")
	seed  = flag.Uint64("seed", 1, "what the random tests draw from")
)

const (
	crashWriters = 8
	// killsEach is how many kills a database lives through; then a new one is made.
	killsEach = 50
	// readyTime is the promise: so long after a kill the program serves again. Where
	// a machine is busy with other things one start in 20 may take longer.
	readyTime = 2 * time.Second
)

// TestKilledWhileWriting kills the program at random moments while many write:
// whatever was acknowledged is there afterwards, in its last acknowledged state or
// in the one that was on its way; nothing is half there; a request that is
// repeated under its Idempotency-Key has one effect.
//
//	go test ./conformance -run Kill -kills 1000 -timeout 60m -v
func TestKilledWhileWriting(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	var sum crashSum
	for left := *kills; left > 0 && !t.Failed(); left -= killsEach {
		c := newCrash(t, random, &sum)
		for range min(left, killsEach) {
			if c.round(); t.Failed() {
				break
			}
		}
		c.end()
	}
	if allowed := 1 + sum.starts/20; sum.slow > allowed {
		t.Errorf("-seed %d: %d of %d starts took longer than %s, the longest %s", *seed, sum.slow, sum.starts, readyTime, sum.ready)
	}
	if !t.Failed() {
		t.Logf("-seed %d: %s", *seed, &sum)
	}
}

// TestKilledWhileTheDatabaseIsMade kills the first start at random moments: the
// next one makes what is missing, and the sample data is there once.
func TestKilledWhileTheDatabaseIsMade(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 1))
	var stock strings.Builder
	stock.WriteString("User:\n  ann: {email: ann@example.org, password: " + password + "}\nItem:\n")
	for i := range 300 {
		fmt.Fprintf(&stock, "  item%d: {name: \"item %d\"}\n", i, i)
	}
	fresh := func() (folder string) {
		folder = t.TempDir()
		for name, content := range map[string]string{"contract.yaml": shopContract, "seed.yaml": stock.String()} {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return folder
	}
	usual := serve(t, fresh()).took
	for round := range max(1, *kills/3) {
		folder := fresh()
		for range 1 + random.IntN(3) {
			p := launch(t, command("dev", folder, "--listen", "127.0.0.1:0"))
			<-time.After(time.Duration(random.Int64N(int64(usual)))) // any moment of a start
			p.kill()
		}
		p := start(t, command("dev", folder, "--listen", "127.0.0.1:0"))
		if p.url == "" {
			t.Fatalf("-seed %d: round %d: it ends with %d:\n%s", *seed, round, p.code, &p.out)
		}
		if _, err := newPlayer(p.url).token(t.Context(), "ann@example.org"); err != nil {
			t.Errorf("-seed %d: round %d: %v", *seed, round, err)
		}
		if a := ask(t, "GET", p.url+"/v1/items/count", ""); a.body != `{"total":300}` {
			t.Errorf("-seed %d: round %d: the sample data are %s", *seed, round, a.body)
		}
		if code := p.stop(t); code != 0 {
			t.Errorf("-seed %d: round %d: it ends with %d:\n%s", *seed, round, code, &p.out)
		}
		sound(t, filepath.Join(folder, ".mainstay", "data.db"))
	}
}

// crashSum is what happened, for the record.
type crashSum struct {
	kills, early, acknowledged, unanswered, arrived, repeated, starts, slow int
	ready                                                                   time.Duration // the longest
}

func (s *crashSum) String() string {
	return fmt.Sprintf("%d kills while writing and %d while starting; %d writes acknowledged, none lost; %d unanswered, of which %d had happened; %d repeated under their key; at most %s until ready, %d of %d starts longer than %s",
		s.kills, s.early, s.acknowledged, s.unanswered, s.arrived, s.repeated, s.ready.Round(time.Millisecond), s.slow, s.starts, readyTime)
}

// crash is one database, who writes to it, and the program that serves it.
type crash struct {
	t        *testing.T
	random   *rand.Rand
	sum      *crashSum
	database string
	args     []string
	process  *process
	writers  []*writer
	counter  *counter
}

func newCrash(t *testing.T, random *rand.Rand, sum *crashSum) *crash {
	home := t.TempDir()
	database := filepath.Join(home, "data.db")
	c := &crash{t: t, random: random, sum: sum, database: database, counter: &counter{}, args: []string{
		"serve", "testdata/crash", "--database", "sqlite:" + database, "--keys", home,
		"--listen", "127.0.0.1:0", "--operator", "127.0.0.1:0",
	}}
	if out, err := command("migrate", "testdata/crash", "--database", "sqlite:"+database).CombinedOutput(); err != nil {
		t.Fatalf("mainstay migrate: %v\n%s", err, out)
	}
	c.start()
	for i := range crashWriters {
		w := &writer{name: fmt.Sprintf("w%d", i), random: rand.New(rand.NewPCG(random.Uint64(), 0)), rows: map[string]row{}, counter: c.counter}
		c.each(w, func() error { return w.signUp(c.process.url) })
		c.writers = append(c.writers, w)
	}
	c.each(c.writers[0], func() error { return c.writers[0].makeCounter() })
	return c
}

// start starts the program and takes the time.
func (c *crash) start() {
	c.t.Helper()
	c.process = start(c.t, command(c.args...))
	if c.process.url == "" {
		c.t.Fatalf("-seed %d: after kill %d the program ended with %d:\n%s", *seed, c.sum.kills, c.process.code, &c.process.out)
	}
	c.sum.ready = max(c.sum.ready, c.process.took)
	if c.sum.starts++; c.process.took > readyTime {
		c.sum.slow++
	}
}

// round writes until the program is killed, starts it again, and looks.
func (c *crash) round() {
	c.t.Helper()
	var acknowledged atomic.Int64
	var killed atomic.Bool
	enough, reached := 1+c.random.Int64N(250), make(chan struct{})
	reach := sync.OnceFunc(func() { close(reached) })
	acknowledge := func() {
		if acknowledged.Add(1) >= enough {
			reach()
		}
	}
	var writing sync.WaitGroup
	for _, w := range c.writers {
		writing.Go(func() {
			if err := w.write(c.process.url, acknowledge); err != nil && !killed.Load() {
				c.fault(w, err)
				reach()
			}
		})
	}
	<-reached
	<-time.After(time.Duration(c.random.IntN(5000)) * time.Microsecond) // any moment of a write
	killed.Store(true)
	c.process.kill()
	writing.Wait()
	if log := c.process.out.String(); strings.Contains(log, "panic") || strings.Contains(log, `"level":"ERROR"`) {
		c.t.Errorf("-seed %d: kill %d: it logged\n%s", *seed, c.sum.kills, log)
	}
	c.sum.kills++
	c.sum.acknowledged += int(acknowledged.Load())
	sound(c.t, copyDatabase(c.t, c.database, filepath.Join(filepath.Dir(c.database), "copy")))
	for c.random.IntN(4) == 0 {
		p := launch(c.t, command(c.args...))
		<-time.After(time.Duration(c.random.IntN(60_000)) * time.Microsecond) // any moment of a start
		p.kill()
		c.sum.early++
	}
	c.start()
	c.look()
}

// look compares what is there with what each writer was told, and sends again
// what stayed without an answer.
func (c *crash) look() {
	var looking sync.WaitGroup
	for _, w := range c.writers {
		looking.Go(func() {
			w.connect(c.process.url)
			if err := w.look(); err != nil {
				c.fault(w, err)
			}
		})
	}
	looking.Wait()
	if err := c.counter.look(c.writers[0]); err != nil {
		c.fault(c.writers[0], err)
	}
	for _, w := range c.writers {
		c.sum.unanswered += w.sum.unanswered
		c.sum.arrived += w.sum.arrived
		c.sum.repeated += w.sum.repeated
		w.sum = writerSum{}
	}
}

// end looks a last time, stops the program and has the database checked.
func (c *crash) end() {
	if c.t.Failed() {
		return
	}
	c.look() // what was sent again has had its one effect
	if code := c.process.stop(c.t); code != 0 {
		c.t.Errorf("it ended with %d:\n%s", code, &c.process.out)
	}
	sound(c.t, c.database)
	for _, end := range []string{"-wal", "-shm"} {
		if info, err := os.Stat(c.database + end); err == nil && info.Size() > 0 {
			c.t.Errorf("%s is left behind with %d bytes", info.Name(), info.Size())
		}
	}
}

func (c *crash) each(w *writer, do func() error) {
	c.t.Helper()
	if err := do(); err != nil {
		c.t.Fatalf("%s: %v", w.name, err)
	}
}

func (c *crash) fault(w *writer, err error) {
	c.t.Errorf("-seed %d: kill %d: %s: %v", *seed, c.sum.kills, w.name, err)
}
