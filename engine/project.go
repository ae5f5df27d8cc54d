package engine

import (
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// record is how one record in a statement's rows becomes JSON: which column,
// nested record or list follows which member name. It is made with its plan and
// never changes.
type record struct {
	members []member
	// id is the column of the record's id; it tells whether an included record
	// is there and is the key that to-many lists hang on. -1 when neither is asked.
	id   int
	many []*many // the lists among members
}

// member is one name of a record with where its value comes from.
type member struct {
	prefix string // `{"id":` for the first, `,"title":` for the rest
	column int    // when to and many are nil
	to     *record
	many   *many
}

// many is a to-many list inside a record, read by a statement of its own.
type many struct {
	name  string
	level *level
}

func (r *record) add(name string, m member) {
	mark := `,"`
	if len(r.members) == 0 {
		mark = `{"`
	}
	m.prefix = mark + name + `":`
	r.members = append(r.members, m)
	if m.many != nil {
		r.many = append(r.many, m.many)
	}
}

// hole is a place in rows' text where a list, or the names of the lists that
// were cut short, will be put once it is known.
type hole struct {
	at   int
	key  value.UUID
	list *many   // nil: the names of cut lists
	rec  *record // whose lists they are
}

// rows are the records of one level as JSON text.
type rows struct {
	text  []byte
	ends  []span
	holes []hole
	err   error
}

// span is one record of rows: its text, and its holes by their index.
type span struct{ from, to, hole, holes int }

func (p *rows) reset(text []byte) {
	p.text, p.ends, p.holes, p.err = text, p.ends[:0], p.holes[:0], nil
}

// add renders row as the next record.
func (p *rows) add(r *record, row store.Row) {
	from, holes := len(p.text), len(p.holes)
	p.text = p.append(p.text, r, row)
	p.ends = append(p.ends, span{from, len(p.text), holes, len(p.holes)})
}

func (p *rows) append(dst []byte, r *record, row store.Row) []byte {
	var key value.UUID
	if len(r.many) > 0 {
		key = p.key(row, r.id)
	}
	for i := range r.members {
		m := &r.members[i]
		dst = append(dst, m.prefix...)
		switch {
		case m.to != nil:
			if row.Null(m.to.id) {
				dst = append(dst, "null"...)
			} else {
				dst = p.append(dst, m.to, row)
			}
		case m.many != nil:
			p.holes = append(p.holes, hole{at: len(dst), key: key, list: m.many})
		default:
			dst = row.AppendJSON(dst, m.column)
		}
	}
	if len(r.many) > 0 {
		p.holes = append(p.holes, hole{at: len(dst), key: key, rec: r})
	}
	return append(dst, '}')
}

// key reads an id; the first error is kept.
func (p *rows) key(row store.Row, column int) value.UUID {
	v, err := row.Value(column)
	if err != nil && p.err == nil {
		p.err = err
	}
	id, _ := v.(value.UUID)
	return id
}

// lists are what the to-many statements of a request found.
type lists map[*many]*children

// children are the records of one to-many statement, grouped by parent.
type children struct {
	rows
	groups map[value.UUID]group
}

// group is a parent's share of children: records from to to, and whether there are more.
type group struct {
	from, to int
	more     bool
}

// fill appends record s of p with its lists in their places.
func (found lists) fill(dst []byte, p *rows, s span) []byte {
	at := s.from
	for _, h := range p.holes[s.hole:s.holes] {
		dst = append(dst, p.text[at:h.at]...)
		at = h.at
		if h.list == nil {
			dst = found.cut(dst, h)
			continue
		}
		dst = append(dst, '[')
		if c := found[h.list]; c != nil {
			g := c.groups[h.key]
			for i, s := range c.ends[g.from:g.to] {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = found.fill(dst, &c.rows, s)
			}
		}
		dst = append(dst, ']')
	}
	return append(dst, p.text[at:s.to]...)
}

// cut appends the `_more` member, if any of the record's lists has one.
func (found lists) cut(dst []byte, h hole) []byte {
	mark := `,"_more":["`
	for _, m := range h.rec.many {
		c := found[m]
		if c == nil || !c.groups[h.key].more {
			continue
		}
		dst = append(dst, mark...)
		dst = append(dst, m.name...)
		dst = append(dst, '"')
		mark = `,"`
	}
	if mark == `,"` {
		dst = append(dst, ']')
	}
	return dst
}
