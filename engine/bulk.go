package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// maxMembers is how many operations one request may hold, and how many records
// one may change by a filter.
const maxMembers = 1000

// Item is what became of one member of a Bulk that is not atomic.
type Item struct {
	Status int    // when Err is nil
	ID     string // of the record
	Body   []byte // the record as JSON, nil when it is not shown
	Err    error
}

// members reads {"operations":[…]}.
func readMembers(c *call, body []byte) ([]any, error) {
	j, err := decodeBody(body)
	if err != nil {
		return nil, err
	}
	b := &reader{}
	here := spot{}.member("operations")
	envelope := b.object(j, spot{})
	list, isList := envelope["operations"].([]any)
	switch {
	case envelope == nil:
	case envelope["operations"] == nil:
		b.fault(here, "required", "is required")
	case !isList:
		b.fault(here, "type", "must be a list")
	case len(list) == 0:
		b.fault(here, "min", "must have at least 1 item")
	case len(list) > maxMembers:
		b.fault(here, "max", "must have at most %d items", maxMembers)
	}
	b.only(envelope, spot{}, "operations")
	return list, b.err(c)
}

// prepareBulk understands an atomic bulk: all faults of all bodies at once.
func (e *Engine) prepareBulk(c *call, op *Operation) (step, error) {
	list, err := e.bulkMembers(c, op)
	if err != nil {
		return nil, err
	}
	var all gathered
	members := make([]part, len(list))
	alone := true
	for i, j := range list {
		c.alone, c.makes = false, nil
		s, where, err := e.prepareMember(c, op, j)
		if err := all.add(err, i, where); err != nil {
			return nil, err
		}
		members[i], alone = part{do: within(s, i, where), number: i, where: where, makes: c.makes}, alone && c.alone
	}
	c.alone = alone
	if err := all.err(); err != nil {
		return nil, err
	}
	return inOrder(members), nil
}

// bulkMembers reads a bulk's operations once it is clear that the caller may do
// anything at all here.
func (e *Engine) bulkMembers(c *call, op *Operation) ([]any, error) {
	s, err := c.writable(op.Resource)
	if err != nil {
		return nil, err
	}
	if err := plainQuery(c, s, op); err != nil {
		return nil, err
	}
	r := s.Resource
	if c.allowed(r.Create) != nil && c.allowed(r.Update) != nil && c.allowed(r.Delete) != nil {
		return nil, c.refused()
	}
	return readMembers(c, op.Body)
}

// within makes the errors of a step say which member they are about.
func within(s step, i int, where string) step {
	return func(ctx context.Context, w *work) (*outcome, error) {
		out, err := s(ctx, w)
		return out, placed(err, i, where)
	}
}

// placed is err as the error of member i of the body; where is the pointer from
// the member to what the error's pointers begin at. An error that has none points
// to the member.
func placed(err error, i int, where string) error {
	var p *problem.Error
	if err == nil || !errors.As(err, &p) {
		return err
	}
	out := amid(err, p, fmt.Sprintf("operations/%d", i))
	for _, f := range p.Fields {
		if f.Parameter == "" {
			f.Pointer = fmt.Sprintf("#/operations/%d%s%s", i, where, f.Pointer[1:])
		}
		out.Fields = append(out.Fields, f)
	}
	if len(p.Fields) == 0 {
		out.Fields = []problem.Field{{Pointer: fmt.Sprintf("#/operations/%d", i), Code: string(p.Kind), Detail: p.Detail}}
	}
	return out
}

// amid is p, found in err, as the error of one among many; its fields are left out.
func amid(err error, p *problem.Error, which string) *problem.Error {
	out := problem.Wrap(err, p.Kind, "%s: %s", which, p.Detail)
	out.RetryAfter, out.Allow = p.RetryAfter, p.Allow
	return out
}

// gathered are the faults of all members' bodies.
type gathered struct {
	fields []problem.Field
	known  bool // at least one fault is not an unknown field
	more   bool
}

// add keeps a fault of a body for later and gives back every other error.
func (g *gathered) add(err error, i int, where string) error {
	var p *problem.Error
	if !errors.As(err, &p) || p.Kind != problem.Validation && p.Kind != problem.UnknownField || len(p.Fields) == 0 {
		return placed(err, i, where)
	}
	g.known = g.known || p.Kind != problem.UnknownField
	errors.As(placed(err, i, where), &p)
	for _, f := range p.Fields {
		if g.more = len(g.fields) == maxFaults; g.more {
			break
		}
		g.fields = append(g.fields, f)
	}
	return nil
}

func (g *gathered) err() error {
	if len(g.fields) == 0 {
		return nil
	}
	kind := problem.UnknownField
	if g.known {
		kind = problem.Validation
	}
	err := problem.Invalid(kind, g.fields)
	if g.more {
		err.Detail = fmt.Sprintf("more than %d fields are invalid; these are the first", maxFaults)
	}
	return err
}

// prepareMember understands {"create":{…}}, {"update":{"id":…,…}},
// {"delete":{"id":…}} or {"upsert":{…}}; where is the pointer from the member to
// the record's fields.
func (e *Engine) prepareMember(c *call, bulk *Operation, member any) (s step, where string, err error) {
	b := &reader{}
	verbs := b.object(member, spot{})
	if verbs != nil && len(verbs) != 1 {
		b.fault(spot{}, "format", "must have exactly one of create, update, delete and upsert")
		verbs = nil
	}
	for verb, body := range verbs {
		here := spot{}.member(verb)
		op := &Operation{Resource: bulk.Resource, Query: bulk.Query, Minimal: bulk.Minimal}
		fields, isObject := body.(map[string]any)
		switch verb {
		case "create", "update", "delete", "upsert":
			if !isObject {
				b.fault(here, "type", "must be an object")
				continue
			}
		default:
			b.unknown(here)
			continue
		}
		where = "/" + verb
		switch verb {
		case "create":
			op.Kind = Create
		case "update":
			op.Kind = Update
			op.ID, fields = b.addressed(fields, here)
		case "delete":
			op.Kind = Delete
			op.ID, fields = b.addressed(fields, here)
			b.only(fields, here)
		case "upsert":
			if len(b.faults) == 0 {
				s, err = e.prepareUpsert(c, op, fields)
				return s, where, err
			}
		}
		if len(b.faults) == 0 {
			s, err = e.prepareOne(c, op, any(fields))
			return s, where, err
		}
	}
	return nil, "", b.err(c)
}

// addressed takes the id out of a member's fields.
func (b *reader) addressed(fields map[string]any, at spot) (id string, rest map[string]any) {
	id, isText := fields["id"].(string)
	switch {
	case fields["id"] == nil:
		b.fault(at.member("id"), "required", "is required")
	case !isText:
		b.fault(at.member("id"), "type", "must be a string")
	}
	rest = maps.Clone(fields)
	delete(rest, "id")
	return id, rest
}

// prepareUpsert updates the record with this id, or else with this value of the
// key field, when the caller can read it, and makes it when not.
func (e *Engine) prepareUpsert(c *call, op *Operation, fields map[string]any) (step, error) {
	s, err := c.writable(op.Resource)
	if err != nil {
		return nil, err
	}
	r := s.Resource
	name := "id"
	if fields["id"] == nil && r.Key != nil {
		name = r.Key.Name
	}
	text, isText := fields[name].(string)
	if !isText {
		b := &reader{}
		b.fault(spot{}.member(name), "required", "must say which record, as a string")
		return nil, b.err(c)
	}
	if err := errors.Join(c.allowed(r.Create), c.allowed(r.Update)); err != nil {
		return nil, c.refused()
	}
	if _, err := c.readChange(s, any(fields), false); err != nil {
		return nil, err
	}
	address, byKey, ok := address(s, text)
	return func(ctx context.Context, w *work) (*outcome, error) {
		if ok && s.Readable {
			_, err := w.find(ctx, s, address, byKey, nil)
			if problem.KindOf(err) != problem.NotFound {
				return w.run(ctx, err, &Operation{Kind: Update, Resource: r, ID: text, Query: op.Query, Minimal: op.Minimal}, fields)
			}
		}
		return w.run(ctx, nil, &Operation{Kind: Create, Resource: r, Query: op.Query, Minimal: op.Minimal}, fields)
	}, nil
}

// run prepares and runs an operation inside the transaction.
func (w *work) run(ctx context.Context, err error, op *Operation, body any) (*outcome, error) {
	if err != nil {
		return nil, err
	}
	s, err := w.e.prepareOne(w.c, op, body)
	if err != nil {
		return nil, err
	}
	return s(ctx, w)
}

// bulkSingly carries out each member in a transaction of its own.
func (e *Engine) bulkSingly(ctx context.Context, c *call, op *Operation) (*Result, error) {
	if op.IdempotencyKey != "" {
		return nil, problem.Errorf(problem.InvalidParameter, "an Idempotency-Key needs atomic=true: members that succeed alone cannot be repeated together")
	}
	list, err := e.bulkMembers(c, op)
	if err != nil {
		return nil, err
	}
	res := &Result{Items: make([]Item, len(list))}
	shown := 0
	for i, member := range list {
		var out *outcome
		var where string
		err := e.asNow(c, func(now *call) error {
			c = now
			s, at, err := e.prepareMember(c, op, member)
			if where = at; err == nil && shown > maxAnswer {
				err = tooLarge()
			}
			if err == nil {
				out, _, err = e.commit(ctx, c, op, s)
			}
			return err
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			res.Items[i].Err, res.Partial = placed(err, i, where), true
		} else {
			res.Items[i] = Item{Status: out.status, ID: out.id.String(), Body: out.body}
			shown += len(out.body)
		}
	}
	res.Statements = c.stats.Statements
	return res, nil
}

// result is the answer to a request.
func (out *outcome) result(op *Operation) *Result {
	switch {
	case out.counted:
		return &Result{Body: fmt.Appendf(nil, `{"affected":%d}`, out.count)}
	case out.members != nil:
		return &Result{Body: appendMembers(nil, out.members)}
	}
	res := &Result{Body: out.body, ETag: out.tag}
	if out.status == 201 {
		res.Created = out.id.String()
	}
	return res
}

// appendMembers appends {"items":[{"status":201,"id":…,"body":{…}},…]}.
func appendMembers(dst []byte, members []*outcome) []byte {
	dst = append(dst, `{"items":[`...)
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		if m.name != "" {
			dst = append(value.AppendString(append(dst, `"name":`...), m.name), ',')
		}
		dst = AppendItem(dst, Item{Status: m.status, ID: m.id.String(), Body: m.body})
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// AppendItem appends the members of a successful item's JSON object, without
// its braces: "status":201,"id":"…","body":{…}.
func AppendItem(dst []byte, it Item) []byte {
	dst = strconv.AppendInt(append(dst, `"status":`...), int64(it.Status), 10)
	dst = value.AppendString(append(dst, `,"id":`...), it.ID)
	if it.Body != nil {
		dst = append(append(dst, `,"body":`...), it.Body...)
	}
	return dst
}
