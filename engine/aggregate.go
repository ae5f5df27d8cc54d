package engine

import (
	"context"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const (
	maxBy       = 5
	maxMeasures = 20
	maxDigits   = value.MaxPrecision
)

// measure is one member of a group that is not a field of it.
type measure struct {
	prefix string
	sum    int // column
	count  int // column of the number of values, for an average; -1 otherwise
	t      *value.Type
}

func (e *Engine) count(ctx context.Context, c *call, op *Operation) (*Result, error) {
	a, p, err := e.understand(c, op, e.planChosen(pFilter|pSearch, buildCount))
	if err != nil {
		return nil, err
	}
	defer a.release()
	var total int64
	if p.total != nil || p.parent != nil {
		err = c.db.InTx(ctx, p.mode(), &c.stats, func(tx store.Tx) error {
			if err := a.underParent(ctx, tx, p); err != nil || p.total == nil {
				return err
			}
			total, err = a.counted(ctx, tx, p.total)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	body := strconv.AppendInt([]byte(`{"total":`), total, 10)
	return &Result{Body: append(body, '}'), Statements: c.stats.Statements}, nil
}

// planChosen understands an operation on all the records that conditions
// choose, with these parameters.
func (e *Engine) planChosen(allowed parameter, build func(*ask) (*plan, error)) func(*call, *ask) (*plan, error) {
	return func(c *call, a *ask) (*plan, error) {
		if err := a.conditions(c); err != nil {
			return nil, err
		}
		a.only(allowed)
		q := &a.op.Query
		a.shape('S', q.Sort)
		a.shape('F', q.Fields)
		a.shape('B', q.By)
		a.shape('M', q.Measures)
		return e.plan(c, a, build)
	}
}

func buildCount(a *ask) (*plan, error) {
	if err := a.refused(); err != nil {
		return nil, err
	}
	p := &plan{}
	p.parent = a.findParent(p)
	total, err := a.counts(p)
	if a.sight.Readable {
		p.total = total
	}
	return p, err
}

func (e *Engine) aggregate(ctx context.Context, c *call, op *Operation) (*Result, error) {
	a, p, err := e.understand(c, op, e.planChosen(pFilter|pSearch|pBy|pMeasures, e.buildAggregate))
	if err != nil {
		return nil, err
	}
	defer a.release()
	err = c.db.InTx(ctx, p.mode(), &c.stats, func(tx store.Tx) error {
		if err := a.underParent(ctx, tx, p); err != nil {
			return err
		}
		return a.groups(ctx, tx, p, e.opts.MaxGroups)
	})
	if err != nil {
		return nil, err
	}
	body := append(make([]byte, 0, len(a.page.text)+2), a.page.text...)
	return &Result{Body: append(body, "]}"...), Statements: c.stats.Statements}, nil
}

// groups reads and renders the groups, at most so many.
func (a *ask) groups(ctx context.Context, tx store.Tx, p *plan, most int) error {
	a.start(append(a.page.text[:0], listHead...))
	err := a.rows(ctx, tx, p.root, func(row store.Row) bool {
		switch len(a.page.ends) {
		case 0:
		case most:
			a.page.err = refusal([]problem.Field{badParameter("by", "max", "makes more than %d groups", most)})
			return false
		default:
			a.page.text = append(a.page.text, ',')
		}
		a.show(&a.page, p.root.rec, row)
		a.page.text = p.measure(a.page.text[:len(a.page.text)-1], row, &a.page)
		return a.page.err == nil
	})
	if err == nil {
		err = a.page.err
	}
	return err
}

// measure appends the measures of a group and closes it.
func (p *plan) measure(dst []byte, row store.Row, page *rows) []byte {
	for _, m := range p.measures {
		dst = append(dst, m.prefix...)
		if m.count < 0 {
			dst = row.AppendJSON(dst, m.sum)
			continue
		}
		sum, failed := row.Value(m.sum)
		n, err := row.Value(m.count)
		if failed == nil {
			failed = err
		}
		if failed != nil && page.err == nil {
			page.err = failed
		}
		dst = m.t.AppendJSON(dst, average(sum, n))
	}
	return append(dst, '}')
}

// average divides as package value does: decimals half-even, to six digits more
// than the summands have; whole numbers become decimals first.
func average(sum, n any) any {
	if sum == nil || n == nil {
		return nil
	}
	if whole, ok := sum.(int64); ok {
		sum = value.DecimalOf(whole)
	}
	return value.Div(sum, n)
}

func (e *Engine) buildAggregate(a *ask) (*plan, error) {
	p := &plan{}
	p.parent = a.findParent(p)
	k, alias := newSketch(a, p, a.sight.Resource)
	sel := k.level.sel
	rec := &record{id: -1}
	k.level.rec = rec
	faults := k.by(rec, alias)
	faults = append(faults, k.measures(rec, alias)...)
	err := a.refused(faults...)
	if err != nil {
		return nil, err
	}
	sel.Where, err = a.where(k.lower, alias)
	sel.Limit = query.Const{Value: int64(e.opts.MaxGroups + 1), Type: intType}
	p.root = k.done()
	return p, err
}

// by groups the statement by the fields of `by`, in their order.
func (k *sketch) by(rec *record, alias int) (faults []problem.Field) {
	text := k.ask.op.Query.By
	if text == "" {
		return nil
	}
	names := strings.Split(text, ",")
	if len(names) > maxBy {
		return []problem.Field{badParameter("by", "max", "must have at most %d fields", maxBy)}
	}
	sel := k.level.sel
	seen := map[string]bool{}
	for _, name := range names {
		h := k.ask.sight.Handle(name)
		switch {
		case h == nil || !h.Field.Stored():
			fault := noColumn(name, k.ask.sight, sortable)
			fault.Parameter = "by"
			faults = append(faults, *fault)
			continue
		case !sortable(h):
			faults = append(faults, badParameter("by", "type", "cannot group by %q: its values have no order or no bound", name))
			continue
		case seen[name]:
			faults = append(faults, badParameter("by", "duplicate", "%q stands there twice", name))
			continue
		}
		seen[name] = true
		i := k.column(h, alias)
		rec.add(name, member{column: i})
		x := sel.Columns[i].Expr
		sel.GroupBy = append(sel.GroupBy, x)
		sel.OrderBy = append(sel.OrderBy, query.Order{Expr: x, NotNull: !h.Field.Optional && !h.Masked})
	}
	return faults
}

// measures adds the columns of `measures`; without any, groups are counted.
func (k *sketch) measures(rec *record, alias int) (faults []problem.Field) {
	text := k.ask.op.Query.Measures
	if text == "" {
		text = "count"
	}
	list := strings.Split(text, ",")
	if len(list) > maxMeasures {
		return []problem.Field{badParameter("measures", "max", "must have at most %d entries", maxMeasures)}
	}
	taken := map[string]bool{}
	for _, m := range rec.members {
		taken[strings.Trim(m.prefix, `{,":`)] = true
	}
	mark := `,"`
	if len(rec.members) == 0 {
		mark = `{"`
	}
	for _, text := range list {
		name, m, fault := k.measure(text, alias)
		if fault == nil && taken[name] {
			fault = &problem.Field{Code: "duplicate", Detail: "there are two " + strconv.Quote(name) + " in one group"}
		}
		if fault != nil {
			fault.Parameter = "measures"
			faults = append(faults, *fault)
			continue
		}
		taken[name] = true
		m.prefix = mark + name + `":`
		mark = `,"`
		k.plan.measures = append(k.plan.measures, m)
	}
	return faults
}

// measure understands "count" or "sum:salary_min" and names its member.
func (k *sketch) measure(text string, alias int) (name string, m measure, fault *problem.Field) {
	if text == "count" {
		return text, k.aggregate(query.Aggregate{Func: query.Count, Type: intType}), nil
	}
	verb, field, ok := strings.Cut(text, ":")
	if !ok {
		return "", m, &problem.Field{Code: "format", Detail: strconv.Quote(text) + " must be count or one of sum, avg, min, max with a field, such as sum:salary"}
	}
	h := k.ask.sight.Handle(field)
	if h == nil || !h.Field.Stored() {
		return "", m, noColumn(field, k.ask.sight, isMeasured)
	}
	t := h.Field.Type.Value
	x := func() query.Expr { return k.lower.Column(h, alias) }
	name = verb + "_" + field
	switch {
	case verb == "sum" && (isNumber(t) || t.Kind == value.DurationKind):
		return name, k.aggregate(query.Aggregate{Func: query.Sum, X: x(), Type: sumType(t)}), nil
	case verb == "avg" && isNumber(t):
		m = k.aggregate(query.Aggregate{Func: query.Sum, X: x(), Type: sumType(t)})
		m.count = k.aggregate(query.Aggregate{Func: query.Count, X: x(), Type: intType}).sum
		m.t = averageType(t)
		return name, m, nil
	case verb == "min" && hasExtremes(h):
		return name, k.aggregate(query.Aggregate{Func: query.Min, X: x(), Type: t}), nil
	case verb == "max" && hasExtremes(h):
		return name, k.aggregate(query.Aggregate{Func: query.Max, X: x(), Type: t}), nil
	case verb == "sum" || verb == "avg" || verb == "min" || verb == "max":
		return "", m, &problem.Field{Code: "type", Detail: strconv.Quote(text) + ": the field's values cannot be measured so"}
	}
	return "", m, &problem.Field{Code: "enum", Detail: strconv.Quote(verb) + " must be one of sum, avg, min, max"}
}

func (k *sketch) aggregate(x query.Aggregate) measure {
	sel := k.level.sel
	sel.Columns = append(sel.Columns, query.Column{Expr: x, Type: x.Type})
	return measure{sum: len(sel.Columns) - 1, count: -1, t: x.Type}
}

func isNumber(t *value.Type) bool {
	switch t.Kind {
	case value.Int, value.BigInt, value.Float, value.DecimalKind:
		return true
	}
	return false
}

// hasExtremes leaves out what has an order but no least value on some database.
// isMeasured reports whether any measure has a meaning for the field's values.
func isMeasured(h *rule.Handle) bool {
	t := h.Field.Type.Value
	return t != nil && (isNumber(t) || t.Kind == value.DurationKind || hasExtremes(h))
}

func hasExtremes(h *rule.Handle) bool {
	switch h.Field.Type.Value.Kind {
	case value.Bool, value.ID:
		return false
	}
	return sortable(h)
}

func sumType(t *value.Type) *value.Type {
	if t.Kind == value.DecimalKind {
		return &value.Type{Kind: value.DecimalKind, Precision: maxDigits, Scale: t.Scale}
	}
	return t
}

func averageType(t *value.Type) *value.Type {
	if t.Kind == value.Float {
		return t
	}
	return &value.Type{Kind: value.DecimalKind, Precision: maxDigits, Scale: min(t.Scale+6, maxDigits)}
}
