package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/move"
	"github.com/mainstay-run/mainstay/observe"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/server"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func serveCommand(c *console) *cobra.Command {
	var s serve
	cmd := &cobra.Command{
		Use:   "serve [FOLDER]",
		Short: "Serve the contract in production",
		Long: `Serve answers the contract's API on --listen, and health (/livez, /readyz),
figures (/metrics) and profiles on --operator, which the public must not reach.
It loads no sample data and never changes a database by itself: when steps are
missing it says which command takes them, and exits with 1.

The secret that all replicas share comes from MAINSTAY_SECRET (32 bytes at least)
or, on a single machine, from --keys. SIGHUP loads the contract again; SIGTERM
stops: not ready, no new connections, running requests to their end.`,
		Example: `  export MAINSTAY_SECRET=$(openssl rand -hex 32)
  mainstay migrate examples/hiring --database sqlite:/var/lib/hiring/data.db
  mainstay serve examples/hiring --database sqlite:/var/lib/hiring/data.db`,
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.console, s.folder = c, folder(args)
			s.log = slog.New(slog.NewJSONHandler(c.errs, &slog.HandlerOptions{ReplaceAttr: readable}))
			ctx, stop := untilToldToStop(cmd.Context())
			defer stop()
			return s.run(ctx)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.url, "database", "", databaseUsage)
	flags.StringVar(&s.listen, "listen", "127.0.0.1:8080", "address of the API")
	flags.StringVar(&s.operatorAt, "operator", "127.0.0.1:9090", "address of health, figures and profiles")
	flags.StringVar(&s.keysAt, "keys", "", "folder of the secret, made there when it is missing")
	flags.StringArrayVar(&s.replicas, "replica", nil, "a database that follows --database, for reads that ask for it; several times for several, a space between them in the variable")
	flags.DurationVar(&s.lag, "replica-lag", 5*time.Second, "how late a replica may be to be read from")
	flags.IntVar(&s.connections, "connections", 16, "most connections to the database")
	flags.IntVar(&s.proxies, "proxies", 0, "how many proxies stand before it and append to X-Forwarded-For")
	flags.DurationVar(&s.timeout, "timeout", 30*time.Second, "how long a request may take, an export apart")
	flags.DurationVar(&s.drain, "drain", 30*time.Second, "how long running requests may take to end at a stop")
	return cmd
}

// maxTimeout leaves an answer time to be sent: see server.
const maxTimeout = time.Minute

// serve is one run of the command.
type serve struct {
	*console
	folder                          string
	url, listen, operatorAt, keysAt string
	connections, proxies            int
	replicas                        []string
	timeout, drain, lag             time.Duration
	log                             *slog.Logger
	at                              database
	driver                          store.Driver
	copies                          *store.Replicas // nil: there are none
	ground                          *server.Ground
}

func (s *serve) run(ctx context.Context) (err error) {
	at, err := parseDatabase(s.url)
	if err != nil {
		return err
	}
	if s.connections < 2 {
		return misuse("--connections is 2 at least, not %d", s.connections)
	}
	if s.timeout <= 0 || s.timeout > maxTimeout {
		return misuse("--timeout is more than nothing and at most %s, not %s", maxTimeout, s.timeout)
	}
	at.connections = s.connections
	s.at = at
	keys, err := s.secret()
	if err != nil {
		return err
	}
	set, err := s.servable(s.folder)
	if err != nil {
		return err
	}
	if at.missing() {
		return lacking(s.folder, at)
	}
	if s.driver, err = at.open(ctx, false, s.log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.driver.Close()) }()
	if err := fits(ctx, s.driver, set, s.folder, s.at); err != nil {
		return err
	}
	if err := whole(ctx, s.driver); err != nil {
		return err
	}
	if err := s.follow(ctx); err != nil {
		return err
	}
	if s.copies != nil {
		defer func() { err = errors.Join(err, s.copies.Close()) }()
	}
	db, metrics := store.New(s.driver), observe.New()
	metrics.CountStatements(func() uint64 { return db.Statements() + s.copies.Statements() })
	s.ground = &server.Ground{DB: db, Replicas: s.copies, Keys: keys, Metrics: metrics, Log: s.log, Proxies: s.proxies, Timeout: s.timeout, Limiter: auth.NewLimiter(time.Now)}
	return s.answer(ctx, s.ground.Handler(set), metrics)
}

// follow opens the replicas.
func (s *serve) follow(ctx context.Context) (err error) {
	var urls, names []string
	for _, url := range strings.Fields(strings.Join(s.replicas, " ")) {
		at, err := parseNamed("--replica", url)
		if err != nil {
			return err
		}
		urls, names = append(urls, at.at), append(names, at.shown())
	}
	leader, followed := s.driver.(store.Leader)
	switch {
	case s.lag < 100*time.Millisecond:
		return misuse("--replica-lag is 100ms at least, not %s", s.lag)
	case len(urls) == 0:
		return nil
	case !followed:
		return misuse("--replica is for PostgreSQL, MySQL and MariaDB, not for %s", s.driver.Limits().Name)
	}
	s.copies, err = store.Follow(ctx, leader, urls, names, store.ReplicaOptions{MaxLag: s.lag, Log: s.log})
	return err
}

// answer listens, and serves until ctx ends.
func (s *serve) answer(ctx context.Context, handler http.Handler, metrics *observe.Metrics) error {
	listener, err := server.Listen(s.listen, "--listen")
	if err != nil {
		return err
	}
	defer listener.Close()
	operator, err := server.Listen(s.operatorAt, "--operator")
	if err != nil {
		return err
	}
	defer operator.Close()
	running := server.New(server.Options{
		Listener: listener, Operator: operator, Metrics: metrics, Drain: s.drain, Log: s.log,
		Ready: map[string]func(context.Context) error{"database": s.reachable},
	})
	running.Swap(handler)
	defer running.Follow(ctx, hangups(ctx), s.reload, s.reloaded)()
	s.announce(ctx, listener, operator)
	return running.Run(ctx)
}

// announce tells the operator what runs where.
func (s *serve) announce(ctx context.Context, listener, operator net.Listener) {
	s.log.LogAttrs(ctx, slog.LevelInfo, "serving",
		slog.String("listen", listener.Addr().String()),
		slog.String("operator", operator.Addr().String()),
		slog.String("database", s.driver.Limits().Name))
}

// secret is the installation's.
func (s *serve) secret() (*keyring.Ring, error) {
	text, given := os.LookupEnv("MAINSTAY_SECRET")
	switch {
	case given && s.keysAt != "":
		return nil, misuse("MAINSTAY_SECRET and --keys exclude each other")
	case given:
		keys, err := keyring.FromSecret([]byte(text))
		if err != nil {
			return nil, misuse("MAINSTAY_SECRET: %v", err)
		}
		return keys, nil
	case s.keysAt != "":
		return keyring.Open(s.keysAt)
	}
	return nil, misuse("which secret? Set MAINSTAY_SECRET (openssl rand -hex 32), the same for all replicas, or --keys FOLDER")
}

// fits refuses a database that lacks something for the contract in folder.
func fits(ctx context.Context, d store.Driver, set *rule.Set, folder string, at database) error {
	steps, refusals, err := migrate.Plan(ctx, d, set)
	switch {
	case err != nil:
		return err
	case len(refusals) > 0:
		return migrate.Refused(refusals)
	case len(steps) > 0:
		return lacking(folder, at)
	}
	if able, ok := d.(interface{ Barred(context.Context) error }); ok {
		return able.Barred(ctx)
	}
	return nil // the driver opens nothing that it may not write
}

// whole refuses a database that holds half of what is being moved into it.
func whole(ctx context.Context, d store.Driver) error {
	from, err := move.Unfinished(ctx, d)
	if err != nil || from == "" {
		return err
	}
	return fmt.Errorf("a move into this database, from %s, is not finished; mainstay move goes on with it", from)
}

// lacking says which command makes what is missing.
func lacking(folder string, at database) error {
	if err := at.nowhere(); err != nil {
		return err
	}
	when := ""
	if at.scheme == "sqlite" {
		when = ", while no server has the file open,"
	}
	return fmt.Errorf("the database lacks something that this contract needs; add it%s with\n  mainstay migrate %s --database %s\n(mainstay plan shows what)",
		when, word(folder), at.shown())
}

// readable writes durations as people do: "30s", not nanoseconds.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// anything is a question that every database of ours can answer.
var anything = &query.Select{
	From:    query.Table{Name: "mainstay_meta", Alias: 1},
	Columns: []query.Column{{Expr: query.Col{Alias: 1, Name: "name", Type: &value.Type{Kind: value.String}}, Type: &value.Type{Kind: value.String}}},
}

// reachable is the condition of readiness: the database answers a question.
func (s *serve) reachable(ctx context.Context) error {
	ctx = context.WithValue(ctx, store.Asking{}, s) // not to wait behind all who are nobody
	err := store.New(s.driver).InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		for _, err := range tx.Select(ctx, anything, nil) {
			return err
		}
		return nil
	})
	if err != nil {
		return errors.New("does not answer")
	}
	return nil
}

func (s *serve) reload(ctx context.Context) (http.Handler, error) {
	var told strings.Builder
	set, err := (&console{errs: &told}).servable(s.folder)
	if told.Len() > 0 {
		s.log.Warn("what the new contract is told", slog.Any("faults", strings.Split(strings.TrimSpace(told.String()), "\n")))
	}
	if err != nil {
		return nil, err
	}
	if err := fits(ctx, s.driver, set, s.folder, s.at); err != nil {
		return nil, err
	}
	s.copies.Renew() // the tables may be others
	return s.ground.Handler(set), nil
}

func (s *serve) reloaded(took time.Duration, err error) {
	if err != nil {
		s.log.Error("the new contract is not served, the last good one is", slog.Any("error", err))
		return
	}
	s.log.Info("contract loaded", slog.Duration("took", took))
}
