package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/bench/dataset"
	"github.com/mainstay-run/mainstay/bench/load"
	"github.com/mainstay-run/mainstay/value"
)

// What a server may occupy, in MiB as the tables have them: at rest, and under load by
// the database.
const mostAtRest = 40.0

var mostUnderLoad = map[string]float64{"sqlite": 150, "postgresql": 80, "mariadb": 80}

// memory measures what the contract of the benchmarks occupies at rest and under each
// kind of load, and then whether a limit is kept by what needs more than it.
func (g *growing) memory(ctx context.Context) error {
	size := dataset.Size{Companies: 1_000, Jobs: min(g.size.Jobs, 100_000), Applications: min(g.size.Applications, 20_000)}
	names := []string{"S1", "S2", "S3", "S4", "S5", "S6", "S7"}
	columns := append([]string{"at rest"}, names...)
	fmt.Fprintf(g.out, "### Memory\nMiB of the server with %d jobs: after its first answer, and at most while 32 callers send one kind of request after the other.\n\n| |%s\n|---|%s\n", size.Jobs, cells(columns), strings.Repeat("---|", len(columns)))
	var faults []error
	for _, kind := range g.on("sqlite", "postgresql", "mariadb") {
		s, at, err := g.filled(ctx, kind, size)
		if err != nil {
			return err
		}
		s.program.stop() // what is at rest has not walked the pages
		again, err := g.p.serve(ctx, g.mainstay, g.p.root, at.url)
		if err != nil {
			return err
		}
		if _, err := get("/v1/jobs?limit=1").answer(again.addr); err != nil {
			return err
		}
		rest := mebibytes(resident(again.program.pid()))
		line := []string{fmt.Sprintf("%.0f", rest)}
		if rest > mostAtRest {
			faults = append(faults, fmt.Errorf("%s: %.0f MiB at rest, more than %.0f", kind, rest, mostAtRest))
		}
		for _, name := range names {
			var requests [][]byte
			for _, a := range asks(size, 3000, 2) {
				requests = append(requests, s.dialect[name](a).bytes(again.addr))
			}
			most, _, err := underLoad(again, requests, g.e.measure*time.Duration(g.e.rounds), resident)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", kind, name, err)
			}
			if line = append(line, fmt.Sprintf("%.0f", most)); most > mostUnderLoad[kind] {
				faults = append(faults, fmt.Errorf("%s: %.0f MiB under %s, more than %.0f", kind, most, name, mostUnderLoad[kind]))
			}
		}
		again.program.stop()
		fmt.Fprintf(g.out, "| %s |%s\n", kind, cells(line))
	}
	return errors.Join(append(faults, g.limited(ctx))...)
}

// limited gives the server's own memory while 32 callers read records of 1 MB from
// PostgreSQL, without a limit and with ever less.
func (g *growing) limited(ctx context.Context) error {
	if len(g.on("postgresql")) == 0 {
		return nil
	}
	folder, err := g.generated("limits", "mainstay: 1\nname: limits\nresources:\n  Paper:\n    fields:\n      body: text ..1000000\n    access:\n      read: true\n")
	if err != nil {
		return err
	}
	s, err := g.served(ctx, "postgresql", folder, func(f *filler) {
		f.add("papers", "id created_at updated_at _revision body", numberedRows(1, func(int) []any {
			return append(builtinOf(0), strings.Repeat("abcdefgh ", 1_000_000/9))
		}))
	})
	if err != nil {
		return err
	}
	s.program.stop()
	fmt.Fprintf(g.out, "\nMiB of the server's own (files that it maps are not counted) at most, while 32 callers read a record of 1 MB:\n\n| `GOMEMLIMIT` | MiB | requests/s |\n|---|---|---|\n")
	var faults []error
	for _, limit := range []float64{0, 200, 100} {
		name, env := "none", []string{}
		if limit > 0 {
			name = fmt.Sprintf("%.0fMiB", limit)
			env = append(env, "GOMEMLIMIT="+name)
		}
		s, err := g.p.serveWith(ctx, env, g.mainstay, folder, s.url)
		if err != nil {
			return err
		}
		request := get("/v1/papers/" + value.UUID(dataset.JobID(0)).String()).bytes(s.addr)
		most, r, err := underLoad(s, [][]byte{request}, g.e.measure*time.Duration(g.e.rounds), residentOwn)
		if err != nil {
			return err
		}
		s.program.stop()
		fmt.Fprintf(g.out, "| %s | %.0f | %.0f |\n", name, most, float64(r.Requests)/r.Took.Seconds())
		if limit > 0 && most > limit {
			faults = append(faults, fmt.Errorf("the limit of %s is not kept: %.0f MiB", name, most))
		}
	}
	return errors.Join(faults...)
}

// underLoad is how many MiB a server occupies at most while it answers requests.
func underLoad(s *serving, requests [][]byte, took time.Duration, what func(int) int64) (float64, *load.Result, error) {
	most := watchMemory(s.program.pid(), what)
	r, err := load.Run(load.Plan{Addr: s.addr, Requests: requests, Duration: took})
	seen := mebibytes(most())
	if err == nil && r.Failed > 0 {
		err = fmt.Errorf("%d of %d answers are errors: %s", r.Failed, r.Requests, r.Fault)
	}
	return seen, r, err
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }
