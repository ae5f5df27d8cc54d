package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

const (
	databaseKinds = "sqlite:FILE, postgres://USER@HOST/NAME, mysql://…, mariadb://… or mongodb://…"
	databaseUsage = "database: " + databaseKinds
)

func planCommand(c *console) *cobra.Command {
	var url string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan [FOLDER]",
		Short: "Tell what a database still needs for the contract",
		Long: `Plan compares a database with what the contract needs and lists the steps that
migrate would take. It changes nothing. Without --database it looks at the one
that dev keeps in FOLDER/.mainstay, if there is one. New bounds, checks and unique
fields are held against the records that are stored.

Exits with 0 when there is nothing to do, 3 when there are steps that can be taken,
and 1 when a part of the contract cannot be reached without losing or rewriting
data, stored records break it, or a move into the database is not finished.`,
		Example: `  mainstay plan --database sqlite:data.db
  mainstay plan --database sqlite:data.db --json | jq -r '.steps[].text'`,
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			db := kept(folder(args))
			if url != "" || db.missing() {
				var err error
				if db, err = parseDatabase(url); err != nil {
					return err
				}
			}
			set, err := c.loaded(folder(args))
			if err != nil {
				return err
			}
			steps, refusals, err := planned(cmd.Context(), db, set)
			if err != nil {
				return err
			}
			if asJSON {
				err = c.json(planReport(steps, refusals))
			} else {
				c.plan(steps, refusals)
			}
			switch {
			case err != nil:
				return err
			case len(refusals) > 0:
				return &exit{code: exitFailed}
			case len(steps) > 0:
				return &exit{code: exitSteps}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "database", "", databaseUsage+"; dev's own when left out")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object instead of lines")
	return cmd
}

// planned compares a database with what set needs.
func planned(ctx context.Context, db database, set *rule.Set) ([]schema.Step, []schema.Refusal, error) {
	if err := db.nowhere(); err != nil {
		return nil, nil, err
	}
	if db.missing() {
		steps, refusals := schema.Diff(&schema.Schema{}, migrate.Desired(set))
		return steps, refusals, nil
	}
	driver, err := db.open(ctx, true, nil)
	if err != nil {
		return nil, nil, err
	}
	var steps []schema.Step
	var refusals []schema.Refusal
	if err = settled(ctx, driver); err == nil {
		steps, refusals, err = migrate.Plan(ctx, driver, set)
	}
	return steps, refusals, errors.Join(err, driver.Close())
}

// settled refuses a database into which a move is under way: its tables are the move's
// until that is finished. A database that holds nothing of ours is settled.
func settled(ctx context.Context, d store.Driver) error {
	have, err := d.Inspect(ctx)
	if err != nil || have.Table("mainstay_meta") == nil {
		return err
	}
	return whole(ctx, d)
}

func (c *console) plan(steps []schema.Step, refusals []schema.Refusal) {
	for _, s := range steps {
		c.printf("%s %s\n", paint(c.out, green, "+"), s)
	}
	for _, r := range refusals {
		c.printf("%s %s: %s\n", paint(c.out, red, "refused"), r.What, r.Why)
	}
	if len(steps)+len(refusals) == 0 {
		c.printf("nothing to do\n")
	}
}

func planReport(steps []schema.Step, refusals []schema.Refusal) any {
	type step struct {
		Text string `json:"text"`
	}
	type refusal struct {
		What string `json:"what"`
		Why  string `json:"why"`
	}
	report := struct {
		Steps    []step    `json:"steps"`
		Refusals []refusal `json:"refusals"`
	}{[]step{}, []refusal{}}
	for _, s := range steps {
		report.Steps = append(report.Steps, step{s.String()})
	}
	for _, r := range refusals {
		report.Refusals = append(report.Refusals, refusal{r.What, r.Why})
	}
	return report
}

func migrateCommand(c *console) *cobra.Command {
	var url string
	cmd := &cobra.Command{
		Use:   "migrate [FOLDER]",
		Short: "Take the steps that a database needs for the contract",
		Long: `Migrate makes a new database or adds to one: the steps that plan lists, in order,
under a lock, so that two of them do not meet. A contract that would drop, narrow
or rewrite data, or that stored records break, is refused as a whole, with the reason.`,
		Example: `  mainstay migrate examples/hiring --database sqlite:data.db`,
		Args:    oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			began := time.Now()
			db, err := parseDatabase(url)
			if err != nil {
				return err
			}
			set, err := c.loaded(folder(args))
			if err != nil {
				return err
			}
			driver, err := db.open(cmd.Context(), false, nil)
			if err != nil {
				return err
			}
			taken := 0
			if err = settled(cmd.Context(), driver); err == nil {
				taken, err = migrate.To(cmd.Context(), driver, set, func(i, n int, s schema.Step) {
					c.printf("%d/%d %s\n", i, n, s)
				})
			}
			if err = errors.Join(err, driver.Close()); err != nil {
				return err
			}
			c.printf("%s\n", doneIn(taken, time.Since(began)))
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "database", "", databaseUsage)
	return cmd
}

func doneIn(steps int, took time.Duration) string {
	if steps == 0 {
		return "nothing to do"
	}
	return fmt.Sprintf("done: %s in %s", count(steps, "step"), took.Round(time.Millisecond))
}
