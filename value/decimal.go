package value

import (
	"errors"
	"math/big"
	"math/bits"
	"strings"
)

// MaxPrecision is the most digits that a Decimal holds.
const MaxPrecision = 34

// Decimal is an exact number of at most MaxPrecision digits, scale of them after
// the point. The zero Decimal is 0. Two Decimals that are equal as numbers may
// differ under == (1.0 and 1.00): compare with Compare or Equal.
type Decimal struct {
	coefficient uint128
	scale       uint8
	negative    bool // never of zero
}

type uint128 struct{ hi, lo uint64 }

// pow10 holds 10^0 to 10^MaxPrecision.
var pow10 = func() (p [MaxPrecision + 1]uint128) {
	p[0] = uint128{0, 1}
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1].times10(0)
	}
	return p
}()

// times10 is 10u + digit; u must be below 10^MaxPrecision.
func (u uint128) times10(digit uint64) uint128 {
	high, lo := bits.Mul64(u.lo, 10)
	lo, carry := bits.Add64(lo, digit, 0)
	return uint128{u.hi*10 + high + carry, lo}
}

// over10 is u / 10 and its remainder.
func (u uint128) over10() (uint128, uint64) {
	hi, r := u.hi/10, u.hi%10
	lo, r := bits.Div64(r, u.lo, 10)
	return uint128{hi, lo}, r
}

func (u uint128) compare(v uint128) int {
	switch {
	case u == v:
		return 0
	case u.hi < v.hi || u.hi == v.hi && u.lo < v.lo:
		return -1
	}
	return 1
}

func (u uint128) isZero() bool { return u == uint128{} }

func (u uint128) big() *big.Int {
	b := new(big.Int).SetUint64(u.hi)
	return b.Or(b.Lsh(b, 64), new(big.Int).SetUint64(u.lo))
}

// appendDigits appends u in base 10, "0" for zero.
func (u uint128) appendDigits(dst []byte) []byte {
	var text [MaxPrecision + 5]byte
	i := len(text)
	for {
		var digit uint64
		u, digit = u.over10()
		i--
		text[i] = '0' + byte(digit)
		if u.isZero() {
			return append(dst, text[i:]...)
		}
	}
}

var errDecimal = errors.New("must be a decimal number such as 12.50")

// ParseDecimal reads -?digits[.digits], without leading zeros, plus sign or
// exponent. The scale is the number of digits after the point.
func ParseDecimal(s string) (Decimal, error) {
	var d Decimal
	text := strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(text, ".")
	if whole == "" || len(whole) > 1 && whole[0] == '0' || point && fraction == "" {
		return Decimal{}, errDecimal
	}
	if !d.addDigits(whole) || !d.addDigits(fraction) {
		if strings.Trim(text, "0123456789.") == "" && !strings.Contains(fraction, ".") {
			return Decimal{}, errors.New("must have at most 34 digits")
		}
		return Decimal{}, errDecimal
	}
	if len(fraction) > MaxPrecision {
		return Decimal{}, errors.New("must have at most 34 digits")
	}
	d.scale = uint8(len(fraction))
	d.negative = len(text) < len(s) && !d.coefficient.isZero()
	return d, nil
}

// addDigits appends digits to the coefficient; false for anything but digits
// and for more than MaxPrecision of them.
func (d *Decimal) addDigits(digits string) bool {
	for i := range len(digits) {
		c := digits[i]
		if c < '0' || c > '9' || d.coefficient.compare(pow10[MaxPrecision-1]) >= 0 {
			return false
		}
		d.coefficient = d.coefficient.times10(uint64(c - '0'))
	}
	return true
}

// DecimalOf is n with scale 0.
func DecimalOf(n int64) Decimal {
	if n < 0 {
		return Decimal{coefficient: uint128{0, -uint64(n)}, negative: true}
	}
	return Decimal{coefficient: uint128{0, uint64(n)}}
}

// Scale is the number of digits after the point.
func (d Decimal) Scale() int { return int(d.scale) }

// Sign is -1, 0 or 1.
func (d Decimal) Sign() int {
	switch {
	case d.negative:
		return -1
	case d.coefficient.isZero():
		return 0
	}
	return 1
}

// Rescale gives the same number with exactly scale digits after the point; false
// when that would lose digits or need more than precision digits in all.
func (d Decimal) Rescale(precision, scale int) (Decimal, bool) {
	if precision > MaxPrecision || scale > precision || scale < 0 {
		return Decimal{}, false
	}
	for int(d.scale) > scale {
		rest, digit := d.coefficient.over10()
		if digit != 0 {
			return Decimal{}, false
		}
		d.coefficient = rest
		d.scale--
	}
	for int(d.scale) < scale {
		if d.coefficient.compare(pow10[MaxPrecision-1]) >= 0 {
			return Decimal{}, false
		}
		d.coefficient = d.coefficient.times10(0)
		d.scale++
	}
	return d, d.coefficient.compare(pow10[precision]) < 0
}

// Round gives the nearest number with exactly scale digits after the point, ties
// to the even digit (half-even); false when it needs more than precision digits.
func (d Decimal) Round(precision, scale int) (Decimal, bool) {
	if int(d.scale) <= scale {
		return d.Rescale(precision, scale)
	}
	if precision > MaxPrecision || scale > precision || scale < 0 {
		return Decimal{}, false
	}
	return quotient(d.big(), bigPow10(int(d.scale)-scale), precision, scale)
}

// Compare orders by number: -1, 0 or 1.
func (d Decimal) Compare(e Decimal) int {
	if d.Sign() != e.Sign() {
		return sign(d.Sign() - e.Sign())
	}
	c := 0
	if d.scale == e.scale {
		c = d.coefficient.compare(e.coefficient)
	} else {
		a, b := d.coefficient.big(), e.coefficient.big()
		a.Mul(a, bigPow10(int(e.scale)))
		b.Mul(b, bigPow10(int(d.scale)))
		c = a.Cmp(b)
	}
	if d.negative {
		return -c
	}
	return c
}

// Equal reports whether d and e are the same number, whatever their scales.
func (d Decimal) Equal(e Decimal) bool { return d.Compare(e) == 0 }

// String is the number with exactly its scale's digits after the point: "-0.50".
func (d Decimal) String() string { return string(d.AppendTo(make([]byte, 0, MaxPrecision+3))) }

// AppendTo appends what String gives.
func (d Decimal) AppendTo(dst []byte) []byte {
	if d.negative {
		dst = append(dst, '-')
	}
	var text [MaxPrecision + 5]byte
	digits := d.coefficient.appendDigits(text[:0])
	scale := int(d.scale)
	whole := len(digits) - scale
	if whole <= 0 {
		dst = append(dst, '0')
	} else {
		dst = append(dst, digits[:whole]...)
	}
	if scale == 0 {
		return dst
	}
	dst = append(dst, '.')
	for range -whole {
		dst = append(dst, '0')
	}
	return append(dst, digits[max(whole, 0):]...)
}

func (d Decimal) big() *big.Int {
	b := d.coefficient.big()
	if d.negative {
		b.Neg(b)
	}
	return b
}

func bigPow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// fromBig makes a Decimal; false when it has more than MaxPrecision digits or
// a scale above that.
func fromBig(b *big.Int, scale int) (Decimal, bool) {
	magnitude := new(big.Int).Abs(b)
	if scale > MaxPrecision || magnitude.BitLen() > 127 {
		return Decimal{}, false
	}
	lo := new(big.Int).And(magnitude, new(big.Int).SetUint64(1<<64-1)).Uint64()
	hi := new(big.Int).Rsh(magnitude, 64).Uint64()
	u := uint128{hi, lo}
	return Decimal{u, uint8(scale), b.Sign() < 0}, u.compare(pow10[MaxPrecision]) < 0
}

// quotient is a/b rounded half-even to an integer coefficient of this scale.
func quotient(a, b *big.Int, precision, scale int) (Decimal, bool) {
	q, r := new(big.Int).QuoRem(a, b, new(big.Int))
	twice := new(big.Int).Abs(r)
	twice.Lsh(twice, 1)
	half := twice.CmpAbs(b)
	if half > 0 || half == 0 && q.Bit(0) == 1 {
		q.Add(q, big.NewInt(int64(a.Sign()*b.Sign())))
	}
	d, ok := fromBig(q, scale)
	return d, ok && d.coefficient.compare(pow10[precision]) < 0
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
