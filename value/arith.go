package value

import (
	"math"
	"math/big"
)

// Arithmetic on values, nil for unknown: an operand is nil, a 64-bit integer or
// a decimal of MaxPrecision digits overflows, a divisor is zero, a float is not
// finite, a timestamp leaves the years 1 to 9999. Integers meet decimals and
// floats as such. Operands that have no meaning together are unknown as well;
// package rule refuses them before they come here.

// Add is a + b: numbers, durations, or a timestamp and a duration in either order.
func Add(a, b any) any {
	switch a := a.(type) {
	case Timestamp:
		if b, ok := b.(Duration); ok {
			return shift(a, int64(b))
		}
		return nil
	case Duration:
		switch b := b.(type) {
		case Timestamp:
			return shift(b, int64(a))
		case Duration:
			return duration(addInt(int64(a), int64(b)))
		}
		return nil
	}
	return calculate(a, b, addInt, func(a, b float64) float64 { return a + b }, addDecimal)
}

// Sub is a − b: numbers, durations, a timestamp less a duration, or two
// timestamps, which give a Duration.
func Sub(a, b any) any {
	switch a := a.(type) {
	case Timestamp:
		switch b := b.(type) {
		case Duration:
			if b == math.MinInt64 {
				return nil
			}
			return shift(a, -int64(b))
		case Timestamp:
			return Duration(a - b)
		}
		return nil
	case Duration:
		if b, ok := b.(Duration); ok {
			return duration(subInt(int64(a), int64(b)))
		}
		return nil
	}
	return calculate(a, b, subInt, func(a, b float64) float64 { return a - b }, subDecimal)
}

// Mul is a × b of numbers; the scales of decimals add up.
func Mul(a, b any) any {
	return calculate(a, b, mulInt, func(a, b float64) float64 { return a * b }, mulDecimal)
}

// Div is a ÷ b of numbers: integers cut towards zero, decimals are rounded
// half-even to six digits more than the longer scale has.
func Div(a, b any) any {
	return calculate(a, b, divInt, func(a, b float64) float64 { return a / b }, divDecimal)
}

// Negate is −a of a number or a duration.
func Negate(a any) any {
	switch a := a.(type) {
	case int64:
		if a != math.MinInt64 {
			return -a
		}
	case float64:
		return finite(-a)
	case Decimal:
		a.negative = !a.negative && !a.coefficient.isZero()
		return a
	case Duration:
		if a != math.MinInt64 {
			return -a
		}
	}
	return nil
}

// calculate picks the operation for the wider of two numbers.
func calculate(a, b any, ints func(a, b int64) (int64, bool), floats func(a, b float64) float64, decimals func(a, b Decimal) (Decimal, bool)) any {
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			if n, ok := ints(x, y); ok {
				return n
			}
		case float64:
			return finite(floats(float64(x), y))
		case Decimal:
			return exact(decimals(DecimalOf(x), y))
		}
	case float64:
		switch y := b.(type) {
		case int64:
			return finite(floats(x, float64(y)))
		case float64:
			return finite(floats(x, y))
		}
	case Decimal:
		switch y := b.(type) {
		case int64:
			return exact(decimals(x, DecimalOf(y)))
		case Decimal:
			return exact(decimals(x, y))
		}
	}
	return nil
}

func finite(f float64) any {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return f + 0 // −0 becomes 0
}

func exact(d Decimal, ok bool) any {
	if !ok {
		return nil
	}
	return d
}

func duration(ms int64, ok bool) any {
	if !ok {
		return nil
	}
	return Duration(ms)
}

func shift(t Timestamp, ms int64) any {
	sum, ok := addInt(int64(t), ms)
	if !ok || Timestamp(sum) < minTimestamp || Timestamp(sum) > maxTimestamp {
		return nil
	}
	return Timestamp(sum)
}

func addInt(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func subInt(a, b int64) (int64, bool) {
	difference := a - b
	return difference, (difference < a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	product := a * b
	if a == -1 && b == math.MinInt64 || b == -1 && a == math.MinInt64 {
		return 0, false
	}
	return product, product/b == a
}

func divInt(a, b int64) (int64, bool) {
	if b == 0 || a == math.MinInt64 && b == -1 {
		return 0, false
	}
	return a / b, true
}

func addDecimal(a, b Decimal) (Decimal, bool) {
	scale := max(a.Scale(), b.Scale())
	x, y := a.atScale(scale), b.atScale(scale)
	return fromBig(x.Add(x, y), scale)
}

func subDecimal(a, b Decimal) (Decimal, bool) {
	scale := max(a.Scale(), b.Scale())
	x, y := a.atScale(scale), b.atScale(scale)
	return fromBig(x.Sub(x, y), scale)
}

func mulDecimal(a, b Decimal) (Decimal, bool) {
	x := a.big()
	return fromBig(x.Mul(x, b.big()), a.Scale()+b.Scale())
}

func divDecimal(a, b Decimal) (Decimal, bool) {
	if b.coefficient.isZero() {
		return Decimal{}, false
	}
	scale := max(a.Scale(), b.Scale()) + 6
	// a/10^sa ÷ b/10^sb = (a × 10^(scale+sb−sa) ÷ b) / 10^scale
	x := a.big()
	x.Mul(x, bigPow10(scale+b.Scale()-a.Scale()))
	return quotient(x, b.big(), MaxPrecision, scale)
}

// atScale is the coefficient that d has with this scale, not below its own.
func (d Decimal) atScale(scale int) *big.Int {
	b := d.big()
	return b.Mul(b, bigPow10(scale-d.Scale()))
}

// DecimalSum adds up decimals. However large it grows on the way, what counts is
// whether it fits at the end. The zero DecimalSum is that of nothing.
type DecimalSum struct {
	sum   *big.Int // nil: of nothing
	scale int
}

// Add adds d.
func (s *DecimalSum) Add(d Decimal) {
	if s.sum == nil {
		s.sum = new(big.Int)
	}
	if more := d.Scale() - s.scale; more > 0 {
		s.sum.Mul(s.sum, bigPow10(more))
		s.scale = d.Scale()
	}
	s.sum.Add(s.sum, d.atScale(s.scale))
}

// Value is the sum with exactly scale digits after the point; nil for that of
// nothing and for one that does not fit into MaxPrecision digits so.
func (s *DecimalSum) Value(scale int) any {
	if s.sum == nil {
		return nil
	}
	d, ok := fromBig(s.sum, s.scale)
	if !ok {
		return nil
	}
	return exact(d.Rescale(MaxPrecision, scale))
}
