package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

const lettersContract = `mainstay: 1
name: letters
accounts:
  resource: User
resources:
  User:
    fields:
      email: email unique personal
    access:
      read: id == caller.id
  Letter:
    fields:
      owner:  User optional
      writer: string 1..100 personal
      shelf:  int
      secret: string 1..100 optional
      tags:   [string 1..10]
    index: [[shelf]]
    filters:
      tagged:
        input: string 1..10
        where: input in tags
    access:
      read: owner == caller || shelf < 900
      field secret: owner == caller
`

// openLetters makes 6,000 letters of 600 writers.
func openLetters(t *testing.T, driver store.Driver) (*Engine, *rule.Set, *auth.Principal) {
	t.Helper()
	_, set := compile(t, lettersContract)
	if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
		t.Fatal(err)
	}
	db := store.New(driver)
	e := New(set, db, testKeys(t), Options{})
	insert := func(resource string, n int, names string, row func(i int) []any) {
		r := set.Resource(resource)
		q := &query.Insert{Table: r.Table, Columns: []query.Named{{Name: revisionColumn, Type: intType}}}
		for _, name := range strings.Fields(names) {
			q.Columns = append(q.Columns, named(r.Field(name)))
		}
		var args []any
		for i := range n {
			args = append(append(args, int64(1)), row(i)...)
		}
		if err := db.InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
			_, err := tx.Insert(t.Context(), q, args)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	at := value.Timestamp(noon.UnixMilli())
	numbered := func(kind byte, i int) value.UUID {
		return value.UUID{0: kind, 6: 0x70, 8: 0x80, 14: byte(i >> 8), 15: byte(i)}
	}
	insert("User", 1, "id created_at updated_at email", func(i int) []any {
		return []any{numbered(1, i), at, at, "olga@example.org"}
	})
	insert("Letter", 6_000, "id created_at updated_at writer shelf tags", func(i int) []any {
		return []any{numbered(2, i), at, at, fmt.Sprintf("Writer O'Hara %d", i%600), int64(i % 1000), []any{}}
	})
	who, err := e.Account(t.Context(), " Olga@example.org ")
	if err != nil {
		t.Fatal(err)
	}
	return e, set, who
}

// TestExplainAdvises: an index that is missing is found, tried and told in the
// contract's words, on every SQL database; nothing that was asked for is told.
func TestExplainAdvises(t *testing.T) {
	for _, tt := range []struct {
		name string
		open func(testing.TB) store.Driver
	}{
		{"SQLite", func(t testing.TB) store.Driver { return dbtest.SQLite(t) }},
		{"PostgreSQL", func(t testing.TB) store.Driver { return dbtest.Postgres(t) }},
		{"MariaDB", func(t testing.TB) store.Driver { return dbtest.Maria(t) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, set, olga := openLetters(t, tt.open(t))
			op := &Operation{Kind: List, Resource: set.Resource("Letter"), Query: Query{Equal: []Equal{{"writer", []string{"Writer O'Hara 77"}}}}}
			got, err := e.Explain(t.Context(), olga, op, true)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Statements) != 1 || got.Statements[0].Rows != 10 {
				t.Fatalf("statements: %+v", got.Statements)
			}
			if len(got.Advice) != 1 || got.Advice[0].Resource != "Letter" || !strings.HasPrefix(got.Advice[0].Line, "index: [[shelf], [writer") || got.Advice[0].After >= got.Advice[0].Before {
				t.Errorf("advice: %+v\nplan: %s", got.Advice, strings.Join(got.Statements[0].Plan, "\n"))
			}
			if text, _ := json.Marshal(got); strings.Contains(string(text), "Hara") || strings.Contains(string(text), "olga") {
				t.Errorf("a value is told: %s", text)
			}
			plan, err := e.db.Driver().Inspect(t.Context())
			if err != nil || len(plan.Table("letters").Indexes) != len(migrate.Desired(set).Table("letters").Indexes) {
				t.Errorf("the database was changed: %v", err)
			}
			op.Query = Query{Equal: []Equal{{"shelf", []string{"7"}}}}
			if got, err = e.Explain(t.Context(), olga, op, true); err != nil {
				t.Fatal(err)
			}
			if len(got.Advice) > 0 {
				t.Errorf("what an index serves already: %+v", got.Advice)
			}
		})
	}
}

func TestExplainTellsRules(t *testing.T) {
	e, set, olga := openLetters(t, dbtest.SQLite(t))
	letters := &Operation{Kind: List, Resource: set.Resource("Letter")}
	for _, tt := range []struct {
		name           string
		who            *auth.Principal
		verdicts       []string
		hidden, masked []string
	}{
		{"nobody", auth.Nobody, []string{"never", "by record"}, []string{"secret"}, nil},
		{"an account", olga, []string{"by record", "by record"}, nil, []string{"secret"}},
	} {
		got, err := e.Explain(t.Context(), tt.who, letters, false)
		if err != nil {
			t.Fatal(err)
		}
		rule := got.Rules[0]
		var verdicts, texts []string
		for _, b := range rule.Branches {
			verdicts, texts = append(verdicts, b.Verdict), append(texts, b.Text)
		}
		if !slices.Equal(verdicts, tt.verdicts) || !slices.Equal(texts, []string{"owner == caller", "shelf < 900"}) {
			t.Errorf("%s: branches %q are %q, want %q", tt.name, texts, verdicts, tt.verdicts)
		}
		if !slices.Equal(rule.Hidden, append([]string{}, tt.hidden...)) || !slices.Equal(rule.Masked, append([]string{}, tt.masked...)) {
			t.Errorf("%s: hidden %q, masked %q", tt.name, rule.Hidden, rule.Masked)
		}
	}
	users := &Operation{Kind: List, Resource: set.Resource("User")}
	got, err := e.Explain(t.Context(), auth.Nobody, users, true)
	if err != nil || len(got.Statements) > 0 || got.Rules[0].Verdict != "never" {
		t.Errorf("what the rules close: %+v, %v", got, err)
	}
}

func TestExplainRefuses(t *testing.T) {
	e, set, olga := openLetters(t, dbtest.SQLite(t))
	for _, tt := range []struct {
		name string
		op   Operation
		want problem.Kind
	}{
		{"a write", Operation{Kind: Create, Body: []byte(`{}`)}, problem.InvalidParameter},
		{"a filter that does not type", Operation{Kind: List, Query: Query{Filter: "shelf == true"}}, problem.InvalidFilter},
	} {
		tt.op.Resource = set.Resource("Letter")
		if _, err := e.Explain(context.Background(), olga, &tt.op, true); problem.KindOf(err) != tt.want {
			t.Errorf("%s: %v, want kind %v", tt.name, err, tt.want)
		}
	}
	gone := &Operation{Kind: Get, Resource: set.Resource("Letter"), ID: "01970000-0000-7000-8000-000000000000"}
	got, err := e.Explain(t.Context(), olga, gone, false)
	if err != nil || got.Refused == "" || len(got.Statements) != 1 {
		t.Errorf("a record that is not there: %+v, %v", got, err)
	}
	if _, err := e.Account(t.Context(), "nobody@example.org"); problem.KindOf(err) != problem.NotFound {
		t.Errorf("an account that is not there: %v", err)
	}
}

// TestExplainSaysWhyThereIsNoAdvice: an index that waits for migrate is not proposed a
// second time, and what no index helps is said to be so.
func TestExplainSaysWhyThereIsNoAdvice(t *testing.T) {
	driver := dbtest.SQLite(t)
	old, _, olga := openLetters(t, driver)
	_, set := compile(t, strings.Replace(lettersContract, "[[shelf]]", "[[shelf], [writer]]", 1))
	e := New(set, old.db, old.keys, Options{})
	for _, tt := range []struct {
		name  string
		query Query
		want  string
	}{
		{"declared, and not in the database yet", Query{Sort: "writer"},
			"with an index of Letter by [writer]: the contract has it, the database does not yet: mainstay migrate"},
		{"a condition over a list", Query{Equal: []Equal{{"tagged", []string{"a"}}}},
			"no index that could be added serves statement 1"},
	} {
		op := &Operation{Kind: List, Resource: set.Resource("Letter"), Query: tt.query}
		got, err := e.Explain(t.Context(), olga, op, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Advice) > 0 || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], tt.want) {
			t.Errorf("%s: advice %+v, notes %q, want %q", tt.name, got.Advice, got.Notes, tt.want)
		}
	}
}

// TestExplainTellsTheTypeOfEveryParameter: those that the statement has, and no more.
func TestExplainTellsTheTypeOfEveryParameter(t *testing.T) {
	_, set := compile(t, strings.Replace(lettersContract, "  Letter:\n    fields:\n", "  Letter:\n    key: code\n    fields:\n      code: slug unique\n", 1))
	driver := dbtest.SQLite(t)
	if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
		t.Fatal(err)
	}
	e := New(set, store.New(driver), testKeys(t), Options{})
	op := &Operation{Kind: Get, Resource: set.Resource("Letter"), ID: "saw"}
	got, err := e.Explain(t.Context(), auth.Nobody, op, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"string"}; len(got.Statements) != 1 || !slices.Equal(got.Statements[0].Parameters, want) {
		t.Errorf("got %+v, want the parameters %q", got.Statements, want)
	}
}
