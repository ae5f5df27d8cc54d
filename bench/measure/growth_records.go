package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

// records measures the same requests with ever more records, of Mainstay and of the
// reference on the same tables: what grows in both is the database's own.
func (g *growing) records(ctx context.Context) error {
	for _, kind := range g.on("sqlite", "postgresql") {
		fmt.Fprintf(g.out, "### Records on %s\nProcessor milliseconds per request with so many jobs, server and database; S4 begins after half of them. There are 3,000 different requests of each kind, and the reference reads the same tables.\n", kind)
		if err := g.recordsOn(ctx, kind); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		if err := g.section("records " + kind); err != nil {
			return err
		}
	}
	return nil
}

// recordsOn measures one database; its files go before the next one needs the room.
func (g *growing) recordsOn(ctx context.Context, kind string) error {
	db := &database{name: kind}
	var sizes []dataset.Size
	for n := 1_000; n <= g.size.Jobs; n *= 10 {
		size := dataset.Size{Companies: max(10, n/100), Jobs: n}
		some, err := g.beside(ctx, kind, size)
		if err != nil {
			return err
		}
		for _, s := range some {
			defer s.program.stop()
			db.systems, sizes = append(db.systems, s), append(sizes, size)
		}
	}
	var figures []figure
	names := []string{"S1", "S2", "S4", "S7"}
	for _, name := range names {
		progress("%s %s", kind, name)
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
	g.curves(kind, db, sizes, names, figures)
	c := chart{title: "Processor milliseconds per request on " + kind + ", by the number of jobs", unit: "ms"}
	for _, name := range names {
		c.groups = append(c.groups, name, name+" by hand")
	}
	for i := 0; i < len(db.systems); i += 2 {
		one := series{name: fmt.Sprint(sizes[i].Jobs) + " jobs"}
		for _, name := range names {
			one.values = append(one.values, processorOf(figures, db, name, db.systems[i]), processorOf(figures, db, name, db.systems[i+1]))
		}
		c.series = append(c.series, one)
	}
	fmt.Fprintf(g.out, "\n![%s](performance/records-%s.svg)\n", c.title, kind)
	return c.write(g.p.charts(), "records-"+kind+".svg", math.Inf(1))
}

// curves writes what each system took by the number of jobs, and the most of it divided
// by the least. The systems come in pairs of one size.
func (g *growing) curves(head string, db *database, sizes []dataset.Size, names []string, figures []figure) {
	var columns []string
	for i := 0; i < len(sizes); i += 2 {
		columns = append(columns, fmt.Sprint(sizes[i].Jobs))
	}
	columns = append(columns, "most / least")
	fmt.Fprintf(g.out, "\n| %s | |%s\n|---|---|%s\n", head, cells(columns), strings.Repeat("---|", len(columns)))
	for _, name := range names {
		for i, who := range []string{mainstay, byHand} {
			var values []string
			var all []float64
			for ; i < len(db.systems); i += 2 {
				v := processorOf(figures, db, name, db.systems[i])
				all, values = append(all, v), append(values, fmt.Sprintf("%.3f", v))
			}
			fmt.Fprintf(g.out, "| %s | %s |%s\n", name, who, cells(append(values, fmt.Sprintf("%.2f", slices.Max(all)/slices.Min(all)))))
		}
	}
}

// beside serves Mainstay and the reference, both from Mainstay's tables.
func (g *growing) beside(ctx context.Context, kind string, size dataset.Size) ([]*system, error) {
	name := fmt.Sprint(size.Jobs)
	url, err := g.url(ctx, kind, "records"+name)
	if err != nil {
		return nil, err
	}
	if err := g.p.migrated(ctx, g.mainstay, g.p.root, url); err != nil {
		return nil, err
	}
	progress("%s: filling in %s jobs", kind, name)
	tokens, err := fillMany(ctx, g.p.root, kind, url, size)
	if err != nil {
		return nil, err
	}
	progress("%s: serving %s jobs", kind, name)
	own, _, err := g.standing(ctx, kind, url, tokens, size)
	if err != nil {
		return nil, err
	}
	db := &database{name: kind, size: size, copied: func(context.Context, string) (string, error) { return strings.TrimPrefix(url, "sqlite:"), nil }}
	theirs, err := handWritten(ctx, g.p, db, byHand, "-reading")
	if err != nil {
		return nil, err
	}
	own.name, theirs.name, theirs.database = mainstay, byHand, own.database
	db.systems = []*system{own, theirs}
	if failed := alike(db, []string{"S1", "S2", "S4", "S7"}, asks(size, 3, 1)); len(failed) > 0 {
		return nil, asError(failed)
	}
	own.name, theirs.name = mainstay+" "+name, byHand+" "+name
	return db.systems, nil
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
	fmt.Fprintf(g.out, "### Includes\nA list of 20 applications, with one to four levels of include.\n\n| include | processor ms | bytes |\n|---|---|---|\n")
	var groups []string
	var values []float64
	for _, include := range []string{"", "job", "job.company", "job.company.staff", "job.applications", "job.applications.job", "job.applications.job.company"} {
		path := "/v1/applications?limit=20"
		if include != "" {
			path += "&include=" + include
		}
		f, err := g.one(s.addr, s.program, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(g.out, "| %s | %.3f | %.0f |\n", include, f.Processor, f.Bytes)
		groups, values = append(groups, cmp.Or(include, "none")), append(values, f.Processor)
	}
	return g.plot("includes", "Processor milliseconds per list of 20 applications, by its include", "ms", groups, values)
}
