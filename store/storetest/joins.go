package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func nested(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	part := func(more map[string]any) map[string]any {
		members := map[string]any{}
		for _, m := range partType.Members {
			members[m.Name] = more[m.Name]
		}
		return members
	}
	fill(t, d, items, []Row{
		item(1, Row{"names": []any{"go", "sql"}, "part": part(map[string]any{"price": decimal("9.50"), "name": "x"})}),
		item(2, Row{"names": []any{}, "parts": []any{part(map[string]any{"price": decimal("10.00"), "at": timestamp("2026-01-01T00:00:00Z")}), part(nil)}}),
		item(3, Row{"prices": []any{decimal("9.00"), decimal("10.00")}, "part": part(map[string]any{"price": decimal("10.00"), "span": value.Duration(5)})}),
		item(4, nil),
	})
	part1 := column(items, 1, "part")
	member := func(x query.Expr, name string) query.Expr {
		for _, m := range partType.Members {
			if m.Name == name {
				return query.Member{X: x, Name: name, Type: m.Type}
			}
		}
		panic(name)
	}
	text := func(s string) query.Expr { return query.Const{Value: s, Type: textType} }
	price := func(s string) query.Expr { return query.Const{Value: decimal(s), Type: priceType} }
	has := func(list string, where func(e query.Expr) query.Expr) query.Expr {
		c := column(items, 1, list)
		return query.Each{List: c, Alias: 9, Where: where(query.Elem{Alias: 9, Type: c.Type.Elem})}
	}
	for _, tt := range []struct {
		name  string
		where query.Expr
		want  []int
	}{
		{"an element", has("names", func(e query.Expr) query.Expr { return query.Cmp{Op: query.Eq, L: e, R: text("sql")} }), []int{1}},
		{"a decimal element as a number", has("prices", func(e query.Expr) query.Expr { return query.Cmp{Op: query.Gt, L: e, R: price("9.50")} }), []int{3}},
		{"a member of an element", has("parts", func(e query.Expr) query.Expr {
			return query.Cmp{Op: query.Ge, L: member(e, "price"), R: price("10")}
		}), []int{2}},
		{"a time in an element", has("parts", func(e query.Expr) query.Expr {
			return query.Cmp{Op: query.Lt, L: member(e, "at"), R: query.Const{Value: timestamp("2026-01-01T00:00:00.001Z"), Type: timestampType}}
		}), []int{2}},
		{"a member as a number", query.Cmp{Op: query.Lt, L: member(part1, "price"), R: price("10.00")}, []int{1}},
		{"a member that is null", query.IsNull{X: member(part1, "name")}, []int{2, 3, 4}},
		{"a duration", query.Cmp{Op: query.Eq, L: member(part1, "span"), R: query.Const{Value: value.Duration(5), Type: durationType}}, []int{3}},
		{"the size of a list", query.Cmp{Op: query.Eq, L: query.Call{Func: query.Size, Args: []query.Expr{column(items, 1, "names")}, Type: intType}, R: query.Const{Value: int64(0), Type: intType}}, []int{2}},
		{"an equal list", query.Cmp{Op: query.Eq, L: column(items, 1, "names"), R: query.Const{Value: []any{"go", "sql"}, Type: listOf(textType)}}, []int{1}},
		{"another order is another list", query.Cmp{Op: query.Eq, L: column(items, 1, "names"), R: query.Const{Value: []any{"sql", "go"}, Type: listOf(textType)}}, nil},
		{"an equal struct", query.Cmp{Op: query.Eq, L: part1, R: query.Const{Value: part(map[string]any{"price": decimal("9.50"), "name": "x"}), Type: partType}}, []int{1}},
	} {
		expectIDs(t, d, tt.name, idsOf(tt.where), nil, tt.want...)
	}
}

func perParent(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil), item(2, nil), item(3, nil)})
	var rows []Row
	for i := range 10 {
		rows = append(rows, Row{"id": id(100 + i), "item": id(1 + i%2), "place": int64(-i)})
	}
	fill(t, d, notes, append(rows, Row{"id": id(200), "place": int64(0)}))
	q := &query.Select{
		From:      query.Table{Name: "notes", Alias: 1},
		Columns:   []query.Column{{Expr: column(notes, 1, "id"), Type: idType}, {Expr: column(notes, 1, "item"), Type: idType}},
		Where:     query.InParam{X: column(notes, 1, "item"), Slot: 0, Type: idType},
		OrderBy:   []query.Order{{Expr: column(notes, 1, "place"), NotNull: true}, {Expr: column(notes, 1, "id"), NotNull: true}},
		PerParent: column(notes, 1, "item"),
		Limit:     query.Param{Slot: 1, Type: intType},
	}
	expectIDs(t, d, "three of each", q, []any{[]any{id(2), id(1), id(3)}, int64(3)}, 108, 106, 104, 109, 107, 105)
}

func joins(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, Row{"name": "here"}), item(2, nil)})
	fill(t, d, notes, []Row{
		{"id": id(100), "item": id(1), "place": int64(1)},
		{"id": id(101), "item": id(2), "place": int64(2)},
		{"id": id(102), "place": int64(3)},
	})
	q := &query.Select{
		From:  query.Table{Name: "notes", Alias: 1},
		Joins: []query.Join{{Table: query.Table{Name: "items", Alias: 2}, On: query.Cmp{Op: query.Eq, L: column(notes, 1, "item"), R: column(items, 2, "id")}}},
		Columns: []query.Column{
			{Expr: column(notes, 1, "id"), Type: idType},
			{Expr: column(items, 2, "id"), Type: idType},
			{Expr: column(items, 2, "name"), Type: textType},
		},
		OrderBy: []query.Order{{Expr: column(notes, 1, "place")}},
	}
	want := [][]any{{id(100), id(1), "here"}, {id(101), id(2), nil}, {id(102), nil, nil}}
	if diff := cmp.Diff(want, read(t, d, q)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// joinOfNothing joins to a record that is not there, whose list would say whether
// the relation is seen.
func joinOfNothing(t *testing.T, d store.Driver) {
	tagged := &schema.Table{Name: "tagged", PrimaryKey: []string{"id"}, Columns: []*schema.Column{
		{Name: "id", Type: idType}, {Name: "names", Type: listOf(textType)}, {Name: "who", Type: idType, Nullable: true}}}
	create(t, d, tagged)
	fill(t, d, tagged, []Row{{"id": id(1), "names": []any{"go"}, "who": id(2)}, {"id": id(2), "names": []any{}}})
	has := query.Each{List: column(tagged, 1, "names"), Alias: 9, Where: query.Cmp{Op: query.Eq, L: query.Elem{Alias: 9, Type: textType}, R: query.Const{Value: "go", Type: textType}}}
	masked := query.Case{Type: idType, Whens: []query.When{{If: has, Then: column(tagged, 1, "who")}}}
	q := &query.Select{
		From:    query.Table{Name: "tagged", Alias: 1},
		Joins:   []query.Join{{Table: query.Table{Name: "tagged", Alias: 2}, On: query.Cmp{Op: query.Eq, L: column(tagged, 2, "id"), R: masked}}},
		Columns: []query.Column{{Expr: column(tagged, 1, "id"), Type: idType}, {Expr: column(tagged, 2, "id"), Type: idType}},
		Where:   query.Cmp{Op: query.Eq, L: column(tagged, 1, "id"), R: query.Param{Slot: 0, Type: idType}},
	}
	for n, want := range map[int][][]any{1: {{id(1), id(2)}}, 2: {{id(2), nil}}, 3: nil} {
		if diff := cmp.Diff(want, read(t, d, q, id(n))); diff != "" {
			t.Errorf("%d (-want +got):\n%s", n, diff)
		}
	}
}

// conditionalJoin joins to items of which some note is at one of two places.
func conditionalJoin(t *testing.T, d store.Driver) {
	create(t, d, items, notes)
	fill(t, d, items, []Row{item(1, nil), item(2, nil), item(3, nil)})
	fill(t, d, notes, []Row{
		{"id": id(100), "item": id(1), "place": int64(7)}, {"id": id(101), "place": int64(3)}, {"id": id(102), "item": id(2), "place": int64(4)},
		{"id": id(103), "item": id(3), "place": int64(5)}, {"id": id(104), "item": id(3), "place": int64(8)},
	})
	at := func(n int64) query.Expr {
		return query.Cmp{Op: query.Eq, L: column(notes, 3, "place"), R: query.Const{Value: n, Type: intType}}
	}
	either := query.Or{List: []query.Expr{at(7), at(8)}}
	its := query.Cmp{Op: query.Eq, L: column(notes, 3, "item"), R: column(items, 2, "id")}
	from := query.Table{Name: "notes", Alias: 3}
	for name, holds := range map[string]query.Expr{
		"some": query.Exists{Sub: &query.Select{From: from, Where: query.And{List: []query.Expr{its, either}}}},
		"one of": query.InSelect{X: column(items, 2, "id"), Sub: &query.Select{From: from, Where: either,
			Columns: []query.Column{{Expr: column(notes, 3, "item"), Type: idType}}}},
	} {
		on := query.Cmp{Op: query.Eq, L: column(items, 2, "id"), R: column(notes, 1, "item")}
		q := &query.Select{
			From:    query.Table{Name: "notes", Alias: 1},
			Joins:   []query.Join{{Table: query.Table{Name: "items", Alias: 2}, On: query.And{List: []query.Expr{on, holds}}}},
			Columns: []query.Column{{Expr: column(notes, 1, "id"), Type: idType}, {Expr: column(items, 2, "id"), Type: idType}},
			OrderBy: []query.Order{{Expr: column(notes, 1, "id"), NotNull: true}},
		}
		want := [][]any{{id(100), id(1)}, {id(101), nil}, {id(102), nil}, {id(103), id(3)}, {id(104), id(3)}}
		if diff := cmp.Diff(want, read(t, d, q)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
