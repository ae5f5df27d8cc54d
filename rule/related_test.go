package rule

import (
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

var plain = sqlgen.Dialect{
	Quote:    '`',
	Param:    func(int, *value.Type, bool) string { return "?" },
	Literal:  func(v any, t *value.Type) string { return string(t.AppendJSON(nil, v)) },
	NullsLow: true,
	InSelect: "%s IN (%s)",
}

// TestRelatedRecordsAreFoundByTheReference: what an index leads to is found once, and
// stands beside the reference's own column, which has an index; other records are
// followed one by one.
func TestRelatedRecordsAreFoundByTheReference(t *testing.T) {
	set := staff(t)
	env := &Env{Caller: caller(ann), World: world}
	view := set.View(env)
	for _, tt := range []struct {
		name, text string
		filter     bool
		want       string
	}{
		{"through a reference", "department.staff.exists(s, s.account == caller)", false,
			"t1.`department` IN (SELECT t3.`department` FROM `staff` AS t3 WHERE t3.`account` = ?)"},
		{"a field behind it", "department.head == caller", false,
			"t1.`department` IN (SELECT t2.`id` FROM `departments` AS t2 WHERE t2.`head` = ?)"},
		{"through two", "owner.home.staff.exists(s, s.account == caller)", false,
			"t1.`owner` IN (SELECT t2.`id` FROM `users` AS t2 WHERE t2.`home` IN (SELECT t4.`department` FROM `staff` AS t4 WHERE t4.`account` = ?))"},
		{"one or the other", "department.head == caller || department.staff.exists(s, s.account == caller)", false,
			"t1.`department` IN (SELECT t2.`id` FROM `departments` AS t2 WHERE t2.`head` = ?) OR t1.`department` IN (SELECT t4.`department` FROM `staff` AS t4 WHERE t4.`account` = ?)"},
		{"one and the other", `department.head == caller && department.code == "W"`, false,
			"t1.`department` IN (SELECT t2.`id` FROM `departments` AS t2 WHERE t2.`head` = ? AND t2.`code` = \"W\")"},
		{"neither", "!(department.head != caller || department.name == title)", false,
			"t1.`department` IN (SELECT t2.`id` FROM `departments` AS t2 WHERE t2.`head` = ?) AND (SELECT t3.`name` FROM `departments` AS t3 WHERE t3.`id` = t1.`department`) <> t1.`title`"},
		{"who knows how many", "department.head != caller", false,
			"EXISTS (SELECT 1 FROM `departments` AS t2 WHERE t2.`id` = t1.`department` AND t2.`head` <> ?)"},
		{"of each", `department.staff.exists(s, s.role == "clerk")`, false,
			"EXISTS (SELECT 1 FROM `staff` AS t2 WHERE t2.`department` = t1.`department` AND t2.`role` = \"clerk\")"},
		{"of the record itself", "department.staff.exists(s, s.account == owner)", false,
			"EXISTS (SELECT 1 FROM `staff` AS t2 WHERE t2.`department` = t1.`department` AND t2.`account` = t1.`owner`)"},
		{"none", "!department.staff.exists(s, s.account == caller)", false,
			"t1.`department` IS NOT NULL AND (EXISTS (SELECT 1 FROM `staff` AS t2 WHERE t2.`department` = t1.`department` AND (t2.`account` <> ?) IS NOT TRUE)) IS NOT TRUE"},
		{"of a request, through what the caller reads", "department.staff.exists(s, s.account == caller)", true,
			"t1.`department` IN (SELECT t2.`id` FROM `departments` AS t2 WHERE (t2.`code` <> \"hidden\" OR t2.`head` = ?) AND t2.`id` IN (SELECT t3.`department` FROM `staff` AS t3 WHERE (t3.`account` = ? OR t3.`department` IN (SELECT t4.`id` FROM `departments` AS t4 WHERE t4.`head` = ?)) AND t3.`account` = ?))"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := place{set: set, res: set.Resource("Note")}
			if tt.filter {
				p.sight, p.literal = view.Resource("Note"), true
			}
			e, flaws := checkText(p, tt.text, nil)
			if len(flaws) > 0 {
				t.Fatal(flaws)
			}
			l := view.Lower()
			alias := l.Alias()
			got := plain.Select(&query.Select{From: query.Table{Name: "notes", Alias: alias}, Where: l.Rule(e, alias)}).SQL
			if want := "SELECT 1\nFROM `notes` AS t1\nWHERE " + tt.want; got != want {
				t.Errorf("%s\n got %s\nwant %s", tt.text, got, want)
			}
			if many := strings.Contains(tt.text, "exists"); l.Many() != many {
				t.Errorf("%s: it is said to look among many: %v", tt.text, l.Many())
			}
		})
	}
}
