package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// rules measures a read rule of n branches, each through a relation of its own, of which
// the last one admits nobody and the first one everybody.
func (g *growing) rules(ctx context.Context) error {
	fmt.Fprintf(g.out, "### Branches of a rule\nA list of 20 under a rule of so many branches, each through a relation of its own; only the last one holds.\n\n| branches | processor ms |\n|---|---|\n")
	var groups []string
	var values []float64
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
		s, err := g.served(ctx, "sqlite", folder, func(f *filler) {
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
		fmt.Fprintf(g.out, "| %d | %.3f |\n", n, f.Processor)
		groups, values = append(groups, fmt.Sprint(n)), append(values, f.Processor)
	}
	return g.plot("rules", "Processor milliseconds per list of 20, by the branches of its rule", "ms", groups, values)
}

// resources measures contracts that grow: what it takes to check one, to make its tables,
// to start it when they are there, and what it occupies then.
func (g *growing) resources(ctx context.Context) error {
	fmt.Fprintf(g.out, "### Resources of a contract\nEach with six fields, a reference and a rule over it.\n\n| resources | check ms | migrate ms | start ms, tables present | of it processor | MiB at rest |\n|---|---|---|---|---|---|\n")
	c := chart{title: "Milliseconds by the resources of a contract, and MiB at rest", series: []series{{name: "check ms"}, {name: "start, processor ms"}, {name: "MiB at rest"}}}
	for _, n := range []int{10, 100, 300, 1000} {
		var b strings.Builder
		b.WriteString("mainstay: 1\nname: many\naccounts:\n  resource: User\nresources:\n  User:\n    fields:\n      email: email unique\n    access:\n      read: id == caller.id\n")
		for i := range n {
			fmt.Fprintf(&b, "  Thing%d:\n    fields:\n      owner: User\n      name:  string 1..100\n      state: enum open|closed = open\n      size:  int 0..1000\n      price: decimal 12,2 optional\n      due:   date optional\n    access:\n      read:  owner == caller || state == \"open\"\n      write: owner == caller\n", i)
		}
		folder, err := g.generated(fmt.Sprintf("resources_%d", n), b.String())
		if err != nil {
			return err
		}
		check, err := g.timed(func() error {
			_, err := g.p.command(ctx, exec.CommandContext(ctx, g.mainstay, "check", folder))
			return err
		})
		if err != nil {
			return err
		}
		url, err := g.url(ctx, "sqlite", filepath.Base(folder))
		if err != nil {
			return err
		}
		began := time.Now()
		if err := g.p.migrated(ctx, g.mainstay, folder, url); err != nil {
			return err
		}
		migrate := time.Since(began)
		start, at, err := g.starts(ctx, folder, url)
		if err != nil {
			return err
		}
		fmt.Fprintf(g.out, "| %d | %.0f | %d | %.0f | %.0f | %.0f |\n", n, check, migrate.Milliseconds(), start, at.processor*1000, mebibytes(at.resident))
		c.groups = append(c.groups, fmt.Sprint(n))
		for i, v := range []float64{check, at.processor * 1000, mebibytes(at.resident)} {
			c.series[i].values = append(c.series[i].values, v)
		}
	}
	fmt.Fprintf(g.out, "\n![%s](performance/resources.svg)\n", c.title)
	return c.write(g.p.charts(), "resources.svg", math.Inf(1))
}

// timed is how many milliseconds something takes, the median of some times.
func (g *growing) timed(do func() error) (float64, error) {
	var took []float64
	for range 2*g.e.rounds - 1 {
		began := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
	}
	return middle(took), nil
}

// starts is how many milliseconds a server needs until it is ready, the median of some
// starts, and what it has spent by then, that of the cheapest.
func (g *growing) starts(ctx context.Context, folder, url string) (float64, usage, error) {
	var took []float64
	least := usage{processor: math.Inf(1)}
	for range 2*g.e.rounds - 1 {
		s, err := g.p.serve(ctx, g.mainstay, folder, url)
		if err != nil {
			return 0, least, err
		}
		if u := spent(s.program.pid()); u.processor < least.processor {
			least = u
		}
		s.program.stop()
		took = append(took, float64(s.start.Microseconds())/1000)
	}
	return middle(took), least, nil
}

// mostForStart is how many milliseconds the contract of the benchmarks may need.
const mostForStart = 100

// start measures how long it is from the start of the program to the first answer
// from the database, when its tables are there and filled.
func (g *growing) start(ctx context.Context) error {
	size := dataset.Size{Companies: 1_000, Jobs: min(g.size.Jobs, 20_000), Applications: min(g.size.Applications, 100_000)}
	fmt.Fprintf(g.out, "### Start to first answer\nThe contract of the benchmarks, %d jobs and %d applications; a list over a connection of its own, the median of some starts.\n\n| | ms | the shortest |\n|---|---|---|\n", size.Jobs, size.Applications)
	var faults []error
	for _, kind := range g.on("sqlite", "postgresql", "mariadb") {
		_, s, err := g.filled(ctx, kind, size)
		if err != nil {
			return err
		}
		s.program.stop()
		var took []float64
		for range 4*g.e.rounds - 1 {
			ms, err := g.firstAnswer(ctx, s.url)
			if err != nil {
				return err
			}
			took = append(took, ms)
		}
		fmt.Fprintf(g.out, "| %s | %.0f | %.0f |\n", kind, middle(took), slices.Min(took))
		if middle(took) > mostForStart {
			faults = append(faults, fmt.Errorf("%s: %.0f ms, more than %d", kind, middle(took), mostForStart))
		}
	}
	return errors.Join(faults...)
}

func (g *growing) firstAnswer(ctx context.Context, url string) (float64, error) {
	began := time.Now()
	s, err := g.p.launch(nil, g.mainstay, g.p.root, url)
	if err != nil {
		return 0, err
	}
	defer s.program.stop()
	if err := s.program.ready(ctx, answering("http://"+s.addr+"/v1/jobs?limit=1")); err != nil {
		return 0, err
	}
	return float64(time.Since(began).Microseconds()) / 1000, nil
}
