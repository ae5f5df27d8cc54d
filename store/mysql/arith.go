package mysql

import (
	"fmt"
	"strings"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/value"
)

// Both databases answer an overflow with an error, and the language with null.
// Integers are therefore calculated as decimals, which have room for every
// result, and what is out of range is made null. That must not repeat the
// operands: nested, they would double each time. So the result is held between
// the first numbers outside, both of which the remainder turns into 0:
//
//	NULLIF((LEAST(GREATEST(r, low), high) - low) MOD (high - low), 0) + low
//
// within does this; low and high are the first numbers that are out of range.
func within(r, low, high, span string) string {
	return "(NULLIF((LEAST(GREATEST(" + r + ", " + low + "), " + high + ") - " + low + ") MOD " + span + ", 0) + " + low + ")"
}

func within64(r string) string {
	return "CAST(" + within(r, "-9223372036854775809", "9223372036854775808", "18446744073709551617") + " AS SIGNED)"
}

// withinDigits: no more than so many digits before the point.
func withinDigits(r string, digits int) string {
	limit := "1" + strings.Repeat("0", digits)
	return within(r, "-"+limit, limit, "2"+limit[1:])
}

var operators = [...]string{query.Add: "+", query.Sub: "-", query.Mul: "*", query.Div: "/"}

const wide = "CAST(%s AS DECIMAL(20))"

func arith(op query.ArithOp, l, r, result *value.Type) string {
	symbol := " " + operators[op] + " "
	switch {
	case result.Kind == value.Float:
		return floats(op)
	case result.Kind == value.DecimalKind && op == query.Mul && l.Scale+r.Scale > value.MaxPrecision:
		return "IF(FALSE, %s * %s, NULL)" // more digits than a decimal has
	case result.Kind == value.DecimalKind:
		return withinDigits("(%s"+symbol+"%s)", max(value.MaxPrecision-result.Scale, 0))
	case l.Kind == value.TimestampKind && r.Kind == value.TimestampKind:
		return "(TIMESTAMPDIFF(MICROSECOND, %[2]s, %[1]s) DIV 1000)"
	case l.Kind == value.TimestampKind:
		return shifted(milliseconds("%[1]s") + symbol + "CAST(%[2]s AS DECIMAL(20))")
	case r.Kind == value.TimestampKind:
		return shifted(milliseconds("%[2]s") + symbol + "CAST(%[1]s AS DECIMAL(20))")
	case op == query.Div:
		return within64("TRUNCATE(CAST(%s AS DECIMAL(40,20)) / NULLIF(%s, 0), 0)")
	}
	return within64(wide + symbol + wide)
}

const epoch = "TIMESTAMP'1970-01-01 00:00:00'"

func milliseconds(timestamp string) string {
	return "TIMESTAMPDIFF(MICROSECOND, " + epoch + ", " + timestamp + ") DIV 1000"
}

// shifted is a number of milliseconds as a timestamp of the years 1 to 9999.
func shifted(ms string) string {
	ms = within(ms, "-62135596800001", "253402300800000", "315537897600001")
	return "CAST(TIMESTAMPADD(MICROSECOND, CAST(" + ms + " * 1000 AS SIGNED), " + epoch + ") AS DATETIME(3))"
}

// floats asks first whether the result is finite, with operands made so much
// smaller by powers of two that this cannot overflow.
func floats(op query.ArithOp) string {
	switch op {
	case query.Mul: // by 2^-512 each
		const small = "7.458340731200207e-155"
		return "IF(ABS((%[1]s * " + small + ") * (%[2]s * " + small + ")) < 1e0, %[1]s * %[2]s, NULL)"
	case query.Div: // by 2^-560 and 2^540: less than 2^(1024-1100)
		const smaller, larger, limit = "2.6497349136889905e-169", "3.599131035634557e162", "1.3234889800848443e-23"
		return "IF(ABS((%[1]s * " + smaller + ") / (NULLIF(LEAST(ABS(%[2]s), 1e0), 0) * " + larger + ")) < " + limit + ", %[1]s / %[2]s, NULL)"
	}
	symbol := operators[op]
	return "IF(ABS(%[1]s * 0.5e0 " + symbol + " %[2]s * 0.5e0) < 8.98846567431158e307, %[1]s " + symbol + " %[2]s, NULL)"
}

func negate(t *value.Type) string {
	switch t.Kind {
	case value.Float, value.DecimalKind:
		return "(- %s)"
	}
	return within64("- " + wide)
}

// toDecimal is null for what does not fit.
func toDecimal(from, to *value.Type) string {
	as := fmt.Sprintf("CAST(%%s AS DECIMAL(%d,%d))", to.Precision, to.Scale)
	digits := to.Precision - to.Scale
	const int64Digits = 19
	switch {
	case from.Kind != value.DecimalKind && digits >= int64Digits:
		return as
	case from.Kind != value.DecimalKind || from.Scale <= to.Scale:
		return fmt.Sprintf(as, withinDigits("%s", digits))
	}
	return "IF(%[1]s = TRUNCATE(%[1]s, " + fmt.Sprint(to.Scale) + "), " + fmt.Sprintf(as, withinDigits("%[1]s", digits)) + ", NULL)"
}

func aggregates(f query.AggregateFunc, x, result *value.Type) string {
	switch f {
	case query.Count:
		return "COUNT(%s)"
	case query.Min:
		return "MIN(%s)"
	case query.Max:
		return "MAX(%s)"
	}
	switch x.Kind {
	case value.Float:
		return "SUM(%s)"
	case value.DecimalKind:
		return withinDigits("SUM(%s)", value.MaxPrecision-result.Scale)
	}
	return within64("SUM(%s)")
}
