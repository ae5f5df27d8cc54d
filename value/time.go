package value

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	day = 24 * 60 * 60 * 1000 // milliseconds

	minDate = -719162 // 0001-01-01
	maxDate = 2932896 // 9999-12-31

	minTimestamp = Timestamp(minDate * day)
	maxTimestamp = Timestamp(maxDate*day + day - 1)
)

// TimestampOf is t, its nanoseconds cut to milliseconds (towards the past).
// t must lie within years 1 to 9999.
func TimestampOf(t time.Time) Timestamp { return Timestamp(t.UnixMilli()) }

// Time is t in UTC.
func (t Timestamp) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

var (
	errDate      = errors.New("must be a date such as 2026-11-22")
	errTime      = errors.New("must be a time such as 09:30:00")
	errTimestamp = errors.New("must be a timestamp such as 2026-11-22T10:00:00Z")
	errDuration  = errors.New("must be a duration such as P90D or PT2H30M, from days to seconds")
	errLong      = errors.New("is too long a duration")
)

// ParseDate reads YYYY-MM-DD, years 0001 to 9999.
func ParseDate(s string) (Date, error) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, errDate
	}
	y, ok1 := digits(s[:4])
	m, ok2 := digits(s[5:7])
	d, ok3 := digits(s[8:])
	if !ok1 || !ok2 || !ok3 || y < 1 {
		return 0, errDate
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, time.UTC)
	if int(t.Month()) != m || t.Day() != d { // 2026-02-30
		return 0, errDate
	}
	return Date(t.Unix() / (day / 1000)), nil
}

// ParseTime reads HH:MM:SS with an optional fraction, cut to milliseconds
// (RFC 3339 partial-time without leap seconds).
func ParseTime(s string) (Time, error) {
	if len(s) < 8 || s[2] != ':' || s[5] != ':' {
		return 0, errTime
	}
	h, ok1 := digits(s[:2])
	m, ok2 := digits(s[3:5])
	sec, ok3 := digits(s[6:8])
	ms, ok4 := fraction(s[8:])
	if !ok1 || !ok2 || !ok3 || !ok4 || h > 23 || m > 59 || sec > 59 {
		return 0, errTime
	}
	return Time(((h*60+m)*60+sec)*1000 + ms), nil
}

// ParseTimestamp reads an RFC 3339 date-time with any offset, its fraction cut
// to milliseconds; in UTC it must lie within years 1 to 9999.
func ParseTimestamp(s string) (Timestamp, error) {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' && s[10] != 't' {
		return 0, errTimestamp
	}
	date, err := ParseDate(s[:10])
	if err != nil {
		return 0, errTimestamp
	}
	clock, offset, ok := cutOffset(s[11:])
	if !ok {
		return 0, errTimestamp
	}
	ms, err := ParseTime(clock)
	if err != nil {
		return 0, errTimestamp
	}
	t := Timestamp(date)*day + Timestamp(ms) - offset
	if t < minTimestamp || t > maxTimestamp {
		return 0, errors.New("must lie within the years 1 to 9999")
	}
	return t, nil
}

// cutOffset splits "10:00:00+02:00" into the clock and the offset in milliseconds.
func cutOffset(s string) (string, Timestamp, bool) {
	if last := s[len(s)-1]; last == 'Z' || last == 'z' {
		return s[:len(s)-1], 0, true
	}
	i := len(s) - len("+02:00")
	if i < 0 || s[i+3] != ':' || s[i] != '+' && s[i] != '-' {
		return "", 0, false
	}
	h, ok1 := digits(s[i+1 : i+3])
	m, ok2 := digits(s[i+4:])
	if !ok1 || !ok2 || h > 23 || m > 59 {
		return "", 0, false
	}
	offset := Timestamp((h*60 + m) * 60 * 1000)
	if s[i] == '-' {
		offset = -offset
	}
	return s[:i], offset, true
}

// ParseDuration reads an ISO 8601 duration of days, hours, minutes and seconds,
// each at most once and in this order, with an optional minus sign in front and
// a fraction of the seconds cut to milliseconds.
func ParseDuration(s string) (Duration, error) {
	text := strings.TrimPrefix(s, "-")
	negative := len(text) < len(s)
	text, ok := strings.CutPrefix(text, "P")
	if !ok {
		return 0, errDuration
	}
	days, clock, hasClock := strings.Cut(text, "T")
	total := int64(0)
	if days != "" {
		if total, days, ok = durationPart(0, days, 'D', day); !ok || days != "" {
			return 0, errDuration
		}
	} else if !hasClock {
		return 0, errDuration
	}
	if hasClock && clock == "" {
		return 0, errDuration
	}
	for _, unit := range []struct {
		letter byte
		ms     int64
	}{{'H', 3600_000}, {'M', 60_000}, {'S', 1000}} {
		if total, clock, ok = durationPart(total, clock, unit.letter, unit.ms); !ok {
			return 0, errDuration
		}
	}
	if clock != "" {
		return 0, errDuration
	}
	if total < 0 {
		return 0, errLong
	}
	if negative {
		total = -total
	}
	return Duration(total), nil
}

// durationPart adds a leading "12H" of s to total and gives what follows; s may
// begin with another unit, then nothing is added. A total out of range stays negative.
func durationPart(total int64, s string, letter byte, unit int64) (sum int64, rest string, ok bool) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	number, tail := s[:end], s[end:]
	ms := 0
	if letter == 'S' && tail != "" && tail[0] == '.' && tail[len(tail)-1] == 'S' {
		if ms, ok = fraction(tail[:len(tail)-1]); !ok {
			return 0, "", false
		}
		tail = "S"
	}
	if tail == "" || tail[0] != letter {
		return total, s, true
	}
	if number == "" {
		return 0, "", false
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if total < 0 || err != nil || n > (math.MaxInt64-total-int64(ms))/unit {
		return -1, tail[1:], true
	}
	return total + n*unit + int64(ms), tail[1:], true
}

// ParseShort reads the contract's own shorthand of one number and unit: "730d",
// "12h", "5m", "2s", "250ms".
func ParseShort(s string) (Duration, error) {
	number := strings.TrimRight(s, "dhms")
	unit, ok := map[string]int64{"d": day, "h": 3600_000, "m": 60_000, "s": 1000, "ms": 1}[s[len(number):]]
	if !ok || number == "" || strings.Trim(number, "0123456789") != "" {
		return 0, errors.New("must be a duration such as 730d, 12h, 5m, 2s or 250ms")
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return 0, errLong
	}
	return Duration(n * unit), nil
}

// String is YYYY-MM-DD.
func (d Date) String() string { return string(d.AppendTo(nil)) }

// AppendTo appends what String gives.
func (d Date) AppendTo(dst []byte) []byte {
	y, m, dd := d.civil()
	dst = append(two(two(dst, y/100), y%100), '-')
	dst = append(two(dst, m), '-')
	return two(dst, dd)
}

// civil is the date's year, month and day in the proleptic Gregorian calendar. It
// counts in years that begin in March, so that a leap day is a year's last.
func (d Date) civil() (year, month, day uint) {
	const (
		yearDays, fourYears, century, fourCenturies = 365, 1461, 36_524, 146_097
		toMarch0                                    = 719_468 // days from 0000-03-01 to 1970-01-01
	)
	n := uint(int64(d) + toMarch0)
	era, n := n/fourCenturies, n%fourCenturies
	y := (n - n/(fourYears-1) + n/century - n/(fourCenturies-1)) / yearDays
	n -= y*yearDays + y/4 - y/100
	m := (5*n + 2) / 153 // March is 0; five months have 153 days
	year, month, day = y+era*400, m+3, n-(153*m+2)/5+1
	if m >= 10 {
		year, month = year+1, m-9
	}
	return year, month, day
}

// String is HH:MM:SS.mmm.
func (t Time) String() string { return string(t.AppendTo(nil)) }

// AppendTo appends what String gives.
func (t Time) AppendTo(dst []byte) []byte {
	ms := uint(t)
	dst = append(two(dst, ms/3600_000), ':')
	dst = append(two(dst, ms/60_000%60), ':')
	dst = append(two(dst, ms/1000%60), '.')
	return three(dst, ms%1000)
}

// String is YYYY-MM-DDTHH:MM:SS.mmmZ.
func (t Timestamp) String() string { return string(t.AppendTo(nil)) }

// AppendTo appends what String gives.
func (t Timestamp) AppendTo(dst []byte) []byte {
	days := int64(t) / day
	ms := int64(t) % day
	if ms < 0 {
		days--
		ms += day
	}
	dst = append(Date(days).AppendTo(dst), 'T')
	return append(Time(ms).AppendTo(dst), 'Z')
}

// String is the canonical ISO 8601 form: "P90D", "PT2H30M", "-PT0.5S", "PT0S".
func (d Duration) String() string { return string(d.AppendTo(nil)) }

// AppendTo appends what String gives.
func (d Duration) AppendTo(dst []byte) []byte {
	if d == 0 {
		return append(dst, "PT0S"...)
	}
	ms := uint64(d)
	if d < 0 {
		dst = append(dst, '-')
		ms = -ms
	}
	dst = append(dst, 'P')
	if n := ms / day; n > 0 {
		dst = append(strconv.AppendUint(dst, n, 10), 'D')
	}
	if ms %= day; ms == 0 {
		return dst
	}
	dst = append(dst, 'T')
	if n := ms / 3600_000; n > 0 {
		dst = append(strconv.AppendUint(dst, n, 10), 'H')
	}
	if n := ms / 60_000 % 60; n > 0 {
		dst = append(strconv.AppendUint(dst, n, 10), 'M')
	}
	if ms %= 60_000; ms == 0 {
		return dst
	}
	dst = strconv.AppendUint(dst, ms/1000, 10)
	if ms %= 1000; ms > 0 {
		dst = three(append(dst, '.'), uint(ms))
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return append(dst, 'S')
}

// two appends n, below 100, as two digits.
func two(dst []byte, n uint) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// three appends n, below 1000, as three digits.
func three(dst []byte, n uint) []byte { return two(append(dst, byte('0'+n/100)), n%100) }

// digits reads a short run of nothing but digits.
func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, len(s) > 0
}

// fraction reads "" or ".digits", cut to milliseconds.
func fraction(s string) (ms int, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != '.' || len(s) < 2 || strings.Trim(s[1:], "0123456789") != "" {
		return 0, false
	}
	return digits((s[1:] + "00")[:3])
}
