package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// growing measures how cost grows on SQLite, where server and database are one process.
type growing struct {
	p        *place
	mainstay string
	e        effort
	out      bytes.Buffer // Markdown
}

func (p *place) growth(ctx context.Context, o options, out io.Writer) error {
	mainstay, err := p.build(ctx, "..", "./cmd/mainstay", "mainstay")
	if err != nil {
		return err
	}
	g := &growing{p: p, mainstay: mainstay, e: effort{rounds: 3, warm: 200 * time.Millisecond, measure: time.Second}}
	if o.rounds > 0 {
		g.e.rounds = o.rounds
	}
	if o.seconds > 0 {
		g.e.measure = time.Duration(o.seconds * float64(time.Second))
	}
	fmt.Fprintf(&g.out, "`bench/run --growth` on %s; SQLite.\n", machine())
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"records", func(ctx context.Context) error { return g.records(ctx, o.size.Jobs) }},
		{"includes", g.includes}, {"rules", g.rules}, {"resources", g.resources},
		{"connections", g.connections}, {"sizes", g.sizes}, {"export", g.export},
	} {
		progress("%s", step.name)
		if err := step.do(ctx); err != nil {
			out.Write(g.out.Bytes()) // what was measured until then
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if o.write {
		if err := p.document("growth", g.out.String()); err != nil {
			return err
		}
	}
	_, err = out.Write(g.out.Bytes())
	return err
}

// filled is a served database of the bench contract.
func (g *growing) filled(ctx context.Context, size dataset.Size) (*system, *serving, error) {
	url := "sqlite:" + g.p.sqliteFile(fmt.Sprintf("growth-%d", size.Jobs))
	if err := g.p.migrated(ctx, g.mainstay, g.p.root, url); err != nil {
		return nil, nil, err
	}
	tokens, err := fillStore(ctx, g.p.root, url, size)
	if err != nil {
		return nil, nil, err
	}
	s, err := g.p.serve(ctx, g.mainstay, g.p.root, url)
	if err != nil {
		return nil, nil, err
	}
	cursors, err := s.cursors(size)
	if err != nil {
		return nil, nil, err
	}
	return &system{name: fmt.Sprint(size.Jobs), addr: s.addr, dialect: mainstayDialect(tokens, cursors), program: s.program, statements: s.statements}, s, nil
}

// table writes the medians of what several systems took for the same scenarios.
func (g *growing) table(head string, db *database, names []string, figures []figure) {
	var columns []string
	for _, s := range db.systems {
		columns = append(columns, s.name)
	}
	fmt.Fprintf(&g.out, "\n| %s |%s\n|---|%s\n", head, cells(columns), strings.Repeat("---|", len(columns)))
	for _, name := range names {
		var values []string
		for _, s := range db.systems {
			values = append(values, fmt.Sprintf("%.3f", median(of(figures, db.name, name, s.name), func(f figure) float64 { return f.Processor })))
		}
		fmt.Fprintf(&g.out, "| %s |%s\n", name, cells(values))
	}
}

func (g *growing) records(ctx context.Context, most int) error {
	db := &database{name: "sqlite"}
	var sizes []dataset.Size
	for n := 1_000; n <= most; n *= 10 {
		size := dataset.Size{Companies: max(10, n/100), Jobs: n, Applications: n}
		s, _, err := g.filled(ctx, size)
		if err != nil {
			return err
		}
		db.systems, sizes = append(db.systems, s), append(sizes, size)
	}
	var figures []figure
	names := []string{"S1", "S2", "S4", "S7"}
	for _, name := range names {
		each := make([][][]byte, len(db.systems))
		for i, s := range db.systems {
			for _, a := range asks(sizes[i], 3000, 2) {
				each[i] = append(each[i], s.dialect[name](a).bytes(s.addr))
			}
		}
		some, failed := measured(db, name, each, g.e)
		if len(failed) > 0 {
			return asError(failed)
		}
		figures = append(figures, some...)
	}
	fmt.Fprintf(&g.out, "\n### Records\nProcessor milliseconds per request with so many jobs; S4 begins after half of them.\n")
	g.table("jobs", db, names, figures)
	c := chart{title: "Processor milliseconds per request, by the number of jobs", unit: "ms", groups: names}
	for _, s := range db.systems {
		one := series{name: s.name + " jobs"}
		for _, name := range names {
			one.values = append(one.values, median(of(figures, db.name, name, s.name), func(f figure) float64 { return f.Processor }))
		}
		c.series = append(c.series, one)
	}
	fmt.Fprintf(&g.out, "\n![%s](performance/records.svg)\n", c.title)
	for _, s := range db.systems[:len(db.systems)-1] {
		s.program.stop()
	}
	return c.write(g.p.charts(), "records.svg", math.Inf(1))
}

// one measures a path on a server, alone.
func (g *growing) one(addr string, p *program, path string) (figure, error) {
	s := &system{name: path, addr: addr, program: p}
	e := g.e
	db := &database{name: "sqlite", systems: []*system{s}}
	figures, failed := measured(db, path, [][][]byte{{message{method: "GET", path: path}.bytes(addr)}}, e)
	if len(failed) > 0 {
		return figure{}, asError(failed)
	}
	return figure{
		Processor: median(figures, func(f figure) float64 { return f.Processor }), P99: median(figures, func(f figure) float64 { return f.P99 }),
		Bytes: figures[0].Bytes, Resident: figures[len(figures)-1].Resident,
	}, nil
}

func (g *growing) includes(ctx context.Context) error {
	size := dataset.Size{Companies: 1_000, Jobs: 20_000, Applications: 100_000}
	_, s, err := g.filled(ctx, size)
	if err != nil {
		return err
	}
	defer s.program.stop()
	fmt.Fprintf(&g.out, "\n### Includes\nA list of 20 applications.\n\n| include | processor ms | bytes |\n|---|---|---|\n")
	for _, include := range []string{"", "job", "job.company", "job.company.staff", "job.applications"} {
		path := "/v1/applications?limit=20"
		if include != "" {
			path += "&include=" + include
		}
		f, err := g.one(s.addr, s.program, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&g.out, "| %s | %.3f | %.0f |\n", include, f.Processor, f.Bytes)
	}
	return nil
}

// generated writes a contract into a folder of its own.
func (g *growing) generated(name, text string) (string, error) {
	folder := g.p.path(name)
	if err := os.Mkdir(folder, 0o755); err != nil {
		return "", err
	}
	return folder, os.WriteFile(filepath.Join(folder, "contract.yaml"), []byte(text), 0o644)
}

// rules measures a read rule of n branches, each through a relation of its own, of which
// the last one admits nobody and the first one everybody.
func (g *growing) rules(ctx context.Context) error {
	fmt.Fprintf(&g.out, "\n### Branches of a rule\nA list of 20 under a rule of so many branches, each through a relation of its own; only the last one holds.\n\n| branches | processor ms |\n|---|---|\n")
	for _, n := range []int{1, 5, 10, 20} {
		var fields, branches, others strings.Builder
		for i := range n - 1 {
			fmt.Fprintf(&fields, "      grants%d: many Grant%d.item\n", i, i)
			fmt.Fprintf(&branches, "grants%d.exists(g, g.level == 3) || ", i)
			fmt.Fprintf(&others, "  Grant%d:\n    fields:\n      item:  Item\n      level: int\n    access:\n      read: true\n", i)
		}
		folder, err := g.generated(fmt.Sprintf("rules-%d", n), "mainstay: 1\nname: rules\nresources:\n  Item:\n    fields:\n      name:  string 1..100\n      shelf: int\n"+fields.String()+
			"    access:\n      read: "+branches.String()+"shelf == 1\n"+others.String())
		if err != nil {
			return err
		}
		s, err := g.served(ctx, folder, func(f *filler) {
			f.add("items", "id created_at updated_at _revision name shelf", numberedRows(2_000, func(i int) []any {
				return append(builtinOf(i), fmt.Sprint("Item ", i), int64(i%2))
			}))
		})
		if err != nil {
			return err
		}
		f, err := g.one(s.addr, s.program, "/v1/items?limit=20")
		if err != nil {
			return err
		}
		s.program.stop()
		fmt.Fprintf(&g.out, "| %d | %.3f |\n", n, f.Processor)
	}
	return nil
}

func builtinOf(i int) []any { return builtin(dataset.JobID(i), int64(1_700_000_000_000+i)) }

func numberedRows(n int, row func(int) []any) func(func([]any) bool) {
	return each(n, func(i int) int { return i }, row)
}

// served fills a database of the contract in folder and serves it.
func (g *growing) served(ctx context.Context, folder string, fill func(*filler)) (*serving, error) {
	url := "sqlite:" + folder + ".db"
	if err := g.p.migrated(ctx, g.mainstay, folder, url); err != nil {
		return nil, err
	}
	c, faults := contract.Load(folder)
	if c == nil {
		return nil, fmt.Errorf("%v", faults)
	}
	driver, err := openStore(ctx, url)
	if err != nil {
		return nil, err
	}
	f := &filler{ctx: ctx, db: store.New(driver), tables: schema.Of(c)}
	fill(f)
	if err := driver.Close(); err != nil || f.err != nil {
		return nil, fmt.Errorf("%w %w", err, f.err)
	}
	if err := analyzed(ctx, url); err != nil {
		return nil, err
	}
	return g.p.serve(ctx, g.mainstay, folder, url)
}

func (g *growing) resources(ctx context.Context) error {
	fmt.Fprintf(&g.out, "\n### Resources of a contract\nEach with six fields, a reference and a rule over it.\n\n| resources | check ms | start ms, tables present | MiB at rest |\n|---|---|---|---|\n")
	for _, n := range []int{10, 100, 300} {
		var b strings.Builder
		b.WriteString("mainstay: 1\nname: many\naccounts:\n  resource: User\nresources:\n  User:\n    fields:\n      email: email unique\n    access:\n      read: id == caller.id\n")
		for i := range n {
			fmt.Fprintf(&b, "  Thing%d:\n    fields:\n      owner: User\n      name:  string 1..100\n      state: enum open|closed = open\n      size:  int 0..1000\n      price: decimal 12,2 optional\n      due:   date optional\n    access:\n      read:  owner == caller || state == \"open\"\n      write: owner == caller\n", i)
		}
		folder, err := g.generated(fmt.Sprintf("resources-%d", n), b.String())
		if err != nil {
			return err
		}
		var check []float64
		for range 5 {
			began := time.Now()
			if _, err := g.p.command(ctx, exec.CommandContext(ctx, g.mainstay, "check", folder)); err != nil {
				return err
			}
			check = append(check, float64(time.Since(began).Microseconds())/1000)
		}
		s, err := g.served(ctx, folder, func(*filler) {})
		if err != nil {
			return err
		}
		mib := float64(spent(s.program.pid()).resident) / (1 << 20)
		s.program.stop()
		fmt.Fprintf(&g.out, "| %d | %.0f | %.0f | %.0f |\n", n, middle(check), float64(s.start.Microseconds())/1000, mib)
	}
	return nil
}

func (g *growing) connections(ctx context.Context) error {
	s, err := g.p.serve(ctx, g.mainstay, g.p.root, "sqlite:"+g.p.sqliteFile("growth-20000"))
	if err != nil {
		return err
	}
	defer s.program.stop()
	fmt.Fprintf(&g.out, "\n### Open connections\nEach has asked once and stays open.\n\n| connections | MiB |\n|---|---|\n")
	request := message{method: "GET", path: "/v1/jobs?limit=1"}.bytes(s.addr)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	buf := make([]byte, 64<<10)
	for _, n := range []int{1, 100, 1_000, 5_000, 10_000} {
		for len(open) < n {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				fmt.Fprintf(&g.out, "| %d | no more than %d could be opened |\n", n, len(open))
				return nil
			}
			open = append(open, c)
			if _, err := c.Write(request); err != nil {
				return err
			}
			if _, err := c.Read(buf); err != nil {
				return err
			}
		}
		fmt.Fprintf(&g.out, "| %d | %.0f |\n", n, float64(spent(s.program.pid()).resident)/(1<<20))
	}
	return nil
}

func (g *growing) sizes(ctx context.Context) error {
	folder, err := g.generated("sizes", "mainstay: 1\nname: sizes\nresources:\n  Paper:\n    fields:\n      body: text ..1000000\n    access:\n      read: true\n")
	if err != nil {
		return err
	}
	sizes := []int{1_000, 10_000, 100_000, 1_000_000}
	s, err := g.served(ctx, folder, func(f *filler) {
		for i, n := range sizes {
			f.add("papers", "id created_at updated_at _revision body", numberedRows(1, func(int) []any {
				return append(builtinOf(i), strings.Repeat("abcdefgh ", n/9))
			}))
		}
	})
	if err != nil {
		return err
	}
	defer s.program.stop()
	fmt.Fprintf(&g.out, "\n### Size of a record\nOne record by its id, over 32 connections.\n\n| bytes | processor ms | p99 ms | MiB |\n|---|---|---|---|\n")
	for i, n := range sizes {
		f, err := g.one(s.addr, s.program, "/v1/papers/"+value.UUID(dataset.JobID(i)).String())
		if err != nil {
			return err
		}
		fmt.Fprintf(&g.out, "| %d | %.3f | %.1f | %.0f |\n", n, f.Processor, f.P99, float64(f.Resident)/(1<<20))
	}
	return nil
}

// export reads all applications and watches the memory meanwhile.
func (g *growing) export(ctx context.Context) error {
	s, err := g.p.serve(ctx, g.mainstay, g.p.root, "sqlite:"+g.p.sqliteFile("growth-20000"))
	if err != nil {
		return err
	}
	defer s.program.stop()
	before := spent(s.program.pid())
	var most atomic.Int64
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
				most.Store(max(most.Load(), resident(s.program.pid())))
			}
		}
	}()
	began := time.Now()
	r, err := http.Get("http://" + s.addr + "/v1/applications.ndjson")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	n, err := io.Copy(io.Discard, r.Body)
	took := time.Since(began)
	close(done)
	<-watched
	if err != nil || r.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %w", r.StatusCode, err)
	}
	after := spent(s.program.pid())
	fmt.Fprintf(&g.out, "\n### An export\n100,000 applications as NDJSON: %.0f MB in %.2f s, %.2f s of processor time; at most %.0f MiB of memory, %.0f before. SQLite's mapping of the file counts in it.\n",
		float64(n)/1e6, took.Seconds(), after.processor-before.processor, float64(most.Load())/(1<<20), float64(before.resident)/(1<<20))
	return nil
}
