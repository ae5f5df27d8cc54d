package oracle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// faults are all that is wrong with a request. The engine may report any of them.
type faults []error

func (f *faults) add(err error) {
	if err != nil {
		*f = append(*f, err)
	}
}

func bad(kind problem.Kind) error { return problem.Errorf(kind, "") }

// answer is what the engine must answer: faults, or a body. A list has all its
// records; which of them stand on which page is for the test.
type answer struct {
	faults faults
	items  []string // of a list
	body   string   // of everything else
}

// answer works out what a request means in the model's world.
func (m *model) answer(q request) answer {
	resource := q.resource
	var bads faults
	within := func(rule.Record) bool { return true }
	if q.many != "" {
		f := m.stage.set.Resource(resource).Field(q.many)
		resource = f.Type.Target.Name
		parent, ok := m.find(q.resource, q.id)
		if !ok || m.field(q.resource, q.many) == nil {
			bads.add(bad(problem.NotFound))
		}
		within = func(rec rule.Record) bool { return rec[f.Type.Inverse.Name] == parent["id"] }
	}
	if q.kind == engine.Get {
		return m.get(q)
	}
	found, more := m.chosen(q, resource, within)
	bads = append(bads, more...)
	switch q.kind {
	case engine.Count:
		return finish(bads, fmt.Sprintf(`{"total":%d}`, len(found)))
	case engine.Aggregate:
		body, more := m.aggregate(q, resource, found)
		return finish(append(bads, more...), body)
	}
	if q.kind == engine.Export && q.listsIn(m.stage.set, resource) {
		bads.add(bad(problem.InvalidParameter))
	}
	more = m.sort(q, resource, found)
	bads = append(bads, more...)
	w, more := m.wanted(q, resource)
	bads = append(bads, more...)
	if w != nil && q.kind == engine.List && w.brings(1)*limitOf(q) > 10_000 {
		bads.add(bad(problem.InvalidParameter))
	}
	if len(bads) > 0 {
		return answer{faults: bads}
	}
	a := answer{}
	for _, rec := range found {
		a.items = append(a.items, string(m.render(nil, resource, rec, w)))
	}
	return a
}

func finish(bads faults, body string) answer {
	if len(bads) > 0 {
		return answer{faults: bads}
	}
	return answer{body: body}
}

func limitOf(q request) int {
	n := 50
	if q.limit != "" {
		fmt.Sscan(q.limit, &n)
	}
	return min(n, 200)
}

func (m *model) get(q request) answer {
	w, bads := m.wanted(q, q.resource)
	rec, ok := m.find(q.resource, q.id)
	if !ok {
		bads.add(bad(problem.NotFound))
	}
	if w != nil && w.brings(1) > 10_000 {
		bads.add(bad(problem.InvalidParameter))
	}
	if len(bads) > 0 {
		return answer{faults: bads}
	}
	return answer{body: string(m.render(nil, q.resource, rec, w))}
}

// equal is ?name=value: any of the values.
func (m *model) equal(resource, name string, texts []string) (func(rule.Record) bool, error) {
	f := m.field(resource, name)
	if f == nil {
		return m.declared(resource, name, texts)
	}
	if !f.Stored() {
		return nil, bad(problem.UnknownParameter)
	}
	switch f.Type.Value.Kind {
	case value.List, value.Struct, value.JSON:
		return nil, bad(problem.InvalidParameter)
	}
	var values []any
	for _, text := range texts {
		if f.Type.Name == "email" || f.Type.Name == "slug" {
			text = strings.ToLower(strings.TrimSpace(text))
		}
		v, err := f.Type.Value.ParseText(text)
		if err != nil {
			return nil, bad(problem.InvalidParameter)
		}
		values = append(values, v)
	}
	return func(rec rule.Record) bool {
		return rec[name] != nil && slices.ContainsFunc(values, func(v any) bool { return value.Equal(v, rec[name]) })
	}, nil
}

// declared is ?name=input of a declared filter.
func (m *model) declared(resource, name string, texts []string) (func(rule.Record) bool, error) {
	e := m.view.Resource(resource).Declared(name)
	if e == nil {
		return nil, bad(problem.UnknownParameter)
	}
	var input any
	for _, f := range m.set.Resource(resource).Resource.Filters {
		if f.Name != name || f.Input == nil {
			continue
		}
		var err error
		if input, err = f.Input.Type.Value.ParseText(texts[0]); err != nil {
			return nil, bad(problem.InvalidParameter)
		}
	}
	return func(rec rule.Record) bool {
		return e.Holds(&rule.Env{Caller: m.caller, Now: now, Record: rec, World: m.world, Input: input})
	}, nil
}

// searched: every word of the text stands in one of the search fields.
func (m *model) searched(resource, text string) (func(rule.Record) bool, error) {
	var fields []*contract.Field
	for _, f := range m.fields(resource) {
		if f.Search {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return nil, bad(problem.UnknownParameter)
	}
	words := value.Words(text)
	if len(words) == 0 {
		return nil, bad(problem.InvalidParameter)
	}
	return func(rec rule.Record) bool {
		var held []string
		for _, f := range fields {
			text, _ := rec[f.Name].(string)
			held = append(held, value.Words(text)...)
		}
		return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(held, w) })
	}, nil
}

// ordered reports whether values of a field have an order and a bounded length.
func ordered(f *contract.Field) bool {
	switch f.Type.Value.Kind {
	case value.List, value.Struct, value.JSON:
		return false
	}
	return f.Type.Name != "text"
}

// sort sorts records, which come by id; ties are broken by id in the direction
// of the last key.
func (m *model) sort(q request, resource string, found []rule.Record) faults {
	var bads faults
	type key struct {
		f    *contract.Field
		sign int
	}
	var keys []key
	sign := 1
	for _, name := range q.sort {
		name, desc := strings.CutPrefix(name, "-")
		if sign = 1; desc {
			sign = -1
		}
		f := m.field(resource, name)
		if f == nil || !f.Stored() || !ordered(f) {
			bads.add(bad(problem.InvalidParameter))
			continue
		}
		keys = append(keys, key{f, sign})
	}
	keys = append(keys, key{m.field(resource, "id"), sign})
	if len(bads) > 0 {
		return bads
	}
	slices.SortStableFunc(found, func(a, b rule.Record) int {
		for _, k := range keys {
			if c := k.f.Type.Value.Compare(a[k.f.Name], b[k.f.Name]); c != 0 {
				return c * k.sign
			}
		}
		return 0
	})
	return nil
}

// want is what a request shows of one resource.
type want struct {
	trimmed bool // only names
	names   []string
	kids    map[string]*want
	many    bool
}

// wanted reads include and fields.
func (m *model) wanted(q request, resource string) (*want, faults) {
	root := &want{kids: map[string]*want{}}
	var bads faults
	kids := 0
	// reach goes along a path of relations, adding what is not there yet.
	reach := func(path []string) (w *want, at string, ok bool) {
		w, at = root, resource
		if len(path) > 4 {
			return nil, "", false
		}
		for _, name := range path {
			f := m.field(at, name)
			if f == nil || f.Type.Target == nil || !m.serves(f.Type.Target.Name) {
				return nil, "", false
			}
			if w.kids[name] == nil {
				w.kids[name] = &want{kids: map[string]*want{}, many: f.Type.Name == "many"}
				kids++
			}
			w, at = w.kids[name], f.Type.Target.Name
		}
		return w, at, true
	}
	for _, path := range q.include {
		if _, _, ok := reach(strings.Split(path, ".")); !ok {
			bads.add(bad(problem.InvalidParameter))
		}
	}
	for _, path := range q.fields {
		parts := strings.Split(path, ".")
		way, last := parts[:len(parts)-1], parts[len(parts)-1]
		w, at, ok := reach(way)
		var f *contract.Field
		if ok {
			f = m.field(at, last)
		}
		if !ok || f == nil && last != "*" {
			bads.add(bad(problem.InvalidParameter))
			continue
		}
		trim := root
		trim.trimmed = true
		for _, name := range way {
			trim = trim.kids[name]
			trim.trimmed = true
		}
		if f != nil && !f.Stored() {
			if _, _, ok := reach(parts); !ok {
				bads.add(bad(problem.InvalidParameter))
			}
			continue
		}
		w.names = append(w.names, last)
	}
	if kids > 20 {
		bads.add(bad(problem.InvalidParameter))
	}
	if len(bads) > 0 {
		return nil, bads
	}
	return root, nil
}

// brings is the most records that the innermost lists can bring into an answer
// with each records of this kind.
func (w *want) brings(each int) int {
	n := 0
	for _, kid := range w.kids {
		if !kid.many {
			n += kid.brings(each)
			continue
		}
		inner := kid.brings(each * 100)
		if inner == 0 {
			inner = each * 100
		}
		n += inner
	}
	return n
}

// render writes a record as the request wants it.
func (m *model) render(dst []byte, resource string, rec rule.Record, w *want) []byte {
	dst = append(dst, '{')
	name := func(s string) {
		if dst[len(dst)-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(value.AppendString(dst, s), ':')
	}
	var more []string
	for _, f := range m.fields(resource) {
		kid := w.kids[f.Name]
		switch {
		case kid != nil && kid.many:
			name(f.Name)
			var cut bool
			if dst, cut = m.renderMany(dst, f, rec, kid); cut {
				more = append(more, `"`+f.Name+`"`)
			}
		case kid != nil:
			name(f.Name)
			id, _ := rec[f.Name].(value.UUID)
			if to, ok := m.world.Lookup(f.Type.Target.Name, id); ok {
				dst = m.render(dst, f.Type.Target.Name, to, kid)
			} else {
				dst = append(dst, "null"...)
			}
		case f.Stored() && (!w.trimmed || slices.Contains(w.names, f.Name) || slices.Contains(w.names, "*")):
			name(f.Name)
			dst = f.Type.Value.AppendJSON(dst, rec[f.Name])
		}
	}
	if len(more) > 0 {
		name("_more")
		dst = append(dst, "["+strings.Join(more, ",")+"]"...)
	}
	return append(dst, '}')
}

func (m *model) renderMany(dst []byte, f *contract.Field, rec rule.Record, w *want) (out []byte, cut bool) {
	dst = append(dst, '[')
	related := m.world.Related(f.Type.Target.Name, f.Type.Inverse.Name, rec["id"].(value.UUID))
	for i, to := range related[:min(len(related), 100)] {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = m.render(dst, f.Type.Target.Name, to, w)
	}
	return append(dst, ']'), len(related) > 100
}
