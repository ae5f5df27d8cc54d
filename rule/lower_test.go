package rule

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

var rounds = flag.Int("rule.n", 400, "random expressions to hold against a database")

// TestLoweredMeansTheSame holds random expressions, as rules and as requests'
// filters, against the evaluator: on every row a database must say "certainly
// true" and "certainly false" exactly where the evaluator does.
func TestLoweredMeansTheSame(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	for _, reason := range absent {
		t.Log(reason)
	}
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) { loweredMeansTheSame(t, k.Open(t)) })
	}
}

func loweredMeansTheSame(t *testing.T, d store.Driver) {
	set := staff(t)
	ctx := context.Background()
	db := openStaff(t, set, d)
	for seed := range *rounds {
		rnd := rand.New(rand.NewPCG(uint64(seed), 1))
		text := expression(rnd, 4)
		callers := []*Caller{nil, caller(ann), caller(bob), caller(eve)}
		env := &Env{Caller: callers[rnd.IntN(4)], Now: 1500, World: world}
		view := set.View(env)
		p := place{set: set, res: set.Resource("Note")}
		if rnd.IntN(2) == 0 {
			p.sight, p.literal = view.Resource("Note"), true
		}
		e, flaws := checkText(p, text, nil)
		if len(flaws) > 0 {
			if p.sight == nil {
				t.Fatalf("seed %d: %s: %+v", seed, text, flaws)
			}
			continue // it names what this caller may not see
		}
		env.Literals = make([]any, len(e.slots))
		for i, s := range e.slots {
			env.Literals[i], _ = s.convert(s.raw)
		}
		for _, want := range []bool{true, false} {
			got := run(t, ctx, db, view, e, env, want)
			for _, n := range world["Note"] {
				one := *env
				one.Record = n
				if expect := e.Eval(&one) == want; expect != got[n["id"].(value.UUID)] {
					t.Fatalf("seed %d, request %t, caller %v, note %v\n%s\ncertainly %t: evaluator %t, database %t",
						seed, p.sight != nil, env.Caller, n, text, want, expect, !expect)
				}
			}
		}
	}
}

func run(t *testing.T, ctx context.Context, db *store.DB, view *View, e *Expr, env *Env, want bool) map[value.UUID]bool {
	t.Helper()
	l := view.Lower()
	alias := l.Alias()
	cond := l.scope(alias).condition(e.root, want)
	q := &query.Select{
		From:    query.Table{Name: "notes", Alias: alias},
		Columns: []query.Column{{Expr: query.Col{Alias: alias, Name: "id", Type: idType}, Type: idType}},
		Where:   cond,
	}
	got := map[value.UUID]bool{}
	err := db.InTx(ctx, store.ReadOne, nil, func(tx store.Tx) error {
		for row, err := range tx.Select(ctx, q, l.Args().Bind(env, nil)) {
			if err != nil {
				return err
			}
			id, err := row.Value(0)
			if err != nil {
				return err
			}
			got[id.(value.UUID)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	return got
}

// openStaff fills a database with the records of world and many random notes.
func openStaff(t *testing.T, set *Set, d store.Driver) *store.DB {
	t.Helper()
	ctx := context.Background()
	db := store.New(d)
	steps, _ := schema.Diff(&schema.Schema{}, schema.Of(set.Contract))
	for _, s := range steps {
		if err := d.Apply(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	world["Note"] = nil
	rnd := rand.New(rand.NewPCG(7, 7))
	for i := range 60 {
		world["Note"] = append(world["Note"], randomNote(rnd, byte(100+i)))
	}
	for _, name := range []string{"User", "Department", "Staff", "Note"} {
		for i, rec := range world[name] {
			rec["email"] = fmt.Sprintf("u%d@example.org", i)
			rec["created_at"], rec["updated_at"] = value.Timestamp(1), value.Timestamp(1)
			insert(t, ctx, db, set.Resource(name), rec)
		}
	}
	return db
}

func insert(t *testing.T, ctx context.Context, db *store.DB, r *Resource, rec Record) {
	t.Helper()
	ins := &query.Insert{Table: r.Table, Columns: []query.Named{{Name: schema.Revision, Type: intType}}}
	args := []any{int64(1)}
	for _, f := range r.Fields {
		if f.Stored() {
			ins.Columns = append(ins.Columns, query.Named{Name: f.Name, Type: f.Type.Value})
			args = append(args, rec[f.Name])
		}
	}
	err := db.InTx(ctx, store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Insert(ctx, ins, args)
		return err
	})
	if err != nil {
		t.Fatalf("%s %v: %v", r.Name, rec, err)
	}
}

func pick[T any](rnd *rand.Rand, of ...T) T { return of[rnd.IntN(len(of))] }

func randomNote(rnd *rand.Rand, n byte) Record {
	line := func() any {
		return map[string]any{"text": pick(rnd, "x", "y", "ü"), "count": int64(rnd.IntN(6)), "level": pick(rnd, "low", "high")}
	}
	return Record{
		"id": id(n), "department": pick[any](rnd, works, empty, nil), "owner": pick(rnd, ann, bob, eve),
		"title": pick(rnd, "a", "B", "Größe 📏", "100%", "x_y"), "body": pick[any](rnd, nil, "text", "a\nb", ""),
		"score": pick[any](rnd, nil, int64(0), int64(7), int64(1<<53-1), int64(-3)), "ratio": pick[any](rnd, nil, 0.5, -1.25, 1e300),
		"price": pick[any](rnd, nil, decimal("12.50"), decimal("-0.01"), decimal("99999999.99")),
		"exact": pick[any](rnd, nil, decimal("12.500000"), decimal("0.000001")),
		"done":  rnd.IntN(2) == 0, "state": pick(rnd, "draft", "open", "closed"), "due": pick[any](rnd, nil, value.Timestamp(1000), value.Timestamp(2000)),
		"tags": pick(rnd, []any{}, []any{"a"}, []any{"a", "b", "Ä"}), "lines": pick(rnd, []any{}, []any{line()}, []any{line(), line()}),
	}
}

// expression makes a random condition on a Note.
func expression(rnd *rand.Rand, depth int) string {
	if depth == 0 || rnd.IntN(5) == 0 {
		return leaf(rnd)
	}
	x := func() string { return expression(rnd, depth-1) }
	switch rnd.IntN(8) {
	case 0, 1:
		return "(" + x() + " && " + x() + ")"
	case 2, 3:
		return "(" + x() + " || " + x() + ")"
	case 4:
		return "!(" + x() + ")"
	case 5:
		return "(" + x() + " ? " + x() + " : " + x() + ")"
	case 6:
		return "((" + x() + ") == (" + x() + "))"
	}
	return relation(rnd)
}

func relation(rnd *rand.Rand) string {
	v := fmt.Sprintf("s%d", rnd.IntN(1000))
	bodies := []string{
		v + `.account == caller`, v + `.role == "manager"`, v + `.role != "clerk"`, v + `.account == owner`, v + `.since == null`,
		v + `.account.level > 3`, v + `.department.head == ` + v + `.account`, `score > 3`, `!(` + v + `.account == caller && ` + v + `.role == "manager")`,
		v + `.account.entries.exists(q` + v + `, q` + v + `.role == "clerk")`,
	}
	return fmt.Sprintf("department.staff.%s(%s, %s)", pick(rnd, "exists", "all"), v, pick(rnd, bodies...))
}

func leaf(rnd *rand.Rand) string {
	op := func() string { return pick(rnd, "==", "!=", "<", "<=", ">", ">=") }
	eq := func() string { return pick(rnd, "==", "!=") }
	return strings.ReplaceAll(pick(rnd,
		"score "+op()+pick(rnd, " 7", " 0", " -3", " 9007199254740991"),
		"score + 1 "+op()+" 8", "score * 9223372036854775807 "+op()+" 1", "score / "+pick(rnd, "2", "0")+" "+op()+" 3", "-score "+op()+" 3",
		"ratio * 1e300 "+op()+" 1.0", "ratio "+op()+" 0.5",
		"price "+op()+pick(rnd, " 12", ` decimal("12.5")`, ` decimal("12.501")`, " exact", " price"), `price + exact `+op()+` decimal("25")`, "price * price "+op()+" 100",
		"title "+op()+pick(rnd, ` "a"`, ` "B"`, " body"), `title.`+pick(rnd, "contains", "startsWith", "endsWith")+pick(rnd, `("%")`, `("_")`, `("")`, "(body)", `("📏")`),
		`title.upper() == "A"`, "size(title) "+op()+" 3", "size(tags) "+op()+" 1",
		"state "+op()+pick(rnd, ` "open"`, ` "closed"`), `state in ["open", "draft"]`, "score in [0, 7]", "score in []", `"a" in tags`, "title in tags", "body in tags",
		"tags."+pick(rnd, "exists", "all")+`(t, t `+op()+` "a")`, "lines."+pick(rnd, "exists", "all")+`(t, t.count `+op()+` 3 && t.level `+op()+` "low")`, `tags == ["a"] ? done : true`,
		"done", "body "+eq()+" null", "score "+eq()+" null", "department "+eq()+" null", "due "+op()+" now", "due + duration(\"PT1S\") "+op()+" now", "now - due "+op()+` duration("PT1S")`,
		"owner "+eq()+" caller", "caller "+eq()+" null", "owner.name "+op()+` "Bob"`, "owner.level "+op()+" 5", "department.head "+eq()+" caller", "department.head "+eq()+" null",
		"department.head.name "+op()+` "Ann"`, "department.name "+op()+" title", `department.code == "W"`, "department.head.level == owner.level",
		"(score > 3 ? title : body) "+op()+` "a"`, "true", "false",
	), `tags == ["a"] ? done : true`, "done")
}
