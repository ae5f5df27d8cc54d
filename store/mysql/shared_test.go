package mysql

import (
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

func TestOnlyReadsThatTellTheirRowsApartAreShared(t *testing.T) {
	id := &value.Type{Kind: value.ID}
	column := func(name string, t *value.Type) query.Col { return query.Col{Alias: 1, Name: name, Type: t} }
	is := func(c query.Col, slot int) query.Expr {
		return query.Cmp{Op: query.Eq, L: c, R: query.Param{Slot: slot, Type: c.Type}}
	}
	key, owner, size := column("id", id), column("owner", id), column("size", &value.Type{Kind: value.Int})
	for _, tt := range []struct {
		name  string
		where query.Expr
		with  func(*query.Select)
		slot  int // -1: it is asked alone
	}{
		{"by its key", is(key, 0), nil, 0},
		{"under a rule", query.And{List: []query.Expr{is(key, 1), is(owner, 0)}}, nil, 1},
		{"a number tells nothing apart", is(size, 0), nil, -1},
		{"the key stands in the rule as well", query.And{List: []query.Expr{is(key, 0), query.Or{List: []query.Expr{is(owner, 0), is(size, 1)}}}}, nil, -1},
		{"not every row has the key", query.Or{List: []query.Expr{is(key, 0), is(owner, 1)}}, nil, -1},
		{"held", is(key, 0), func(q *query.Select) { q.Lock = query.ForUpdate }, -1},
		{"of many", is(key, 0), func(q *query.Select) { q.ByKey = false }, -1},
		{"counted", is(key, 0), func(q *query.Select) { q.Columns[0].Expr = query.Aggregate{Func: query.Count, Type: size.Type} }, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := &query.Select{From: query.Table{Name: "things", Alias: 1}, Where: tt.where, ByKey: true, Columns: []query.Column{{Expr: size, Type: size.Type}}}
			if tt.with != nil {
				tt.with(q)
			}
			s := sharedBy(q, mariaFlavour.dialect.Select(q).Args)
			if s == nil && tt.slot >= 0 || s != nil && s.slot != tt.slot {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestOnlyLightWritesGoWithOthers(t *testing.T) {
	long := strings.Repeat("x", maxShared)
	for _, tt := range []struct {
		args  []any
		light bool
	}{
		{[]any{value.UUID{}, "a", int64(1), nil, []any{"b", []any{"c"}}}, true},
		{[]any{long, "a"}, false},
		{[]any{[]any{long, "a"}}, false},
		{[]any{value.Raw(long + "a")}, false},
		{[]any{map[string]any{}}, false},
	} {
		if light := weight(tt.args) <= maxShared; light != tt.light {
			t.Errorf("%.60v: %v", tt.args, light)
		}
	}
}
