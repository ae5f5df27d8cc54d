package mongo

import (
	"regexp"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// match is what MongoDB is asked to find for a condition. Its matching knows true
// and false only, so each condition is told by what makes it certainly true: a
// comparison with a value never matches null, and what is not true is told by
// $nor of something exact.
type match struct {
	filter bson.D
	// none: no document can be meant. Without a filter, all are.
	none bool
	// exact: all documents found are meant; else those that are meant are among them.
	exact bool
}

var (
	everything = match{exact: true}
	nothing_   = match{none: true, exact: true}
	unknown    = match{} // MongoDB cannot tell: all documents, to be judged here
)

// matcher gives the match of a condition for the arguments of a run.
type matcher func(*run) (match, error)

func always(m match) matcher { return func(*run) (match, error) { return m, nil } }

// matcher compiles what can be said of e, which is compiled already, about one
// document of src.
func (c *compiler) matcher(src *source, alias int, e query.Expr) matcher {
	if reach(e).nothing() {
		return c.settled(e)
	}
	switch e := e.(type) {
	case query.And:
		return c.every(src, alias, e.List)
	case query.Or:
		return c.some(src, alias, e.List)
	case query.NotTrue:
		x := c.matcher(src, alias, e.X)
		return func(r *run) (match, error) {
			m, err := x(r)
			return m.not(), err
		}
	case query.Cmp:
		return c.comparison(src, alias, e)
	case query.IsNull:
		if path, t, ok := pathOf(src, alias, e.X); ok && scalar(t) {
			if e.Not {
				return always(match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$ne", Value: nil}}}}, exact: true})
			}
			return always(match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$eq", Value: nil}}}}, exact: true})
		}
	case query.In:
		return c.oneOf(src, alias, e.X, e.List)
	case query.InParam:
		if path, t, ok := pathOf(src, alias, e.X); ok {
			return func(r *run) (match, error) {
				list, _ := r.args[e.Slot].([]any)
				return among(path, t, list), nil
			}
		}
	case query.InSelect:
		return amongSelected(src, alias, c.asked[e.Sub])
	case query.Exists:
		return amongSelected(src, alias, c.asked[e.Sub])
	case query.Call:
		return c.text(src, alias, e)
	case query.Col, query.Member:
		if path, t, ok := pathOf(src, alias, e); ok && t.Kind == value.Bool {
			return always(match{filter: bson.D{{Key: path, Value: true}}, exact: true})
		}
	case query.Each:
		return c.element(src, alias, e)
	}
	return always(unknown)
}

// settled is a condition that no document has a part in.
func (c *compiler) settled(e query.Expr) matcher {
	holds := c.expr(e)
	return func(r *run) (match, error) {
		if holds(r.base()) == true {
			return everything, nil
		}
		return nothing_, nil
	}
}

func (m match) not() match {
	switch {
	case !m.exact:
		return unknown
	case m.none:
		return everything
	case len(m.filter) == 0:
		return nothing_
	}
	return match{filter: bson.D{{Key: "$nor", Value: bson.A{m.filter}}}, exact: true}
}

func (c *compiler) every(src *source, alias int, list []query.Expr) matcher {
	parts := c.matchers(src, alias, list)
	return func(r *run) (match, error) {
		all := make([]match, len(parts))
		for i, part := range parts {
			var err error
			if all[i], err = part(r); err != nil {
				return match{}, err
			}
		}
		return allOf(all), nil
	}
}

// allOf is what all of a list leave.
func allOf(list []match) match {
	out := everything
	var filters bson.A
	for _, m := range list {
		if m.none {
			return nothing_
		}
		out.exact = out.exact && m.exact
		if len(m.filter) > 0 {
			filters = append(filters, m.filter)
		}
	}
	switch len(filters) {
	case 0:
	case 1:
		out.filter = filters[0].(bson.D)
	default:
		out.filter = bson.D{{Key: "$and", Value: filters}}
	}
	return out
}

func (c *compiler) some(src *source, alias int, list []query.Expr) matcher {
	parts := c.matchers(src, alias, list)
	return func(r *run) (match, error) {
		out := nothing_
		var filters bson.A
		for _, part := range parts {
			m, err := part(r)
			switch {
			case err != nil:
				return match{}, err
			case m.none:
				continue
			case len(m.filter) == 0 && m.exact:
				return everything, nil
			case len(m.filter) == 0:
				return unknown, nil
			}
			out.none, out.exact = false, out.exact && m.exact
			filters = append(filters, m.filter)
		}
		switch len(filters) {
		case 0:
		case 1:
			out.filter = filters[0].(bson.D)
		default:
			out.filter = bson.D{{Key: "$or", Value: filters}}
		}
		return out, nil
	}
}

func (c *compiler) matchers(src *source, alias int, list []query.Expr) []matcher {
	out := make([]matcher, len(list))
	for i, e := range list {
		out[i] = c.matcher(src, alias, e)
	}
	return out
}

// pathOf is where MongoDB finds e in a document of src: a column, or a member of
// a struct in one.
func pathOf(src *source, alias int, e query.Expr) (path string, t *value.Type, ok bool) {
	switch e := e.(type) {
	case query.Col:
		return src.field(e.Name), e.Type, e.Alias == alias
	case query.Member:
		path, t, ok := pathOf(src, alias, e.X)
		return path + "." + e.Name, e.Type, ok && t.Kind == value.Struct
	}
	return "", nil, false
}

var mirrored = [...]query.Op{query.Eq: query.Eq, query.Ne: query.Ne, query.Lt: query.Gt, query.Le: query.Ge, query.Gt: query.Lt, query.Ge: query.Le}

var operators = [...]string{query.Eq: "$eq", query.Lt: "$lt", query.Le: "$lte", query.Gt: "$gt", query.Ge: "$gte"}

// comparison is a stored value beside one that is known.
func (c *compiler) comparison(src *source, alias int, e query.Cmp) matcher {
	x, other, op := e.L, e.R, e.Op
	path, t, ok := pathOf(src, alias, x)
	if !ok {
		x, other, op = e.R, e.L, mirrored[e.Op]
		path, t, ok = pathOf(src, alias, x)
	}
	if !ok || !reach(other).nothing() {
		return always(unknown)
	}
	known := c.expr(other)
	return func(r *run) (match, error) {
		v := known(r.base())
		if v == nil {
			return nothing_, nil
		}
		return compared(path, t, op, v), nil
	}
}

func compared(path string, t *value.Type, op query.Op, v any) match {
	b, ok := bound(t, v)
	word, isWord := v.(string)
	switch {
	case !ok:
		return unknown
	case op == query.Ne:
		return match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$nin", Value: bson.A{b, nil}}}}}, exact: true}
	case op != query.Eq && t.Kind == value.Enum:
		if !isWord || t.Rank(word) < 0 {
			return unknown
		}
		return among(path, t, ranked(t, op, word))
	}
	return match{filter: bson.D{{Key: path, Value: bson.D{{Key: operators[op], Value: b}}}}, exact: true}
}

// ranked are the words of an enum that stand in this order to a word.
func ranked(t *value.Type, op query.Op, word string) []any {
	var words []any
	for _, w := range t.Enum {
		if ordered(op, t.Compare(w, word)) {
			words = append(words, w)
		}
	}
	return words
}

// among is a stored value that is one of a list.
func among(path string, t *value.Type, list []any) match {
	values := bson.A{}
	for _, v := range list {
		if v == nil {
			continue
		}
		b, ok := bound(t, v)
		if !ok {
			return unknown
		}
		values = append(values, b)
	}
	switch len(values) {
	case 0:
		return nothing_
	case 1:
		return match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$eq", Value: values[0]}}}}, exact: true}
	}
	return match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$in", Value: values}}}}, exact: true}
}

func (c *compiler) oneOf(src *source, alias int, x query.Expr, list []query.Expr) matcher {
	path, t, ok := pathOf(src, alias, x)
	if !ok {
		return always(unknown)
	}
	for _, e := range list {
		if !reach(e).nothing() {
			return always(unknown)
		}
	}
	known := c.exprs(list)
	return func(r *run) (match, error) {
		values := make([]any, len(known))
		for i, v := range known {
			values[i] = v(r.base())
		}
		return among(path, t, values), nil
	}
}

// amongSelected asks for the keys first, when they are not too many.
func amongSelected(src *source, alias int, n *inNode) matcher {
	if n == nil || n.whole == nil {
		return always(unknown)
	}
	path, t, ok := pathOf(src, alias, n.x)
	if !ok || !hashable(t) {
		return always(unknown)
	}
	return func(r *run) (match, error) {
		keys, err := n.keys(r)
		if err != nil || keys == nil {
			return unknown, err
		}
		return among(path, t, keys.list), nil
	}
}

// text is a part of a stored text, looked for as it is: nothing in it is a pattern.
func (c *compiler) text(src *source, alias int, e query.Call) matcher {
	format := ""
	switch e.Func {
	case query.Contains:
		format = "%"
	case query.StartsWith:
		format = `^%`
	case query.EndsWith:
		format = `%\z`
	default:
		return always(unknown)
	}
	path, t, ok := pathOf(src, alias, e.Args[0])
	if !ok || t.Kind != value.String || sqlgen.TypeOf(e.Args[1]).Kind != value.String || !reach(e.Args[1]).nothing() {
		return always(unknown)
	}
	part := c.expr(e.Args[1])
	return func(r *run) (match, error) {
		s, ok := part(r.base()).(string)
		if !ok {
			return nothing_, nil
		}
		const maxPattern = 16000 // bytes; MongoDB takes about 32,000
		pattern := strings.Replace(format, "%", regexp.QuoteMeta(s), 1)
		if len(pattern) > maxPattern {
			return unknown, nil
		}
		return match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$regex", Value: pattern}}}}, exact: true}, nil
	}
}

// element is a list of which some element matches.
func (c *compiler) element(src *source, alias int, e query.Each) matcher {
	path, t, ok := pathOf(src, alias, e.List)
	if !ok || t.Kind != value.List {
		return always(unknown)
	}
	where, ok := e.Where.(query.Cmp)
	if !ok {
		return always(unknown)
	}
	elem, ok := where.L.(query.Elem)
	if !ok || elem.Alias != e.Alias || !scalar(t.Elem) || !reach(where.R).nothing() {
		return always(unknown)
	}
	known := c.expr(where.R)
	return func(r *run) (match, error) {
		v := known(r.base())
		if v == nil {
			return nothing_, nil
		}
		m := compared(path, t.Elem, where.Op, v)
		if !m.exact || m.none {
			return m, nil
		}
		return match{filter: bson.D{{Key: path, Value: bson.D{{Key: "$elemMatch", Value: m.filter[0].Value}}}}, exact: true}, nil
	}
}
