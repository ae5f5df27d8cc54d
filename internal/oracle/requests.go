package oracle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// request is one request in parts that can be taken away.
type request struct {
	caller   string // e-mail; "" is nobody
	kind     engine.Kind
	resource string
	id       string // of Get, and of the parent of a nested list
	many     string // a nested list: resource is the parent
	equal    []engine.Equal
	filter   *expr
	sort     []string
	fields   []string
	include  []string
	by       []string
	measures []string
	search   string
	limit    string
	offset   string
	exact    bool
	walk     bool // follow the cursors to the end and back
}

var kindNames = map[engine.Kind]string{
	engine.List: "list", engine.Get: "get", engine.Count: "count", engine.Aggregate: "aggregate", engine.Export: "export",
}

// String is the request as a person would say it.
func (q request) String() string {
	parts := []string{kindNames[q.kind], q.resource}
	add := func(name, v string) {
		if v != "" {
			parts = append(parts, name+"="+v)
		}
	}
	add("id", q.id)
	add("many", q.many)
	for _, e := range q.equal {
		add(e.Name, strings.Join(e.Values, " or "))
	}
	if q.filter != nil {
		add("filter", q.filter.text())
	}
	add("sort", strings.Join(q.sort, ","))
	add("fields", strings.Join(q.fields, ","))
	add("include", strings.Join(q.include, ","))
	add("by", strings.Join(q.by, ","))
	add("measures", strings.Join(q.measures, ","))
	add("search", q.search)
	add("limit", q.limit)
	add("offset", q.offset)
	if q.exact {
		add("count", "exact")
	}
	who := q.caller
	if who == "" {
		who = "nobody"
	}
	return who + ": " + strings.Join(parts, " ")
}

// operation is the request as the engine takes it.
func (q request) operation(set *rule.Set, cursor string) *engine.Operation {
	op := &engine.Operation{Kind: q.kind, Resource: set.Resource(q.resource), ID: q.id}
	if q.kind == engine.Export {
		op.Format = "ndjson"
	}
	if q.many != "" {
		op.ID = ""
		op.Parent = &engine.Parent{Resource: op.Resource, ID: q.id, Many: q.many}
		op.Resource = set.Resource(op.Resource.Field(q.many).Type.Target.Name)
	}
	op.Query = engine.Query{
		Equal: q.equal, Sort: strings.Join(q.sort, ","), Fields: strings.Join(q.fields, ","), Include: strings.Join(q.include, ","),
		By: strings.Join(q.by, ","), Measures: strings.Join(q.measures, ","), Search: q.search, Limit: q.limit, Offset: q.offset, Cursor: cursor,
	}
	if q.filter != nil {
		op.Query.Filter = q.filter.text()
	}
	if q.exact {
		op.Query.Count = "exact"
	}
	if cursor != "" {
		op.Query.Offset = ""
	}
	return op
}

// newRequest makes a random request on a stage.
func newRequest(d dice, s *stage) request {
	var q request
	if accounts := s.world.order["Account"]; !d.one(5) && len(accounts) > 0 {
		q.caller = accounts[d.IntN(min(3, len(accounts)))]["email"].(string)
	}
	r := q.pickResource(d, s)
	q.resource = r.name
	q.kind = pick(d, []engine.Kind{engine.List, engine.List, engine.List, engine.Get, engine.Count, engine.Aggregate, engine.Export})
	of := r
	if q.kind == engine.Get {
		q.id = q.someID(d, s, r)
	} else if manys := r.kinds("many"); len(manys) > 0 && d.one(6) && q.kind != engine.Export {
		if f := pick(d, manys); len(f.target.read) > 0 {
			q.many, q.id, of = f.name, q.someID(d, s, r), f.target
		}
	}
	if q.kind != engine.Get {
		q.choose(d, s, of)
	}
	switch q.kind {
	case engine.List:
		q.page(d, of)
		q.shape(d, of)
	case engine.Export:
		q.page(d, of)
		q.shape(d, of)
		q.limit, q.offset, q.exact, q.walk, q.include = "", "", false, false, nil
	case engine.Get:
		q.shape(d, of)
	case engine.Aggregate:
		q.group(d, of)
	}
	return q
}

// pickResource prefers what the caller sees something of.
func (q *request) pickResource(d dice, s *stage) *resource {
	m, err := s.model(q.caller)
	for range 8 {
		r := pick(d, s.design.resources)
		if err == nil && len(m.world.order[r.name]) > 0 || d.one(8) && len(r.read) > 0 {
			return r
		}
	}
	return s.design.resources[0]
}

// someID addresses a record of r, mostly one that the caller sees.
func (q *request) someID(d dice, s *stage, r *resource) string {
	rows := s.world.order[r.name]
	if m, err := s.model(q.caller); err == nil && !d.one(4) {
		rows = m.world.order[r.name]
	}
	if len(rows) == 0 || d.one(8) {
		return pick(d, []string{"0193530a-7c40-7000-8000-000000000000", "key-none", "x"})
	}
	rec := pick(d, rows)
	if key, ok := rec["key"].(string); ok && d.one(2) {
		return key
	}
	return rec["id"].(value.UUID).String()
}

// choose adds conditions.
func (q *request) choose(d dice, s *stage, r *resource) {
	g := grammar{dice: d, self: r, stored: s.stored}
	for _, res := range s.design.resources {
		if rows := s.world.order[res.name]; len(rows) > 0 {
			g.ids = append(g.ids, pick(d, rows)["id"].(value.UUID).String())
		}
	}
	if d.one(2) {
		e := g.condition(pick(d, []int{0, 0, 1, 1, 2, 3}))
		q.filter = &e
	}
	if d.one(4) {
		f := pick(d, r.stored())
		for !d.one(20) && slices.Contains([]string{"list", "struct", "json"}, f.kind) {
			f = pick(d, r.stored())
		}
		if text, ok := sampleText(d, s, r, f); ok {
			q.equal = append(q.equal, engine.Equal{Name: f.name, Values: []string{text}})
			for d.one(2) {
				another, _ := sampleText(d, s, r, f)
				q.equal[0].Values = append(q.equal[0].Values, another)
			}
		}
	}
	for _, f := range r.filters {
		if d.one(2) {
			q.equal = append(q.equal, engine.Equal{Name: f.name, Values: []string{textOf(pick(d, pool(f.input)))}})
		}
	}
	searchable := slices.ContainsFunc(r.fields, func(f *field) bool { return f.search })
	if searchable && d.one(3) || d.one(100) {
		q.search = pick(d, []string{"a", "B", "fi", "日本", "ss", "a b", "go", "E\u0301", "0", "c.d a", "%"})
	}
}

// sampleText is a value of a field as a query has it, mostly one that is there.
func sampleText(d dice, s *stage, r *resource, f *field) (string, bool) {
	t := s.set.Resource(r.name).Field(f.name).Type.Value
	var v any
	if rows := s.world.order[r.name]; len(rows) > 0 && !d.one(4) {
		v = pick(d, rows)[f.name]
	}
	if v == nil {
		switch f.kind {
		case "list", "struct", "json", "ref":
			return "x", d.one(5)
		}
		v = pick(d, pool(f))
	}
	if f.kind == "list" || f.kind == "struct" || f.kind == "json" {
		return string(t.AppendJSON(nil, v)), true
	}
	return textOf(v), true
}

// textOf is a plain value as a query has it.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case fmt.Stringer:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// listsIn reports whether fields names a list of other records.
func (q request) listsIn(set *rule.Set, resource string) bool {
	for _, path := range q.fields {
		r := set.Resource(resource).Resource
		for name := range strings.SplitSeq(path, ".") {
			if r == nil || r.Field(name) == nil {
				break
			}
			if r.Field(name).Type.Name == "many" {
				return true
			}
			r = r.Field(name).Type.Target
		}
	}
	return false
}

// page adds the order and the bounds of a list.
func (q *request) page(d dice, r *resource) {
	names := []string{"id", "created_at", "updated_at"}
	for _, f := range r.fields {
		if f.ordered() || d.one(40) {
			names = append(names, f.name, f.name)
		}
	}
	for range d.IntN(4) {
		key := pick(d, names)
		if d.one(2) {
			key = "-" + key
		}
		if !slices.ContainsFunc(q.sort, func(k string) bool { return strings.TrimPrefix(k, "-") == strings.TrimPrefix(key, "-") }) {
			q.sort = append(q.sort, key)
		}
	}
	q.limit = pick(d, []string{"", "1", "2", "3", "7", "50", "200", "1000"})
	if d.one(6) {
		q.offset = pick(d, []string{"0", "1", "5", "300"})
	}
	q.exact = d.one(3)
	q.walk = d.one(2)
}

// shape adds what the answer shows.
func (q *request) shape(d dice, r *resource) {
	if d.one(2) {
		if q.kind == engine.List && !d.one(8) {
			q.limit = pick(d, []string{"1", "2", "9"}) // lists inside records bound the page
		}
		for range d.between(1, 2) {
			if path := relationPath(d, r, pick(d, []int{1, 1, 2, 2, 3, 4})); path != "" {
				q.include = append(q.include, path)
			}
		}
	}
	if !d.one(3) {
		return
	}
	for range d.between(1, 4) {
		prefix, of := "", r
		if path := relationPath(d, r, pick(d, []int{0, 0, 0, 1, 2})); path != "" {
			prefix, of = path+".", target(r, path)
		}
		name := pick(d, []string{"id", "*", "created_at"})
		if !d.one(4) {
			name = pick(d, of.fields).name
		}
		q.fields = append(q.fields, prefix+name)
	}
}

// relationPath is a path of up to hops relations from r.
func relationPath(d dice, r *resource, hops int) string {
	var names []string
	for range hops {
		relations := r.kinds("ref", "many")
		if len(relations) == 0 {
			break
		}
		f := pick(d, relations)
		if len(f.target.read) == 0 && !d.one(20) {
			break
		}
		names = append(names, f.name)
		r = f.target
	}
	return strings.Join(names, ".")
}

// target is where a path of relations leads.
func target(r *resource, path string) *resource {
	for _, name := range strings.Split(path, ".") {
		r = r.field(name).target
	}
	return r
}

// group adds what an aggregate groups by and measures.
func (q *request) group(d dice, r *resource) {
	for range d.IntN(3) {
		f := pick(d, r.stored())
		if (f.ordered() || d.one(40)) && !slices.Contains(q.by, f.name) {
			q.by = append(q.by, f.name)
		}
	}
	for range d.IntN(4) {
		f := pick(d, r.stored())
		m := "count"
		switch {
		case slices.Contains([]string{"int", "bigint", "decimal"}, f.kind):
			m = pick(d, []string{"min", "max", "sum", "avg"}) + ":" + f.name
		case f.kind == "duration":
			m = pick(d, []string{"min", "max", "sum"}) + ":" + f.name
		case f.ordered() && f.kind != "bool" && f.kind != "uuid" && f.kind != "ref":
			m = pick(d, []string{"min", "max"}) + ":" + f.name // sums of floats depend on the order
		case d.one(40):
			m = "sum:" + f.name
		}
		if !slices.Contains(q.measures, m) {
			q.measures = append(q.measures, m)
		}
	}
}
