package engine

import (
	"context"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// rows runs the level's statement with a's literals. The sequence is called, not ranged
// over, which would make four objects for each statement.
func (a *ask) rows(ctx context.Context, tx store.Tx, l *level, visit func(store.Row) (more bool)) (err error) {
	a.args = l.args.Bind(&a.env, a.args[:0])
	tx.Select(ctx, l.sel, a.args)(func(row store.Row, failed error) bool {
		err = failed
		return failed == nil && visit(row)
	})
	return err
}

// One record may stand in an answer many times, so a short request could ask for
// more than fits in memory. In bytes of JSON:
const (
	maxPage   = 8 << 20  // a list's page ends early when it has so much
	maxAnswer = 16 << 20 // refused
)

func tooLarge() error {
	return problem.Errorf(problem.InvalidParameter, "the answer would be larger than %d MiB; ask for fewer records or fewer fields", maxAnswer>>20)
}

// start makes room for the records of an answer; text is what stands before them.
func (a *ask) start(text []byte) {
	a.size = 0
	a.page.reset(text)
}

// show renders row as the next record of p, which belongs to the answer.
func (a *ask) show(p *rows, r *record, row store.Row) {
	before := len(p.text)
	p.add(r, row)
	a.size += len(p.text) - before
	if a.size > maxAnswer && p.err == nil {
		p.err = tooLarge()
	}
}

// children reads the to-many lists of the records in p, level by level.
func (a *ask) children(ctx context.Context, tx store.Tx, found lists, l *level, p *rows) error {
	for _, list := range l.lists {
		keys := p.keys(list)
		if len(keys) == 0 {
			continue
		}
		a.env.Literals[a.lists] = keys
		c := &children{groups: make(map[value.UUID]group, len(keys))}
		err := a.rows(ctx, tx, list.level, func(row store.Row) bool {
			parent := c.key(row, list.level.parent)
			g, ok := c.groups[parent]
			if !ok {
				g.from = len(c.ends)
			}
			if g.more = len(c.ends)-g.from == listCap; !g.more {
				a.show(&c.rows, list.level.rec, row)
			}
			g.to = len(c.ends)
			c.groups[parent] = g
			return c.err == nil
		})
		if err == nil {
			err = c.err
		}
		if err != nil {
			return err
		}
		found[list] = c
		if err := a.children(ctx, tx, found, list.level, &c.rows); err != nil {
			return err
		}
	}
	return nil
}

// keys are the records of p that have this list, each once.
func (p *rows) keys(list *many) []any {
	var keys []any
	seen := map[value.UUID]bool{}
	for _, h := range p.holes {
		if h.list == list && !seen[h.key] {
			seen[h.key] = true
			keys = append(keys, h.key)
		}
	}
	return keys
}
