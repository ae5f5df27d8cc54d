package seed

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/value"
)

// value makes up a value of a field; nil now and then where it may be null. From
// the second try on texts carry some letters that make them different.
func (m *maker) value(f *contract.Field, try int) any {
	if f.Optional && m.random.IntN(5) == 0 {
		return emptied(f)
	}
	if f.Type.Name == "ref" {
		return m.reference(f)
	}
	return m.typed(f.Type, f, try)
}

func emptied(f *contract.Field) any {
	if f.Type.Name == "list" {
		return []any{}
	}
	return nil
}

// typed makes up a value of type t for the field f, or for an element of it.
func (m *maker) typed(t *contract.Type, f *contract.Field, try int) any {
	switch t.Name {
	case "list":
		most := t.MaxItems
		if most == 0 || most > t.MinItems+4 {
			most = t.MinItems + 4
		}
		list := make([]any, t.MinItems+m.random.IntN(most-t.MinItems+1))
		for i := range list {
			list[i] = m.typed(t.Elem, f, try)
		}
		return list
	case "struct":
		members := map[string]any{}
		for _, member := range t.Members {
			members[member.Name] = m.value(member, try)
		}
		return members
	case "json":
		return value.Raw(fmt.Sprintf(`{"score":%d,"source":"sample"}`, m.random.IntN(100)))
	case "bool":
		return m.random.IntN(2) == 0
	case "enum":
		return t.Value.Enum[m.random.IntN(len(t.Value.Enum))]
	case "int", "bigint":
		low, high := m.integers(t)
		return low + m.random.Int64N(high-low+1)
	case "float":
		low, high := 0.0, 1000.0
		if v, ok := t.Min.(float64); ok {
			low, high = v, math.Max(v+1000, high)
		}
		if v, ok := t.Max.(float64); ok {
			high = v
			low = min(low, high)
		}
		return low + math.Round(m.random.Float64()*100)/100*(high-low)
	case "decimal":
		return m.decimal(t)
	case "uuid", "ref":
		var u value.UUID
		binary.BigEndian.PutUint64(u[:8], m.random.Uint64()&^0xf000|0x4000)
		binary.BigEndian.PutUint64(u[8:], m.random.Uint64()&(1<<62-1)|1<<63)
		return u
	case "date":
		return value.Date(m.now.Unix()/86400 - m.random.Int64N(720) + 360)
	case "time":
		return value.Time(m.random.IntN(96) * 15 * 60_000)
	case "timestamp":
		return value.TimestampOf(m.now) - value.Timestamp(m.random.Int64N(60*24*60)*60_000)
	case "duration":
		return value.Duration((1 + m.random.Int64N(72)) * 60 * 60_000)
	}
	return m.text(t, f, try)
}

// integers are bounds for whole numbers: the contract's, at most 1000 apart
// where it gives only one.
func (m *maker) integers(t *contract.Type) (low, high int64) {
	low, high = 0, 1000
	least, hasLeast := t.Min.(int64)
	most, hasMost := t.Max.(int64)
	switch {
	case hasLeast && hasMost:
		low, high = least, most
	case hasLeast:
		low, high = least, least+1000
	case hasMost:
		low, high = most-1000, most
	}
	if high < low || high-low < 0 || high-low == math.MaxInt64 {
		return low, low
	}
	return low, high
}

// decimal picks one of a hundred steps between the bounds, by default 0 and the
// largest whole thousand up to 100,000 that fits.
func (m *maker) decimal(t *contract.Type) value.Decimal {
	high := value.DecimalOf(int64(min(100_000, math.Pow10(t.Value.Precision-t.Value.Scale)-1)))
	low := value.Decimal{}
	if v, ok := t.Min.(value.Decimal); ok {
		low = v
		if high.Compare(low) < 0 {
			high = low
		}
	}
	if v, ok := t.Max.(value.Decimal); ok {
		high = v
		if low.Compare(high) > 0 {
			low = high
		}
	}
	step := value.Div(value.Sub(high, low), int64(100))
	picked, ok := value.Add(low, value.Mul(step, m.random.Int64N(101))).(value.Decimal)
	if ok {
		picked, ok = picked.Round(t.Value.Precision, t.Value.Scale)
	}
	if !ok || picked.Compare(low) < 0 || picked.Compare(high) > 0 {
		picked, _ = low.Rescale(t.Value.Precision, t.Value.Scale)
	}
	return picked
}

// text makes up a string: what its type and its name suggest, within its bounds.
func (m *maker) text(t *contract.Type, f *contract.Field, try int) string {
	mark := ""
	if f.Unique || try > 0 {
		mark = fmt.Sprintf("%05x", m.random.IntN(1<<20))
	}
	least, most := lengths(t)
	switch t.Name {
	case "email":
		name := letters(m.fake.FirstName()) + "." + letters(m.fake.LastName())
		return cut(name, max(1, min(64, most)-len("@example.org")-8)) + fmt.Sprintf("%07x", m.random.IntN(1<<28)) + "@example.org"
	case "url":
		return pad("https://example.org/"+letters(m.fake.Noun())+mark, least)
	case "phone":
		return fmt.Sprintf("+43 660 %07d", m.random.IntN(10_000_000))
	case "slug":
		slug := cut(letters(m.fake.Adjective())+"-"+letters(m.fake.Noun()), most-len(mark)-1)
		return pad(strings.Trim(strings.Trim(slug, "-")+"-"+mark, "-"), least)
	case "text":
		return m.fit(m.fake.Paragraph(1, 3, 12, " "), least, most, "")
	}
	return m.fit(m.named(f), least, most, mark)
}

// named is a text that suits the name of a field.
func (m *maker) named(f *contract.Field) string {
	is := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(f.Name, w) {
				return true
			}
		}
		return false
	}
	switch {
	case is("first_name", "given_name"):
		return m.fake.FirstName()
	case is("last_name", "surname", "family_name"):
		return m.fake.LastName()
	case is("name") && f.Personal:
		return m.fake.Name()
	case is("company", "organisation", "organization", "employer") || f.Name == "name" && f.Resource != nil:
		return m.fake.Company()
	case is("name"):
		return m.fake.BuzzWord()
	case is("title", "position", "role"):
		return m.fake.JobTitle()
	case is("city", "location", "town", "place"):
		return m.fake.City()
	case is("country"):
		return m.fake.Country()
	case is("street", "address"):
		return m.fake.Street()
	case is("zip", "postal", "postcode"):
		return m.fake.Zip()
	case is("color", "colour"):
		return m.fake.Color()
	case is("question"):
		return m.fake.Question()
	}
	return strings.TrimSuffix(m.fake.Sentence(), ".")
}

// lengths are a string type's bounds in code points.
func lengths(t *contract.Type) (least, most int) {
	most = 1 << 20
	if n, ok := t.Min.(int64); ok {
		least = int(n)
	}
	if n, ok := t.Max.(int64); ok {
		most = int(min(n, 1<<20))
	}
	return least, most
}

// fit cuts or lengthens a text to its bounds, a mark at its end.
func (m *maker) fit(s string, least, most int, mark string) string {
	for utf8.RuneCountInString(s) < least {
		s += " " + m.fake.Noun()
	}
	if mark == "" {
		return cut(s, most)
	}
	if room := most - len(mark) - 1; room > 0 {
		return cut(s, room) + " " + mark
	}
	return cut(mark, most)
}

// cut shortens s to n code points.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:max(n, 0)]))
	}
	return s
}

// pad lengthens an address to n letters.
func pad(s string, n int) string { return s + strings.Repeat("x", max(0, n-len(s))) }

// letters leaves the ASCII letters and digits of a name, in lower case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(s))
}
