package move

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// maxExamples is how many differences of a table are told one by one.
const maxExamples = 5

// compare compares every row of the two databases, each in one snapshot.
func (m *move) compare(ctx context.Context, source *snapshot) error {
	target, err := open(ctx, m.to.Driver(), m.tables)
	if err != nil {
		return err
	}
	for i, t := range m.tables {
		report, err := m.compareTable(ctx, source, target, t, source.pulse[i].Rows)
		if err != nil {
			return errors.Join(fmt.Errorf("move: comparing %s: %w", t.Name, err), target.close())
		}
		m.report.Tables = append(m.report.Tables, *report)
		m.report.Compared += report.Rows
	}
	return target.close()
}

// compareTable walks through both tables by key.
func (m *move) compareTable(ctx context.Context, source, target *snapshot, t *table, of int64) (*TableReport, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	report, sum := &TableReport{Table: t.Name}, sha256.New()
	here, there := source.walk(ctx, t), target.walk(ctx, t)
	x, y := here.next(), there.next()
	for x || y {
		order := 0
		switch {
		case !y:
			order = -1
		case !x:
			order = 1
		default:
			order = compareKeys(here.key(), there.key())
		}
		switch {
		case order < 0:
			report.Missing++
			report.example("is missing: %s", here)
		case order > 0:
			report.Extra++
			report.example("is only in the target: %s", there)
		case !bytes.Equal(here.text(), there.text()):
			report.Different++
			report.example("differs in "+strings.Join(differing(t, here, there), ", ")+": %s", here)
		}
		if order <= 0 {
			report.Rows++
			sum.Write(here.text())
			sum.Write([]byte{'\n'})
			if report.Rows%pageRows == 0 || report.Rows == of {
				m.progress(Progress{"compare", t.Name, report.Rows, of})
			}
			x = here.next()
		}
		if order >= 0 {
			y = there.next()
		}
	}
	report.SHA256 = fmt.Sprintf("%x", sum.Sum(nil))
	return report, errors.Join(here.wait(), there.wait())
}

func (t *TableReport) example(format string, w *walk) {
	if len(t.Examples) < maxExamples {
		t.Examples = append(t.Examples, fmt.Sprintf(format, w.shown()))
	}
}

func compareKeys(a, b []any) int {
	for i := range a {
		if c := value.Compare(a[i], b[i]); c != 0 {
			return c
		}
	}
	return 0
}

// differing names the columns in which two rows differ.
func differing(t *table, a, b *walk) (names []string) {
	for i, c := range t.Columns {
		if !bytes.Equal(a.column(i), b.column(i)) {
			names = append(names, c.Name)
		}
	}
	return names
}

// sheet is some rows in canonical JSON, one value after the other with commas between.
type sheet struct {
	keys [][]any
	text []byte
	ends []int // of each value
}

func (s *sheet) last() []any {
	if len(s.keys) == 0 {
		return nil
	}
	return s.keys[len(s.keys)-1]
}

func (s *snapshot) sheet(ctx context.Context, t *table, after []any) (*sheet, error) {
	p := &sheet{}
	err := s.rows(ctx, t.rows, after, func(row store.Row) (bool, error) {
		if len(p.text) >= pageBytes { // only now is it known that the row before could be read
			return false, nil
		}
		key := make([]any, len(t.rows.keys))
		for i, column := range t.rows.keys {
			v, err := row.Value(column)
			if err != nil {
				return false, err
			}
			key[i] = v
		}
		for i := range t.Columns {
			p.text = append(row.AppendJSON(p.text, i), ',')
			p.ends = append(p.ends, len(p.text))
		}
		p.keys = append(p.keys, key)
		return true, nil
	})
	return p, err
}

// walk goes through a table row by row, in the order of the key.
type walk struct {
	width int
	list  <-chan *sheet
	wait  func() error // why it ended
	sheet *sheet
	row   int
}

func (s *snapshot) walk(ctx context.Context, t *table) *walk {
	w := &walk{width: len(t.Columns), sheet: &sheet{}, row: -1}
	w.list, w.wait = pages(ctx, s, nil, func(after []any) (*sheet, error) { return s.sheet(ctx, t, after) })
	return w
}

// next goes to the next row; false at the end.
func (w *walk) next() bool {
	if w.row++; w.row < len(w.sheet.keys) {
		return true
	}
	sheet, more := <-w.list
	if !more {
		return false
	}
	w.sheet, w.row = sheet, 0
	return true
}

func (w *walk) key() []any { return w.sheet.keys[w.row] }

// column is the i-th value of the row.
func (w *walk) column(i int) []byte {
	at := w.row*w.width + i
	if at == 0 {
		return w.sheet.text[:w.sheet.ends[0]]
	}
	return w.sheet.text[w.sheet.ends[at-1]:w.sheet.ends[at]]
}

// text is the whole row.
func (w *walk) text() []byte {
	start := 0
	if w.row > 0 {
		start = w.sheet.ends[w.row*w.width-1]
	}
	return w.sheet.text[start:w.sheet.ends[(w.row+1)*w.width-1]]
}

// shown is the key as people read it.
func (w *walk) shown() string {
	var parts []string
	for _, v := range w.key() {
		parts = append(parts, fmt.Sprint(v))
	}
	return strings.Join(parts, " ")
}
