package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/observe"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/seed"
	"github.com/mainstay-run/mainstay/server"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlite"
)

func devCommand(c *console) *cobra.Command {
	var listen, url string
	var fresh bool
	cmd := &cobra.Command{
		Use:   "dev [FOLDER]",
		Short: "Serve the contract on this machine, with sample data and reload on save",
		Long: `Dev makes a SQLite database in FOLDER/.mainstay with the tables that the contract
needs, loads FOLDER/seed.yaml into it once, and serves API and documentation. A
contract that is saved is loaded, checked and served at once; one with a fault
leaves the last good one running and says why. What the database lacks for a new
contract is added; with --fresh it begins anew: the database is deleted, with all
that was written to it, made again and seeded.

With --database all of this happens in another database, so that a team develops
on the kind that it runs on. It is named on the command line only: dev changes a
database and makes accounts whose password everybody knows.`,
		Example: `  mainstay dev
  mainstay dev examples/hiring --listen 127.0.0.1:9000
  mainstay dev examples/hiring --fresh
  mainstay dev examples/hiring --database postgres://ann@localhost/scratch`,
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			d := &dev{console: c, folder: folder(args), at: kept(folder(args)), fresh: fresh, began: time.Now()}
			if url != "" {
				var err error
				if d.at, err = parseDatabase(url); err != nil {
					return err
				}
				if fresh {
					return misuse("--fresh deletes dev's own database and no other: empty the one of --database yourself")
				}
			}
			ctx, stop := untilToldToStop(cmd.Context())
			defer stop()
			return d.run(ctx, listen)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address to serve at; port 0 takes any free one")
	cmd.Flags().StringVar(&url, "database", "", databaseUsage+"; dev's own when left out")
	byHand(cmd, "database")
	cmd.Flags().BoolVar(&fresh, "fresh", false, "delete what an earlier dev has kept, and begin with the sample data")
	return cmd
}

// dev is one run of the command.
type dev struct {
	*console
	folder string
	at     database
	fresh  bool
	began  time.Time
	driver store.Driver
	ground *server.Ground
}

func (d *dev) run(ctx context.Context, listen string) (err error) {
	changes, unwatched := server.Watch(ctx, d.folder) // before loading, so that no save is missed
	set, err := d.servable(d.folder)
	if err != nil {
		return err
	}
	if unwatched != nil {
		return unwatched
	}
	listener, err := server.Listen(listen, "--listen")
	if err != nil {
		return err
	}
	defer listener.Close()
	log := slog.New(slog.NewTextHandler(d.errs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if d.fresh {
		if err := forget(d.folder); err != nil {
			return err
		}
	}
	keys, err := openHome(d.folder)
	if err != nil {
		return err
	}
	if d.driver, err = d.at.open(ctx, false, log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.driver.Close()) }()
	if _, err := migrate.To(ctx, d.driver, set, nil); err != nil {
		return d.stale(err)
	}
	if err := whole(ctx, d.driver); err != nil {
		return err
	}
	db := store.New(d.driver)
	seeded, err := seed.Load(ctx, db, set, filepath.Join(d.folder, "seed.yaml"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	metrics := observe.New()
	metrics.CountStatements(db.Statements)
	s := server.New(server.Options{Listener: listener, Metrics: metrics, Log: log, Drain: 3 * time.Second})
	d.ground = &server.Ground{DB: db, Keys: keys, Metrics: metrics, Log: log, Health: s.Health(), Front: true, Timing: true, Limiter: auth.NewLimiter(time.Now)}
	s.Swap(d.ground.Handler(set))
	defer s.Follow(ctx, changes, d.reload, d.reloaded)()
	d.welcome(set, "http://"+listener.Addr().String(), seeded)
	return s.Run(ctx)
}

// home is where dev keeps a database and its keys.
func home(folder string) string { return filepath.Join(folder, ".mainstay") }

// kept is dev's database.
func kept(folder string) database {
	return database{scheme: "sqlite", at: filepath.Join(home(folder), "data.db")}
}

// forget deletes dev's database, unless another process has it open, and leaves the keys.
func forget(folder string) error {
	if kept(folder).missing() {
		return nil
	}
	return sqlite.Remove(kept(folder).at)
}

// openHome makes FOLDER/.mainstay where it is not there, and gives the keys in it.
func openHome(folder string) (*keyring.Ring, error) {
	home := home(folder)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	ignore := filepath.Join(home, ".gitignore")
	if _, err := os.Stat(ignore); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(ignore, []byte("# a database and keys are not for Git\n*\n"), 0o600); err != nil {
			return nil, err
		}
	}
	return keyring.Open(home)
}

// reload makes the handler of what was saved.
func (d *dev) reload(ctx context.Context) (http.Handler, error) {
	set, err := d.servable(d.folder)
	if err != nil {
		return nil, err
	}
	_, err = migrate.To(ctx, d.driver, set, func(_, _ int, s schema.Step) {
		d.printf("%s %s\n", paint(d.out, green, "+"), s)
	})
	if err != nil {
		return nil, d.stale(err)
	}
	return d.ground.Handler(set), nil
}

func (d *dev) reloaded(took time.Duration, err error) {
	if err != nil {
		d.notef("%s\n%s\n", err, paint(d.errs, yellow, "the last good contract is still served"))
		return
	}
	d.printf("%s\n", paint(d.out, faint, fmt.Sprintf("contract loaded in %s", took.Round(time.Millisecond))))
}

// stale says how to go on when the database cannot follow the contract.
func (d *dev) stale(err error) error {
	var refused migrate.Refused
	var duplicates *migrate.Duplicates
	if errors.As(err, &refused) || errors.As(err, &duplicates) {
		return fmt.Errorf("%w\nwhat stands in the contract again is kept; to begin anew with the sample data alone, stop and run\n  %s", err, d.anew())
	}
	return err
}

// anew is the line that begins anew; another database than dev's own is emptied by its owner.
func (d *dev) anew() string {
	line := "mainstay dev"
	if d.folder != "." {
		line += " " + word(d.folder)
	}
	if d.at != kept(d.folder) {
		return line + " --database URL-OF-AN-EMPTY-DATABASE"
	}
	return line + " --fresh"
}
