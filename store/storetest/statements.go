package storetest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

var update = flag.Bool("update", false, "rewrite the statements in store/storetest/testdata")

// Statements holds the text of every case against testdata/statements, one file
// for each case with a section for each dialect, such as sqlite.sql. render gives
// the text of a *query.Select, Insert, Update or Delete.
func Statements(t *testing.T, section string, render func(q any) string) {
	folder := filepath.Join("..", "storetest", "testdata", "statements") // a test runs in its driver's folder
	for _, tt := range statements() {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(folder, strings.ReplaceAll(tt.name, " ", "_")+".txtar")
			text, err := os.ReadFile(path)
			if err != nil && !*update {
				t.Fatal(err)
			}
			archive := txtar.Parse(text)
			got := render(tt.query) + "\n"
			if *update {
				archive.Comment = []byte("# " + tt.point + "\n")
				rewrite(t, path, archive, section, got)
				return
			}
			if want := find(archive, section); got != want {
				t.Errorf("%s\n got:\n%s\nwant:\n%s", section, got, want)
			}
		})
	}
}

func find(a *txtar.Archive, name string) string {
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func rewrite(t *testing.T, path string, a *txtar.Archive, section, text string) {
	t.Helper()
	found := false
	for i := range a.Files {
		if a.Files[i].Name == section {
			a.Files[i].Data = []byte(text)
			found = true
		}
	}
	if !found {
		a.Files = append(a.Files, txtar.File{Name: section, Data: []byte(text)})
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

type statement struct {
	name, point string
	query       any
}

func statements() []statement {
	from := query.Table{Name: "items", Alias: 1}
	col := func(name string) query.Col { return column(items, 1, name) }
	out := func(names ...string) []query.Column {
		var list []query.Column
		for _, n := range names {
			list = append(list, query.Column{Expr: col(n), Type: col(n).Type})
		}
		return list
	}
	arg := func(slot int, t *value.Type) query.Param { return query.Param{Slot: slot, Type: t} }
	eq := func(l, r query.Expr) query.Expr { return query.Cmp{Op: query.Eq, L: l, R: r} }
	word := func(s string) query.Const { return query.Const{Value: s, Type: levelType} }
	where := func(e query.Expr) *query.Select {
		return &query.Select{From: from, Columns: out("id"), Where: e}
	}
	note := func(name string) query.Col { return column(notes, 2, name) }
	theirs := &query.Select{
		From:    query.Table{Name: "notes", Alias: 2},
		Columns: []query.Column{{Expr: note("item"), Type: idType}},
		Where:   eq(note("level"), word("high")),
	}
	// leveled is a list: the items of the notes on a level.
	leveled := func(alias, slot int) *query.Select {
		at := func(name string) query.Col { return column(notes, alias, name) }
		return &query.Select{
			From:    query.Table{Name: "notes", Alias: alias},
			Columns: []query.Column{{Expr: at("item"), Type: idType}},
			Where:   eq(at("level"), arg(slot, levelType)),
		}
	}
	descending := []query.Order{{Expr: col("number"), Desc: true, NotNull: true}, {Expr: col("id"), Desc: true, NotNull: true}}
	nullable := []query.Order{{Expr: col("name")}, {Expr: col("price"), Desc: true}, {Expr: col("id"), NotNull: true}}
	elem := query.Elem{Alias: 3, Type: partType}

	return []statement{
		{"get", "One record by its id.", &query.Select{From: from, Columns: out("id", "title"), Where: eq(col("id"), arg(0, idType))}},
		{"list", "A filtered, sorted first page.", &query.Select{
			From: from, Columns: out("id", "title"), OrderBy: descending, Limit: arg(1, intType),
			Where: query.And{List: []query.Expr{
				eq(col("level"), word("high")),
				query.Or{List: []query.Expr{query.IsNull{X: col("price")}, query.Cmp{Op: query.Ge, L: col("price"), R: arg(0, priceType)}}},
			}},
		}},
		{"next page", "Keys in one direction that are never null: one comparison of rows, which an index serves.", &query.Select{
			From: from, Columns: out("id"), OrderBy: descending, Limit: arg(2, intType),
			After: []query.After{{Expr: arg(0, intType)}, {Expr: arg(1, idType)}},
		}},
		{"next settled page", "MariaDB does not weigh the key of a page that another index settles.", &query.Select{
			From: from, Columns: out("id"), OrderBy: descending, Limit: arg(2, intType), Settled: true,
			After: []query.After{{Expr: arg(0, intType)}, {Expr: arg(1, idType)}},
		}},
		{"next page with nulls", "Mixed directions and nullable keys: written out, behind a bound on the first key.", &query.Select{
			From: from, Columns: out("id"), OrderBy: nullable,
			After: []query.After{{Expr: arg(0, textType)}, {Expr: arg(1, priceType)}, {Expr: arg(2, idType)}},
		}},
		{"next page after null", "The cursor stands on nulls, which are lowest.", &query.Select{
			From: from, Columns: out("id"), OrderBy: nullable,
			After: []query.After{{Null: true}, {Null: true}, {Expr: arg(0, idType)}},
		}},
		{"offset", "An offset without a limit.", &query.Select{From: from, Columns: out("id"), OrderBy: descending, Offset: arg(0, intType)}},
		{"sort by enum", "An enum sorts in the order written.", &query.Select{From: from, Columns: out("id"), OrderBy: []query.Order{{Expr: col("level"), Desc: true}, {Expr: col("id"), NotNull: true}}}},
		{"to one", "A relation to one rides in the same statement.", &query.Select{
			From:    query.Table{Name: "notes", Alias: 2},
			Joins:   []query.Join{{Table: from, On: eq(col("id"), note("item"))}},
			Columns: append([]query.Column{{Expr: note("id"), Type: idType}}, out("id", "title")...),
			OrderBy: []query.Order{{Expr: note("id"), NotNull: true}},
		}},
		{"to many", "At most so many rows for each parent.", &query.Select{
			From:      query.Table{Name: "notes", Alias: 2},
			Columns:   []query.Column{{Expr: note("id"), Type: idType}, {Expr: note("item"), Type: idType}},
			Where:     query.InParam{X: note("item"), Slot: 0, Type: idType},
			OrderBy:   []query.Order{{Expr: note("place"), NotNull: true}, {Expr: note("id"), NotNull: true}},
			PerParent: note("item"), Limit: arg(1, intType),
		}},
		{"exists", "A rule across a relation, correlated and by key.", where(query.Or{List: []query.Expr{
			query.Exists{Sub: &query.Select{From: query.Table{Name: "notes", Alias: 2}, Where: eq(note("item"), col("id"))}},
			query.InSelect{X: col("id"), Sub: theirs},
		}})},
		{"among few", "A condition of its own, which a database joins, and a part of another.", where(query.And{List: []query.Expr{
			query.InSelect{X: col("id"), Sub: theirs, Few: true},
			query.NotTrue{X: query.InSelect{X: col("id"), Sub: theirs, Few: true}},
		}})},
		{"in several lists", "The lists are looked at before any row is.", where(query.And{List: []query.Expr{
			query.InSelect{X: col("id"), Listed: true, Sub: leveled(2, 0)},
			eq(col("level"), word("high")),
			query.InSelect{X: col("id"), Listed: true, Sub: leveled(3, 1)},
		}})},
		{"one of several ways", "The first rows of each way are found by its own index, where an OR is served by none.", &query.Select{
			From: from, Columns: out("id", "title"), OrderBy: descending, Limit: arg(3, intType),
			After: []query.After{{Expr: arg(0, intType)}, {Expr: arg(1, idType)}},
			Where: query.And{List: []query.Expr{
				eq(col("level"), word("high")),
				query.Or{List: []query.Expr{eq(col("who"), arg(2, idType)), query.InSelect{X: col("id"), Sub: theirs, Few: true}}},
			}},
		}},
		{"broad way", "No index leads SQLite to all rows with a value that the contract names, when one has the order.", &query.Select{
			From: from, Columns: out("id", "title"), OrderBy: descending, Limit: arg(3, intType), Ordered: true,
			After: []query.After{{Expr: arg(0, intType)}, {Expr: arg(1, idType)}},
			Where: query.Or{List: []query.Expr{
				eq(col("level"), word("high")),
				query.And{List: []query.Expr{eq(col("level"), word("low")), eq(col("who"), arg(2, idType))}},
				query.InSelect{X: col("id"), Sub: theirs, Few: true},
			}},
		}},
		{"not true", "Negation of what may be unknown.", where(query.NotTrue{X: query.InSelect{X: col("id"), Sub: theirs}})},
		{"lists", "Lists of constants and arguments; an empty one holds nothing.", where(query.Or{List: []query.Expr{
			query.In{X: col("level"), List: []query.Expr{word("low"), word("high")}},
			query.InParam{X: col("name"), Slot: 0, Type: textType},
			query.InParam{X: col("price"), Slot: 1, Type: priceType},
			query.And{List: []query.Expr{query.In{X: col("name")}, query.In{X: col("title")}}},
		}})},
		{"text", "No wildcards: parts of texts are looked for as they are.", where(query.And{List: []query.Expr{
			query.Call{Func: query.Contains, Args: []query.Expr{col("name"), arg(0, textType)}, Type: boolType},
			query.Call{Func: query.StartsWith, Args: []query.Expr{query.Call{Func: query.Lower, Args: []query.Expr{col("name")}, Type: textType}, query.Const{Value: "o'h%", Type: textType}}, Type: boolType},
			query.Call{Func: query.EndsWith, Args: []query.Expr{col("title"), col("name")}, Type: boolType},
			query.Cmp{Op: query.Gt, L: query.Call{Func: query.Size, Args: []query.Expr{col("names")}, Type: intType}, R: query.Call{Func: query.Size, Args: []query.Expr{col("name")}, Type: intType}},
		}})},
		{"decimals", "Decimals of two scales, and with integers.", where(query.And{List: []query.Expr{
			query.Cmp{Op: query.Lt, L: col("price"), R: col("rate")},
			query.Cmp{Op: query.Ge, L: col("price"), R: query.Const{Value: int64(5), Type: intType}},
			query.Cmp{Op: query.Ne, L: col("count"), R: col("price")},
			eq(query.Arith{Op: query.Mul, L: col("price"), R: arg(0, priceType), Type: rateType}, col("rate")),
		}})},
		{"times", "Times and durations.", where(query.Cmp{
			Op: query.Lt, L: col("at"),
			R: query.Arith{Op: query.Sub, L: arg(0, timestampType), R: query.Const{Value: value.Duration(90 * 86400000), Type: durationType}, Type: timestampType},
		})},
		{"each", "Some element of a list of structs.", where(query.Each{List: col("parts"), Alias: 3, Where: query.And{List: []query.Expr{
			query.Cmp{Op: query.Gt, L: query.Member{X: elem, Name: "price", Type: priceType}, R: arg(0, priceType)},
			eq(query.Member{X: elem, Name: "who", Type: idType}, col("who")),
			query.Cmp{Op: query.Le, L: query.Member{X: elem, Name: "at", Type: timestampType}, R: col("at")},
		}}})},
		{"mask", "A field that some may not read is null on their rows.", &query.Select{From: from, Columns: []query.Column{{
			Expr: query.Case{Whens: []query.When{{If: eq(col("who"), arg(0, idType)), Then: col("price")}}, Type: priceType}, Type: priceType,
		}}}},
		{"measures", "Measures by group.", &query.Select{
			From: from, GroupBy: []query.Expr{col("level")}, OrderBy: []query.Order{{Expr: col("level")}},
			Columns: append(out("level"),
				query.Column{Expr: query.Aggregate{Func: query.Count, Type: intType}, Type: intType},
				query.Column{Expr: query.Aggregate{Func: query.Sum, X: col("price"), Type: priceType}, Type: priceType},
				query.Column{Expr: query.Aggregate{Func: query.Sum, X: col("count"), Type: intType}, Type: intType},
				query.Column{Expr: query.Aggregate{Func: query.Max, X: col("level"), Type: levelType}, Type: levelType}),
		}},
		{"lock", "A row about to be changed.", &query.Select{From: from, Columns: out("number"), Where: eq(col("id"), arg(0, idType)), Lock: query.ForUpdate}},
		{"insert", "One row.", &query.Insert{Table: "people", Columns: []query.Named{{Name: "id", Type: idType}, {Name: "email", Type: textType}}}},
		{"insert or ignore", "A row whose key may be there.", &query.Insert{Table: "people", Columns: []query.Named{{Name: "id", Type: idType}, {Name: "email", Type: textType}}, OnConflictIgnore: true}},
		{"insert if", "One row, if another one is there, which is held.", &query.Insert{Table: "people", If: leveledItem(2),
			Columns: []query.Named{{Name: "id", Type: idType}, {Name: "email", Type: textType}}}},
		{"update if", "A change, if another row is there, which is held.", &query.Update{
			Table: query.Table{Name: "people", Alias: 1}, If: leveledItem(2),
			Set:   []query.Assign{{Column: query.Named{Name: "email", Type: textType}, Value: arg(0, textType)}},
			Where: eq(column(people, 1, "id"), arg(1, idType)),
		}},
		{"update", "A change that counts the record's writes.", &query.Update{
			Table: from,
			Set: []query.Assign{
				{Column: query.Named{Name: "title", Type: textType}, Value: arg(0, textType)},
				{Column: query.Named{Name: "rate", Type: rateType}, Value: col("price")},
				{Column: query.Named{Name: "number", Type: intType}, Value: query.Arith{Op: query.Add, L: col("number"), R: query.Const{Value: int64(1), Type: intType}, Type: intType}},
			},
			Where: query.And{List: []query.Expr{eq(col("id"), arg(1, idType)), query.InSelect{X: col("id"), Sub: theirs}}},
		}},
		{"delete", "A removal under a rule.", &query.Delete{Table: from, Where: query.And{List: []query.Expr{eq(col("id"), arg(0, idType)), query.NotTrue{X: col("ok")}}}}},
	}
}
