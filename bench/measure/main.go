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
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mainstay-run/mainstay/bench/dataset"
)

type options struct {
	short, json bool
	databases   string
	scenarios   string
	peers       bool
	write       bool
	growth      bool
	rounds      int
	seconds     float64
	size        *dataset.Size
}

func main() {
	var o options
	flag.BoolVar(&o.short, "short", false, "S1 to S7 within ten minutes: fewer applications, shorter rounds")
	flag.BoolVar(&o.json, "json", false, "print one JSON object with the ratios instead of tables")
	flag.StringVar(&o.databases, "databases", "postgresql,sqlite,mariadb", "which databases")
	flag.StringVar(&o.scenarios, "scenarios", "", "which scenarios; all when left out")
	flag.BoolVar(&o.peers, "peers", true, "measure the peers, too")
	flag.IntVar(&o.rounds, "rounds", 0, "how many rounds; 3 when left out")
	flag.Float64Var(&o.seconds, "seconds", 0, "how long each measurement takes; 4, with --short 1.2")
	flag.BoolVar(&o.write, "write", false, "put tables and charts into docs/performance.md")
	flag.BoolVar(&o.growth, "growth", false, "measure how cost grows instead: rows, includes, rules, resources, connections, sizes")
	o.size = dataset.Flags()
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out io.Writer) error {
	p, err := newPlace()
	if err != nil {
		return err
	}
	defer p.close()
	if o.growth {
		return p.growth(ctx, o, out)
	}
	e := effort{rounds: 3, warm: 500 * time.Millisecond, measure: 4 * time.Second}
	if o.short {
		o.size.Applications = min(o.size.Applications, 100_000)
		e.warm, e.measure = 300*time.Millisecond, 1200*time.Millisecond
	}
	if o.rounds > 0 {
		e.rounds = o.rounds
	}
	if o.seconds > 0 {
		e.measure = time.Duration(o.seconds * float64(time.Second))
	}
	names, err := o.names()
	if err != nil {
		return err
	}
	databases, err := p.databases(ctx, o)
	if err != nil {
		return err
	}
	var figures []figure
	for _, db := range databases {
		if err := alike(db.systems, asks(*o.size, 3, 1)); err != nil {
			return err
		}
		for _, name := range names {
			progress("%s %s", db.name, name)
			some, err := measured(db, name, messages(db, name, asks(*o.size, 3000, 2)), e)
			if err != nil {
				return err
			}
			if figures = append(figures, some...); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	if o.write {
		if err := p.writeFigures(strings.Join(append([]string{"bench/run"}, os.Args[1:]...), " "), databases, names, figures); err != nil {
			return err
		}
	}
	if o.json {
		return writeJSON(out, rows(databases, names, figures))
	}
	return writeTable(out, databases, names, figures)
}

func (o options) names() (names []string, err error) {
	for _, s := range scenarios {
		names = append(names, s.name)
	}
	if o.scenarios == "" {
		return names, nil
	}
	wanted := strings.Split(o.scenarios, ",")
	for _, w := range wanted {
		if !slices.Contains(names, w) {
			return nil, fmt.Errorf("there is no scenario %s, only %s", w, strings.Join(names, ", "))
		}
	}
	return wanted, nil
}

// databases builds the programs and sets up all systems of every database at once.
func (p *place) databases(ctx context.Context, o options) ([]*database, error) {
	progress("building")
	built, err := p.programs(ctx, o.peers)
	if err != nil {
		return nil, err
	}
	set := map[string]func(context.Context, *programs, dataset.Size) (*database, error){
		"postgresql": p.onPostgres, "sqlite": p.onSQLite, "mariadb": p.onMariaDB,
	}
	names := strings.Split(o.databases, ",")
	out := make([]*database, len(names))
	all, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		up := set[name]
		if up == nil {
			return nil, errors.New("there is no database named " + name)
		}
		all.Go(func() (err error) {
			began := time.Now()
			out[i], err = up(ctx, built, *o.size)
			progress("%s is filled: %s", name, time.Since(began).Round(time.Second))
			return err
		})
	}
	return out, all.Wait()
}

var began = time.Now()

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%4.0fs %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
}
