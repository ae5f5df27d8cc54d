package main

import (
	"context"
	"fmt"
	"math"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// records measures the same requests with ever more records.
func (g *growing) records(ctx context.Context) error {
	fmt.Fprintf(g.out, "### Records\nProcessor milliseconds per request with so many jobs, server and database; S4 begins after half of them.\n")
	for _, kind := range g.on("sqlite", "postgresql") {
		if err := g.recordsOn(ctx, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func (g *growing) recordsOn(ctx context.Context, kind string) error {
	db := &database{name: kind}
	var sizes []dataset.Size
	for n := 1_000; n <= g.size.Jobs; n *= 10 {
		size := dataset.Size{Companies: max(10, n/100), Jobs: n}
		s, _, err := g.filled(ctx, kind, size)
		if err != nil {
			return err
		}
		progress("%s: %d jobs", kind, n)
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
	g.table(kind, db, names, figures)
	c := chart{title: "Processor milliseconds per request on " + kind + ", by the number of jobs", unit: "ms", groups: names}
	for _, s := range db.systems {
		one := series{name: s.name + " jobs"}
		for _, name := range names {
			one.values = append(one.values, processorOf(figures, db, name, s))
		}
		c.series = append(c.series, one)
		s.program.stop()
	}
	fmt.Fprintf(g.out, "\n![%s](performance/records-%s.svg)\n", c.title, kind)
	return c.write(g.p.charts(), "records-"+kind+".svg", math.Inf(1))
}

func processorOf(figures []figure, db *database, scenario string, s *system) float64 {
	return median(of(figures, db.name, scenario, s.name), func(f figure) float64 { return f.Processor })
}

func (g *growing) includes(ctx context.Context) error {
	size := dataset.Size{Companies: 1_000, Jobs: 20_000, Applications: 100_000}
	_, s, err := g.filled(ctx, "sqlite", size)
	if err != nil {
		return err
	}
	defer s.program.stop()
	fmt.Fprintf(g.out, "### Includes\nA list of 20 applications; an include goes over three relations at most.\n\n| include | processor ms | bytes |\n|---|---|---|\n")
	for _, include := range []string{"", "job", "job.company", "job.applications", "job.applications.job"} {
		path := "/v1/applications?limit=20"
		if include != "" {
			path += "&include=" + include
		}
		f, err := g.one(s.addr, s.program, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(g.out, "| %s | %.3f | %.0f |\n", include, f.Processor, f.Bytes)
	}
	return nil
}
