package migrate_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/schema"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

const hall = `
mainstay: 1
name: hall
rules:
  large: seats > 2
resources:
  Meeting:
    fields:
      title: string ..80
      seats: int 1..100
      price: decimal 9,2 optional
      rows: [{width: int, label: string ..20 optional}]
    check:
      "big enough": large
      "priced": price == null || price > decimal("1.00")
    access:
      all: "true"
`

// meetings makes a database of hall with three records, of 3, 12 and 40 seats; the
// last one has a price, of 9.50, and two rows, of 5 and 7 seats.
func meetings(t *testing.T) store.Driver {
	t.Helper()
	d := open(t, filepath.Join(t.TempDir(), "data.db"))
	set := compile(t, hall)
	if _, err := migrate.To(t.Context(), d, set, nil); err != nil {
		t.Fatal(err)
	}
	price, _ := value.ParseDecimal("9.50")
	rows := []any{map[string]any{"width": int64(5), "label": "a"}, map[string]any{"width": int64(7)}}
	insert := &query.Insert{Table: "meetings"}
	var args []any
	table := migrate.Desired(set).Table("meetings")
	for _, c := range table.Columns {
		insert.Columns = append(insert.Columns, query.Named{Name: c.Name, Type: c.Type})
	}
	for i, r := range []map[string]any{
		{"title": "a", "seats": int64(3), "rows": []any{}},
		{"title": "bb", "seats": int64(12), "rows": []any{}},
		{"title": "ccc", "seats": int64(40), "rows": rows, "price": price},
	} {
		r["id"], r["created_at"], r["updated_at"], r[schema.Revision] = value.UUID{15: byte(i)}, value.Timestamp(0), value.Timestamp(0), int64(1)
		for _, c := range table.Columns {
			args = append(args, r[c.Name])
		}
	}
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Insert(t.Context(), insert, args)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestToHoldsNewLawsAgainstWhatIsStored(t *testing.T) {
	for _, tt := range []struct {
		name, old, new string
		want           string // the refusal; "" for none
		steps          string
	}{
		{"a lower highest value", "1..100", "1..5", `"seats <= 5" does not hold for 2 of the 3 records of meetings`, ""},
		{"a higher lowest value", "1..100", "4..100", `"seats >= 4" does not hold for 1 of the 3 records of meetings`, ""},
		{"a bound where there was none", "decimal 9,2", "decimal 9,2 ..9.00", `"price <= 9.00" does not hold for 1 of the 3 records of meetings`, ""},
		{"a longer least text", "..80", "3..80", `"size(title) >= 3" does not hold for 2 of the 3 records of meetings`, ""},
		{"a bound in a list of structs", "width: int", "width: int ..6", `"rows[].width <= 6" does not hold for 1 of the 3 records of meetings`, ""},
		{"a shorter text in it", "..20", "2..20", `"size(rows[].label) >= 2" does not hold for 1 of the 3 records of meetings`, ""},
		{"a tighter check", `decimal("1.00")`, `decimal("9.50")`, `"price == null || price > decimal(\"9.50\")" does not hold for 1 of the 3 records of meetings`, ""},
		{"a check that is unknown", "price == null || price", "price", `"price > decimal(\"1.00\")" does not hold for 2 of the 3 records of meetings`, ""},
		{"a tighter rule in a check", "seats > 2", "seats > 12", `"large, where large is seats > 12" does not hold for 2 of the 3 records of meetings`, ""},
		{"wider bounds", "1..100", "..200", "", `hold "seats <= 200" against the records of meetings
no longer hold "seats >= 1" against the records of meetings
no longer hold "seats <= 100" against the records of meetings`},
		{"narrower ones that hold", "1..100", "3..100", "", `hold "seats >= 3" against the records of meetings
no longer hold "seats >= 1" against the records of meetings`},
		{"a check that holds, with a new column", "      rows:", "      note: string 1..9 optional\n      rows:", "", "add column meetings.note"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, want := meetings(t), compile(t, strings.Replace(hall, tt.old, tt.new, 1))
			var steps []string
			_, err := migrate.To(t.Context(), d, want, func(_, _ int, s schema.Step) { steps = append(steps, s.String()) })
			var refused migrate.Refused
			switch {
			case tt.want != "" && (!errors.As(err, &refused) || len(refused) != 1 || refused[0].What != tt.want):
				t.Errorf("%v\nwant %s", err, tt.want)
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want == "":
				if left, refusals := mustPlan(t, d, want); len(left)+len(refusals) > 0 {
					t.Errorf("afterwards there are steps %v and refusals %v", left, refusals)
				}
			}
			if got := strings.Join(steps, "\n"); got != tt.steps {
				t.Errorf("got  %s\nwant %s", got, tt.steps)
			}
		})
	}
}

func TestPlanTellsEveryLawThatIsBroken(t *testing.T) {
	_, refusals := mustPlan(t, meetings(t), compile(t, strings.NewReplacer("1..100", "4..5", "seats > 2", "seats > 3").Replace(hall)))
	if got := fmt.Sprint(refusals); len(refusals) != 3 || !strings.Contains(got, ">= 4") || !strings.Contains(got, "<= 5") || !strings.Contains(got, "large") {
		t.Error(got)
	}
}

// A check that was away may have been broken meanwhile.
func TestALawThatComesBackIsHeldAgain(t *testing.T) {
	d := meetings(t)
	with, without := compile(t, hall), compile(t, strings.NewReplacer("rules:\n  large: seats > 2\n", "", `      "big enough": large`+"\n", "").Replace(hall))
	if _, err := migrate.To(t.Context(), d, without, nil); err != nil {
		t.Fatal(err)
	}
	seats := query.Named{Name: "seats", Type: &value.Type{Kind: value.Int}}
	err := store.New(d).InTx(t.Context(), store.Write, nil, func(tx store.Tx) error {
		_, err := tx.Update(t.Context(), &query.Update{
			Table: query.Table{Name: "meetings", Alias: 1},
			Set:   []query.Assign{{Column: seats, Value: query.Const{Value: int64(1), Type: seats.Type}}},
		}, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrate.To(t.Context(), d, with, nil); err == nil || !strings.Contains(err.Error(), "3 of the 3 records") {
		t.Error(err)
	}
}

func TestALawAboutANewColumnIsHeldBeforeIt(t *testing.T) {
	d := meetings(t)
	about := func(check string) string {
		return strings.NewReplacer("      rows:", "      floor: int = 2\n      rows:", `price == null || price > decimal("1.00")`, check).Replace(hall)
	}
	_, err := migrate.To(t.Context(), d, compile(t, about("floor > 2")), nil)
	if refused := (migrate.Refused)(nil); !errors.As(err, &refused) || !strings.Contains(err.Error(), `"floor > 2" does not hold for 3 of the 3 records of meetings`) {
		t.Error(err)
	}
	if steps, refusals := mustPlan(t, d, compile(t, hall)); len(steps)+len(refusals) > 0 {
		t.Errorf("the old contract lacks %v, refused %v", steps, refusals)
	}
	if _, err := migrate.To(t.Context(), d, compile(t, about("floor > 1")), nil); err != nil {
		t.Error(err)
	}
}

// A database of a version that recorded no laws is held against all of them once.
func TestADatabaseWithoutARecordOfLawsIsHeldOnce(t *testing.T) {
	d := meetings(t)
	set := compile(t, hall)
	for _, l := range migrate.Desired(set).Table("meetings").Laws {
		if err := d.Apply(t.Context(), schema.Release{Table: "meetings", Law: l}); err != nil {
			t.Fatal(err)
		}
	}
	taken, err := migrate.To(t.Context(), d, set, nil)
	if err != nil || taken != len(migrate.Desired(set).Table("meetings").Laws) {
		t.Errorf("%d steps, %v", taken, err)
	}
	if steps, refusals := mustPlan(t, d, set); len(steps)+len(refusals) > 0 {
		t.Errorf("afterwards there are steps %v and refusals %v", steps, refusals)
	}
}
