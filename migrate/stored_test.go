package migrate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Main(m)) }

const club = `
mainstay: 1
name: club
resources:
  Team:
    fields:
      name: string ..80 index
    access:
      all: "true"
  Member:
    fields:
      name:  string ..80
      nick:  string ..80 optional index
      seats: int 1..100
      level: enum low|high = low
      fee:   decimal 9,2
      since: date optional
      team:  Team optional
    check:
      "some level": level >= "low"
    access:
      all: "true"
`

// members makes a database of club with two teams and five members, the first four of
// which are of the first team.
func members(t *testing.T, d store.Driver) {
	t.Helper()
	set := compile(t, club)
	if _, err := migrate.To(t.Context(), d, set, nil); err != nil {
		t.Fatal(err)
	}
	fee := func(text string) any { v, _ := value.ParseDecimal(text); return v }
	team := value.UUID{15: 101}
	insert(t, d, "teams", []map[string]any{{"name": "red"}, {"name": "blue"}}, 100)
	insert(t, d, "members", []map[string]any{
		{"name": "ann", "nick": "a", "seats": int64(3), "level": "low", "fee": fee("1.50"), "team": team},
		{"name": "Ann", "nick": "a", "seats": int64(12), "level": "high", "fee": fee("1.50"), "team": team},
		{"name": "ann ", "nick": "A", "seats": int64(40), "level": "low", "fee": fee("2.50"), "team": team},
		{"name": "änn", "seats": int64(40), "level": "low", "fee": fee("3.50"), "team": team},
		{"name": "ann", "seats": int64(40), "level": "high", "fee": fee("4.50")},
	}, 0)
}

// insert adds records to a table of club, with ids from first on.
func insert(t *testing.T, d store.Driver, name string, records []map[string]any, first int) {
	t.Helper()
	insertInto(t, d, migrate.Desired(compile(t, club)).Table(name), records, first)
}

func insertInto(t *testing.T, d store.Driver, table *schema.Table, records []map[string]any, first int) {
	t.Helper()
	q := &query.Insert{Table: table.Name}
	for _, c := range table.Columns {
		q.Columns = append(q.Columns, query.Named{Name: c.Name, Type: c.Type})
	}
	var args []any
	for i, r := range records {
		r["id"], r["created_at"], r["updated_at"], r[schema.Revision] = value.UUID{15: byte(first + i + 1)}, value.Timestamp(0), value.Timestamp(0), int64(1)
		for _, c := range table.Columns {
			args = append(args, r[c.Name])
		}
	}
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Insert(t.Context(), q, args)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatPlanAllowsMigrateDoes(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	t.Log(absent)
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			d := k.Open(t)
			members(t, d)
			for _, tt := range changes {
				if tt.want != "" {
					t.Run(tt.name, func(t *testing.T) { refused(t, d, tt) })
				}
			}
			for _, tt := range changes {
				if tt.want == "" {
					t.Run(tt.name, func(t *testing.T) {
						d := k.Open(t)
						members(t, d)
						allowed(t, d, tt)
					})
				}
			}
		})
	}
}

// change is one of club, by pairs of what is replaced.
type change struct {
	name  string
	pairs []string
	want  string // the refusal; "" for none
}

var changes = []change{
	{"a column and a bound that is broken", []string{"seats: int 1..100", "seats: int 1..30\n      note: string ..9 optional"},
		`"seats <= 30" does not hold for 3 of the 5 records of members`},
	{"a resource and a bound that is broken", []string{"1..100", "1..30", "resources:", "resources:\n  Extra: {fields: {a: int}, access: {all: true}}"},
		`"seats <= 30" does not hold for 3 of the 5 records of members`},
	{"a column and a check that is broken", check("seats < 40", "note: string ..9 optional"),
		`"seats < 40" does not hold for 3 of the 5 records of members`},
	{"a check that the default of a new column breaks", check("floor < seats", "floor: int = 3"),
		`"floor < seats" does not hold for 1 of the 5 records of members`},
	{"a check that a new column without a value breaks", check("floor < seats", "floor: int optional"),
		`"floor < seats" does not hold for 5 of the 5 records of members`},
	{"a check over new columns of each kind", check(`label == "x" && live && size(tags) > 0 && rank == "b" && price > decimal("1.00") && born == date("2026-01-31") && noon == time("12:00:00") && when == timestamp("2026-01-31T00:00:00Z") && long == duration("P7D") && big > 1 && share > 0.5`,
		"label: string ..9 = \"x\"", "live: bool = true", "tags: [string ..9]", "rank: enum a|b = b", "price: decimal 9,2 = decimal(\"2.50\")", "born: date = \"2026-01-31\"", "noon: time = \"12:00:00\"", "when: timestamp = timestamp(\"2026-01-31T00:00:00Z\")", "long: duration = duration(\"P7D\")", "big: bigint = 5", "share: float = 0.75"),
		`records of members`},
	{"a check over new columns of each kind that holds", check(`label == "x" && live && size(tags) == 0 && !tags.exists(x, x == "q") && rank == "b" && rank >= "a" && price > decimal("1.00") && born == date("2026-01-31") && noon == time("12:00:00") && when == timestamp("2026-01-31T00:00:00Z") && long == duration("P7D") && big + 1 > 1 && share > 0.5 && low == null && day == null && until == null && span == null && at == null && (part == null || part.a > 1) && more == null`,
		"label: string ..9 = \"x\"", "live: bool = true", "tags: [string ..9]", "rank: enum a|b = b", "price: decimal 9,2 = decimal(\"2.50\")", "born: date = \"2026-01-31\"", "noon: time = \"12:00:00\"", "when: timestamp = timestamp(\"2026-01-31T00:00:00Z\")", "long: duration = duration(\"P7D\")", "big: bigint = 5", "share: float = 0.75",
		"low: int optional", "day: date optional", "until: timestamp optional", "span: duration optional", "at: time optional", "part: {type: {a: int}, optional: true}", "more: json optional"), ""},
	{"a check with a new word of an enum", append(check(`level != "top" && level <= "top"`), "low|high", "low|high|top"), ""},
	{"an enum in another order, with a check that is about it", []string{"low|high", "high|low"},
		`"level >= \"low\"" does not hold for 2 of the 5 records of members`},
	{"an enum in another order, with a check that holds", []string{"low|high", "mid|low|high"}, ""},
	{"unique over duplicates", []string{"name:  string ..80", "name:  string ..80 unique"},
		"2 of the 5 records of members would have the same name as another one"},
	{"unique in place of an index, over duplicates", []string{"nick:  string ..80 optional index", "nick:  string ..80 optional unique"},
		"2 of the 5 records of members would have the same nick as another one"},
	{"unique in place of an index", []string{"      name: string ..80 index", "      name: string ..80 unique"}, ""},
	{"unique over several, over duplicates", []string{"    access:", "    unique: [[team, fee]]\n    access:"},
		"2 of the 5 records of members would have the same team, fee as another one"},
	{"unique over several with a null", []string{"    access:", "    unique: [[since, fee], [nick, seats], [team, level, seats, fee]]\n    access:"}, ""},
	{"unique over what is null", []string{"since: date optional", "since: date optional unique"}, ""},
	{"unique over references", []string{"team:  Team optional", "team:  Team optional unique"},
		"4 of the 5 records of members would have the same team as another one"},
	{"a new column with a default that is unique", []string{"      since:", "      code: string ..9 = \"x\" unique\n      since:"},
		"5 of the 5 records of members would have the same code as another one"},
	{"a new column that is unique with another", []string{"      since:", "      code: string ..9 = \"x\"\n      since:", "    access:", "    unique: [[name, code]]\n    access:"},
		"2 of the 5 records of members would have the same name, code as another one"},
	{"a new column without a default that is unique", []string{"      since:", "      code: string ..9 optional unique\n      since:"}, ""},
	{"a new resource that a new column refers to and that refers back", []string{"      since:", "      desk: Desk optional\n      since:",
		"resources:", "resources:\n  Desk: {fields: {owner: Member optional}, access: {all: true}}"}, ""},
	{"a check over a new column of another resource", []string{"      name: string ..80 index", "      name: string ..80 index\n      open: bool fixed = true",
		"      team:  Team optional\n    check:\n", "      team:  Team optional\n    check:\n      other: 'team == null || team.open'\n"}, ""},
	{"a check over a new column of another resource that is broken", []string{"      name: string ..80 index", "      name: string ..80 index\n      open: bool fixed = false",
		"      team:  Team optional\n    check:\n", "      team:  Team optional\n    check:\n      other: 'team == null || team.open'\n"},
		`"team == null || team.open" does not hold for 4 of the 5 records of members`},
	{"a check over a new column of what some do not refer to", []string{"      name: string ..80 index", "      name: string ..80 index\n      rank: int fixed = 3",
		"      team:  Team optional\n    check:\n", "      team:  Team optional\n    check:\n      other: 'team.rank != null'\n"},
		`"team.rank != null" does not hold for 1 of the 5 records of members`},
	{"a check over a new resource", []string{"resources:", "resources:\n  Room: {fields: {name: string ..9 fixed}, access: {all: true}}\n  Desk: {fields: {high: bool fixed, room: Room fixed}, access: {all: true}}",
		"      team:  Team optional\n    check:\n", "      team:  Team optional\n      desk: Desk optional\n    check:\n      other: 'desk.room.name == null && (desk == null || desk.high || desk.room.name == \"x\")'\n"}, ""},
	{"a check over a new reference", []string{
		"      team:  Team optional\n    check:\n", "      team:  Team optional\n      second: Team optional\n    check:\n      other: 'second == null || second.created_at <= created_at'\n"}, ""},
	{"more digits and a check over them", append([]string{"9,2", "14,2"}, check("fee > decimal(\"1.00\") && fee < decimal(\"123456789012.00\")", "note: string ..9 optional")...), ""},
	{"a check over a relation", []string{
		"      team:  Team optional\n    check:\n", "      team:  Team optional\n    check:\n      other: 'team == null || team.created_at <= created_at'\n"}, ""},
	{"a text without a bound, with its index gone", []string{"nick:  string ..80 optional index", "nick:  text optional"}, ""},
	{"more digits, a longer text, a unique index", []string{"9,2", "14,2", "name:  string ..80", "name:  string ..200", "      since:", "      since2: date optional\n      since:", "    access:", "    unique: [[name, fee]]\n    access:"}, ""},
}

// check adds a check and fields to Member.
func check(text string, fields ...string) []string {
	return []string{"      team:  Team optional\n    check:\n",
		"      team:  Team optional\n      " + strings.Join(fields, "\n      ") + "\n    check:\n      a check: '" + text + "'\n"}
}

func (c change) contract() string {
	text := club
	for i := 0; i < len(c.pairs); i += 2 {
		at := strings.LastIndex(text, c.pairs[i])
		text = text[:at] + c.pairs[i+1] + text[at+len(c.pairs[i]):]
	}
	return text
}

func refused(t *testing.T, d store.Driver, c change) {
	want := compile(t, c.contract())
	_, refusals := mustPlan(t, d, want)
	if len(refusals) != 1 || !strings.HasSuffix(refusals[0].What, c.want) {
		t.Errorf("plan says %v\nwant      %s", refusals, c.want)
	}
	var refused migrate.Refused
	if taken, err := migrate.To(t.Context(), d, want, nil); !errors.As(err, &refused) || taken != 0 {
		t.Errorf("migrate took %d steps, %v", taken, err)
	}
	if steps, refusals := mustPlan(t, d, compile(t, club)); len(steps)+len(refusals) > 0 {
		t.Errorf("the old contract lacks %v, refused %v", steps, refusals)
	}
}

func allowed(t *testing.T, d store.Driver, c change) {
	want := compile(t, c.contract())
	if steps, refusals := mustPlan(t, d, want); len(steps) == 0 || len(refusals) > 0 {
		t.Fatalf("plan has %d steps and refuses %v", len(steps), refusals)
	}
	if _, err := migrate.To(t.Context(), d, want, nil); err != nil {
		t.Fatal(err)
	}
	if steps, refusals := mustPlan(t, d, want); len(steps)+len(refusals) > 0 {
		t.Errorf("afterwards there are steps %v and refusals %v", steps, refusals)
	}
}

// A check may compare what another resource keeps, whose words get another order.
func TestAnEnumInAnotherOrderIsHeldWhereverItIsCompared(t *testing.T) {
	d := dbtest.SQLite(t)
	members(t, d)
	graded := strings.NewReplacer("name: string ..80 index", "name: string ..80 index\n      grade: enum low|high fixed = low",
		`"some level"`, "graded: team == null || team.grade < \"high\"\n      \"some level\"").Replace(club)
	if _, err := migrate.To(t.Context(), d, compile(t, graded), nil); err != nil {
		t.Fatal(err)
	}
	_, refusals := mustPlan(t, d, compile(t, strings.Replace(graded, "grade: enum low|high", "grade: enum high|low", 1)))
	const want = `"team == null || team.grade < \"high\"" does not hold for 4 of the 5 records of members`
	if len(refusals) != 1 || refusals[0].What != want {
		t.Errorf("refused: %v\nwant     %s", refusals, want)
	}
}

// racing is a database in which a record is written just before a step.
type racing struct {
	store.Driver
	before string
	write  func()
}

func (r *racing) Apply(ctx context.Context, steps ...schema.Step) error {
	if r.write != nil && steps[0].String() == r.before {
		r.write()
		r.write = nil
	}
	return r.Driver.Apply(ctx, steps...)
}

// A record that comes between the questions and the index is found by the index, when
// nothing is done yet that the old contract does not allow.
func TestARecordThatComesMeanwhileLeavesTheOldContract(t *testing.T) {
	kinds, absent := dbtest.Kinds()
	t.Log(absent)
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			d := k.Open(t)
			members(t, d)
			want := compile(t, strings.NewReplacer("name: string ..80 index", "name: string ..80 unique\n      note: string ..9 optional",
				"seats: int 1..100", "seats: int 2..100", "fee:   decimal 9,2", "fee:   decimal 9,2", "since: date optional", "since: date optional unique").Replace(club))
			race := &racing{d, "create unique index on members (since)", func() {
				day, _ := value.ParseDate("2026-01-01")
				double := func() map[string]any {
					return map[string]any{"name": "x", "seats": int64(4), "level": "low", "fee": value.Decimal{}, "since": day}
				}
				insert(t, d, "members", []map[string]any{double(), double()}, 20)
			}}
			_, err := migrate.To(t.Context(), race, want, nil)
			var duplicates *migrate.Duplicates
			if !errors.As(err, &duplicates) || duplicates.Table != "members" {
				t.Errorf("it says %v", err)
			}
			if race.write != nil {
				t.Error("the step has not come")
			}
			if steps, refusals := mustPlan(t, d, compile(t, club)); len(steps)+len(refusals) > 0 {
				t.Errorf("the old contract lacks %v, refused %v", steps, refusals)
			}
			if _, refusals := mustPlan(t, d, want); len(refusals) != 1 {
				t.Errorf("the new one is refused for %v", refusals)
			}
		})
	}
}

// The longest texts that a contract may have in one index are indexed by every database.
func TestTheLongestKeysAreIndexed(t *testing.T) {
	set := compile(t, `
mainstay: 1
name: keys
resources:
  Key:
    fields:
      a: string ..500
      b: string ..150
    unique: [[a, b]]
    index: [[b, a]]
    access:
      all: "true"
`)
	// No database can make these shorter: four bytes each, in no order.
	rnd := rand.New(rand.NewPCG(1, 1))
	text := func(n int) string {
		runes := make([]rune, n)
		for i := range runes {
			runes[i] = rune(0x10000 + rnd.IntN(0xf0000))
		}
		return string(runes)
	}
	kinds, absent := dbtest.Kinds()
	t.Log(absent)
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			d := k.Open(t)
			if _, err := migrate.To(t.Context(), d, set, nil); err != nil {
				t.Fatal(err)
			}
			insertInto(t, d, migrate.Desired(set).Table("keys"), []map[string]any{{"a": text(500), "b": text(150)}, {"a": text(500), "b": text(150)}}, 0)
		})
	}
}
