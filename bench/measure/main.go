// measure compares Mainstay with the hand-written references and with peers, on the
// same machine, in the same minutes; see the README beside it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

type options struct {
	short, json   bool
	only, against string
	write         bool
	section       string
	growth, pools bool
	parts         string
	guarantees    bool
	rounds        int
	seconds       float64
	size          *dataset.Size
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "S1 to S7 on three databases within ten minutes: fewer applications, shorter rounds")
	flag.BoolVar(&o.json, "json", false, "print one JSON object with the ratios instead of tables")
	flag.StringVar(&o.only, "only", "", "only these, as DATABASE, DATABASE/SCENARIO or /SCENARIO: postgresql/S1,sqlite")
	flag.StringVar(&o.against, "against", "", "only these beside Mainstay: hand-written,pocketbase")
	flag.IntVar(&o.rounds, "rounds", 3, "how many rounds")
	flag.Float64Var(&o.seconds, "seconds", 0, "how long each measurement takes; 4, with --short 1.2")
	flag.BoolVar(&o.write, "write", false, "put tables and charts into docs/performance.md")
	flag.StringVar(&o.section, "section", "figures", "with --write, the section of it: figures, peers, wide, writes")
	flag.BoolVar(&o.growth, "growth", false, "measure how cost grows instead: rows, includes, rules, resources, start, connections, sizes, memory, exports")
	flag.StringVar(&o.parts, "parts", "", "only these of --growth: exports,start")
	flag.BoolVar(&o.pools, "pools", false, "measure how many connections to the database are best instead")
	flag.BoolVar(&o.guarantees, "guarantees", false, "measure what each guarantee adds to a read and a write instead")
	o.size = dataset.Flags()
	flag.Usage = help
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func help() {
	w := flag.CommandLine.Output()
	fmt.Fprint(w, "Measures Mainstay against what is written by hand and against peers.\n\nScenarios (--only /S1):\n")
	for _, s := range scenarios {
		fmt.Fprintf(w, "  %-4s %s\n", s.name, s.what)
	}
	fmt.Fprint(w, "\nSystems (--against) and the databases they run on:\n")
	for _, c := range contenders {
		fmt.Fprintf(w, "  %-24s %s\n", c.name, c.on)
	}
	fmt.Fprint(w, "\nA duel:\n  bench/run --only postgresql/S1 --against hand-written --rounds 5\n\nFlags:\n")
	flag.PrintDefaults()
}

func run(ctx context.Context, o options, out io.Writer) error {
	chosen, err := o.chosen()
	if err != nil {
		return err
	}
	p, err := newPlace()
	if err != nil {
		return err
	}
	defer p.close()
	if o.growth {
		return p.growth(ctx, o, out)
	}
	if o.pools {
		return p.pools(ctx, o, out)
	}
	if o.guarantees {
		return p.guarantees(ctx, o, out)
	}
	r := &results{command: command(), choice: chosen, effort: o.effort()}
	if o.short {
		o.size.Applications = min(o.size.Applications, 100_000)
	}
	if r.databases, err = p.databases(ctx, chosen, *o.size); err != nil {
		return err
	}
	for _, db := range r.databases {
		if err := r.measure(ctx, db); err != nil {
			return err
		}
	}
	if o.write {
		if err := p.writeFigures(r, o.section); err != nil {
			return err
		}
	}
	if o.json {
		err = writeJSON(out, r.rows())
	} else {
		err = writeTable(out, r)
	}
	return errors.Join(err, asError(r.failed))
}

func (o options) effort() effort {
	e := effort{rounds: o.rounds, warm: 500 * time.Millisecond, measure: 4 * time.Second}
	if o.short {
		e.warm, e.measure = 300*time.Millisecond, 1200*time.Millisecond
	}
	if o.seconds > 0 {
		e.measure = time.Duration(o.seconds * float64(time.Second))
	}
	return e
}

// databases starts what was chosen and sets up all systems, all databases at once.
func (p *place) databases(ctx context.Context, c *choice, size dataset.Size) ([]*database, error) {
	out := make([]*database, len(c.databases))
	all, ctx := errgroup.WithContext(ctx)
	for _, s := range servers {
		i := slices.Index(c.databases, s.name)
		if i < 0 {
			continue
		}
		all.Go(func() (err error) {
			if out[i], err = s.up(ctx, p, size); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if err := p.populated(ctx, out[i], c.against); err != nil {
				return err
			}
			progress("%s is ready", s.name)
			return nil
		})
	}
	return out, all.Wait()
}

var began = time.Now()

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%4.0fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}
