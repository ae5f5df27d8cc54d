package oracle

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

// row is a record of a resource, in the order in which rows are inserted.
type row struct {
	resource string
	record   rule.Record
}

// now is the time of every request.
var now = value.Timestamp(time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC).UnixMilli())

// The values that go wrong somewhere: in a collation, a float, a LIKE pattern,
// an encoding, at the edge of a type.
var (
	texts = []string{
		"", "a", "A", "b", "ab", "aB", "a ", " a", "a%", "%", "_", "a_b", `a\b`, `\`, "'", `"`, "é", "e\u0301",
		"ß", "ss", "😀", "😀a", "ﬁ", "fi", "\u00a0", "z", "Z", "日本 go", "0", "1e1", "null", "\uffff", "\U0010ffff", "a-b c.d",
	}
	ints      = []int64{0, 1, -1, 2, 3, 7, 10, 1 << 31, -1 << 31, 1<<53 - 1, -(1<<53 - 1)}
	bigints   = append(slices.Clone(ints), 1<<53, 1<<53+1, math.MaxInt64, math.MaxInt64-1, -math.MaxInt64)
	floats    = []float64{0, 0.1, 0.2, 0.1 + 0.2, 1, -1, 1.5, 1e15, 1e-7, 1 << 53, 1e308, -1e308, 5e-324}
	dates     = []string{"1970-01-01", "1969-12-31", "2024-02-29", "2026-11-22", "0001-01-01", "9999-12-31"}
	times     = []value.Time{0, 1, 34_200_000, 86_399_999}
	stamps    = []value.Timestamp{0, -1, now, now - 1, now + 1, now - 86_400_000, now + 3_600_000, -62_135_596_800_000, 253_402_300_799_999}
	durations = []value.Duration{0, 1, -1, 86_400_000, -86_400_000, 90 * 86_400_000, 3_600_000}
	slugs     = []string{"a", "a-b", "b", "0", "z9"}
	urls      = []string{"https://example.org/", "http://a.example/%20?q=%25", "https://example.org/é"}
	jsons     = []value.Raw{`{}`, `[]`, `1`, `"a"`, `{"a":[1,2],"b":null}`, `false`}
	uuids     = []value.UUID{{15: 1}, {0: 0xff, 15: 2}, {6: 0x70, 8: 0x80}, {0: 1, 6: 0x40, 8: 0x80}}
)

// pool is values of a field's type.
func pool(f *field) []any {
	switch f.kind {
	case "string":
		return all(texts)
	case "text":
		return append(all(texts), "two\nlines", "tab\there")
	case "email":
		return all([]string{"a@example.org", "b@example.org"})
	case "slug":
		return all(slugs)
	case "url":
		return all(urls)
	case "int":
		return all(ints)
	case "bigint":
		return all(bigints)
	case "float":
		return all(floats)
	case "decimal":
		return decimals(f.args)
	case "bool":
		return []any{true, false}
	case "date":
		days := make([]any, len(dates))
		for i, s := range dates {
			days[i], _ = value.ParseDate(s)
		}
		return days
	case "time":
		return all(times)
	case "timestamp":
		return all(stamps)
	case "duration":
		return all(durations)
	case "enum":
		return all(f.enum)
	case "uuid":
		return all(uuids)
	case "json":
		return all(jsons)
	}
	panic("oracle: no values of a " + f.kind)
}

func all[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

// decimals are the edges of a decimal of "precision,scale".
func decimals(args string) []any {
	p, s, _ := strings.Cut(args, ",")
	precision, _ := strconv.Atoi(p)
	scale, _ := strconv.Atoi(s)
	var out []any
	for _, text := range []string{"0", "1", "-1", "2.5", "0.01", "-0.01", "9.99", "0.000001", "-0.5",
		strings.Repeat("9", precision-scale) + "." + strings.Repeat("9", scale),
		"-" + strings.Repeat("9", precision-scale) + "." + strings.Repeat("9", scale)} {
		text = strings.TrimSuffix(text, ".")
		if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "-.") {
			text = strings.Replace(text, ".", "0.", 1)
		}
		d, err := value.ParseDecimal(text)
		if err != nil {
			continue
		}
		if d, ok := d.Rescale(precision, scale); ok {
			out = append(out, d)
		}
	}
	return out
}

// literalText is a value as an expression writes it.
func literalText(f *field, v any) string {
	switch v := v.(type) {
	case string:
		return quoteCEL(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case value.Decimal:
		return `decimal("` + v.String() + `")`
	case value.Date:
		return `date("` + v.String() + `")`
	case value.Time:
		return `time("` + v.String() + `")`
	case value.Timestamp:
		return `timestamp("` + v.String() + `")`
	case value.Duration:
		return `duration("` + v.String() + `")`
	case value.UUID:
		return `"` + v.String() + `"`
	}
	panic(fmt.Sprintf("oracle: a %s has no literal", f.kind))
}

// newRows makes records of a design; references point to earlier ones, or to
// the record itself.
func newRows(d dice, c *design) []row {
	count := pick(d, []int{0, 3, 8, 8, 20, 40})
	if d.one(40) {
		count = 250 // more than a list inside a record holds
	}
	made := map[string][]value.UUID{}
	var rows []row
	for n := range count + 3 {
		r := c.resources[0]
		if n >= 3 {
			r = pick(d, c.resources)
		}
		rec := rule.Record{"id": newID(d, n)}
		if !fill(d, r, rec, made, n) {
			continue
		}
		made[r.name] = append(made[r.name], rec["id"].(value.UUID))
		rows = append(rows, row{r.name, rec})
	}
	return rows
}

// newID is a version 7 id whose time is not the order of insertion.
func newID(d dice, n int) value.UUID {
	id := value.NewID(now.Time().Add(-time.Duration(d.IntN(50)) * time.Hour))
	for i := 8; i < 16; i++ {
		id[i] = byte(d.IntN(256))
	}
	id[6], id[7], id[8] = 0x70, byte(n), id[8]&0x3f|0x80
	return id
}

// fill gives a record its values; false when a reference that it must have
// points to what there is none of yet.
func fill(d dice, r *resource, rec rule.Record, made map[string][]value.UUID, n int) bool {
	rec["created_at"] = pick(d, stamps[2:7])
	rec["updated_at"] = pick(d, stamps[2:7])
	for _, f := range r.stored() {
		switch {
		case f.name == "email":
			rec[f.name] = fmt.Sprintf("%c%d@example.org", 'a'+rune(d.IntN(3)), n)
		case f.key:
			rec[f.name] = fmt.Sprintf("key-%d", n)
		case f.kind == "ref":
			to := made[f.target.name]
			switch {
			case f.optional && (d.one(4) || len(to) == 0):
				rec[f.name] = nil
			case f.target == r && d.one(5):
				rec[f.name] = rec["id"]
			case len(to) == 0:
				return false
			case d.one(2):
				rec[f.name] = to[0] // much refers to the first
			default:
				rec[f.name] = pick(d, to)
			}
		default:
			rec[f.name] = randomValue(d, f)
		}
	}
	return true
}

// randomValue is a value of a field's type, null now and then where it may be.
func randomValue(d dice, f *field) any {
	if f.optional && d.one(4) {
		return nil
	}
	switch f.kind {
	case "list":
		list := []any{}
		for range d.IntN(4) {
			list = append(list, pick(d, pool(f.elem)))
		}
		return list
	case "struct":
		s := map[string]any{}
		for _, m := range f.members {
			s[m.name] = randomValue(d, m)
		}
		return s
	}
	return pick(d, pool(f))
}

// world is every record in memory, as the evaluator follows relations.
type world struct {
	byID  map[string]map[value.UUID]rule.Record
	order map[string][]rule.Record // by id
}

func newWorld(rows []row) *world {
	w := &world{byID: map[string]map[value.UUID]rule.Record{}, order: map[string][]rule.Record{}}
	for _, r := range rows {
		if w.byID[r.resource] == nil {
			w.byID[r.resource] = map[value.UUID]rule.Record{}
		}
		w.byID[r.resource][r.record["id"].(value.UUID)] = r.record
		w.order[r.resource] = append(w.order[r.resource], r.record)
	}
	for _, name := range slices.Sorted(maps.Keys(w.order)) {
		slices.SortFunc(w.order[name], func(a, b rule.Record) int { return value.Compare(a["id"], b["id"]) })
	}
	return w
}

// Lookup finds a record by id.
func (w *world) Lookup(resource string, id value.UUID) (rule.Record, bool) {
	rec, ok := w.byID[resource][id]
	return rec, ok
}

// Related lists the records whose reference field holds id, by id.
func (w *world) Related(resource, field string, id value.UUID) []rule.Record {
	var found []rule.Record
	for _, rec := range w.order[resource] {
		if rec[field] == any(id) {
			found = append(found, rec)
		}
	}
	return found
}
