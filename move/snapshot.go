package move

import (
	"context"
	"errors"
	"slices"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
)

// snapshot is one state of a database, to be read by pages. A database may end it
// early, saying that the transaction is to be run again: then another one serves,
// if nothing was written meanwhile.
type snapshot struct {
	driver store.Driver
	tables []*table
	pulse  pulse
	tx     store.Tx
}

// pulse is what any ordinary write changes, by table.
type pulse []beat

// beat is a table's part of a pulse.
type beat struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
	Sums  string `json:"sums,omitempty"` // of revisions, and the latest times
}

// open begins a snapshot.
func open(ctx context.Context, d store.Driver, tables []*table) (*snapshot, error) {
	s := &snapshot{driver: d, tables: tables}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *snapshot) begin(ctx context.Context) (err error) {
	if s.tx, err = s.driver.Begin(ctx, store.Snapshot); err != nil {
		return err
	}
	s.pulse = nil
	for _, t := range s.tables {
		b, err := s.beat(ctx, t)
		if err != nil {
			return errors.Join(err, s.close())
		}
		s.pulse = append(s.pulse, b)
	}
	return nil
}

func (s *snapshot) close() error {
	if s.tx == nil { // it could not be begun again
		return nil
	}
	return s.tx.Rollback(context.Background())
}

func (s *snapshot) beat(ctx context.Context, t *table) (beat, error) {
	q := &query.Select{
		From:    query.Table{Name: t.Name, Alias: alias},
		Columns: []query.Column{{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType}},
		Where:   t.where,
	}
	for _, c := range t.Columns {
		switch c.Name {
		case schema.Revision, "epoch":
			q.Columns = append(q.Columns, query.Column{Expr: query.Aggregate{Func: query.Sum, X: col(c), Type: intType}, Type: intType})
		case "created_at", "updated_at":
			q.Columns = append(q.Columns, query.Column{Expr: query.Aggregate{Func: query.Max, X: col(c), Type: c.Type}, Type: c.Type})
		}
	}
	b := beat{Table: t.Name}
	for row, err := range s.tx.Select(ctx, q, nil) {
		if err != nil {
			return b, err
		}
		n, err := row.Value(0)
		if err != nil {
			return b, err
		}
		b.Rows, _ = n.(int64)
		var sums []byte
		for i := 1; i < len(q.Columns); i++ {
			sums = append(row.AppendJSON(sums, i), ' ')
		}
		b.Sums = string(sums)
	}
	return b, nil
}

// again runs read, which reads one page and may be run again, in another snapshot
// of the same state when this one has been ended.
func (s *snapshot) again(ctx context.Context, read func() error) error {
	for tries := 0; ; tries++ {
		err := read()
		if !errors.Is(err, store.ErrAgain) || tries == maxAgain {
			return err
		}
		_ = s.close() // it is of no more use
		was := s.pulse
		if err := s.begin(ctx); err != nil {
			return err
		}
		if !slices.Equal(was, s.pulse) {
			return ErrWritten
		}
	}
}

// maxAgain is how often one page is read again.
const maxAgain = 10

// pages sends what read makes of one page after the other, until one is empty.
// Reading goes one page ahead of whoever receives. wait tells, when the channel is
// closed, why.
func pages[P interface{ last() []any }](ctx context.Context, s *snapshot, after []any, read func(after []any) (P, error)) (list <-chan P, wait func() error) {
	sent, ended := make(chan P), make(chan error, 1)
	go func() {
		defer close(sent)
		for {
			var p P
			err := s.again(ctx, func() (err error) {
				p, err = read(after)
				return err
			})
			if err != nil || p.last() == nil {
				ended <- err
				return
			}
			after = p.last()
			select {
			case sent <- p:
			case <-ctx.Done():
				ended <- ctx.Err()
				return
			}
		}
	}()
	return sent, func() error { return <-ended }
}

// rows are the rows of a page behind a key, nil: from the start.
func (s *snapshot) rows(ctx context.Context, p pager, after []any, do func(store.Row) (more bool, err error)) error {
	q := p.first
	if after != nil {
		q = p.next
	}
	for row, err := range s.tx.Select(ctx, q, after) {
		if err != nil {
			return err
		}
		if more, err := do(row); err != nil || !more {
			return err
		}
	}
	return nil
}
