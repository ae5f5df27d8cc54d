package engine

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// exportBuffer is how much of an export is in memory at a time.
const exportBuffer = 32 << 10

// export answers with a stream of every record that the conditions choose, by
// id unless `sort` says otherwise. Nothing of it is kept in memory.
func (e *Engine) export(ctx context.Context, c *call, op *Operation) (*Result, error) {
	if op.Format != "ndjson" && op.Format != "csv" {
		return nil, NotFound()
	}
	a, p, err := e.understand(c, op, e.planChosen(pFilter|pSearch|pSort|pFields, buildExport))
	if err != nil {
		return nil, err
	}
	if p.parent != nil {
		err = c.db.InTx(ctx, store.ReadOne, &c.stats, func(tx store.Tx) error { return a.underParent(ctx, tx, p) })
	}
	if err != nil {
		a.release()
		return nil, err
	}
	stream := func(w io.Writer) error {
		defer a.release()
		return c.stream(ctx, a, p, w)
	}
	return &Result{Stream: stream, Statements: c.stats.Statements + 1}, nil
}

func (c *call) stream(ctx context.Context, a *ask, p *plan, w io.Writer) error {
	out := exporter{w: w, csv: a.op.Format == "csv", header: p.header}
	if p.root != nil {
		err := c.db.InTx(ctx, store.Stream, nil, func(tx store.Tx) error {
			if out.begun {
				return errors.New("engine: an export cannot be run again")
			}
			return out.rows(ctx, tx, a, p)
		})
		if err != nil {
			return err
		}
	}
	out.begin()
	return out.flush()
}

func buildExport(a *ask) (*plan, error) {
	w, order, err := a.arranged()
	if err != nil {
		return nil, err
	}
	p := &plan{order: order}
	p.parent = a.findParent(p)
	k, alias := newSketch(a, p, a.sight.Resource)
	k.level.rec = k.record(w, alias, 1)
	if p.perRecord > 0 {
		return nil, refusal([]problem.Field{badParameter("fields", "type", "cannot have lists of other records in an export")})
	}
	p.header = k.level.rec.header(w, "", nil)
	if k.level.sel.Where, err = a.where(k.lower, alias); err != nil || !a.sight.Readable {
		return p, err
	}
	if err := k.ordered(alias); err != nil {
		return nil, err
	}
	p.root = k.done()
	return p, nil
}

// cell is a column of a CSV export.
type cell struct {
	name   string // "title", "company.name"
	column int
	t      *value.Type
}

// header lists the columns of a CSV export: included references are spread out.
func (r *record) header(w *want, path string, cells []cell) []cell {
	i := 0
	for _, h := range w.sight.Handles {
		kid := w.kids[h.Field.Name]
		if kid == nil && !w.shows(h) {
			continue
		}
		m := r.members[i]
		i++
		if m.to != nil {
			cells = m.to.header(kid, path+h.Field.Name+".", cells)
			continue
		}
		cells = append(cells, cell{path + h.Field.Name, m.column, h.Field.Type.Value})
	}
	return cells
}

// exporter writes rows in one of the formats, a buffer at a time.
type exporter struct {
	w      io.Writer
	csv    bool
	header []cell
	begun  bool
	buf    []byte
	cell   []byte
	page   rows
	err    error
}

func (x *exporter) rows(ctx context.Context, tx store.Tx, a *ask, p *plan) error {
	err := a.rows(ctx, tx, p.root, func(row store.Row) bool {
		x.begin()
		if x.csv {
			x.line(row)
		} else {
			x.buf = append(x.page.append(x.buf, p.root.rec, row), '\n')
		}
		if len(x.buf) >= exportBuffer {
			x.err = x.flush()
		}
		return x.err == nil
	})
	if x.err != nil {
		return x.err
	}
	return err
}

// begin writes what stands before the first row: the header of a CSV.
func (x *exporter) begin() {
	if x.begun {
		return
	}
	x.begun = true
	x.buf = make([]byte, 0, exportBuffer+exportBuffer/4)
	if !x.csv {
		return
	}
	for i, c := range x.header {
		if i > 0 {
			x.buf = append(x.buf, ',')
		}
		x.buf = append(x.buf, c.name...)
	}
	x.buf = append(x.buf, '\r', '\n')
}

func (x *exporter) flush() error {
	if len(x.buf) == 0 {
		return nil
	}
	_, err := x.w.Write(x.buf)
	x.buf = x.buf[:0]
	return err
}

// line writes a row as RFC 4180 has it: null is an empty field, an empty text "".
func (x *exporter) line(row store.Row) {
	for i, c := range x.header {
		if i > 0 {
			x.buf = append(x.buf, ',')
		}
		if row.Null(c.column) {
			continue
		}
		switch c.t.Kind {
		case value.String, value.Enum:
			v, err := row.Value(c.column)
			if err != nil && x.err == nil {
				x.err = err
			}
			text, _ := v.(string)
			x.buf = appendCell(x.buf, text)
		case value.List, value.Struct, value.JSON:
			x.cell = row.AppendJSON(x.cell[:0], c.column)
			x.buf = appendQuoted(x.buf, string(x.cell))
		default:
			x.cell = row.AppendJSON(x.cell[:0], c.column)
			x.buf = append(x.buf, strings.Trim(string(x.cell), `"`)...) // no other character needs quotes
		}
	}
	x.buf = append(x.buf, '\r', '\n')
}

// formula begins what a spreadsheet would run instead of show (OWASP, CSV
// injection), the full-width forms included; some look behind spaces for it.
var formula = []string{"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}

// appendCell appends a text; one that a spreadsheet would take for a formula
// gets an apostrophe in front.
func appendCell(dst []byte, text string) []byte {
	start := strings.TrimLeft(text, " \u00a0\ufeff")
	if slices.ContainsFunc(formula, func(p string) bool { return strings.HasPrefix(start, p) }) {
		text = "'" + text
	}
	return appendQuoted(dst, text)
}

// appendQuoted appends a text, in quotes when it has to be.
func appendQuoted(dst []byte, text string) []byte {
	if text != "" && !strings.ContainsAny(text, ",\"\r\n") && text[0] != ' ' && text[len(text)-1] != ' ' {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	dst = append(dst, strings.ReplaceAll(text, `"`, `""`)...)
	return append(dst, '"')
}
