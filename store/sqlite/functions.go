package sqlite

import (
	"math/bits"

	"github.com/mainstay-run/mainstay/value"
)

// function is a SQL function in Go. Everything that SQLite calculates in its own
// way (integers that turn into floats, no decimals) is calculated by package
// value instead, so that a statement and the evaluator cannot differ.
type function struct {
	name      string
	args      int
	scalar    func(call)
	aggregate func() aggregate
}

// aggregate is one group of an aggregate function.
type aggregate interface {
	step(call)
	final(call)
}

var functions = []function{
	{name: "number_add", args: 2, scalar: numbers(value.Add)},
	{name: "number_sub", args: 2, scalar: numbers(value.Sub)},
	{name: "number_mul", args: 2, scalar: numbers(value.Mul)},
	{name: "number_div", args: 2, scalar: numbers(value.Div)},
	{name: "number_neg", args: 1, scalar: func(c call) { c.returnNumber(value.Negate(c.number(0)), nil) }},
	{name: "decimal_add", args: 3, scalar: decimals(value.Add)},
	{name: "decimal_sub", args: 3, scalar: decimals(value.Sub)},
	{name: "decimal_mul", args: 3, scalar: decimals(value.Mul)},
	{name: "decimal_neg", args: 2, scalar: func(c call) { c.returnNumber(value.Negate(c.number(0)), c.scale(1)) }},
	{name: "timestamp_add", args: 2, scalar: func(c call) { timestamps(c, value.Add) }},
	{name: "timestamp_sub", args: 2, scalar: func(c call) { timestamps(c, value.Sub) }},
	// to_decimal(number, precision, scale) is null for what does not fit.
	{name: "to_decimal", args: 3, scalar: toDecimal},
	// rescale(decimal, scale) keeps the number whatever happens.
	{name: "rescale", args: 2, scalar: func(c call) { c.returnNumber(c.number(0), c.scale(1)) }},
	// The rest reads JSON forms inside lists and structs.
	{name: "decimal_of", args: 2, scalar: func(c call) {
		parsed(c, value.ParseDecimal, func(d value.Decimal) { c.returnNumber(d, c.scale(1)) })
	}},
	{name: "time_of", args: 1, scalar: func(c call) {
		parsed(c, value.ParseTime, func(t value.Time) { c.returnInt(int64(t)) })
	}},
	{name: "timestamp_of", args: 1, scalar: func(c call) {
		parsed(c, value.ParseTimestamp, func(t value.Timestamp) { c.returnInt(int64(t)) })
	}},
	{name: "duration_of", args: 1, scalar: func(c call) {
		parsed(c, value.ParseDuration, func(d value.Duration) { c.returnInt(int64(d)) })
	}},
	{name: "int_sum", args: 1, aggregate: func() aggregate { return &intSum{} }},
	{name: "float_sum", args: 1, aggregate: func() aggregate { return &floatSum{} }},
	{name: "decimal_sum", args: 2, aggregate: func() aggregate { return &decimalSum{} }},
}

// number reads an integer, a float or a decimal in its sortable form; nil for null.
func (c call) number(i int) any {
	switch c.kind(i) {
	case integer:
		return c.int(i)
	case real:
		return c.float(i)
	case text:
		if d, err := value.FromSortable(c.text(i)); err == nil {
			return d
		}
	}
	return nil
}

func (c call) scale(i int) *value.Type {
	return &value.Type{Kind: value.DecimalKind, Precision: value.MaxPrecision, Scale: int(c.int(i))}
}

// returnNumber gives a number back, a decimal or what becomes one in t's scale.
func (c call) returnNumber(v any, t *value.Type) {
	switch v := v.(type) {
	case int64:
		if t != nil {
			c.returnText(value.SortableDecimal(t, value.DecimalOf(v)))
			return
		}
		c.returnInt(v)
	case float64:
		c.returnFloat(v)
	case value.Decimal:
		c.returnText(value.SortableDecimal(t, v))
	default:
		c.returnNull()
	}
}

func numbers(op func(a, b any) any) func(call) {
	return func(c call) { c.returnNumber(op(c.number(0), c.number(1)), nil) }
}

func decimals(op func(a, b any) any) func(call) {
	return func(c call) { c.returnNumber(op(c.number(0), c.number(1)), c.scale(2)) }
}

func timestamps(c call, op func(a, b any) any) {
	if c.null(0) || c.null(1) {
		c.returnNull()
		return
	}
	t, ok := op(value.Timestamp(c.int(0)), value.Duration(c.int(1))).(value.Timestamp)
	if !ok {
		c.returnNull()
		return
	}
	c.returnInt(int64(t))
}

func toDecimal(c call) {
	var d value.Decimal
	switch v := c.number(0).(type) {
	case int64:
		d = value.DecimalOf(v)
	case value.Decimal:
		d = v
	default:
		c.returnNull()
		return
	}
	d, ok := d.Rescale(int(c.int(1)), int(c.int(2)))
	if !ok {
		c.returnNull()
		return
	}
	c.returnNumber(d, c.scale(2))
}

func parsed[T any](c call, parse func(string) (T, error), give func(T)) {
	if !c.null(0) {
		if v, err := parse(c.text(0)); err == nil {
			give(v)
			return
		}
	}
	c.returnNull()
}

// intSum adds in 128 bits, so that the order of the rows does not matter.
type intSum struct {
	hi, lo uint64
	any    bool
}

func (s *intSum) step(c call) {
	if c.null(0) {
		return
	}
	n := c.int(0)
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, uint64(n), 0)
	s.hi, _ = bits.Add64(s.hi, uint64(n>>63), carry)
	s.any = true
}

func (s *intSum) final(c call) {
	if !s.any || s.hi != uint64(int64(s.lo)>>63) {
		c.returnNull()
		return
	}
	c.returnInt(int64(s.lo))
}

// floatSum adds floats; what overflows is null.
type floatSum struct {
	sum  any
	over bool
}

func (s *floatSum) step(c call) {
	n := c.number(0)
	switch {
	case n == nil || s.over:
	case s.sum == nil:
		s.sum = n
	default:
		s.sum = value.Add(s.sum, n)
		s.over = s.sum == nil
	}
}

func (s *floatSum) final(c call) { c.returnNumber(s.sum, nil) }

// decimalSum adds decimals; what does not fit at the end is null.
type decimalSum struct {
	sum   value.DecimalSum
	scale *value.Type
}

func (s *decimalSum) step(c call) {
	if d, ok := c.number(0).(value.Decimal); ok {
		s.sum.Add(d)
		if s.scale == nil {
			s.scale = c.scale(1)
		}
	}
}

func (s *decimalSum) final(c call) {
	if s.scale == nil {
		c.returnNull()
		return
	}
	c.returnNumber(s.sum.Value(s.scale.Scale), s.scale)
}
