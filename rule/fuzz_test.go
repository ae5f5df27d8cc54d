package rule

import (
	"testing"

	"github.com/mainstay-run/mainstay/value"
)

// FuzzFilter: whatever text a request sends, checking it does not panic; and a
// filter that is accepted has, cut by FilterShape, the literals that its tree
// holds, so that a plan kept for its shape can never run with others.
func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`title == "x" && score > -5`, `price >= decimal("12.50")`, `department.staff.exists(s, s.account == caller)`,
		`tags.all(t, t in ["a", 'b'])`, `score == 1 // 2`, `ratio > .5 || ratio > 1e3`, `title == """x"""`, `title == r"\d"`,
		`due > now - duration("P1D")`, `!(body == null)`, `state in ["open"] ? done : score / 2 == 0x1F`,
	} {
		f.Add(seed)
	}
	set := staff(f)
	sight := set.View(&Env{Caller: caller(ann)}).Resource("Note")
	f.Fuzz(func(t *testing.T, text string) {
		e, literals, err := sight.ParseFilter(text)
		if err != nil {
			return
		}
		_, raw, ok := FilterShape(text)
		if !ok {
			return
		}
		again, err := e.Literals(raw)
		if err != nil {
			t.Fatalf("%q was accepted, its shape not: %v", text, err)
		}
		for i := range literals {
			if !value.Equal(literals[i], again[i]) {
				t.Fatalf("%q: literal %d is %v in the tree and %v in the shape", text, i, literals[i], again[i])
			}
		}
	})
}
