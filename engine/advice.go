package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// Advice is a line of the contract that makes a statement cheaper. It was tried.
type Advice struct {
	Resource  string  `json:"resource"`
	Line      string  `json:"line"`      // "index: [[company, status]]", the declared ones included
	Statement int     `json:"statement"` // from 1
	Before    float64 `json:"before_ms"` // on the same copy without the index
	After     float64 `json:"after_ms"`
	Why       string  `json:"why"`
}

// quick is what no index makes quicker in a way that anybody notices.
const quick = time.Millisecond

// slow is what one run tells enough of.
const slow = 50 * time.Millisecond

// maxTrials bounds the indexes that one statement is tried with.
const maxTrials = 6

// candidate is an index that might serve.
type candidate struct {
	resource *rule.Resource
	keys     []contract.IndexKey
}

// advise tries the indexes that could serve a statement and adds the first one that
// does, or a later one that takes less than half of its time. What the contract
// declares and the database lacks, and that nothing serves, is noted. What costs
// little already is left alone.
func (e *Engine) advise(ctx context.Context, out *Explanation, s seen, before *store.Plan) error {
	if len(before.Scans) == 0 && !before.Sorts && before.Took < quick {
		return nil
	}
	candidates := e.candidates(s.q)
	have, err := e.db.Driver().Inspect(ctx)
	if err != nil {
		return err
	}
	var best *Advice
	var found candidate // that of best
	tried, copied := 0, false
	for _, c := range candidates {
		table := have.Table(c.resource.Table)
		if table == nil || indexed(table, c.keys) || tried == maxTrials {
			continue
		}
		tried++
		index := added(table, c.keys)
		as, err := e.fastest(ctx, s, store.Trial{Table: table})
		if errors.Is(err, store.ErrTooMany) {
			out.note("%s has more than %d records, so that no index was tried on a copy of it", c.resource.Name, store.MaxTried)
			continue
		}
		if errors.Is(err, store.ErrNoTrials) {
			out.note("no index was tried: this database has no tables that only one call sees")
			return nil
		}
		if err != nil {
			return err
		}
		if before.Took > slow && as.Took*2 < before.Took {
			out.note("statement %d takes %.3f ms on a copy of %s whose statistics are new; have the database look at its tables (ANALYZE)",
				len(out.Statements), millis(as.Took), c.resource.Name)
		}
		copied = true
		with, err := e.fastest(ctx, s, store.Trial{Table: table, More: []*schema.Index{index}})
		if err != nil {
			return err
		}
		why := better(as, with, index.Name)
		if why == "" || best != nil && millis(2*with.Took) > best.After {
			continue // what comes first serves more requests
		}
		found, best = c, &Advice{
			Resource: c.resource.Name, Line: c.resource.IndexLine(c.keys), Statement: len(out.Statements),
			Before: millis(as.Took), After: millis(with.Took), Why: why,
		}
	}
	switch {
	case best != nil && indexed(e.tables().Table(found.resource.Table), found.keys):
		out.note("statement %d takes %.3f ms instead of %.3f with an index of %s by %s: the contract has it, the database does not yet: mainstay migrate",
			best.Statement, best.After, best.Before, best.Resource, contract.KeyList(found.keys))
	case best != nil:
		out.Advice = append(out.Advice, *best)
	case copied:
		out.note("no index that was tried makes statement %d cheaper", len(out.Statements))
	case tried == 0:
		out.note("no index that could be added serves statement %d, so that none was tried", len(out.Statements))
	}
	return nil
}

func (x *Explanation) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(x.Notes, text) {
		x.Notes = append(x.Notes, text)
	}
}

// fastest is the fastest of a few runs of a statement on a copy.
func (e *Engine) fastest(ctx context.Context, s seen, t store.Trial) (best *store.Plan, err error) {
	const runs = 3
	for range runs {
		plan, err := e.db.Driver().Try(ctx, s.q, s.args, []store.Trial{t})
		if err != nil {
			return nil, err
		}
		if best == nil || plan.Took < best.Took {
			best = plan
		}
		if best.Took > slow {
			break
		}
	}
	return best, nil
}

// better says what a plan gains by a new index over the same copy without it; "" for
// nothing.
func better(before, with *store.Plan, index string) string {
	switch {
	case !slices.Contains(with.Indexes, index) || with.Took >= before.Took*9/10:
		return ""
	case len(with.Scans) < len(before.Scans):
		return "reads what it needs instead of all of " + strings.Join(before.Scans, ", ")
	case before.Sorts && !with.Sorts:
		return "finds the records in their order instead of sorting them"
	case with.Took*2 < before.Took:
		return "finds the records in less than half the time"
	}
	return ""
}

// candidates are the indexes by which the tables of a statement could be read.
func (e *Engine) candidates(q *query.Select) (out []candidate) {
	selects := []*query.Select{q}
	for _, x := range q.Expressions() {
		sqlgen.Walk(x, func(x query.Expr) {
			if sub := sqlgen.SubSelect(x); sub != nil {
				selects = append(selects, sub)
			}
		})
	}
	for _, s := range selects {
		r := e.resourceOf(s.From.Name)
		if r == nil {
			continue
		}
		for _, keys := range keysOf(r, s) {
			same := func(c candidate) bool { return c.resource == r && slices.Equal(c.keys, keys) }
			if len(keys) > 0 && !slices.ContainsFunc(out, same) {
				out = append(out, candidate{r, keys})
			}
		}
	}
	return out
}

// keysOf are lists of keys that could serve a select: what is compared by equality,
// then the order, or a range; and the same for each branch of an Or.
func keysOf(r *rule.Resource, s *query.Select) (out [][]contract.IndexKey) {
	t := &terms{alias: s.From.Alias, r: r}
	t.add(s.Where)
	if c, ok := s.PerParent.(query.Col); ok {
		t.equalTo(c)
	}
	out = append(out, t.with(orderOf(r, s)), t.with(t.ranges[:min(1, len(t.ranges))]), t.equal)
	for _, or := range t.branches {
		for _, branch := range or {
			b := &terms{alias: t.alias, r: r, equal: slices.Clone(t.equal)}
			b.add(branch)
			out = append(out, b.with(b.ranges[:min(1, len(b.ranges))]))
		}
	}
	return out
}

// orderOf is the sort of a select as keys, without the id that every index ends with.
func orderOf(r *rule.Resource, s *query.Select) (keys []contract.IndexKey) {
	for _, o := range s.OrderBy {
		c, ok := o.Expr.(query.Col)
		if !ok || c.Alias != s.From.Alias {
			return nil
		}
		if f := indexable(r, c.Name); f != nil {
			keys = append(keys, contract.IndexKey{Field: f, Desc: o.Desc})
		} else if c.Name != "id" {
			return nil
		}
	}
	return keys
}

// terms are the columns of one table reference that a condition narrows.
type terms struct {
	alias    int
	r        *rule.Resource
	equal    []contract.IndexKey
	ranges   []contract.IndexKey
	branches [][]query.Expr
}

func (t *terms) with(more []contract.IndexKey) []contract.IndexKey {
	keys := slices.Clone(t.equal)
	for _, k := range more {
		if !slices.ContainsFunc(keys, func(have contract.IndexKey) bool { return have.Field == k.Field }) {
			keys = append(keys, k)
		}
	}
	return keys
}

func (t *terms) add(e query.Expr) {
	switch e := e.(type) {
	case query.And:
		for _, x := range e.List {
			t.add(x)
		}
	case query.Or:
		t.branches = append(t.branches, e.List)
	case query.In:
		t.equalTo(e.X)
	case query.InParam:
		t.equalTo(e.X)
	case query.InSelect:
		t.equalTo(e.X)
	case query.Cmp:
		for _, x := range [][2]query.Expr{{e.L, e.R}, {e.R, e.L}} {
			if c, ok := x[0].(query.Col); !ok || c.Alias != t.alias || t.reads(x[1]) {
				continue
			}
			if e.Op == query.Eq {
				t.equalTo(x[0])
			} else if f := indexable(t.r, x[0].(query.Col).Name); f != nil && e.Op != query.Ne {
				t.ranges = append(t.ranges, contract.IndexKey{Field: f})
			}
		}
	}
}

// reads reports whether an expression reads the same table reference.
func (t *terms) reads(e query.Expr) (reads bool) {
	sqlgen.Walk(e, func(x query.Expr) {
		c, ok := x.(query.Col)
		reads = reads || ok && c.Alias == t.alias
	})
	return reads
}

func (t *terms) equalTo(e query.Expr) {
	c, ok := e.(query.Col)
	if !ok || c.Alias != t.alias {
		return
	}
	f := indexable(t.r, c.Name)
	if f != nil && !slices.ContainsFunc(t.equal, func(k contract.IndexKey) bool { return k.Field == f }) {
		t.equal = append(t.equal, contract.IndexKey{Field: f})
	}
}

// indexable is a field that a declared index may have as a key, nil for all others.
func indexable(r *rule.Resource, name string) *contract.Field {
	f := r.Field(name)
	if f == nil || f.Name == "id" || f.Type.Value == nil {
		return nil
	}
	switch f.Type.Value.Kind {
	case value.JSON, value.List, value.Struct:
		return nil
	}
	if f.Type.Name == "text" {
		return nil
	}
	return f
}

// added is the index that migrate would make of these keys.
func added(t *schema.Table, keys []contract.IndexKey) *schema.Index {
	own := *t
	own.Indexes = slices.Clone(t.Indexes)
	var columns []schema.IndexColumn
	for _, k := range keys {
		columns = append(columns, schema.IndexColumn{Name: k.Field.Name, Desc: k.Desc})
	}
	own.AddIndex(columns...)
	return own.Indexes[len(own.Indexes)-1]
}

// indexed reports whether an index of the table begins with these keys.
func indexed(t *schema.Table, keys []contract.IndexKey) bool {
	for _, x := range t.Indexes {
		if len(x.Columns) < len(keys) {
			continue
		}
		begins := true
		for i, k := range keys {
			begins = begins && x.Columns[i].Name == k.Field.Name && (x.Columns[i].Desc == k.Desc || i == 0 || len(keys) == 1)
		}
		if begins {
			return true
		}
	}
	return false
}
