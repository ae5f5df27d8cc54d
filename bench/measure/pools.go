package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// poolSizes are the values of --connections that are compared.
var poolSizes = []int{2, 4, 8, 16, 32}

// pools measures what the number of connections to the database costs: the same
// program on the same database, once with each.
func (p *place) pools(ctx context.Context, o options, out io.Writer) error {
	program, err := p.build(ctx, "..", "./cmd/mainstay", "mainstay")
	if err != nil {
		return err
	}
	e := effort{rounds: o.rounds, warm: 200 * time.Millisecond, measure: time.Second}
	if o.seconds > 0 {
		e.measure = time.Duration(o.seconds * float64(time.Second))
	}
	o.size.Applications = min(o.size.Applications, 100_000)
	var text bytes.Buffer
	fmt.Fprintf(&text, "`bench/run --pools` on %s.\n", machine())
	for _, s := range servers {
		if s.name == "sqlite" || s.name == "mongodb" || o.only != "" && !strings.Contains(o.only, s.name) {
			continue // the one has no server, the other a pool of its own
		}
		progress("%s", s.name)
		db, err := s.up(ctx, p, *o.size)
		if err != nil {
			return err
		}
		if err := p.pooled(ctx, db, program, e, &text); err != nil {
			out.Write(text.Bytes()) // what was measured until then
			return fmt.Errorf("%s: %w", s.name, err)
		}
		db.program.stop()
	}
	if o.write {
		if err := p.document("pools", text.String()); err != nil {
			return err
		}
	}
	_, err = out.Write(text.Bytes())
	return err
}

// pooled measures one database with each number of connections.
func (p *place) pooled(ctx context.Context, db *database, program string, e effort, text *bytes.Buffer) error {
	if err := p.migrated(ctx, program, p.root, db.url); err != nil {
		return err
	}
	tokens, err := fillStore(ctx, p.root, db.url, db.size)
	if err != nil {
		return err
	}
	for _, n := range poolSizes {
		s, err := p.serve(ctx, program, p.root, db.url, "--connections", strconv.Itoa(n))
		if err != nil {
			return err
		}
		defer s.program.stop()
		db.systems = append(db.systems, &system{name: strconv.Itoa(n), addr: s.addr, dialect: mainstayDialect(tokens, nil), program: s.program, database: db.program})
	}
	fmt.Fprintf(text, "\n%s, 32 callers at a time:\n\n| connections | S1 req/s | ms cpu | p99 | S2 req/s | ms cpu | p99 | S5 req/s | ms cpu | p99 |\n|---|---|---|---|---|---|---|---|---|---|\n",
		db.version)
	var figures []figure
	names := []string{"S1", "S2", "S5"}
	for _, name := range names {
		some, failed := measured(db, name, messages(db, name, asks(db.size, 3000, 2)), e)
		if err := errors.Join(asError(failed), ctx.Err()); err != nil {
			return err
		}
		figures = append(figures, some...)
	}
	for _, s := range db.systems {
		fmt.Fprintf(text, "| %s |", s.name)
		for _, name := range names {
			f := of(figures, db.name, name, s.name)
			fmt.Fprintf(text, " %.0f | %.3f | %.1f |", median(f, func(f figure) float64 { return f.PerSecond }),
				median(f, func(f figure) float64 { return f.Processor }), median(f, func(f figure) float64 { return f.P99 }))
		}
		text.WriteByte('\n')
	}
	return nil
}
