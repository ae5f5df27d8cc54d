package engine

import (
	"context"
	"slices"
	"strconv"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
)

func (e *Engine) list(ctx context.Context, c *call, op *Operation) (*Result, error) {
	a, p, err := e.understand(c, op, e.planList)
	if err != nil {
		return nil, err
	}
	defer a.release()
	res := results.Get().(*Result)
	page := listPage{ask: a, plan: p, room: res.room}
	if p.root != nil || p.parent != nil {
		err = c.db.InTx(ctx, p.mode(), &c.stats, func(tx store.Tx) error { return page.read(ctx, tx) })
	}
	if err != nil {
		return nil, err
	}
	page.render(e, res)
	res.room, res.Statements = res.Body, c.stats.Statements
	return res, nil
}

// planList understands a list and finds its plan.
func (e *Engine) planList(c *call, a *ask) (*plan, error) {
	if err := a.conditions(c); err != nil {
		return nil, err
	}
	a.only(pFilter | pSearch | pSort | pFields | pInclude | pLimit | pCursor | pOffset | pCount)
	a.readPage()
	if len(a.faults) == 0 { // a cursor belongs to a request without
		if err := e.readCursor(a); err != nil {
			return nil, err
		}
	}
	a.lists = a.push(nil).at
	a.shape('S', a.op.Query.Sort)
	a.shape('F', a.op.Query.Fields)
	a.shape('I', a.op.Query.Include)
	p, err := e.plan(c, a, buildList)
	if err != nil {
		return nil, err
	}
	if a.limit*p.perRecord > maxRecords {
		if a.op.Query.Limit == "" && p.perRecord <= maxRecords {
			return nil, tooManyByDefault(a, p)
		}
		return nil, tooMany(p)
	}
	return p, nil
}

// tooManyByDefault is tooMany for a caller who gave no limit, and so has to hear
// of both: what the lists bring in and that there is a limit.
func tooManyByDefault(a *ask, p *plan) error {
	parameter := "include"
	if a.op.Query.Include == "" {
		parameter = "fields"
	}
	return refusal([]problem.Field{badParameter(parameter, "max", "brings in up to %d records for each one listed, too many for the %d that are listed by default: write limit=%d or less",
		p.perRecord, defaultLimit, maxRecords/p.perRecord)})
}

// tooMany refuses an answer that could grow too large, by its shape.
func tooMany(p *plan) error {
	if p.perRecord > maxRecords {
		return refusal([]problem.Field{badParameter("include", "max", "would bring in up to %d records, at most %d are possible", p.perRecord, maxRecords)})
	}
	return refusal([]problem.Field{badParameter("limit", "max", "must be at most %d with what is included", maxRecords/p.perRecord)})
}

func buildList(a *ask) (*plan, error) {
	w, order, err := a.arranged()
	if err != nil {
		return nil, err
	}
	p := &plan{order: order}
	k, alias := newSketch(a, p, a.sight.Resource)
	sel := k.level.sel
	k.level.rec = k.record(w, alias, 1)
	if sel.Where, err = a.where(k.lower, alias); err != nil {
		return nil, err
	}
	if err := k.ordered(alias); err != nil {
		return nil, err
	}
	sel.Limit = literal(k.lower, intType, a.limits.at)
	if a.limits.n == 2 {
		sel.Offset = literal(k.lower, intType, a.limits.at+1)
	}
	p.parent = a.findParent(p)
	if !a.sight.Readable {
		return p, nil
	}
	p.root = k.done()
	if a.exact {
		p.total, err = a.counts(p)
	}
	return p, err
}

// arranged understands `fields`, `include` and `sort`.
func (a *ask) arranged() (*want, []sortKey, error) {
	w, faults := a.wanted()
	order, more := sorted(a.sight, a.op.Query.Sort)
	return w, order, a.refused(append(faults, more...)...)
}

// ordered sorts the statement and lets it go on behind the cursor; a backward
// cursor turns the order round, and the page is turned back when it is rendered.
func (k *sketch) ordered(alias int) error {
	a, sel := k.ask, k.level.sel
	for i := range k.plan.order {
		key := &k.plan.order[i]
		h := key.field
		key.column = k.column(h, alias)
		sel.OrderBy = append(sel.OrderBy, query.Order{
			Expr:    sel.Columns[key.column].Expr,
			Desc:    key.desc != a.cursor.back,
			NotNull: !h.Field.Optional && !h.Masked,
		})
	}
	if a.after.n == 0 {
		return nil
	}
	if a.after.n != len(k.plan.order) {
		return badCursor()
	}
	for i, v := range a.cursor.keys {
		t := k.plan.order[i].field.Field.Type.Value
		switch {
		case v == nil && sel.OrderBy[i].NotNull, v != nil && !tagsFor(t, tagOf(v)):
			return badCursor()
		case v == nil:
			sel.After = append(sel.After, query.After{Null: true})
		default:
			sel.After = append(sel.After, query.After{Expr: literal(k.lower, t, a.after.at+i)})
		}
	}
	return nil
}

// findParent is the statement that finds the parent of a nested collection, if
// the caller can read it.
func (a *ask) findParent(p *plan) *level {
	if a.parent == nil {
		return nil
	}
	s := a.sight.View.Resource(a.op.Parent.Resource.Name)
	k, alias := newSketch(a, p, s.Resource)
	k.id(s, alias)
	k.level.sel.Where = k.addressed(s, a.byKey, a.under.at, alias)
	return k.done()
}

// counts is the statement that counts what the conditions choose.
func (a *ask) counts(p *plan) (*level, error) {
	k, alias := newSketch(a, p, a.sight.Resource)
	where, err := a.where(k.lower, alias)
	k.level.sel.Where = where
	k.level.sel.Columns = []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}}
	return k.done(), err
}

// underParent finds the parent of a nested collection and puts its id among the
// literals.
func (a *ask) underParent(ctx context.Context, tx store.Tx, p *plan) error {
	if p.parent == nil {
		return nil
	}
	var id any
	var failed error
	err := a.rows(ctx, tx, p.parent, func(row store.Row) bool {
		id, failed = row.Value(0)
		return false
	})
	switch {
	case err != nil:
		return err
	case failed != nil:
		return failed
	case id == nil:
		return NotFound()
	}
	a.env.Literals[a.under.at+1] = id
	return nil
}

// counted runs the statement that counts.
func (a *ask) counted(ctx context.Context, tx store.Tx, l *level) (total int64, err error) {
	var failed error
	err = a.rows(ctx, tx, l, func(row store.Row) bool {
		var v any
		v, failed = row.Value(0)
		total, _ = v.(int64)
		return false
	})
	if err == nil {
		err = failed
	}
	return total, err
}

// listPage is a page of a list while it is read and rendered.
type listPage struct {
	*ask
	plan  *plan
	found lists
	total int64
	more  bool // behind the page, in the direction in which it was read
	// first and last are the cursor keys of the first and last record read.
	first, last []any
	direct      bool   // page.text is the answer itself
	room        []byte // for the body
}

const listHead = `{"items":[`

func (g *listPage) read(ctx context.Context, tx store.Tx) error {
	a, l := g.ask, g.plan.root
	if err := a.underParent(ctx, tx, g.plan); err != nil {
		return err
	}
	if l == nil {
		return nil
	}
	g.more, g.first, g.last, g.found = false, nil, nil, nil
	text := a.page.text[:0]
	if g.direct = len(l.lists) == 0 && !a.cursor.back; g.direct {
		text = g.head()
	}
	a.start(text)
	err := a.rows(ctx, tx, l, func(row store.Row) bool {
		n := len(a.page.ends)
		if n == a.limit || a.size > maxPage {
			g.more = true
			return false
		}
		if n == 0 && (a.after.n > 0 || a.limits.n == 2) {
			g.first = g.keys(row)
		}
		if n > 0 && g.direct {
			a.page.text = append(a.page.text, ',')
		}
		a.show(&a.page, l.rec, row)
		if n == a.limit-1 || a.size > maxPage {
			g.last = g.keys(row)
		}
		return a.page.err == nil
	})
	if err == nil {
		err = a.page.err
	}
	if err == nil && len(l.lists) > 0 {
		g.found = lists{}
		err = a.children(ctx, tx, g.found, l, &a.page)
	}
	if err != nil || g.plan.total == nil {
		return err
	}
	if g.total = int64(len(a.page.ends)); g.more || a.after.n > 0 || a.limits.n == 2 {
		g.total, err = a.counted(ctx, tx, g.plan.total)
	}
	return err
}

// keys are the cursor keys of a row.
func (g *listPage) keys(row store.Row) []any {
	keys := make([]any, len(g.plan.order))
	for i, k := range g.plan.order {
		v, err := row.Value(k.column)
		if err != nil && g.page.err == nil {
			g.page.err = err
		}
		keys[i] = v
	}
	return keys
}

// render writes the page, first record first whichever way it was read.
func (g *listPage) render(e *Engine, res *Result) {
	a := g.ask
	body := a.page.text
	if g.direct {
		a.page.text = nil // it is the caller's now
	} else {
		body = g.gather()
	}
	g.around(e, res)
	body = append(body, `],"next":`...)
	body = appendCursor(body, res.Next)
	body = append(body, `,"prev":`...)
	body = appendCursor(body, res.Prev)
	if a.exact {
		body = append(body, `,"total":`...)
		body = strconv.AppendInt(body, g.total, 10)
	}
	res.Body = append(body, '}')
	g.plan.size.Store(int64(len(res.Body) + len(res.Body)/8 + 64))
}

// head begins the body.
func (g *listPage) head() []byte {
	return append(slices.Grow(g.room, max(int(g.plan.size.Load()), 64)), listHead...)
}

// gather puts lists in their places and a page that was read backwards in order.
func (g *listPage) gather() []byte {
	p := &g.page
	body := g.head()
	for i := range p.ends {
		s := p.ends[i]
		if g.cursor.back {
			s = p.ends[len(p.ends)-1-i]
		}
		if i > 0 {
			body = append(body, ',')
		}
		body = g.found.fill(body, p, s)
	}
	return body
}

// around makes the cursors of the neighbouring pages. A page that was reached
// by a cursor has a neighbour where it came from.
func (g *listPage) around(e *Engine, res *Result) {
	if len(g.page.ends) == 0 {
		return
	}
	switch {
	case g.cursor.back:
		// The row read first is the page's last.
		res.Next = e.sealCursor(g.ask, cursor{keys: g.first})
		if g.more {
			res.Prev = e.sealCursor(g.ask, cursor{back: true, keys: g.last})
		}
	default:
		if g.more {
			res.Next = e.sealCursor(g.ask, cursor{keys: g.last})
		}
		if g.first != nil && (g.after.n > 0 || g.skipped()) {
			res.Prev = e.sealCursor(g.ask, cursor{back: true, keys: g.first})
		}
	}
}

// skipped reports whether an offset left out records.
func (g *listPage) skipped() bool {
	return g.limits.n == 2 && g.env.Literals[g.limits.at+1] != int64(0)
}

func appendCursor(dst []byte, text string) []byte {
	if text == "" {
		return append(dst, "null"...)
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}
