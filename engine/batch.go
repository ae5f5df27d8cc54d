package engine

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// batchRoutes are the writes that a batch may hold, by method and path.
type batchRoutes struct {
	once   sync.Once
	routes map[string]contract.Route
}

// batchKinds are the operations on one record.
var batchKinds = map[string]Kind{"create": Create, "update": Update, "replace": Replace, "delete": Delete, "action": Act}

// route finds what a method and a path such as "/postings/{id}/close" mean. The
// path may begin with the contract's base path.
func (e *Engine) route(method, path string) (route contract.Route, id string, ok bool) {
	b := &e.batchRoutes
	b.once.Do(func() {
		b.routes = map[string]contract.Route{}
		for _, r := range contract.Routes(e.set.Contract) {
			if _, writes := batchKinds[r.Kind]; writes {
				b.routes[r.Method+" "+r.Path] = r
			}
		}
	})
	path = strings.TrimPrefix(path, e.set.Contract.BasePath)
	parts := strings.Split(path, "/")
	if len(parts) > 2 {
		id, parts[2] = parts[2], "{id}"
	}
	route, ok = b.routes[method+" "+strings.Join(parts, "/")]
	return route, id, ok && (len(parts) < 3 || id != "")
}

// batchMember is one operation of a transaction over several resources.
type batchMember struct {
	name   string
	op     *Operation
	body   any
	fields []*contract.Field // that may refer to earlier operations
	refers bool              // at least one does
}

// prepareBatch understands {"operations":[{"method":"POST","path":"/companies",
// "name":"c","body":{…}},…]}. Where a single typed value belongs, {"$ref":"c#/id"}
// stands for a part of the record that the operation named c gave.
func (e *Engine) prepareBatch(c *call, op *Operation) (step, error) {
	for _, text := range []string{op.Query.Fields, op.Query.Include, op.Query.Filter} {
		if text != "" || len(op.Query.Equal) > 0 {
			return nil, problem.Errorf(problem.UnknownParameter, "a transaction has no parameters")
		}
	}
	list, err := readMembers(c, op.Body)
	if err != nil {
		return nil, err
	}
	var all gathered
	var names []string
	members := make([]part, len(list))
	alone := true
	for i, j := range list {
		c.alone, c.makes = false, nil // and stay so for a member that waits for others
		m, err := e.readBatchMember(c, j, names)
		where := ""
		if err == nil {
			where = "/body"
			members[i], err = e.prepareBatchMember(c, op, m)
		}
		if err := all.add(err, i, where); err != nil {
			return nil, err
		}
		members[i].do, alone = within(members[i].do, i, where), alone && c.alone
		members[i].number, members[i].where = i, where
		if m != nil && m.name != "" {
			names = append(names, m.name)
		}
	}
	c.alone = alone
	if err := all.err(); err != nil {
		return nil, err
	}
	return inOrder(members), nil
}

// readBatchMember reads one operation; names are those of the ones before it.
func (e *Engine) readBatchMember(c *call, j any, names []string) (*batchMember, error) {
	b := &reader{}
	members := b.object(j, spot{})
	if members == nil {
		return nil, b.err(c)
	}
	text := func(name string, needed bool) string {
		v, isText := members[name].(string)
		switch {
		case members[name] == nil && needed:
			b.fault(spot{}.member(name), "required", "is required")
		case members[name] != nil && !isText:
			b.fault(spot{}.member(name), "type", "must be a string")
		}
		return v
	}
	method, path := text("method", true), text("path", true)
	m := &batchMember{name: text("name", false), body: members["body"]}
	if strings.Contains(m.name, "#") || slices.Contains(names, m.name) {
		b.fault(spot{}.member("name"), "format", "must be a new name without #")
	}
	b.only(members, spot{}, "method", "path", "name", "body")
	if err := b.err(c); err != nil {
		return nil, err
	}
	route, id, ok := e.route(method, path)
	if !ok {
		b.fault(spot{}.member("path"), "format", "is no path on which one record is written with this method")
		return nil, b.err(c)
	}
	m.op = &Operation{Kind: batchKinds[route.Kind], Resource: e.set.Resource(route.Resource), ID: id, Action: route.Action}
	if _, sent := members["body"]; sent && m.op.Kind == Delete {
		b.fault(spot{}.member("body"), codeUnknown, "must not be sent with this method")
	} else if !sent && m.op.Kind != Delete && m.op.Kind != Act {
		b.fault(spot{}.member("body"), "required", "is required")
	}
	m.fields = c.mayRefer(m.op, m.body)
	_, m.refers = referred(m.fields, m.body, spot{}.member("body"), func(ref string, at spot) any {
		name, _, pointer := strings.Cut(ref, "#/")
		if !pointer || !slices.Contains(names, name) {
			b.fault(at, "reference", "must name an earlier operation and a part of its record, such as c#/id")
		}
		return nil
	})
	return m, b.err(c)
}

// mayRefer are the fields of op's body that exist for the caller and were sent as
// something that may be, or hold, a reference.
func (c *call) mayRefer(op *Operation, body any) (fields []*contract.Field) {
	s := c.view.Resource(op.Resource.Name)
	members, _ := body.(map[string]any)
	if s == nil || members == nil {
		return nil
	}
	all := s.Resource.Fields
	if op.Kind == Act {
		if all = nil; s.Resource.Actions[op.Action] != nil {
			all = s.Resource.Actions[op.Action].Input
		}
	}
	for _, f := range all {
		switch members[f.Name].(type) {
		case []any, map[string]any:
			if op.Kind == Act || c.standing(s, f) != absent {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// stand gives the value that a reference stands for.
type stand func(ref string, at spot) any

// referred is a body, or a struct, with what the references in it stand for; found
// is false when there are none. A reference is one only where a single value of a type
// belongs: what a json field holds is the caller's own, whatever it looks like.
func referred(fields []*contract.Field, j any, at spot, with stand) (out any, found bool) {
	members, _ := j.(map[string]any)
	var changed map[string]any
	for _, f := range fields {
		sent, is := members[f.Name]
		if !is {
			continue
		}
		if v, found := referredIn(f.Type, sent, at.member(f.Name), with); found {
			if changed == nil {
				changed = maps.Clone(members)
			}
			changed[f.Name] = v
		}
	}
	if changed == nil {
		return j, false
	}
	return changed, true
}

func referredIn(t *contract.Type, j any, at spot, with stand) (out any, found bool) {
	switch t.Name {
	case "json":
		return j, false
	case "struct":
		return referred(t.Members, j, at, with)
	case "list":
		items, _ := j.([]any)
		var changed []any
		for i, item := range items {
			if v, found := referredIn(t.Elem, item, at.at(i), with); found {
				if changed == nil {
					changed = slices.Clone(items)
				}
				changed[i] = v
			}
		}
		if changed == nil {
			return j, false
		}
		return changed, true
	}
	members, _ := j.(map[string]any)
	if ref, isText := members["$ref"].(string); isText && len(members) == 1 {
		return with(ref, at), true
	}
	return j, false
}

// prepareBatchMember understands an operation at once, or, when its body refers
// to others, as soon as they are done.
func (e *Engine) prepareBatchMember(c *call, op *Operation, m *batchMember) (part, error) {
	m.op.Minimal = op.Minimal && m.name == "" // later operations may refer to what has a name
	out := part{name: m.name, minimal: op.Minimal}
	if !m.refers {
		var err error
		out.do, err = e.prepareOne(c, m.op, m.body)
		out.makes = c.makes
		return out, err
	}
	if _, err := c.writable(m.op.Resource); err != nil {
		return out, err
	}
	out.do = func(ctx context.Context, w *work) (*outcome, error) {
		b := &reader{}
		body, _ := referred(m.fields, m.body, spot{}, func(ref string, at spot) any { return w.resolve(b, ref, at) })
		return w.run(ctx, b.err(c), m.op, body)
	}
	return out, nil
}

// resolve finds the value that a reference stands for.
func (w *work) resolve(b *reader, ref string, at spot) any {
	name, pointer, _ := strings.Cut(ref, "#/")
	v, found := w.named[name].part(pointer)
	size := partSize(v)
	if !found || size > maxPart {
		b.fault(at, "reference", "must point to a single value of at most %d bytes that the record has", maxPart)
		return nil
	}
	if w.referred += size; w.referred > maxParts {
		b.fault(at, "reference", "the references of one transaction must stand for at most %d bytes in all", maxParts)
	}
	return v
}

// maxPart bounds what a reference may stand for, maxParts what all of them may, in
// bytes, so that a short body cannot multiply a long text.
const (
	maxPart  = 4096
	maxParts = 1 << 20
)

// partSize is the length of a single value; that of anything else is too much.
func partSize(v any) int {
	switch v := v.(type) {
	case nil, bool:
		return 0
	case string:
		return len(v)
	case value.Number:
		return len(v)
	}
	return maxPart + 1
}

// part finds what a JSON pointer, without its first slash, points to in the
// record as the caller sees it. Its id is always there.
func (out *outcome) part(pointer string) (any, bool) {
	if pointer == "id" {
		return out.id.String(), true
	}
	if out.body == nil {
		return nil, false
	}
	if out.parts == nil {
		out.parts, _ = value.DecodeJSON(out.body, 2*maxDepth)
	}
	j := out.parts
	for key := range strings.SplitSeq(pointer, "/") {
		key = strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
		switch in := j.(type) {
		case map[string]any:
			v, there := in[key]
			if !there {
				return nil, false
			}
			j = v
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			j = in[i]
		default:
			return nil, false
		}
	}
	return j, true
}
