package migrate

import (
	"context"
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// stored asks what is stored whether steps can be taken, before any is.
type stored struct {
	d          store.Driver
	set        *rule.Set
	have, want *schema.Schema
}

// against lists the laws and unique indexes of steps that stored records break.
func (s *stored) against(ctx context.Context, steps []schema.Step) (refusals []schema.Refusal, err error) {
	for _, step := range steps {
		var refusal *schema.Refusal
		switch step := step.(type) {
		case schema.Hold:
			refusal, err = s.broken(ctx, step)
		case schema.CreateIndex:
			if step.Index.Unique {
				refusal, err = s.duplicates(ctx, step)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("migrate: %s: %w", step, err)
		}
		if refusal != nil {
			refusals = append(refusals, *refusal)
		}
	}
	return refusals, nil
}

// broken counts the records that do not satisfy a law; nil when all do.
func (s *stored) broken(ctx context.Context, h schema.Hold) (*schema.Refusal, error) {
	l := s.law(h)
	if l == nil {
		return nil, fmt.Errorf("the contract has no such law")
	}
	broken, err := s.count(ctx, l.broken, l.args, 1)
	if err != nil || broken == 0 {
		return nil, err
	}
	all, err := s.all(ctx, h.Table)
	return &schema.Refusal{
		What: fmt.Sprintf("%q does not hold for %d of the %d records of %s", h.Law.Text, broken, all, h.Table),
		Why:  "change them under the contract that they follow, then migrate again; or let the new one admit them",
	}, err
}

// duplicates counts the records that have the same as another where a unique index
// is to be; nil when there are none. What groups them is the database's own idea of
// the same, as it is for the index.
func (s *stored) duplicates(ctx context.Context, c schema.CreateIndex) (*schema.Refusal, error) {
	const alias = 1
	have, want := s.have.Table(c.Table), s.want.Table(c.Table)
	var names []string
	var groups, known []query.Expr
	for _, k := range c.Index.Columns {
		names = append(names, k.Name)
		column := have.Column(k.Name)
		switch {
		case column == nil && want.Column(k.Name).Default == nil:
			return nil, nil // every record will be without a value, and no two of these are the same
		case column == nil: // the same in all
			continue
		case column.Nullable:
			known = append(known, query.IsNull{X: query.Col{Alias: alias, Name: k.Name, Type: column.Type}, Not: true})
		}
		groups = append(groups, query.Col{Alias: alias, Name: k.Name, Type: column.Type})
	}
	q := counting(c.Table, alias, nil)
	if len(known) > 0 {
		q.Where = query.And{List: known}
	}
	if q.GroupBy = groups; len(groups) > 0 {
		q.OrderBy = []query.Order{{Expr: q.Columns[0].Expr, Desc: true, NotNull: true}}
	}
	same, err := s.count(ctx, q, nil, 2)
	if err != nil || same == 0 {
		return nil, err
	}
	all, err := s.all(ctx, c.Table)
	why := "it shall be unique: change or delete them under the contract that they follow, then migrate again; or take 'unique' out of the new one"
	if len(groups) == 0 {
		why = "it shall be unique, and its default would be in all of them: make it 'optional' without a default, so that they are without it; or leave 'unique' out"
	}
	return &schema.Refusal{
		What: fmt.Sprintf("%d of the %d records of %s would have the same %s as another one", same, all, c.Table, strings.Join(names, ", ")),
		Why:  why,
	}, err
}

// law finds what is to be held.
func (s *stored) law(h schema.Hold) *law {
	for _, r := range s.set.Contract.Resources {
		if r.Table != h.Table {
			continue
		}
		for _, l := range lawsOf(s.set, s.set.Resource(r.Name), s.stand) {
			if l.Text == h.Law.Text {
				return l
			}
		}
	}
	return nil
}

// stand lets columns that are to be added be what they will be in the records that
// exist: their default, or null. A check may also look at those of another resource.
func (s *stored) stand(l *rule.Lowering) {
	for _, r := range s.set.Contract.Resources {
		have := s.have.Table(r.Table)
		if have == nil {
			continue
		}
		for _, c := range s.want.Table(r.Table).Columns {
			if f := s.set.Resource(r.Name).Field(c.Name); f != nil && have.Column(c.Name) == nil {
				l.Stand(f, c.Default)
			}
		}
	}
}

// counting is how many rows of a table a condition holds for; nil: all.
func counting(table string, alias int, where query.Expr) *query.Select {
	return &query.Select{
		From:    query.Table{Name: table, Alias: alias},
		Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}},
		Where:   where,
	}
}

func (s *stored) all(ctx context.Context, table string) (int64, error) {
	return s.count(ctx, counting(table, 1, nil), nil, 1)
}

// count adds the counts that q gives, highest first, down to least.
func (s *stored) count(ctx context.Context, q *query.Select, args []any, least int64) (sum int64, err error) {
	err = store.New(s.d).InTx(ctx, store.Snapshot, nil, func(tx store.Tx) error {
		sum = 0
		for row, err := range tx.Select(ctx, q, args) {
			if err != nil {
				return err
			}
			v, err := row.Value(0)
			if err != nil {
				return err
			}
			n, _ := v.(int64)
			if n < least {
				return nil
			}
			sum += n
		}
		return nil
	})
	return sum, err
}
