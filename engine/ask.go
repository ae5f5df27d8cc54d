package engine

import (
	"encoding/binary"
	"sync"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// Bounds on what one request may ask.
const (
	defaultLimit = 50
	maxLimit     = 200
	maxOffset    = 10_000
	maxEqual     = 100 // values of one field
	maxNames     = 50  // different fields and declared filters
)

// ask is a read, understood: its shape as a key, which finds its plan, and its
// values as literals, which fill the plan's parameters. The two never mix: a
// value never reaches the key, so that requests of one shape share one plan. It
// is pooled, and reading its parameters allocates next to nothing.
type ask struct {
	op    *Operation
	own   Operation // op, when nobody asks but the engine
	sight *rule.Sight
	env   rule.Env // Literals: those of the filter first, then those of the rest
	key   []byte
	equal []equality
	// filter is the parsed filter; nil until a plan has to be made, unless its
	// shape could not be had without parsing. raw are the literals of a filter
	// that was not parsed; the plan's expression gives them their types.
	filter *rule.Expr
	raw    []any
	words  place
	parent *rule.Handle // the list's field that refers to the parent
	under  place        // what addresses the parent, then its id once it is found
	byKey  *rule.Handle // the key field that addresses the record or the parent; nil: the id
	id     place
	cursor cursor
	bound  []byte // what cursors are bound to; empty until there is one
	after  place
	limit  int
	limits place // limit and, when it was given, offset
	exact  bool
	lists  int // index of the literal that holds the parents' keys of a to-many list
	faults []problem.Field

	args []any
	told held // the record that is shown, when it is in memory
	page rows
	size int // bytes of the answer's records so far
}

// place is where values stand among the literals.
type place struct{ at, n int }

// equality is ?name=value: a field with its values, or a declared filter with
// its input.
type equality struct {
	field  *rule.Handle
	filter *rule.Expr
	place
}

var asks = sync.Pool{New: func() any { return new(ask) }}

// newAsk begins to understand op as a caller of c would see it.
func newAsk(c *call, sight *rule.Sight, op *Operation) *ask {
	a := asks.Get().(*ask)
	a.begin(c, sight, op)
	return a
}

// newAnswer begins to understand how the record of a write is shown.
func newAnswer(c *call, sight *rule.Sight, fields, include string) *ask {
	a := asks.Get().(*ask)
	a.own = Operation{Kind: Get, Resource: sight.Resource, Query: Query{Fields: fields, Include: include}}
	a.begin(c, sight, &a.own)
	return a
}

func (a *ask) begin(c *call, sight *rule.Sight, op *Operation) {
	a.op, a.sight = op, sight
	literals := a.env.Literals[:0]
	a.env = c.env
	a.env.Record, a.env.Old, a.env.Input, a.env.Literals = nil, nil, nil, literals
	a.key = append(a.key[:0], byte(op.Kind))
}

// understand makes an ask of op and finds its plan; it must be released.
func (e *Engine) understand(c *call, op *Operation, read func(*call, *ask) (*plan, error)) (*ask, *plan, error) {
	sight, err := c.sight(op.Resource)
	if err != nil {
		return nil, nil, err
	}
	a := newAsk(c, sight, op)
	p, err := read(c, a)
	if err != nil {
		a.release()
		return nil, nil, err
	}
	return a, p, nil
}

// release gives a back; nothing of it may be used afterwards.
func (a *ask) release() {
	clear(a.env.Literals[:cap(a.env.Literals)])
	clear(a.args[:cap(a.args)])
	clear(a.equal[:cap(a.equal)])
	kept := ask{
		key: a.key, equal: a.equal[:0], args: a.args[:0], bound: a.bound[:0],
		page: rows{text: a.page.text[:0], ends: a.page.ends[:0], holes: a.page.holes[:0]},
	}
	clear(a.page.holes[:cap(a.page.holes)])
	kept.env.Literals = a.env.Literals[:0]
	if cap(kept.page.text) > 1<<20 {
		kept.page.text = nil
	}
	*a = kept
	asks.Put(a)
}

// push adds values to the literals.
func (a *ask) push(values ...any) place {
	p := place{len(a.env.Literals), len(values)}
	a.env.Literals = append(a.env.Literals, values...)
	return p
}

// shape adds to the key what changes the plan: a mark and a text, with its
// length, so that no text can look like another's mark.
func (a *ask) shape(mark byte, text string) {
	a.key = append(a.key, mark)
	a.key = binary.AppendUvarint(a.key, uint64(len(text)))
	a.key = append(a.key, text...)
}

// conditions understands what chooses records: parent, filter, equality,
// declared filters and search. The filter's literals must be the first.
func (a *ask) conditions(c *call) error {
	a.readFilter()
	if err := a.readParent(c); err != nil {
		return err
	}
	equal := a.op.Query.Equal
	if len(equal) > maxNames {
		a.fault(equal[maxNames].Name, "max", "is one too many: at most %d different fields and filters", maxNames)
		equal = equal[:maxNames]
	}
	for i := range equal {
		a.readEqual(&equal[i])
	}
	a.readSearch()
	return nil
}

// readFilter cuts the values out of the filter; only a shape that was not seen
// before is parsed. What is wrong with it is told when the plan is made.
func (a *ask) readFilter() {
	text := a.op.Query.Filter
	if text == "" {
		return
	}
	key, raw, ok := rule.FilterShape(text)
	if ok {
		a.shape('f', key)
		a.raw = raw
		a.push(raw...)
		return
	}
	a.shape('u', text)
	if e, literals, err := a.sight.ParseFilter(text); err == nil {
		a.filter = e
		a.push(literals...)
	}
}

// typeFilter gives the literals of the filter the types that e, an expression
// of the same shape, has for them. One that does not fit is refused as if the
// shape had not been known.
func (a *ask) typeFilter(e *rule.Expr) error {
	if a.raw == nil || e == nil {
		return nil
	}
	typed, err := e.Literals(a.raw)
	if err != nil {
		if _, _, parsed := a.sight.ParseFilter(a.op.Query.Filter); parsed != nil {
			err = parsed
		}
		return err
	}
	copy(a.env.Literals, typed)
	return nil
}

// readParent finds the way from the records to the parent of a nested collection.
func (a *ask) readParent(c *call) error {
	p := a.op.Parent
	if p == nil {
		return nil
	}
	sight, err := c.sight(p.Resource)
	if err != nil {
		return err
	}
	h := sight.Handle(p.Many)
	if h == nil || !sight.Readable || h.Field.Type.Name != "many" || relation(h) == nil {
		return NotFound()
	}
	v, byKey, ok := address(sight, p.ID)
	if !ok {
		return NotFound()
	}
	a.parent = a.sight.Handle(h.Field.Type.Inverse.Name)
	if a.parent == nil {
		return NotFound()
	}
	a.byKey, a.under = byKey, a.push(v, nil)
	a.shape('p', p.Resource.Name)
	a.shape('p', p.Many)
	if byKey != nil {
		a.key = append(a.key, 'k')
	}
	return nil
}

// address understands the text that addresses a record: its id, else the value
// of the key field, whose handle is given then.
func address(sight *rule.Sight, text string) (v any, byKey *rule.Handle, ok bool) {
	if id, err := value.ParseID(text); err == nil {
		return id, nil, true
	}
	key := sight.Resource.Key
	if key == nil {
		return nil, nil, false
	}
	h := sight.Handle(key.Name)
	if h == nil {
		return nil, nil, false
	}
	v, err := parameterValue(key, text)
	return v, h, err == nil
}
