package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/move"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
)

func moveCommand(c *console) *cobra.Command {
	m := moving{console: c}
	cmd := &cobra.Command{
		Use:   "move --from URL --to URL [FOLDER]",
		Short: "Move all data from one database to another",
		Long: `Move carries all that the database --from holds for the contract into the empty
database --to, of the same kind or of another: records with their ids, revisions
and times, accounts with their passwords, sessions and API keys, idempotency
records, search words. Answers of the target are then those of the source, byte
for byte; serve it with the same secret (MAINSTAY_SECRET or --keys), so that
cursors and entity tags hold, too.

The source is only read. It must be what the contract needs (mainstay plan), and
nobody may write to it meanwhile: stop its servers first. What is written
nevertheless is noticed, and the move is then not finished. The tables of the
target are made as migrate makes them; a contract that the target cannot hold is
refused before anything is moved.

A move that was broken off goes on where it was: give the same command again. It
ends with a comparison of every row of both; --verify does that alone. A target
with half a move in it is not served.

Exits with 0 when everything is moved and the same, 1 when it failed or a row
differs.`,
		Example: `  mainstay move examples/hiring --from sqlite:data.db --to postgres://ann@localhost/hiring
  mainstay move --from mysql://ann@db/shop --to mariadb://ann@new/shop --json | jq .compared
  mainstay move --from sqlite:data.db --to postgres://ann@localhost/hiring --verify`,
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			m.folder = folder(args)
			ctx, stop := untilToldToStop(cmd.Context())
			defer stop()
			err := m.run(ctx)
			if ctx.Err() != nil && err != nil {
				return errors.New("stopped before the end; the same command goes on from there")
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&m.fromURL, "from", "", "the source: "+databaseKinds)
	flags.StringVar(&m.toURL, "to", "", "the target, which is empty, or half moved to")
	flags.BoolVar(&m.verify, "verify", false, "only compare the two, and change neither")
	flags.BoolVar(&m.fresh, "fresh", false, "take away what a move that was not finished has brought, and begin anew")
	flags.BoolVar(&m.asJSON, "json", false, "print one JSON object instead of lines")
	byHand(cmd, "fresh")
	return cmd
}

// moving is one run of the command.
type moving struct {
	*console
	folder                string
	fromURL, toURL        string
	verify, fresh, asJSON bool
}

func (m *moving) run(ctx context.Context) (err error) {
	from, err := parseNamed("--from", m.fromURL)
	if err != nil {
		return err
	}
	to, err := parseNamed("--to", m.toURL)
	switch {
	case err != nil:
		return err
	case from == to:
		return misuse("--from and --to are the same database")
	case m.verify && m.fresh:
		return misuse("--verify changes nothing, and --fresh does: give one of them")
	}
	set, err := m.loaded(m.folder)
	if err != nil {
		return err
	}
	source, err := m.open(ctx, "--from", from, set)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	if err := whole(ctx, source); err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	var target store.Driver
	if m.verify {
		target, err = m.open(ctx, "--to", to, set)
	} else {
		target, err = to.open(ctx, false, m.log())
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()

	bar := &bar{w: m.errs, out: m.out, live: colourful(m.errs) && !m.asJSON, quiet: m.asJSON, began: time.Now()}
	o := move.Options{From: from.shown(), Fresh: m.fresh, Progress: bar.tell}
	do := move.Run
	if m.verify {
		do = move.Compare
	}
	report, err := do(ctx, source, target, set, o)
	bar.end()
	if err != nil {
		return err
	}
	return m.tell(report, time.Since(bar.began))
}

// open opens a database that is there and fits the contract.
func (m *moving) open(ctx context.Context, flag string, at database, set *rule.Set) (store.Driver, error) {
	if at.missing() {
		return nil, fmt.Errorf("%s: there is no file %s", flag, at.at)
	}
	driver, err := at.open(ctx, false, m.log())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	if err := fits(ctx, driver, set, m.folder, at); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", flag, err), driver.Close())
	}
	return driver, nil
}

func (m *moving) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(m.errs, &slog.HandlerOptions{Level: slog.LevelError}))
}

// tell prints what came out.
func (m *moving) tell(r *move.Report, took time.Duration) error {
	if m.asJSON {
		if err := m.json(r); err != nil {
			return err
		}
	} else {
		m.lines(r, took)
	}
	if r.Differences() > 0 {
		return &exit{code: exitFailed}
	}
	return nil
}

func (m *moving) lines(r *move.Report, took time.Duration) {
	if r.Before != "" {
		m.printf("moved before, at %s; nothing done (--verify compares the two again)\n", r.Before)
		return
	}
	for _, t := range r.Tables {
		if !t.Differs() {
			continue
		}
		m.printf("%s %s: %d missing, %d only in the target, %d different\n", paint(m.out, red, "differs:"), t.Table, t.Missing, t.Extra, t.Different)
		for _, e := range t.Examples {
			m.printf("  %s\n", e)
		}
	}
	if n := r.Differences(); n > 0 {
		m.printf("%s not the same, of %d\n", count(int(n), "row"), r.Compared)
		if !m.verify {
			m.printf("the move is not finished: the same command compares again, --fresh begins anew\n")
		}
		return
	}
	moved := ""
	if !m.verify {
		moved = count(int(r.Copied), "row") + " moved, "
	}
	m.printf("%s%s compared, all the same, in %s (%s to %s)\n", moved, count(int(r.Compared), "row"), took.Round(time.Millisecond), r.Source, r.Target)
}

// bar shows how far a move is: on a terminal in a line that is written over and
// over, else in a line for each part of it, and now and then in between.
type bar struct {
	w     io.Writer // of the line that changes
	out   io.Writer
	live  bool
	quiet bool
	began time.Time // the whole
	part  move.Progress
	since time.Time // the part
	from  int64     // rows that the first page of the part brought, or an earlier run
	drawn time.Time
}

const (
	redraw   = 100 * time.Millisecond
	remind   = 10 * time.Second
	barWidth = 24
)

// does are the parts of a move in words.
var does = map[string]string{"copy": "moving", "refer": "references of", "compare": "comparing"}

func (b *bar) tell(p move.Progress) {
	if b.quiet {
		return
	}
	now := time.Now()
	if p.Part != b.part.Part || p.Table != b.part.Table {
		b.end()
		b.since, b.from, b.drawn = now, p.Done, now
	}
	b.part = p
	switch {
	case b.live && now.Sub(b.drawn) >= redraw:
		b.drawn = now
		fmt.Fprintf(b.w, "\r\x1b[K%s", b.line(now))
	case !b.live && now.Sub(b.drawn) >= remind:
		b.drawn = now
		fmt.Fprintf(b.out, "%s %s: %d of %d\n", does[p.Part], p.Table, p.Done, p.Of)
	}
}

// line is "moving postings [======      ]  52 %  52000 of 100000, 31000 a second, 2s left".
func (b *bar) line(now time.Time) string {
	p := b.part
	part := 1.0
	if p.Of > 0 {
		part = min(1, float64(p.Done)/float64(p.Of))
	}
	full := int(part * barWidth)
	line := fmt.Sprintf("%s %s [%s%s] %3.0f %%  %d of %d", does[p.Part], p.Table,
		strings.Repeat("=", full), strings.Repeat(" ", barWidth-full), part*100, p.Done, p.Of)
	took := now.Sub(b.since)
	if took <= 0 || p.Done <= b.from { // nothing is known of its pace yet
		return line
	}
	rate := float64(p.Done-b.from) / took.Seconds()
	left := time.Duration(float64(p.Of-p.Done) / rate * float64(time.Second))
	return line + fmt.Sprintf(", %.0f a second, %s left", rate, max(0, left).Round(time.Second))
}

// end ends a part with its line, which stays.
func (b *bar) end() {
	if b.part.Part == "" {
		return
	}
	if b.live {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
	fmt.Fprintf(b.out, "%s %s: %s\n", does[b.part.Part], b.part.Table, count(int(b.part.Done), "row"))
}
