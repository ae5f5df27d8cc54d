package postgres

import (
	"fmt"
	"math"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// checked computes r once and gives it as long as it is in range. What is selected
// with an OFFSET stays a row of its own: without, its text would stand wherever its
// name does, and operations in each other would multiply.
func checked(computed, condition, result string) string {
	return "(SELECT CASE WHEN " + condition + " THEN " + result + " END FROM (SELECT " + computed + " AS r OFFSET 0) AS computed)"
}

const within64 = "r BETWEEN -9223372036854775808 AND 9223372036854775807"

// fits is the condition that r has no more digits than a decimal can have.
func fits(t *value.Type) string {
	return fmt.Sprintf("abs(r) < 1e%d::numeric", value.MaxPrecision-t.Scale)
}

func toDecimal(_, to *value.Type) string {
	return checked("(%s)::numeric", fmt.Sprintf("abs(r) < 1e%d::numeric AND r = round(r, %d)", to.Precision-to.Scale, to.Scale), fmt.Sprintf("round(r, %d)", to.Scale))
}

func negate(t *value.Type) string {
	switch t.Kind {
	case value.Float, value.DecimalKind:
		return "(- %s)"
	}
	return checked("- (%s)::numeric", within64, "r::bigint")
}

var operators = [...]string{query.Add: "+", query.Sub: "-", query.Mul: "*", query.Div: "/"}

func arith(op query.ArithOp, l, r, result *value.Type) string {
	switch {
	case result.Kind == value.Float:
		return floats(op)
	case result.Kind == value.DecimalKind && op == query.Mul && l.Scale+r.Scale > value.MaxPrecision:
		return checked("(%s)::numeric * (%s)::numeric", "FALSE", "r") // more digits than a decimal has
	case result.Kind == value.DecimalKind:
		return checked("(%s)::numeric "+operators[op]+" (%s)::numeric", fits(result), "r")
	case l.Kind == value.TimestampKind && r.Kind == value.TimestampKind:
		return "((" + milliseconds("%[1]s") + ") - (" + milliseconds("%[2]s") + "))::bigint"
	case l.Kind == value.TimestampKind:
		return shifted(milliseconds("%[1]s") + " " + operators[op] + " (%[2]s)::numeric")
	case r.Kind == value.TimestampKind:
		return shifted(milliseconds("%[2]s") + " " + operators[op] + " (%[1]s)::numeric")
	case op == query.Div:
		return checked("div((%s)::numeric, nullif(%s, 0)::numeric)", within64, "r::bigint")
	}
	return checked("(%s)::numeric "+operators[op]+" (%s)::numeric", within64, "r::bigint")
}

func milliseconds(timestamp string) string { return "extract(epoch FROM " + timestamp + ") * 1000" }

// shifted is a number of milliseconds as a timestamp of the years 1 to 9999. The
// product is rounded to microseconds only roughly, the type cuts that off.
func shifted(ms string) string {
	return checked(ms, "r BETWEEN -62135596800000 AND 253402300799999",
		"('1970-01-01T00:00:00Z'::timestamptz + r::double precision * interval '1 millisecond')::timestamptz(3)")
}

// PostgreSQL answers a float that overflows, or vanishes though no operand is zero,
// with an error, and does so for rows that the caller may not see. So operands are
// first compared after a multiplication by powers of two, which is exact: where one
// would not be, the operand is held at a bound that does not change the answer.

// floats is no row, which is null, for what is not finite.
func floats(op query.ArithOp) string {
	const operands = "(SELECT (%[1]s)::double precision AS l, (%[2]s)::double precision AS s OFFSET 0) AS operands"
	result, finite := "l "+operators[op]+" s", ""
	vanishing := "CASE WHEN %s THEN 0 ELSE " + result + " END"
	switch op {
	case query.Add, query.Sub:
		finite = "abs(" + half("l") + " " + operators[op] + " " + half("s") + ") < " + power(1023)
	case query.Mul:
		finite = scale("greatest(abs(l), 1)", -512) + " * (" + scale("greatest(abs(s), 1)", -512) + ") < 1"
		result = fmt.Sprintf(vanishing, vanishingProduct())
	case query.Div:
		finite = scale("greatest(abs(l), 1e-20)", -512) + " < " + scale("least(abs(s), 1)", 512)
		result = fmt.Sprintf(vanishing, scale("least(abs(l), 1)", 537)+" <= "+scale("greatest(abs(s), 1)", -538))
	}
	return "(SELECT " + result + " FROM " + operands + " WHERE abs(l) < 'Infinity' AND abs(s) < 'Infinity' AND " + finite + ")"
}

// vanishingProduct is whether |l·s| is at most half of the smallest float, 2^-1075.
// Where the product of the scaled operands is 1 only because it was rounded, that
// of the mantissas tells: 2^105 is what is neither more nor less.
func vanishingProduct() string {
	a := "(" + scale("least(greatest(abs(l), abs(s)), 1)", 537) + ")"
	b := "(" + scale("least(abs(l), abs(s), "+power(-138)+")", 538) + ")"
	const most = "40564819207303340847894502572032"
	return a + " * " + b + " < 1 OR " + a + " * " + b + " = 1 AND " + mantissa(a) + " * " + mantissa(b) + " <= " + most
}

// half is half of x, or of 1 or -1 for what is nearer to zero.
func half(x string) string { return "sign(" + x + ") * " + scale("greatest(abs("+x+"), 1)", -1) }

func scale(x string, exponent int) string { return x + " * " + power(exponent) }

func power(exponent int) string { return literal(math.Ldexp(1, exponent), nil) }

// mantissa is that of a float that is not denormal, 2^52 to 2^53 - 1.
func mantissa(x string) string {
	return "('x1' || right(encode(float8send(" + x + "), 'hex'), 13))::bit(56)::bigint::numeric"
}

// floatSum adds the large ones by themselves, made smaller, so that no number of
// them overflows on the way.
var floatSum = func() string {
	small := "sum(%[1]s) FILTER (WHERE abs(%[1]s) < " + power(960) + ")"
	large := "sum(" + scale("%[1]s", -64) + ") FILTER (WHERE abs(%[1]s) >= " + power(960) + ")"
	rest := "coalesce(" + small + ", 0)"
	scaled := "sign(" + rest + ") * " + scale("greatest(abs("+rest+"), 1)", -64)
	return "(CASE WHEN " + large + " IS NULL THEN " + small + " WHEN greatest(abs(" + large + "), abs(" + large + " + " + scaled + ")) < " + power(960) +
		" THEN " + scale(large, 64) + " + " + rest + " END)"
}()
