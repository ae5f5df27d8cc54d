package contract

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/value"
)

func isRange(s string) bool { return strings.Contains(s, "..") }

// lengths reads a string's min..max, or gives the defaults.
func (l *loader) lengths(t *Type, k kind, place string, rest []piece) []piece {
	low, high := k.low, k.high
	t.Min, t.Max = low, high
	if len(rest) == 0 || !isRange(rest[0].s) {
		l.bareNumber(place, rest)
		return rest
	}
	from, to, _ := strings.Cut(rest[0].s, "..")
	pos := rest[0].pos()
	if t.Name == "string" || t.Name == "slug" {
		low = 0 // a lower bound is said together with the upper one
	}
	var err error
	if from != "" {
		if low, err = strconv.ParseInt(from, 10, 64); err != nil || low < 0 {
			l.fault(pos, place, fmt.Sprintf("'%s' is no length", from), "write min..max, such as 1..120")
			return rest[1:]
		}
	}
	if to != "" {
		if high, err = strconv.ParseInt(to, 10, 64); err != nil || high < 0 {
			l.fault(pos, place, fmt.Sprintf("'%s' is no length", to), "write min..max, such as 1..120")
			return rest[1:]
		}
	}
	switch {
	case low > high && to == "":
		l.fault(pos, place, fmt.Sprintf("the shortest length, %d, is above the usual longest, %d", low, high), "write the longest as well: "+from+"..…")
	case low > high:
		l.fault(pos, place, fmt.Sprintf("the shortest length, %d, is above the longest, %d", low, high), fmt.Sprintf("write %d..%d", high, low))
	case high == 0:
		l.fault(pos, place, "a text of at most 0 characters holds nothing", "write min..max, such as 1..120")
	case high > k.widest:
		mend := ""
		if t.Name == "string" {
			mend = "write 'text' for long texts"
		}
		l.fault(pos, place, fmt.Sprintf("%s holds at most %d characters", t.Name, k.widest), mend)
	default:
		t.Min, t.Max = low, high
	}
	return rest[1:]
}

// bareNumber explains 'string 80', which other languages know.
func (l *loader) bareNumber(place string, rest []piece) {
	if len(rest) == 0 {
		return
	}
	n := rest[0].s
	if _, err := strconv.Atoi(n); err != nil {
		return
	}
	l.fault(rest[0].pos(), place, fmt.Sprintf("'%s' is neither a lowest nor a highest bound", n), fmt.Sprintf("write '..%s' for at most %s", n, n))
	rest[0].s = "" // told
}

const maxInt = 1<<53 - 1

// bounds reads a number's min..max.
func (l *loader) bounds(t *Type, place string, rest []piece) []piece {
	if t.Name == "int" {
		t.Min, t.Max = int64(-maxInt), int64(maxInt)
	}
	if len(rest) == 0 || !isRange(rest[0].s) {
		l.bareNumber(place, rest)
		return rest
	}
	from, to, _ := strings.Cut(rest[0].s, "..")
	low, okLow := l.bound(t, from, place, rest[0])
	high, okHigh := l.bound(t, to, place, rest[0])
	if !okLow || !okHigh {
		return rest[1:]
	}
	if low != nil && high != nil && value.Compare(low, high) > 0 {
		l.fault(rest[0].pos(), place, fmt.Sprintf("the lowest value, %s, is above the highest, %s", from, to), "write "+to+".."+from)
		return rest[1:]
	}
	if low != nil {
		t.Min = low
	}
	if high != nil {
		t.Max = high
	}
	return rest[1:]
}

// bound reads one bound in the type's own form; nil for none.
func (l *loader) bound(t *Type, s, place string, p piece) (any, bool) {
	if s == "" {
		return nil, true
	}
	bad := func() (any, bool) {
		l.fault(p.pos(), place, fmt.Sprintf("'%s' is no bound of %s", s, t.Name), "write min..max with numbers of that type")
		return nil, false
	}
	switch t.Name {
	case "float":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return bad()
		}
		return f + 0, true
	case "decimal":
		d, err := value.ParseDecimal(s)
		if err != nil {
			return bad()
		}
		if d, ok := d.Rescale(t.Value.Precision, t.Value.Scale); ok {
			return d, true
		}
		l.fault(p.pos(), place, fmt.Sprintf("'%s' does not fit decimal %d,%d", s, t.Value.Precision, t.Value.Scale), "")
		return nil, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return bad()
	}
	if t.Name == "int" && (n > maxInt || n < -maxInt) {
		l.fault(p.pos(), place, fmt.Sprintf("'%s' is beyond ±(2^53−1), where JSON's numbers are no longer exact", s), "write bigint")
		return nil, false
	}
	return n, true
}

var decimalShape = regexp.MustCompile(`^([0-9]{1,4}),([0-9]{1,4})$`)

func (l *loader) decimalOf(t *Type, place string, first piece, rest []piece) (*Type, []piece) {
	t.Value.Precision, t.Value.Scale = value.MaxPrecision, 0 // so that what follows does not fault again
	if len(rest) > 1 && strings.HasSuffix(rest[0].s, ",") && decimalShape.MatchString(rest[0].s+rest[1].s) {
		rest[1].s = rest[0].s + rest[1].s // 'decimal 12, 2'
		rest[1].from = rest[0].from
		rest = rest[1:]
	}
	if len(rest) == 0 || !decimalShape.MatchString(rest[0].s) {
		l.fault(first.pos(), place, "a decimal says its digits in all and its digits behind the point", "write 'decimal 12,2'")
		if len(rest) > 0 && isDigit(rest[0].s[0]) && !isRange(rest[0].s) {
			rest = rest[1:]
		}
		return unknownType(), rest
	}
	m := decimalShape.FindStringSubmatch(rest[0].s)
	precision, _ := strconv.Atoi(m[1])
	scale, _ := strconv.Atoi(m[2])
	pos := rest[0].pos()
	switch {
	case precision < 1 || precision > value.MaxPrecision:
		l.fault(pos, place, fmt.Sprintf("a decimal has 1 to %d digits in all, not %d", value.MaxPrecision, precision), "no database keeps more everywhere")
		return unknownType(), rest[1:]
	case scale > precision:
		l.fault(pos, place, fmt.Sprintf("%d digits behind the point are more than the %d in all", scale, precision), fmt.Sprintf("write 'decimal %d,%d'", max(scale, precision), min(scale, precision)))
		return unknownType(), rest[1:]
	}
	t.Value.Precision, t.Value.Scale = precision, scale
	return t, l.bounds(t, place, rest[1:])
}
