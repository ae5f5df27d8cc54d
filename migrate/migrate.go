// Package migrate brings a database to what a contract needs: it compares the
// two, says which steps lead from one to the other, and takes them under a lock,
// in order. What a step does is the driver's; what would drop, narrow or rewrite
// data is refused, and so is a law that stored records do not satisfy.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// Desired is what a database must hold for a contract: its tables and, on top of
// the declared indexes, those that its rules need, and the laws of its records.
func Desired(set *rule.Set) *schema.Schema {
	want := schema.Of(set.Contract)
	for _, need := range set.Indexes() {
		var columns []string
		for _, f := range need.Fields {
			columns = append(columns, f.Name)
		}
		want.Table(need.Resource.Table).NeedIndex(columns...)
	}
	for _, r := range set.Contract.Resources {
		for _, l := range lawsOf(set, set.Resource(r.Name), nil) {
			want.Table(r.Table).Laws = append(want.Table(r.Table).Laws, &l.Law)
		}
	}
	return want
}

// Plan compares the database with what the contract needs. Both results empty:
// nothing is to be done. Steps are in the order in which they can be taken. What
// depends on the records that are stored, new laws and what is to be unique, is asked
// of them: without refusals the steps can be taken.
func Plan(ctx context.Context, d store.Driver, set *rule.Set) ([]schema.Step, []schema.Refusal, error) {
	have, err := d.Inspect(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: inspect: %w", err)
	}
	want := Desired(set)
	steps, refusals := schema.Diff(have, want)
	unfit, err := unfit(ctx, d, want, steps)
	if err != nil {
		return nil, nil, err
	}
	refusals = slices.Concat(beyond(d.Limits(), want), unfit, refusals)
	if len(refusals) == 0 { // else the laws may be about columns as they are not
		refusals, err = (&stored{d, set, have, want}).against(ctx, steps)
	}
	return steps, refusals, err
}

// Refused is the error of a database that cannot follow the contract by adding to
// it, or that cannot hold what the contract needs at all.
type Refused []schema.Refusal

func (r Refused) Error() string {
	text := "the database cannot follow the contract:"
	for _, one := range r {
		text += fmt.Sprintf("\n  %s: %s", one.What, one.Why)
	}
	return text
}

// Duplicates is the error of an index that is to be unique over records which
// are not any more, since Plan has asked.
type Duplicates struct {
	Table   string
	Columns []string
	cause   error
}

func (d *Duplicates) Error() string {
	return fmt.Sprintf("some records in %s have the same %s, which the contract says are unique: change or delete those records first, or take 'unique' out of the contract",
		d.Table, strings.Join(d.Columns, ", "))
}

func (d *Duplicates) Unwrap() error { return d.cause }

// duplicatesOf is err as Duplicates, nil when it is something else.
func duplicatesOf(step schema.Step, err error) error {
	create, ok := step.(schema.CreateIndex)
	var violated *store.ConstraintError
	if !ok || !errors.As(err, &violated) || violated.Kind != store.Unique {
		return nil
	}
	d := &Duplicates{Table: create.Table, cause: err}
	for _, key := range create.Index.Columns {
		d.Columns = append(d.Columns, key.Name)
	}
	return d
}

// Progress is told before each step: the i-th, counted from 1, of n.
type Progress func(i, n int, s schema.Step)

// lock is the name under which all processes on a database take turns.
const lock = "mainstay-migrate"

// To brings the database to what the contract needs and tells how many steps it
// took. Steps that another process takes meanwhile are not taken twice. Nothing
// is done when a part is Refused. A step that fails ends it; those before it stay
// taken, and the next run goes on from there. But of Duplicates, which come when a
// record was written meanwhile, those before it are taken back. progress may be nil.
func To(ctx context.Context, d store.Driver, set *rule.Set, progress Progress) (taken int, err error) {
	err = locked(ctx, d, func() error {
		steps, refusals, err := Plan(ctx, d, set)
		switch {
		case err != nil:
			return err
		case len(refusals) > 0:
			return Refused(refusals)
		}
		taken = len(steps)
		return apply(ctx, d, steps, progress)
	})
	return taken, err
}

func locked(ctx context.Context, d store.Driver, do func() error) error {
	unlock, err := d.Lock(ctx, lock)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return errors.Join(do(), unlock())
}

// togetherAtMost is how many tables are made at a time: what a database holds is
// recorded as a whole with each time.
const togetherAtMost = 40

func apply(ctx context.Context, d store.Driver, steps []schema.Step, progress Progress) error {
	for i := 0; i < len(steps); {
		group := steps[i : i+together(steps[i:])]
		if progress != nil {
			for k, step := range group {
				progress(i+k+1, len(steps), step)
			}
		}
		if k, err := applyGroup(ctx, d, group); err != nil {
			if duplicates := duplicatesOf(group[k], err); duplicates != nil {
				return errors.Join(duplicates, takeBack(context.WithoutCancel(ctx), d, steps[:i]))
			}
			return fmt.Errorf("migrate: step %d of %d (%s): %w", i+k+1, len(steps), group[k], err)
		}
		i += len(group)
	}
	return nil
}

// takeBack undoes steps, so that the database fits the contract that it fitted before,
// unless there is one among them that added what holds data now.
func takeBack(ctx context.Context, d store.Driver, taken []schema.Step) error {
	var back []schema.Step
	for _, step := range slices.Backward(taken) {
		switch s := step.(type) {
		case schema.Hold:
			if !s.Again {
				back = append(back, schema.Release{Table: s.Table, Law: s.Law})
			}
		case schema.CreateIndex:
			back = append(back, schema.DropIndex(s))
		default:
			return nil
		}
	}
	if len(back) == 0 {
		return nil
	}
	return d.Apply(ctx, back...)
}

// applyGroup tells which step of a group failed: when the group does, they are taken
// one by one, but for tables that a database without such transactions has made.
func applyGroup(ctx context.Context, d store.Driver, group []schema.Step) (failed int, err error) {
	if err := d.Apply(ctx, group...); err == nil || len(group) == 1 {
		return 0, err
	}
	have, err := d.Inspect(ctx)
	if err != nil {
		return 0, err
	}
	for i, step := range group {
		if create, ok := step.(schema.CreateTable); ok && have.Table(create.Table.Name) != nil {
			continue
		}
		if err := d.Apply(ctx, step); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// together is how many of the first steps are taken at once: tables that are new,
// or a single step, which may look at records or hold others up.
func together(steps []schema.Step) int {
	n := 0
	for n < min(len(steps), togetherAtMost) {
		if _, ok := steps[n].(schema.CreateTable); !ok {
			break
		}
		n++
	}
	return max(n, 1)
}
