package engine

import (
	"context"
	"errors"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// part is one operation of several in one transaction.
type part struct {
	do     step
	number int
	where  string    // the pointer from the member to the record's fields
	makes  *creation // nil: it is no plain creation
	// Of a transaction over several resources:
	name    string // by which later ones refer to it
	minimal bool   // its record is not shown
}

// creation is the making of a record that depends on nothing but rows that it locks,
// so that it may as well be made with others.
type creation struct {
	s  *rule.Sight
	op *Operation
	in *input
}

// inOrder carries out members one after the other; the first that fails ends it.
// Records of one resource that are created in a row are one insertion.
func inOrder(list []part) step {
	return func(ctx context.Context, w *work) (*outcome, error) {
		out := &outcome{status: 200, members: make([]*outcome, 0, len(list))}
		for rest := list; len(rest) > 0; {
			n := alike(rest)
			done, err := w.together(ctx, rest[:n])
			if done == nil && err == nil {
				done, err = w.singly(ctx, rest[:n])
			}
			if err != nil {
				return nil, err
			}
			for i, m := range rest[:n] {
				w.keep(m, done[i])
			}
			out.members, rest = append(out.members, done...), rest[n:]
		}
		return out, nil
	}
}

// alike is how many of the first members create records of one resource; 1 if the
// first does anything else.
func alike(list []part) int {
	n := 1
	for list[0].makes != nil && n < len(list) && list[n].makes != nil && list[n].makes.s == list[0].makes.s {
		n++
	}
	return n
}

// keep notes what became of a member for those that refer to it.
func (w *work) keep(m part, out *outcome) {
	if m.name != "" {
		if w.named == nil {
			w.named = map[string]*outcome{}
		}
		kept := *out
		w.named[m.name] = &kept
	}
	out.name = m.name
	if m.minimal {
		out.body = nil
	}
}

func (w *work) singly(ctx context.Context, list []part) ([]*outcome, error) {
	var all []*outcome
	for _, m := range list {
		out, err := m.do(ctx, w)
		if err != nil {
			return nil, err
		}
		all = append(all, out)
	}
	return all, nil
}

// together makes the records of all these members at once. It gives nil, and nothing
// is written, when that has to be done singly: there is one, what they show has to be
// read after each, or something was refused. Whose fault that is, and which fault comes
// first, is found by making them one after the other.
func (w *work) together(ctx context.Context, list []part) ([]*outcome, error) {
	if len(list) < 2 || !w.shownByThemselves(list[0].makes) {
		return nil, nil
	}
	recs, err := w.newRecords(ctx, list)
	if recs == nil {
		return nil, err
	}
	r := list[0].makes.s.Resource
	t := w.e.table(r)
	args := make([]any, 0, len(recs)*len(t.insert.Columns))
	for _, rec := range recs {
		args = t.row(args, rec)
	}
	var violation *store.ConstraintError
	if _, err := w.tx.Insert(ctx, t.insert, args); errors.As(err, &violation) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	all := make([]*outcome, len(list))
	for i, m := range list {
		id := recs[i]["id"].(value.UUID)
		w.touched(r, id)
		if all[i], err = w.done(ctx, 201, m.makes.op, id, recs[i]); err != nil {
			return nil, placed(err, m.number, m.where)
		}
	}
	return all, t.addWords(ctx, w.tx, t.search, recs...)
}

// shownByThemselves reports whether what is shown of a new record is told by the
// record, or nothing is shown.
func (w *work) shownByThemselves(n *creation) bool {
	return n.op.Minimal || w.e.tells(w.c, n.s, n.op)
}

// newRecords makes the records of creations; nil when one is refused.
func (w *work) newRecords(ctx context.Context, list []part) ([]rule.Record, error) {
	recs := make([]rule.Record, len(list))
	for i, m := range list {
		recs[i] = w.sent(m.makes.s.Resource, m.makes.in)
	}
	if readable, err := w.allReadable(ctx, list, recs); err != nil || !readable {
		return nil, err
	}
	for i, m := range list {
		n := m.makes
		// It reads nothing, so that whatever it says is a refusal.
		if w.complete(ctx, n.s, n.in, recs[i]) != nil {
			return nil, nil
		}
		if w.admitted(n.s, n.s.Resource.Create, n.in.fields, w.env(recs[i], nil), nil) != nil {
			return nil, nil
		}
	}
	return recs, nil
}

// allReadable reports whether the caller can read all that new records refer to, what
// the database refuses by itself left out.
func (w *work) allReadable(ctx context.Context, list []part, recs []rule.Record) (bool, error) {
	var asked refs
	once := func(target *contract.Resource, id value.UUID, at spot) {
		asked.add(target, id, at)
		asked.old(target, id)
	}
	for i, m := range list {
		for _, f := range m.makes.in.fields {
			if !w.c.refusedAnyway(f) {
				asked.collect(f.Type, recs[i][f.Name], once, spot{})
			}
		}
	}
	for _, target := range asked.targets {
		readable, err := w.readable(ctx, target.r, target.ids)
		if err != nil || len(readable) < len(target.ids) {
			return false, err
		}
	}
	return true, nil
}
