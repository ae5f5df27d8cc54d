package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/conformance"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/observe"
	"github.com/mainstay-run/mainstay/seed"
	"github.com/mainstay-run/mainstay/server"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

func conformCommand(c *console) *cobra.Command {
	var url, page string
	var only []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "conform --database URL",
		Short: "Hold this program on your own database against the conformance suite",
		Long: `Conform plays the conformance scripts, which the program carries, on an empty
database of yours: for each it makes tables and sample data there, serves them on
a port of its own, asks what the script asks, compares every answer with the one
that holds for all databases, and takes the tables away again. A database that
holds anything is refused; what is in it is neither read nor changed.

Exits with 1 when an answer differs.`,
		Example: `  createdb conform && mainstay conform --database postgres://ann@localhost/conform
  mainstay conform --database sqlite:new.db --only lists,rules
  mainstay conform --database mysql://root@localhost/conform --json | jq '.scripts[] | select(.faults)'`,
		Args: noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			at, err := parseDatabase(url)
			if err != nil {
				return err
			}
			scripts, err := chosen(only)
			if err != nil {
				return err
			}
			ctx, stop := untilToldToStop(cmd.Context())
			defer stop()
			run := &conform{console: c, at: at, quiet: asJSON}
			report, err := run.all(ctx, scripts)
			if err != nil {
				return err
			}
			if page != "" {
				err = report.keep(page)
			}
			if asJSON {
				err = errors.Join(err, c.json(report))
			} else {
				c.printf("%s\n", report.sum())
			}
			if err == nil && report.faults() > 0 {
				err = &exit{code: exitFailed}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&url, "database", "", "an empty "+databaseUsage)
	cmd.Flags().StringSliceVar(&only, "only", nil, "play these scripts alone")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of lines")
	cmd.Flags().StringVar(&page, "page", "", "also keep the report as a section of this Markdown file")
	return cmd
}

// chosen are the scripts with these names, all when there are none.
func chosen(names []string) ([]*conformance.Script, error) {
	all, err := conformance.Scripts()
	if err != nil || len(names) == 0 {
		return all, err
	}
	var known []string
	for _, s := range all {
		known = append(known, s.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, misuse("--only: there is no script %s; there are %s", name, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(all, func(s *conformance.Script) bool { return !slices.Contains(names, s.Name) }), nil
}

// conform is one run of the command.
type conform struct {
	*console
	at    database
	quiet bool
}

// clearable is a database that can take away all that it holds of mainstay's.
type clearable interface {
	Clear(context.Context) error
}

func (c *conform) all(ctx context.Context, scripts []*conformance.Script) (*conformReport, error) {
	report := &conformReport{Mainstay: currentVersion(), Scripts: []scriptReport{}}
	for _, s := range scripts {
		one, name, err := c.one(ctx, s)
		if err != nil {
			return nil, err
		}
		if report.Database == "" {
			report.Database = name
			c.linef("%s\n", paint(c.out, bold, name))
		}
		report.Scripts = append(report.Scripts, one)
		c.linef("%s", one)
	}
	return report, nil
}

func (c *conform) linef(format string, args ...any) {
	if !c.quiet {
		c.printf(format, args...)
	}
}

// one plays one script in an empty database and leaves it empty.
func (c *conform) one(ctx context.Context, s *conformance.Script) (report scriptReport, name string, err error) {
	report = scriptReport{Name: s.Name}
	if c.at.scheme == "sqlite" && !c.at.missing() {
		return report, "", fmt.Errorf("%s is there already; conform makes a file of its own: name one that is not there", c.at.at)
	}
	var faults recorder
	driver, err := c.at.open(ctx, false, slog.New(&faults))
	if err != nil {
		return report, "", err
	}
	name = driver.Limits().Name
	defer func() { err = errors.Join(err, driver.Close(), c.forget()) }()
	if err := empty(ctx, driver); err != nil {
		return report, "", err
	}
	kind, _, _ := strings.Cut(name, " ")
	if report.Lacking = s.Lacks(kind); report.Lacking != "" {
		return report, name, nil
	}
	if can, ok := driver.(clearable); ok {
		defer func() { err = errors.Join(err, can.Clear(context.WithoutCancel(ctx))) }()
	}
	requests, wrong, err := played(ctx, driver, s, slog.New(&faults))
	report.Requests, report.Faults = requests, append(wrong, faults.list()...)
	if err == nil && ctx.Err() != nil {
		err = errors.New("stopped before the end; what was made in the database is taken away again")
	}
	return report, name, err
}

// forget deletes a database that is a file, which is its own.
func (c *conform) forget() error {
	if c.at.scheme != "sqlite" || c.at.missing() {
		return nil
	}
	return sqlite.Remove(c.at.at)
}

// empty refuses a database that holds something, be it mainstay's or not.
func empty(ctx context.Context, driver store.Driver) error {
	have, err := driver.Inspect(ctx)
	if err != nil {
		return fmt.Errorf("conform needs an empty database: %w", err)
	}
	if len(have.Tables) > 0 {
		return fmt.Errorf("conform needs an empty database, and this one holds %s of mainstay's: make another one", count(len(have.Tables), "table"))
	}
	return nil
}

// played makes what a script needs, serves it as dev does and asks.
func played(ctx context.Context, driver store.Driver, s *conformance.Script, log *slog.Logger) (requests int, faults []conformance.Fault, err error) {
	folder, err := os.MkdirTemp("", "mainstay-conform-")
	if err != nil {
		return 0, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	if err := s.Write(folder); err != nil {
		return 0, nil, err
	}
	_, set, contractFaults := server.Load(folder)
	if set == nil {
		return 0, nil, fmt.Errorf("the contract of script %s has faults: %v", s.Name, contractFaults)
	}
	keys, err := keyring.Open(folder)
	if err != nil {
		return 0, nil, err
	}
	if _, err := migrate.To(ctx, driver, set, nil); err != nil {
		return 0, nil, err
	}
	db := store.New(driver)
	if _, err := seed.Load(ctx, db, set, filepath.Join(folder, "seed.yaml")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, nil, err
	}
	listener, err := server.Listen("127.0.0.1:0", "the suite's own")
	if err != nil {
		return 0, nil, err
	}
	metrics := observe.New()
	running := server.New(server.Options{Listener: listener, Metrics: metrics, Log: log, Drain: 10 * time.Second})
	ground := &server.Ground{DB: db, Keys: keys, Metrics: metrics, Log: log, Health: running.Health(), Front: true, Timing: true, Limiter: auth.NewLimiter(time.Now)}
	running.Swap(ground.Handler(set))
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- running.Run(serving) }()
	requests, faults = s.Play(ctx, "http://"+listener.Addr().String())
	stop()
	return requests, faults, <-ended
}
