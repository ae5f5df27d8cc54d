package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/seed"
	"github.com/mainstay-run/mainstay/store"
)

func seedCommand(c *console) *cobra.Command {
	var url string
	var n int
	var number uint64
	cmd := &cobra.Command{
		Use:   "seed [FOLDER]",
		Short: "Fill a database with sample data",
		Long: `Seed loads FOLDER/seed.yaml, once for each database; with --generate it makes N
plausible records of every resource instead, which follow the contract's
references, checks and unique fields. All of it is added, or nothing.

Without --database it fills the one that dev keeps in FOLDER/.mainstay; stop a
running dev first, since a SQLite file has one writer.`,
		Example: `  mainstay seed examples/hiring
  mainstay seed examples/hiring --generate 200
  mainstay seed --generate 200 --number 7     the same records each time`,
		Args: oneFolder,
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 0 {
				return misuse("--generate is a number of records, not %d", n)
			}
			if n > 0 && !cmd.Flags().Changed("number") {
				number = rand.Uint64N(1_000_000)
			}
			folder := folder(args)
			set, err := c.servable(folder)
			if err != nil {
				return err
			}
			driver, err := openSeeded(cmd.Context(), folder, url, set)
			if err != nil {
				return err
			}
			fill := func() error { return c.load(cmd.Context(), store.New(driver), set, filepath.Join(folder, "seed.yaml")) }
			if n > 0 {
				fill = func() error { return c.generate(cmd.Context(), store.New(driver), set, n, number) }
			}
			return errors.Join(fill(), driver.Close())
		},
	}
	cmd.Flags().StringVar(&url, "database", "", databaseUsage+"; dev's own when left out")
	cmd.Flags().IntVar(&n, "generate", 0, "make this many records of each resource up")
	cmd.Flags().Uint64Var(&number, "number", 0, "make the records that belong to this number; any when left out")
	return cmd
}

// openSeeded opens the database to fill: dev's, which is made and added to as dev
// does, or the one that url names, which must be complete.
func openSeeded(ctx context.Context, folder, url string, set *rule.Set) (store.Driver, error) {
	if url == "" {
		if _, err := openHome(folder); err != nil {
			return nil, err
		}
		driver, err := kept(folder).open(ctx, false, nil)
		if err != nil {
			return nil, err
		}
		if _, err := migrate.To(ctx, driver, set, nil); err != nil {
			return nil, errors.Join(err, driver.Close())
		}
		return driver, nil
	}
	db, err := parseDatabase(url)
	if err != nil {
		return nil, err
	}
	if db.missing() {
		return nil, lacking(folder, db)
	}
	driver, err := db.open(ctx, false, nil)
	if err != nil {
		return nil, err
	}
	err = fits(ctx, driver, set, folder, db)
	if err == nil {
		err = whole(ctx, driver)
	}
	if err != nil {
		return nil, errors.Join(err, driver.Close())
	}
	return driver, nil
}

func (c *console) load(ctx context.Context, db *store.DB, set *rule.Set, file string) error {
	report, err := seed.Load(ctx, db, set, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s; write one, or make records up with --generate N", file)
	case err != nil:
		return err
	case report.Changed:
		return errors.New("seed.yaml has changed since it was loaded into this database; nothing added, since it is loaded once (dev --fresh begins dev's own database anew)")
	case !report.Loaded:
		c.printf("seed.yaml was loaded before; nothing added\n")
		return nil
	}
	c.printf("%s added, %s can sign in\n", count(report.Records, "record"), count(len(report.Accounts), "account"))
	return nil
}

func (c *console) generate(ctx context.Context, db *store.DB, set *rule.Set, n int, number uint64) error {
	report, err := seed.Generate(ctx, db, set, n, number)
	if err != nil {
		return err
	}
	c.printf("%s added; --number %d makes the same ones\n", count(report.Records, "record"), number)
	for _, short := range report.Short {
		c.printf("%s %s\n", paint(c.out, yellow, "fewer:"), short)
	}
	return nil
}
