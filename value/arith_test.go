package value

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestArithmetic(t *testing.T) {
	const big, small = int64(math.MaxInt64), int64(math.MinInt64)
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"integers", Add(int64(1), int64(2)), int64(3)},
		{"integers overflow", Add(big, int64(1)), nil},
		{"integers underflow", Sub(small, int64(1)), nil},
		{"zero less the smallest", Sub(int64(0), small), nil},
		{"the smallest less itself", Sub(small, small), int64(0)},
		{"products overflow", Mul(big, int64(2)), nil},
		{"the smallest times -1", Mul(small, int64(-1)), nil},
		{"-1 times the smallest", Mul(int64(-1), small), nil},
		{"the smallest times 1", Mul(small, int64(1)), small},
		{"division cuts towards zero", Div(int64(-7), int64(2)), int64(-3)},
		{"division by zero", Div(int64(1), int64(0)), nil},
		{"the smallest by -1", Div(small, int64(-1)), nil},
		{"negating the smallest", Negate(small), nil},
		{"floats", Mul(1.5, 2.0), 3.0},
		{"floats overflow", Mul(math.MaxFloat64, 2.0), nil},
		{"floats by zero", Div(1.0, 0.0), nil},
		{"zero by zero", Div(0.0, 0.0), nil},
		{"an integer meets a float", Add(int64(1), 0.5), 1.5},
		{"a float meets an integer", Sub(0.5, int64(1)), -0.5},
		{"an integer meets a decimal", Add(int64(1), decimal(t, "0.50")), decimal(t, "1.50")},
		{"a decimal meets an integer", Mul(decimal(t, "0.50"), int64(3)), decimal(t, "1.50")},
		{"decimals add at the longer scale", Add(decimal(t, "1.5"), decimal(t, "0.25")), decimal(t, "1.75")},
		{"decimals multiply their scales up", Mul(decimal(t, "1.50"), decimal(t, "1.50")), decimal(t, "2.2500")},
		{"decimals divide to scale + 6", Div(decimal(t, "1.00"), decimal(t, "3")), decimal(t, "0.33333333")},
		{"decimals round half-even", Div(decimal(t, "0.0000001"), decimal(t, "20000000")), decimal(t, "0.0000000000000")},
		{"decimals by zero", Div(decimal(t, "1"), decimal(t, "0.00")), nil},
		{"more than 34 digits", Mul(decimal(t, "9999999999999999999999999999999999"), int64(2)), nil},
		{"a decimal never becomes a float", Add(decimal(t, "1.0"), 1.0), nil},
		{"negative decimals", Negate(decimal(t, "0.00")), decimal(t, "0.00")},
		{"null is unknown", Add(nil, int64(1)), nil},
		{"null on the right", Mul(decimal(t, "1"), nil), nil},
		{"a timestamp and a duration", Add(Timestamp(1000), Duration(5)), Timestamp(1005)},
		{"a duration and a timestamp", Add(Duration(5), Timestamp(1000)), Timestamp(1005)},
		{"a timestamp less a duration", Sub(Timestamp(1000), Duration(5)), Timestamp(995)},
		{"two timestamps", Sub(Timestamp(5), Timestamp(1000)), Duration(-995)},
		{"a timestamp beyond year 9999", Add(maxTimestamp, Duration(1)), nil},
		{"a timestamp before year 1", Sub(minTimestamp, Duration(1)), nil},
		{"a duration out of range", Add(Duration(math.MaxInt64), Timestamp(0)), nil},
		{"durations", Add(Duration(1), Duration(2)), Duration(3)},
		{"durations overflow", Add(Duration(math.MaxInt64), Duration(1)), nil},
		{"a negative duration", Negate(Duration(3)), Duration(-3)},
		{"timestamps do not add", Add(Timestamp(1), Timestamp(1)), nil},
		{"strings do not add", Add("a", "b"), nil},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestOrder(t *testing.T) {
	for _, ascending := range [][]any{
		{nil, false, true},
		{nil, int64(-1), int64(0), decimal(t, "0.5"), int64(1)},
		{nil, -0.5, int64(0), 0.5},
		{nil, "", "A", "a", "a ", "b", "é", "\uffee", "😀"}, // code points, not UTF-16
		{Date(-1), Date(0)},
		{Time(0), Time(1)},
		{Timestamp(-1), Timestamp(0)},
		{Duration(-1), Duration(0)},
		{UUID{}, UUID{0, 1}, UUID{0xff}},
		{[]any{int64(1)}, []any{int64(1), int64(1)}, []any{int64(2)}},
	} {
		for i, a := range ascending {
			for j, b := range ascending {
				if got := Compare(a, b); got != sign(i-j) {
					t.Errorf("Compare(%v, %v) = %d", a, b, got)
				}
			}
		}
	}
	if Equal("1", int64(1)) || Equal(1.0, decimal(t, "1")) {
		t.Error("values of different kinds are equal")
	}
	if !Equal(map[string]any{"a": decimal(t, "1.0"), "b": nil}, map[string]any{"a": decimal(t, "1.00"), "b": nil}) {
		t.Error("structs are not compared member by member")
	}
}

func TestEnumsSortInTheOrderWritten(t *testing.T) {
	status := &Type{Kind: Enum, Enum: []string{"draft", "open", "closed"}}
	words := []any{"closed", nil, "open", "draft"}
	slices.SortFunc(words, status.Compare)
	if diff := cmp.Diff([]any{nil, "draft", "open", "closed"}, words); diff != "" {
		t.Error(diff)
	}
}

func TestWords(t *testing.T) {
	for in, want := range map[string][]string{
		"":                           nil,
		"  ,;-- ":                    nil,
		"Go developer, Go!":          {"go", "developer"},
		"C++ & Node.js 18":           {"c", "node", "js", "18"},
		"Straße STRASSE":             {"strasse"},
		"ﬁne ２０２６":                   {"fine", "2026"},
		"e\u0301té Été":              {"été"},
		"हिन्दी भाषा":                {"हिन्दी", "भाषा"},
		"東京 タワー":                     {"東京", "タワー"},
		"snake_case don't":           {"snake", "case", "don", "t"},
		"\u0301leading marks are no": {"leading", "marks", "are", "no"},
	} {
		if diff := cmp.Diff(want, Words(in)); diff != "" {
			t.Errorf("%q: %s", in, diff)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Go developer, İstanbul ﬁne ²½")
	f.Fuzz(func(t *testing.T, text string) {
		for _, word := range Words(text) {
			if n := utf8.RuneCountInString(word); n == 0 || n > MaxWord {
				t.Fatalf("%q gives %q of %d code points", text, word, n)
			}
			if n := utf8.RuneCountInString(word); n < MaxWord {
				if again := Words(word); len(again) != 1 || again[0] != word {
					t.Fatalf("%q gives %q, which gives %q", text, word, again)
				}
			}
		}
	})
}

func TestDecimalSumCountsAtItsEnd(t *testing.T) {
	most := strings.Repeat("9", 34)
	for _, tt := range []struct {
		name  string
		scale int
		list  []string
		want  string // "" for nil
	}{
		{"of nothing", 2, nil, ""},
		{"of scales", 3, []string{"1.5", "-0.125", "2"}, "3.375"},
		{"over its digits on the way", 0, []string{most, most, "-" + most, "-1"}, strings.Repeat("9", 33) + "8"},
		{"over its digits at the end", 0, []string{most, "1"}, ""},
		{"too long for its scale", 1, []string{most}, ""},
		{"back to nothing", 2, []string{"1.00", "-1.00"}, "0.00"},
	} {
		var s DecimalSum
		for _, text := range tt.list {
			d, err := ParseDecimal(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Add(d)
		}
		got := ""
		if d, ok := s.Value(tt.scale).(Decimal); ok {
			got = d.String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
