package rule

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// staff is the compiled contract of testdata/staff.yaml.
func staff(t testing.TB) *Set {
	t.Helper()
	set, faults := compileText(t, readStaff(t))
	for _, f := range faults {
		if !f.Warning {
			t.Fatalf("%v", faults)
		}
	}
	return set
}

func readStaff(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/staff.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func compileText(t testing.TB, text string) (*Set, []contract.Fault) {
	t.Helper()
	c, faults := contract.Parse(map[string][]byte{"contract.yaml": []byte(text)})
	for _, f := range faults {
		if !f.Warning {
			t.Fatalf("contract: %v", faults)
		}
	}
	return Compile(c)
}

func id(n byte) value.UUID { return value.UUID{6: 0x70, 8: 0x80, 15: n} }

// small is a World of a few records.
type small map[string][]Record

func (w small) Lookup(resource string, id value.UUID) (Record, bool) {
	for _, r := range w[resource] {
		if r["id"] == id {
			return r, true
		}
	}
	return nil, false
}

func (w small) Related(resource, field string, id value.UUID) []Record {
	var out []Record
	for _, r := range w[resource] {
		if r[field] == id {
			out = append(out, r)
		}
	}
	return out
}

var (
	ann, bob, eve = id(1), id(2), id(3)
	works, empty  = id(10), id(11)

	world = small{
		"User":       {{"id": ann, "name": "Ann", "level": int64(9)}, {"id": bob, "name": "Bob", "level": nil}, {"id": eve, "name": "Eve", "level": int64(1)}},
		"Department": {{"id": works, "name": "Works", "code": "W", "head": ann, "budget": nil}, {"id": empty, "name": "Empty", "code": nil, "head": nil}},
		"Staff": {
			{"id": id(20), "department": works, "account": bob, "role": "manager"},
			{"id": id(21), "department": works, "account": eve, "role": "clerk"},
		},
	}
)

func note(change Record) Record {
	r := Record{
		"id": id(30), "department": works, "owner": ann, "title": "Größe 📏", "body": nil,
		"score": int64(7), "ratio": 0.5, "price": decimal("12.50"), "exact": nil, "done": false, "state": "draft",
		"due": value.Timestamp(1000), "tags": []any{"a", "b"},
		"lines": []any{map[string]any{"text": "x", "count": int64(2), "level": "low"}, map[string]any{"text": "y", "count": int64(5), "level": "high"}},
	}
	for k, v := range change {
		r[k] = v
	}
	return r
}

func decimal(s string) value.Decimal {
	d, err := value.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

func caller(u value.UUID) *Caller {
	rec, _ := world.Lookup("User", u)
	return &Caller{ID: u, Record: rec}
}

func TestEval(t *testing.T) {
	set := staff(t)
	const yes, no = "true", "false"
	const unknown = "unknown"
	for _, tt := range []struct {
		expr   string
		record Record
		caller *Caller
		want   string
	}{
		{"score == 7", nil, nil, yes},
		{"score == 8", nil, nil, no},
		{"score == 7", Record{"score": nil}, nil, unknown},
		{"score != 7", Record{"score": nil}, nil, unknown},
		{"!(score == 7)", Record{"score": nil}, nil, unknown},
		{"score == null", Record{"score": nil}, nil, yes},
		{"score != null", Record{"score": nil}, nil, no},
		{"has(score)", nil, nil, yes},
		{"score == 7 || title == ''", Record{"score": nil}, nil, unknown},
		{"score == 7 || done == false", Record{"score": nil}, nil, yes},
		{"score == 7 && done", Record{"score": nil}, nil, no},
		{"owner == caller", nil, caller(ann), yes},
		{"owner == caller", nil, nil, unknown},
		{"owner != caller", nil, nil, unknown},
		{"owner.level == 9", nil, nil, yes},
		{"owner.level > 5", Record{"owner": bob}, nil, unknown},
		{"department.name == 'Works'", nil, nil, yes},
		{"department.name == 'Works'", Record{"department": nil}, nil, unknown},
		{"department.head.name == 'Ann'", Record{"department": empty}, nil, unknown},
		{"department.head == null", Record{"department": nil}, nil, yes},
		{"department.staff.exists(s, s.account == caller)", nil, caller(bob), yes},
		{"department.staff.exists(s, s.account == caller)", nil, caller(ann), no},
		{"department.staff.exists(s, s.account == caller)", nil, nil, unknown},
		{"!department.staff.exists(s, s.account == caller)", nil, nil, unknown},
		{"department.staff.exists(s, s.account == caller)", Record{"department": empty}, nil, no},
		{"department.staff.exists(s, true)", Record{"department": nil}, nil, unknown},
		{"department.staff.all(s, s.role in ['clerk', 'manager'])", nil, nil, yes},
		{"department.staff.all(s, s.role == 'clerk')", nil, nil, no},
		{"department.staff.all(s, s.role == 'clerk')", Record{"department": empty}, nil, yes},
		{"manager", nil, caller(bob), yes},
		{"manager", nil, caller(eve), no},
		{"caller.level == 9", nil, caller(ann), yes},
		{"caller.level == 9", nil, caller(bob), unknown},
		{"state < 'open'", nil, nil, yes},
		{"state < 'closed'", Record{"state": "open"}, nil, yes},
		{"score in [1, 7]", nil, nil, yes},
		{"score in []", Record{"score": nil}, nil, no},
		{"score in [1]", Record{"score": nil}, nil, unknown},
		{"'a' in tags", nil, nil, yes},
		{"'z' in tags", nil, nil, no},
		{"'z' in tags", Record{"tags": []any{}}, nil, no},
		{"tags.exists(x, x.startsWith('b'))", nil, nil, yes},
		{"lines.exists(l, l.count > 4 && l.level == 'high')", nil, nil, yes},
		{"lines.all(l, l.count > 4)", nil, nil, no},
		{"size(tags) == 2", nil, nil, yes},
		{"size(title) == 7", nil, nil, yes},
		{"title.contains('ö')", nil, nil, yes},
		{"title.upper() == 'GRößE 📏'", nil, nil, yes},
		{"body.contains('x')", nil, nil, unknown},
		{"price == decimal('12.5')", nil, nil, yes},
		{"price > 12", nil, nil, yes},
		{"price + decimal('0.005') > decimal('12.504')", nil, nil, yes},
		{"price * 2 == 25", nil, nil, yes},
		{"score / 2 == 3", nil, nil, yes},
		{"score / 0 == 3", nil, nil, unknown},
		{"score * 9223372036854775807 > 0", nil, nil, unknown},
		{"ratio * 2 == 1", nil, nil, yes},
		{"due < now", nil, nil, yes},
		{"due + duration('PT1S') == timestamp('1970-01-01T00:00:02Z')", nil, nil, yes},
		{"now - due == duration('PT9S')", nil, nil, yes},
		{"done ? score == 1 : score == 7", nil, nil, yes},
		{"(score > 5 ? 'hi' : 'lo') == 'hi'", nil, nil, yes},
		{"(score > 5 ? 'hi' : 'lo') == 'hi'", Record{"score": nil}, nil, unknown},
		{"id == '00000000-0000-7000-8000-00000000001e'", nil, nil, yes},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			e, flaws := checkText(place{set: set, res: set.Resource("Note")}, tt.expr, nil)
			if len(flaws) > 0 {
				t.Fatalf("%+v", flaws)
			}
			env := &Env{Caller: tt.caller, Now: 10000, Record: note(tt.record), World: world}
			got := map[any]string{true: yes, false: no, nil: unknown}[e.Eval(env)]
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	set := staff(t)
	for _, tt := range []struct{ expr, want string }{
		{"", "the expression is empty"},
		{"scor == 1", "1: Note has no field 'scor'; did you mean 'score'?"},
		{"owner.nam == 'x'", "User has no field 'nam'; did you mean 'name'?"},
		{"score = 1", "write == to compare"},
		{"score == 1 and done", "write && for and"},
		{"(score == 1", "every ( needs its )"},
		{"score", "a condition is needed here, not a whole number"},
		{"title == 1", "a text cannot be compared with a whole number"},
		{"due > '2026-01-01'", `write timestamp("2026-01-31T00:00:00Z")`},
		{"state == 'opn'", "'opn' is not one of draft, open, closed; did you mean 'open'?"},
		{"score < null", "null can only be asked for"},
		{"department == 'sales'", "'sales' is not the id of a Department; go on with a field of it to compare that, as in company.name"},
		{"department == caller", "one side is a Department, the other a User"},
		{"department == owner", "one side is a Department, the other a User"},
		{"department.staff == caller", "'staff' is a relation to many records and has no value of its own; write staff.exists(x, …)"},
		{"department.staff.role == 'x'", "'staff' is a relation to many records: 'role' has no single value; write staff.exists(x, x.role …)"},
		{"title.matches('x')", "regular expressions differ between databases"},
		{"score % 2 == 0", "it differs between databases"},
		{"tags[0] == 'a'", "[ ] is not part of the language"},
		{"size([1, 2]) == 2", "a list can be written out only behind 'in'"},
		{"has([])", "a list can be written out only behind 'in'"},
		{"[1] == [1]", "a list can be written out only behind 'in'"},
		{"[1] in [[1]]", "a list can be written out only behind 'in'"},
		{"score in (done ? [1] : [2])", "a list can be written out only behind 'in'"},
		{"title == '" + strings.Repeat("x", maxText) + "'", "the expression has more than 8192 characters"},
		{"title + 'x' == 'y'", "texts cannot be joined"},
		{"price / 2 > 1", "decimals cannot be divided here"},
		{"price > 1.5", `a decimal cannot be compared with a float; write decimal("1.5")`},
		{"price > '2'", `a decimal cannot be compared with a text; write decimal("2")`},
		{"price > 'x'", `a decimal cannot be compared with a text; write decimal("12.50")`},
		{"'2' < price", `a decimal cannot be compared with a text; write decimal("2")`},
		{"score > '2'", "a whole number cannot be compared with a text; write 2 without quotes"},
		{"score > 2.5", "a whole number cannot be compared with a float; write a whole number"},
		{"done == 'true'", "write true without quotes"},
		{"due > '2026-03-04T00:00:00Z'", `write timestamp("2026-03-04T00:00:00Z")`},
		{"state == open", `Note has no field 'open'; write "open" in quotes`},
		{"open != state", `1: Note has no field 'open'; write "open" in quotes`},
		{"state == opn", `Note has no field 'opn'; did you mean 'open'?`},
		{"state in [open, 'draft']", `write "open" in quotes`},
		{"title == Vienna", `write "Vienna" in quotes`},
		{"title == titel", "did you mean 'title'?"},
		{"open == closed", "1: Note has no field 'open'"},
		{"not done", "write ! for not"},
		{"score > 1 && not done", "write ! for not"},
		{"not (score > 1)", "write ! for not"},
		{"title.length > 3", "a text has no members; write .size()"},
		{"tags.length > 3", "a list has no members; write .size()"},
		{"title.length() > 3", "'length' is not a function of the language; write size()"},
		{"score in (4, 5)", "write [ ] around the values: x in [a, b]"},
		{"score in (4)", "write [ ] around the values: x in [a, b]"},
		{"title like 'x%'", "write title.contains("},
		{"title =~ 'x'", "write title.contains("},
		{"title ~ 'x'", "write title.contains("},
		{"public", "Note has no field 'public'; write true"},
		{"everyone", "write true"},
		{"anyone", "write true"},
		{"authenticated", "write caller != null"},
		{"old.score == 1", "'old' is known only in an update rule"},
		{"input.x == 1", "'input' is known only in an action"},
		{"duration('x') == duration('P1D')", `'x' is not a duration; write duration("P7D")`},
		{"exists(x, x == 1)", "write relation.exists(x, …)"},
		{"tags.exists(score, true)", "'score' is a field of Note"},
		{"score == 1u", "unsigned numbers"},
		{"{'a': 1} == {'a': 1}", "maps and messages"},
		{"now.foo", "a timestamp has no members"},
		{"score == 1 && titel == 'x' && statee == 'y'", "titel"},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			_, flaws := checkText(place{set: set, res: set.Resource("Note")}, tt.expr, nil)
			var all []string
			for _, f := range flaws {
				s := string(rune('0'+f.at+1)) + ": " + f.what
				if f.mend != "" {
					s += "; " + f.mend
				}
				all = append(all, s)
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("\n got %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestOnlyALiteralIsToBeWrittenAsAnotherType(t *testing.T) {
	set := staff(t)
	for _, tt := range []struct{ expr, want, mend string }{
		{"price <= now", "a decimal cannot be compared with a timestamp", ""},
		{"due < score", "a timestamp cannot be compared with a whole number", ""},
		{"price > timestamp('2026-01-31T00:00:00Z')", "a decimal cannot be compared with a timestamp", `write decimal("12.50")`},
		{"owner == caller.name", "a User cannot be compared with a text", "write caller for the account itself"},
		{"caller.name == owner", "a text cannot be compared with a User", "write caller for the account itself"},
		{"department == caller.name", "a Department cannot be compared with a text", ""},
	} {
		t.Run(tt.expr, func(t *testing.T) {
			_, flaws := checkText(place{set: set, res: set.Resource("Note")}, tt.expr, nil)
			if len(flaws) != 1 || flaws[0].what != tt.want || flaws[0].mend != tt.mend {
				t.Errorf("got %+v, want %q, mend %q", flaws, tt.want, tt.mend)
			}
		})
	}
}

func TestCompile(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"check uses caller", "score == null || score >= 0", "owner == caller", "contract.yaml:56:43: Note.check: a check holds for everybody, so it cannot use 'caller'"},
		{"check reads what can change", "score == null || score >= 0", "department.name == 'x'", "a check may read across a reference only what is fixed there, and 'name' can change; make Department.name fixed"},
		{"default of the wrong type", "User = caller fixed", "User = department fixed", "Note.owner: a Department does not fit a reference to User"},
		{"rule uses itself", "mine: owner == caller", "mine: owner == caller || mine", "the rule 'mine' uses itself"},
		{"named rule cannot be read", "mine: owner == caller", "mine: owner = caller", "rules.mine: the expression cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := readStaff(t)
			if !strings.Contains(text, tt.from) {
				t.Fatalf("%q is not in the contract", tt.from)
			}
			set, faults := compileText(t, strings.Replace(text, tt.from, tt.to, 1))
			if set != nil {
				t.Fatal("it compiled")
			}
			var all []string
			for _, f := range faults {
				all = append(all, f.String())
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	set := staff(t)
	nobody, signedIn := set.View(&Env{}), set.View(&Env{Caller: caller(bob)})
	chief := set.View(&Env{Caller: caller(ann)})
	if nobody == signedIn || signedIn == chief || signedIn != set.View(&Env{Caller: caller(bob), Now: 5}) {
		t.Error("callers are not told apart as the rules tell them apart")
	}
	n := set.Resource("Note")
	for _, tt := range []struct {
		name string
		view *View
		rule *Expr
		want Verdict
	}{
		{"nobody may read open notes", nobody, n.Read, Depends},
		{"nobody may not create", nobody, n.Create, Never},
		{"nobody may not delete", nobody, n.Delete, Never},
		{"users are public", nobody, set.Resource("User").Read, Always},
		{"no rule, no access", signedIn, set.Resource("User").Delete, Never},
		{"a caller may create", signedIn, n.Create, Depends},
	} {
		if got := tt.view.Verdict(tt.rule); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct {
		view   *View
		field  string
		exists bool
		masked bool
	}{
		{nobody, "score", false, false},
		{signedIn, "score", true, true},
		{nobody, "ratio", false, false},
		{signedIn, "ratio", true, false},
	} {
		h := tt.view.Resource("Note").Handle(tt.field)
		if (h != nil) != tt.exists || h != nil && h.Masked != tt.masked {
			t.Errorf("%s: %+v", tt.field, h)
		}
	}
	if nobody.Resource("Department").Handle("secret") != nil || signedIn.Resource("Department").Handle("secret") != nil {
		t.Error("secret exists for those who may never read it")
	}
	if chief.Resource("Department").Handle("secret") == nil {
		t.Error("secret does not exist for level 9")
	}
}

func TestParseFilter(t *testing.T) {
	set := staff(t)
	sight := set.View(&Env{}).Resource("Note")
	unknown := func(text string) string {
		_, _, err := sight.ParseFilter(text)
		if problem.KindOf(err) != problem.InvalidFilter {
			t.Fatalf("%s: %v", text, err)
		}
		return strings.NewReplacer("score", "NAME", "nosuch", "NAME").Replace(err.Error())
	}
	if a, b := unknown("score > 1"), unknown("nosuch > 1"); a != b {
		t.Errorf("an unreadable field answers otherwise than an unknown one:\n%s\n%s", a, b)
	}
	for _, text := range []string{
		"mine", "caller.name == 'x'", "owner.entries.exists(s, s.department.head.entries.exists(x, x.role == 'clerk'))",
		strings.Repeat("(", 70) + "done" + strings.Repeat(")", 70),
		strings.Repeat("!(done || ", 12) + "done" + strings.Repeat(")", 12),
		strings.Repeat("done || ", 120) + "done",
	} {
		if _, _, err := sight.ParseFilter(text); problem.KindOf(err) != problem.InvalidFilter {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestFilterShape(t *testing.T) {
	set := staff(t)
	sight := set.View(&Env{Caller: caller(bob)}).Resource("Note")
	for _, tt := range []struct{ a, b string }{
		{`title == "x" && score > 5`, `title == "something else" && score > -0 + 71`},
		{`price >= decimal("12.50")`, `price >= decimal("99.99")`},
		{`due > timestamp("2026-01-01T00:00:00Z")`, `due > timestamp("2027-01-01T00:00:00Z")`},
		{`state in ["open", "draft"]`, `state in ["closed", "draft"]`},
	} {
		_, lits, err := sight.ParseFilter(tt.a)
		if err != nil {
			t.Fatal(err)
		}
		key, raw, ok := FilterShape(tt.a)
		e, _, _ := sight.ParseFilter(tt.a)
		again, err := e.Literals(raw)
		if !ok || err != nil || len(again) != len(lits) {
			t.Fatalf("%s: %v %v %v", tt.a, key, raw, err)
		}
		for i := range lits {
			if !value.Equal(lits[i], again[i]) {
				t.Errorf("%s: literal %d is %v, then %v", tt.a, i, lits[i], again[i])
			}
		}
	}
	same := func(a, b string) bool {
		ka, _, _ := FilterShape(a)
		kb, _, _ := FilterShape(b)
		return ka == kb
	}
	if !same(`score > 5`, `score > 999`) || !same(`title == "x"`, `title == "xyz"`) || same(`score > 5`, `score > 5.0`) {
		t.Error("shapes are not told apart as their types are")
	}
	for _, form := range []string{`decimal("%s")`, `decimal( '%s' )`, `decimal(("%s"))`, `"%s".decimal()`} {
		if same("price > "+fmt.Sprintf(form, "1.5"), "price > "+fmt.Sprintf(form, "1.55")) {
			t.Errorf("%s: decimals of different types have one shape", form)
		}
	}
	if _, _, ok := FilterShape(`title == "` + strings.Repeat("x", maxText) + `"`); ok {
		t.Error("a filter that is too long has a shape, which might be known")
	}
	e, _, err := sight.ParseFilter(`state == "open"`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Literals([]any{"opn"}); problem.KindOf(err) != problem.InvalidFilter {
		t.Errorf("a wrong literal in a known shape: %v", err)
	}
}
