package storetest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// Random asks random questions of random rows and holds the answers against
// World's. MAINSTAY_TEST_ROUNDS sets how many worlds are made, each with 300
// questions, MAINSTAY_TEST_SEED where to begin.
func Random(t *testing.T, open func(t testing.TB) store.Driver) {
	rounds, seed := setting("MAINSTAY_TEST_ROUNDS", 2), setting("MAINSTAY_TEST_SEED", 1)
	for round := range rounds {
		t.Run(fmt.Sprintf("seed %d", seed+round), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(seed+round), 0))
			d := open(t)
			create(t, d, items, notes)
			w := World{}
			w["items"] = randomRows(r, items, 1, 25, nil)
			w["notes"] = randomRows(r, notes, 1000, 40, w["items"])
			fill(t, d, items, w["items"])
			fill(t, d, notes, w["notes"])
			for range 300 {
				ask(t, d, w, r)
			}
		})
	}
}

func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func ask(t *testing.T, d store.Driver, w World, r *rand.Rand) {
	t.Helper()
	g := &generator{r: r, world: w}
	q := g.selects()
	want := w.Select(q, g.args)
	got, err := tryRead(t.Context(), d, q, g.args)
	if err == nil && len(got) == 0 && len(want) == 0 || reflect.DeepEqual(inJSON(q, got), inJSON(q, want)) && err == nil {
		return
	}
	statement := ""
	if plan, err := d.Explain(t.Context(), q, g.args); err == nil {
		statement = plan.Statement
	}
	t.Fatalf("%s\nargs %#v\nerror %v\ndifference (-want +got):\n%s", statement, g.args, err, cmp.Diff(inJSON(q, want), inJSON(q, got)))
}

func inJSON(q *query.Select, rows [][]any) [][]string {
	var out [][]string
	for _, row := range rows {
		var line []string
		for i, c := range q.Columns {
			line = append(line, string(c.Type.AppendJSON(nil, row[i])))
		}
		out = append(out, line)
	}
	return out
}

// generator makes one query with its arguments.
type generator struct {
	r        *rand.Rand
	world    World
	args     []any
	aliases  int
	scope    []scoped
	elements []query.Elem
}

type scoped struct {
	table *schema.Table
	alias int
}

func (g *generator) alias() int { g.aliases++; return g.aliases }

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func pick[T any](g *generator, list []T) T { return list[g.r.IntN(len(list))] }

func (g *generator) param(v any, t *value.Type) query.Param {
	g.args = append(g.args, v)
	return query.Param{Slot: len(g.args) - 1, Type: t}
}

// selects makes a whole query: a list, a page, a measure or children by parent.
func (g *generator) selects() *query.Select {
	table := pick(g, []*schema.Table{items, items, notes})
	from := query.Table{Name: table.Name, Alias: g.alias()}
	q := &query.Select{From: from}
	g.scope = []scoped{{table, from.Alias}}
	if table == notes && g.chance(50) {
		a := g.alias()
		q.Joins = []query.Join{{
			Table: query.Table{Name: "items", Alias: a},
			On:    query.Cmp{Op: query.Eq, L: column(notes, from.Alias, "item"), R: column(items, a, "id")},
		}}
		g.scope = append(g.scope, scoped{items, a})
	}
	if g.chance(80) {
		q.Where = g.condition(3)
	}
	if g.chance(15) {
		return g.measured(q)
	}
	q.Columns = allColumns(table, from.Alias)
	for range g.r.IntN(3) {
		typ := pick(g, scalarTypes)
		q.Columns = append(q.Columns, query.Column{Expr: g.value(typ, 2), Type: typ})
	}
	for range g.r.IntN(3) {
		q.OrderBy = append(q.OrderBy, query.Order{Expr: g.value(pick(g, scalarTypes), g.r.IntN(2)), Desc: g.chance(50)})
	}
	q.OrderBy = append(q.OrderBy, query.Order{Expr: column(table, from.Alias, "id"), NotNull: true, Desc: g.chance(50)})
	if table == notes && g.chance(25) {
		q.PerParent = column(notes, from.Alias, "item")
		q.Limit = g.param(int64(1+g.r.IntN(3)), intType)
		return q
	}
	if g.chance(40) {
		g.after(q)
	}
	if g.chance(50) {
		q.Limit = g.param(int64(g.r.IntN(8)), intType)
	}
	if g.chance(20) {
		q.Offset = g.param(int64(g.r.IntN(5)), intType)
	}
	return q
}

// after lets q go on behind one of its own rows.
func (g *generator) after(q *query.Select) {
	keys := *q
	keys.Columns = nil
	for _, k := range q.OrderBy {
		keys.Columns = append(keys.Columns, query.Column{Expr: k.Expr})
	}
	rows := g.world.Select(&keys, g.args)
	if len(rows) == 0 {
		return
	}
	for i, v := range pick(g, rows) {
		a := query.After{Null: v == nil}
		if v != nil {
			a.Expr = g.param(v, sqlgen.TypeOf(q.OrderBy[i].Expr))
		}
		q.After = append(q.After, a)
	}
}

func (g *generator) measured(q *query.Select) *query.Select {
	for range g.r.IntN(3) {
		e := g.value(pick(g, scalarTypes), 0)
		if _, ok := e.(query.Col); !ok {
			continue // a constant or parameter as a group is not asked for
		}
		q.GroupBy = append(q.GroupBy, e)
		q.Columns = append(q.Columns, query.Column{Expr: e, Type: sqlgen.TypeOf(e)})
		q.OrderBy = append(q.OrderBy, query.Order{Expr: e, Desc: g.chance(50)})
	}
	q.Columns = append(q.Columns, query.Column{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType})
	for range 1 + g.r.IntN(3) {
		typ := pick(g, scalarTypes)
		f := pick(g, []query.AggregateFunc{query.Count, query.Min, query.Max, query.Sum})
		result := typ
		switch {
		case f == query.Count:
			result = intType
		case f == query.Sum && typ.Kind == value.DecimalKind:
			result = &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: typ.Scale}
		case f == query.Sum && typ.Kind != value.Int && typ.Kind != value.BigInt:
			f = query.Max // sums of floats depend on the order of the rows
		}
		q.Columns = append(q.Columns, query.Column{Expr: query.Aggregate{Func: f, X: g.value(typ, 1), Type: result}, Type: result})
	}
	return q
}

// condition makes a condition of at most this depth.
func (g *generator) condition(depth int) query.Expr {
	if depth == 0 || g.chance(45) {
		return g.leaf(depth)
	}
	switch g.r.IntN(7) {
	case 0, 1:
		return query.And{List: g.conditions(depth - 1)}
	case 2, 3:
		return query.Or{List: g.conditions(depth - 1)}
	case 4:
		return query.NotTrue{X: g.condition(depth - 1)}
	case 5:
		return g.sub(depth - 1)
	}
	return g.each(depth - 1)
}

func (g *generator) conditions(depth int) []query.Expr {
	list := make([]query.Expr, g.r.IntN(4))
	for i := range list {
		list[i] = g.condition(depth)
	}
	return list
}

func (g *generator) leaf(depth int) query.Expr {
	typ := pick(g, scalarTypes)
	x := g.value(typ, min(depth, 2))
	switch g.r.IntN(9) {
	case 0:
		return query.IsNull{X: x, Not: g.chance(50)}
	case 1:
		var list []query.Expr
		for range g.r.IntN(4) {
			list = append(list, query.Const{Value: sample(g.r, typ), Type: typ})
		}
		return query.In{X: x, List: list}
	case 2:
		list := make([]any, g.r.IntN(4))
		for i := range list {
			list[i] = sample(g.r, typ)
		}
		p := g.param(list, typ)
		return query.InParam{X: x, Slot: p.Slot, Type: typ}
	case 3:
		f := pick(g, []query.Func{query.Contains, query.StartsWith, query.EndsWith})
		return query.Call{Func: f, Args: []query.Expr{g.value(textType, 1), g.value(textType, 1)}, Type: boolType}
	case 4:
		typ := pick(g, []*value.Type{partType, listOf(textType), listOf(priceType)})
		return query.Cmp{Op: pick(g, []query.Op{query.Eq, query.Ne}), L: g.stored(typ), R: g.param(sample(g.r, typ), typ)}
	case 5:
		pair := pick(g, [][2]*value.Type{{intType, floatType}, {intType, priceType}, {rateType, priceType}, {priceType, rateType}, {bigType, rateType}})
		return query.Cmp{Op: query.Op(g.r.IntN(6)), L: g.value(pair[0], 1), R: g.value(pair[1], 1)}
	case 6:
		if g.chance(30) {
			return pick(g, []query.Expr{query.True, query.False})
		}
		return g.value(boolType, depth)
	}
	return query.Cmp{Op: query.Op(g.r.IntN(6)), L: x, R: g.value(typ, min(depth, 1))}
}

// sub makes a condition over the notes of an item.
func (g *generator) sub(depth int) query.Expr {
	a := g.alias()
	outer := g.scope
	from := pick(g, outer)
	link := column(notes, a, "item")
	q := &query.Select{From: query.Table{Name: "notes", Alias: a}}
	g.scope = append(outer[:len(outer):len(outer)], scoped{notes, a})
	defer func() { g.scope = outer }()
	if g.chance(50) {
		q.Columns = []query.Column{{Expr: link, Type: idType}}
		q.Where = query.And{List: []query.Expr{query.IsNull{X: link, Not: true}, g.condition(depth)}}
		return query.InSelect{X: column(from.table, from.alias, "id"), Sub: q, Few: g.chance(50), Listed: g.chance(50)}
	}
	q.Where = query.And{List: []query.Expr{query.Cmp{Op: query.Eq, L: link, R: column(from.table, from.alias, "id")}, g.condition(depth)}}
	return query.Exists{Sub: q}
}

// each makes a condition over the elements of a list.
func (g *generator) each(depth int) query.Expr {
	var lists []query.Col
	for _, s := range g.scope {
		for _, c := range s.table.Columns {
			if c.Type.Kind == value.List {
				lists = append(lists, column(s.table, s.alias, c.Name))
			}
		}
	}
	if len(lists) == 0 {
		return g.leaf(depth)
	}
	list := pick(g, lists)
	elem := query.Elem{Alias: g.alias(), Type: list.Type.Elem}
	outer := g.elements
	g.elements = append(outer[:len(outer):len(outer)], elem)
	defer func() { g.elements = outer }()
	var where query.Expr
	if elem.Type.Kind != value.Struct && g.chance(60) {
		where = query.Cmp{Op: query.Op(g.r.IntN(6)), L: elem, R: g.value(elem.Type, 1)}
	} else {
		where = g.condition(depth)
	}
	return query.Each{List: list, Alias: elem.Alias, Where: where}
}

// value makes an expression of type t.
func (g *generator) value(t *value.Type, depth int) query.Expr {
	if depth > 0 && g.chance(45) {
		if e := g.calculated(t, depth-1); e != nil {
			return e
		}
	}
	if g.chance(25) {
		if g.chance(5) {
			return query.Const{Type: t}
		}
		return query.Const{Value: sample(g.r, t), Type: t}
	}
	if g.chance(25) {
		v := sample(g.r, t)
		if g.chance(5) {
			v = nil
		}
		return g.param(v, t)
	}
	return g.stored(t)
}

// stored makes a column, a member or an element of type t.
func (g *generator) stored(t *value.Type) query.Expr {
	var list []query.Expr
	members := func(x query.Expr) {
		for _, m := range partType.Members {
			if m.Type == t {
				list = append(list, query.Member{X: x, Name: m.Name, Type: t})
			}
		}
	}
	for _, s := range g.scope {
		for _, c := range s.table.Columns {
			switch {
			case c.Type == t, t.Kind == value.List && c.Type.Kind == value.List && c.Type.Elem == t.Elem:
				list = append(list, column(s.table, s.alias, c.Name))
			case c.Type == partType:
				members(column(s.table, s.alias, c.Name))
			}
		}
	}
	for _, e := range g.elements {
		switch e.Type {
		case t:
			list = append(list, e, e)
		case partType:
			members(e)
			members(e)
		}
	}
	if len(list) == 0 {
		return g.param(sample(g.r, t), t)
	}
	return pick(g, list)
}

// calculated makes an operation that gives t; nil when there is none.
func (g *generator) calculated(t *value.Type, depth int) query.Expr {
	if g.chance(25) {
		return query.Case{Whens: []query.When{{If: g.condition(depth), Then: g.value(t, depth)}}, Else: g.value(t, depth), Type: t}
	}
	if g.chance(15) {
		return g.scalar(t)
	}
	unary := func(f query.Func, x *value.Type) query.Expr {
		return query.Call{Func: f, Args: []query.Expr{g.value(x, depth)}, Type: t}
	}
	binary := func(ops ...query.ArithOp) query.Expr {
		return query.Arith{Op: pick(g, ops), L: g.value(t, depth), R: g.value(t, depth), Type: t}
	}
	switch t.Kind {
	case value.Int:
		switch g.r.IntN(5) {
		case 0:
			return unary(query.Size, textType)
		case 1:
			return query.Call{Func: query.Size, Args: []query.Expr{g.stored(listOf(textType))}, Type: t}
		case 2:
			return unary(query.EnumRank, levelType)
		case 3:
			return unary(query.Negate, t)
		}
		return binary(query.Add, query.Sub, query.Mul, query.Div)
	case value.BigInt:
		return binary(query.Add, query.Sub, query.Mul, query.Div)
	case value.Float:
		if g.chance(30) {
			return unary(query.ToFloat, intType)
		}
		return binary(query.Add, query.Sub, query.Mul, query.Div)
	case value.DecimalKind:
		switch {
		case g.chance(30):
			return unary(query.ToDecimal, intType)
		case g.chance(30):
			return unary(query.Negate, t)
		}
		return binary(query.Add, query.Sub)
	case value.String:
		return unary(pick(g, []query.Func{query.Lower, query.Upper}), t)
	case value.TimestampKind:
		return query.Arith{Op: pick(g, []query.ArithOp{query.Add, query.Sub}), L: g.value(t, depth), R: g.value(durationType, depth), Type: t}
	case value.DurationKind:
		if g.chance(30) {
			return query.Arith{Op: query.Sub, L: g.value(timestampType, depth), R: g.value(timestampType, depth), Type: t}
		}
		return binary(query.Add, query.Sub)
	}
	return nil
}

// scalar looks a value up in a row found by id.
func (g *generator) scalar(t *value.Type) query.Expr {
	a := g.alias()
	var columns []query.Expr
	for _, c := range items.Columns {
		if c.Type == t {
			columns = append(columns, column(items, a, c.Name))
		}
	}
	from := pick(g, g.scope)
	key := column(from.table, from.alias, "id")
	if from.table == notes {
		key = column(notes, from.alias, "item")
	}
	return query.Scalar{Sub: &query.Select{
		From:    query.Table{Name: "items", Alias: a},
		Columns: []query.Column{{Expr: pick(g, columns), Type: t}},
		Where:   query.Cmp{Op: query.Eq, L: column(items, a, "id"), R: key},
	}}
}
