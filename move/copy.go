package move

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// A page is so many rows at most, and ends early with the row that makes it this
// heavy, in bytes. Two are held at a time: one is written while the next is read.
// Pages of 100 rows were measured at a third of the speed, of 4000 as no faster.
const (
	pageRows  = 1000
	pageBytes = 4 << 20
)

// step is one pass over a table: "copy" brings its rows, "refer" sets references
// that could not be set before.
type step struct {
	part  string
	table *table
	beat  beat
}

func (s step) String() string { return s.part + " " + s.table.Name }

func (m *move) steps(p pulse) (list []step) {
	for i, t := range m.tables {
		list = append(list, step{"copy", t, p[i]})
	}
	for i, t := range m.tables {
		if t.update != nil {
			list = append(list, step{"refer", t, p[i]})
		}
	}
	return list
}

// copy takes the steps that are left, from where an earlier run has come to.
func (m *move) copy(ctx context.Context, source *snapshot) error {
	steps := m.steps(source.pulse)
	at := 0
	if m.state.Step != "" {
		if at = slices.IndexFunc(steps, func(s step) bool { return s.String() == m.state.Step }); at < 0 {
			return ErrChanged
		}
	}
	for i, s := range steps[at:] {
		var after []any
		if i == 0 {
			var err error
			if after, err = m.state.after(s.table); err != nil {
				return err
			}
		} else {
			m.state.Step, m.state.After, m.state.Done = s.String(), nil, 0
		}
		m.state.Step = s.String()
		if err := m.take(ctx, source, s, after); err != nil {
			return m.explain(err, s)
		}
	}
	return nil
}

// take takes one step, behind a key.
func (m *move) take(ctx context.Context, source *snapshot, s step, after []any) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := s.table.rows
	if s.part == "refer" {
		p = s.table.refs
	}
	list, wait := pages(ctx, source, after, func(after []any) (*page, error) { return source.page(ctx, p, after) })
	for p := range list {
		if err := m.write(ctx, s, p); err != nil {
			cancel()
			_ = wait() // it was told to end
			return err
		}
		m.progress(Progress{s.part, s.table.Name, m.state.Done, s.beat.Rows})
	}
	return wait()
}

// page is the values of some rows.
type page struct {
	rows [][]any
	key  []any // of the last
}

func (p *page) last() []any { return p.key }

func (s *snapshot) page(ctx context.Context, from pager, after []any) (*page, error) {
	p, heavy := &page{}, 0
	err := s.rows(ctx, from, after, func(row store.Row) (bool, error) {
		values := make([]any, len(from.first.Columns))
		for i := range values {
			v, err := row.Value(i)
			if err != nil {
				return false, err
			}
			values[i] = v
			heavy += weight(v)
		}
		p.rows = append(p.rows, values)
		return heavy < pageBytes, nil
	})
	if err == nil && len(p.rows) > 0 {
		for _, i := range from.keys {
			p.key = append(p.key, p.rows[len(p.rows)-1][i])
		}
	}
	return p, err
}

// weight is roughly how many bytes a value takes.
func weight(v any) int {
	switch v := v.(type) {
	case string:
		return 16 + len(v)
	case value.Raw:
		return 24 + len(v)
	case []any:
		n := 24
		for _, e := range v {
			n += 16 + weight(e)
		}
		return n
	case map[string]any:
		n := 48
		for name, e := range v {
			n += 32 + len(name) + weight(e)
		}
		return n
	}
	return 16
}

// write writes a page, and how far the move has come with it, in one transaction.
func (m *move) write(ctx context.Context, s step, p *page) error {
	next := *m.state
	next.Done += int64(len(p.rows))
	next.keep(s.table, p.key)
	err := m.to.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		err := error(nil)
		if s.part == "copy" {
			err = s.table.add(ctx, tx, p.rows, m.to.Driver().Limits())
		} else {
			err = s.table.refer(ctx, tx, p.rows)
		}
		if err != nil {
			return err
		}
		return next.write(ctx, tx)
	})
	if err != nil {
		return err
	}
	*m.state = next
	if s.part == "copy" {
		m.report.Copied += int64(len(p.rows))
	}
	return nil
}

// add inserts rows, without the references that cannot be there yet.
func (t *table) add(ctx context.Context, tx store.Tx, rows [][]any, limits store.Limits) error {
	width := len(t.Columns)
	most := len(rows)
	if limits.MaxParams > 0 {
		most = max(1, min(most, limits.MaxParams/width))
	}
	args := make([]any, 0, most*width)
	for some := range slices.Chunk(rows, most) {
		args = args[:0]
		for _, row := range some {
			first := len(args)
			args = append(args, row...)
			t.postpone(args[first:])
		}
		if _, err := tx.Insert(ctx, t.insert, args); err != nil {
			return err
		}
	}
	return nil
}

// postpone takes the references out of a row that point to rows which come later:
// they are null meanwhile or, where that may not be, point to the row itself.
func (t *table) postpone(row []any) {
	for _, l := range t.late {
		id := row[t.rows.keys[0]]
		switch {
		case row[l.column] == nil, l.self && value.Compare(row[l.column], id) <= 0:
		case l.null:
			row[l.column] = nil
		default:
			row[l.column] = id
		}
	}
}

// refer sets the references of rows, which begin with their key.
func (t *table) refer(ctx context.Context, tx store.Tx, rows [][]any) error {
	args := make([]any, len(t.late)+1)
	for _, row := range rows {
		copy(args, row[1:])
		args[len(t.late)] = row[0]
		if _, err := tx.Update(ctx, t.update, args); err != nil {
			return err
		}
	}
	return nil
}

// clear takes away what an earlier run has brought. It is not taken up again when
// it is cut short: no source has an empty pulse.
func (m *move) clear(ctx context.Context, before *state) error {
	before.Pulse = nil
	if err := m.to.InTx(ctx, store.Write, nil, func(tx store.Tx) error { return before.write(ctx, tx) }); err != nil {
		return err
	}
	for _, t := range m.tables {
		if t.update == nil {
			continue
		}
		loosen := &query.Update{Table: t.update.Table}
		for _, l := range t.late {
			c := t.Columns[l.column]
			var to query.Expr = query.Const{Type: c.Type}
			if !l.null {
				to = col(t.Columns[t.rows.keys[0]])
			}
			loosen.Set = append(loosen.Set, query.Assign{Column: query.Named{Name: c.Name, Type: c.Type}, Value: to})
		}
		err := m.to.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
			_, err := tx.Update(ctx, loosen, nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("move: emptying %s: %w", t.Name, err)
		}
	}
	for _, t := range slices.Backward(m.tables) {
		q := &query.Delete{Table: query.Table{Name: t.Name, Alias: alias}, Where: t.where}
		err := m.to.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
			_, err := tx.Delete(ctx, q, nil)
			return err
		})
		if err != nil {
			return fmt.Errorf("move: emptying %s: %w", t.Name, err)
		}
	}
	return nil
}

// explain puts what stopped a step into words.
func (m *move) explain(err error, s step) error {
	var violated *store.ConstraintError
	if !errors.As(err, &violated) {
		return fmt.Errorf("move: %s: %w", s, err)
	}
	why := "refers to a record that the source does not have"
	if violated.Kind == store.Unique {
		why = "has the same key, or the same value of something unique, as another that is in the target"
	}
	return fmt.Errorf("a record of %s %s: either database was written to past mainstay or by somebody during the move", s.table.Name, why)
}
