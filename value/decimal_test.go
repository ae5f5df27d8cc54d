package value

import (
	"math/big"
	"strings"
	"testing"
)

func decimal(t *testing.T, s string) Decimal {
	t.Helper()
	d, err := ParseDecimal(s)
	if err != nil {
		t.Fatalf("ParseDecimal(%q): %v", s, err)
	}
	return d
}

func TestParseDecimalKeepsTheDigits(t *testing.T) {
	for _, s := range []string{
		"0", "0.00", "1", "-1", "12.50", "-0.05", "0.1", "1000000000000000000000",
		"9999999999999999999999999999999999", "-0.9999999999999999999999999999999999"[:36],
		"18446744073709551616.5",
	} {
		if got := decimal(t, s).String(); got != s {
			t.Errorf("ParseDecimal(%q) prints %q", s, got)
		}
	}
	if got := decimal(t, "-0.00"); got.String() != "0.00" || got.Sign() != 0 {
		t.Errorf("-0.00 prints %q with sign %d", got, got.Sign())
	}
}

func TestParseDecimalRefuses(t *testing.T) {
	for _, s := range []string{
		"", "-", ".", "1.", ".5", "01", "-01", "+1", "1e3", "1 ", " 1", "1,5", "1.2.3", "--1", "0x1", "NaN", "١",
		strings.Repeat("9", 35), "0." + strings.Repeat("0", 35), "1." + strings.Repeat("0", 34),
	} {
		if d, err := ParseDecimal(s); err == nil {
			t.Errorf("ParseDecimal(%q) = %v, want an error", s, d)
		}
	}
}

func TestRescale(t *testing.T) {
	for _, tt := range []struct {
		in               string
		precision, scale int
		want             string // empty: refused
	}{
		{"1.5", 12, 2, "1.50"},
		{"1.500", 12, 2, "1.50"},
		{"1.505", 12, 2, ""},
		{"-1", 3, 2, "-1.00"},
		{"10", 3, 2, ""},
		{"9.99", 3, 2, "9.99"},
		{"9999999999999999999999999999999999", 34, 0, "9999999999999999999999999999999999"},
		{"9999999999999999999999999999999999", 34, 1, ""},
		{"1", 35, 0, ""},
		{"1", 2, 3, ""},
	} {
		got, ok := decimal(t, tt.in).Rescale(tt.precision, tt.scale)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%s as %d,%d = %v %v, want %q", tt.in, tt.precision, tt.scale, got, ok, tt.want)
		}
	}
}

func TestRoundTakesTheEvenDigitOnTies(t *testing.T) {
	for in, want := range map[string]string{
		"0.125": "0.12", "0.135": "0.14", "-0.125": "-0.12", "-0.135": "-0.14", "0.1251": "0.13",
		"0.995": "1.00", "0.004": "0.00", "-0.004": "0.00", "7": "7.00",
	} {
		if got, ok := decimal(t, in).Round(12, 2); !ok || got.String() != want {
			t.Errorf("%s rounds to %v, want %s", in, got, want)
		}
	}
	if got, ok := decimal(t, "9.995").Round(3, 2); ok {
		t.Errorf("9.995 in 3 digits is %v, want a refusal", got)
	}
}

func TestDecimalsOfDifferentScalesCompareAsNumbers(t *testing.T) {
	ascending := []string{"-10", "-9.99", "-0.50", "-0.05", "0", "0.001", "0.5", "1.0", "1.01", "2", "99999999999999999999"}
	for i, a := range ascending {
		for j, b := range ascending {
			if got := decimal(t, a).Compare(decimal(t, b)); got != sign(i-j) {
				t.Errorf("Compare(%s, %s) = %d", a, b, got)
			}
		}
	}
	if !decimal(t, "1.0").Equal(decimal(t, "1.000")) {
		t.Error("1.0 and 1.000 differ")
	}
}

func TestSortableForm(t *testing.T) {
	money := &Type{Kind: DecimalKind, Precision: 12, Scale: 2}
	for plain, want := range map[string]string{
		"50000.00": "0550000.00", "0.00": "00.00", "-0.50": "-99.49", "-10.00": "-9789.99",
	} {
		if got := SortableDecimal(money, decimal(t, plain)); got != want {
			t.Errorf("%s is stored as %q, want %q", plain, got, want)
		}
	}
}

func TestFromSortableRefusesOtherTexts(t *testing.T) {
	for _, s := range []string{"", "0", "-", "01", "0112", "x1", "055.0", "011.", "011a", "-98", "50000.00", strings.Repeat("1", 50)} {
		if d, err := FromSortable(s); err == nil {
			t.Errorf("FromSortable(%q) = %v, want an error", s, d)
		}
	}
}

func FuzzDecimal(f *testing.F) {
	f.Add("12.50", "-3.7", uint8(2))
	f.Add("9999999999999999999999999999999999", "0.0001", uint8(20))
	f.Add("0.00", "1", uint8(0))
	f.Fuzz(func(t *testing.T, s, u string, scale uint8) {
		a, err := ParseDecimal(s)
		if err != nil {
			return
		}
		if back := decimal(t, a.String()); back != a {
			t.Fatalf("%q parses to %v, which parses to %v", s, a, back)
		}
		b, err := ParseDecimal(u)
		if err != nil {
			return
		}
		if got, want := a.Compare(b), rat(a).Cmp(rat(b)); got != want {
			t.Fatalf("Compare(%v, %v) = %d, want %d", a, b, got, want)
		}
		sameArithmetic(t, a, b)
		sameOrderWhenSortable(t, a, b, int(scale)%(MaxPrecision+1))
	})
}

func rat(d Decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.String())
	return r
}

func sameArithmetic(t *testing.T, a, b Decimal) {
	t.Helper()
	for _, op := range []struct {
		name string
		got  any
		want *big.Rat
	}{
		{"+", Add(a, b), new(big.Rat).Add(rat(a), rat(b))},
		{"-", Sub(a, b), new(big.Rat).Sub(rat(a), rat(b))},
		{"*", Mul(a, b), new(big.Rat).Mul(rat(a), rat(b))},
	} {
		if op.got == nil {
			continue // more than 34 digits
		}
		if got := rat(op.got.(Decimal)); got.Cmp(op.want) != 0 {
			t.Fatalf("%v %s %v = %v, want %v", a, op.name, b, op.got, op.want)
		}
	}
	if q, ok := Div(a, b).(Decimal); ok {
		// half a unit of the last place at most
		miss := new(big.Rat).Quo(rat(a), rat(b))
		miss.Sub(miss, rat(q)).Abs(miss)
		half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Mul(big.NewInt(2), bigPow10(q.Scale())))
		if miss.Cmp(half) > 0 {
			t.Fatalf("%v / %v = %v, off by %v", a, b, q, miss)
		}
	}
}

func sameOrderWhenSortable(t *testing.T, a, b Decimal, scale int) {
	t.Helper()
	typ := &Type{Kind: DecimalKind, Precision: MaxPrecision, Scale: scale}
	a, ok1 := a.Rescale(MaxPrecision, scale)
	b, ok2 := b.Rescale(MaxPrecision, scale)
	if !ok1 || !ok2 {
		return
	}
	x, y := SortableDecimal(typ, a), SortableDecimal(typ, b)
	if got := strings.Compare(x, y); got != a.Compare(b) {
		t.Fatalf("%v and %v sort as %q and %q", a, b, x, y)
	}
	back, err := FromSortable(x)
	if err != nil || back != a {
		t.Fatalf("%q reads as %v, %v, want %v", x, back, err, a)
	}
	plain, ok := AppendPlain(nil, []byte(x))
	if !ok || string(plain) != a.String() {
		t.Fatalf("%q is written as %q, want %v", x, plain, a)
	}
}
