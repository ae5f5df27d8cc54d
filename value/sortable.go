package value

import "errors"

// The sortable form of a decimal is text whose byte order is the order of the
// numbers, for databases that have no exact decimals of their own. It does not
// depend on the precision, so a wider column needs no rewriting:
//
//	 50000.00   "0550000.00"   two digits that count those before the point, the
//	                           digits (none for 0), the fraction
//	    -0.50   "-99.49"       a minus sign, then every digit d written as 9-d
//
// Numbers of one scale have one form each; equality across scales needs Decimal.

// SortableDecimal gives the sortable form of d with t's scale; a d that does not
// fit keeps its own scale and still sorts rightly.
func SortableDecimal(t *Type, d Decimal) string {
	return string(AppendSortable(make([]byte, 0, MaxPrecision+4), t, d))
}

// AppendSortable appends what SortableDecimal gives.
func AppendSortable(dst []byte, t *Type, d Decimal) []byte {
	if scaled, ok := d.Rescale(MaxPrecision, t.Scale); ok {
		d = scaled
	}
	negative := d.negative
	d.negative = false
	start := len(dst)
	if negative {
		dst = append(dst, '-')
		start++
	}
	var text [MaxPrecision + 5]byte
	plain := d.AppendTo(text[:0])
	whole := len(plain)
	if d.scale > 0 {
		whole -= int(d.scale) + 1
	}
	if plain[0] == '0' {
		plain, whole = plain[1:], 0
	}
	dst = append(dst, '0'+byte(whole/10), '0'+byte(whole%10))
	dst = append(dst, plain...)
	if negative {
		complement(dst[start:])
	}
	return dst
}

// complement turns every digit d into 9-d.
func complement(digits []byte) {
	for i, c := range digits {
		if c != '.' {
			digits[i] = '0' + '9' - c
		}
	}
}

var errSortable = errors.New("value: not the sortable form of a decimal")

// FromSortable reads the sortable form.
func FromSortable(s string) (Decimal, error) {
	var text [MaxPrecision + 8]byte
	if len(s) > len(text)-2 {
		return Decimal{}, errSortable
	}
	plain, ok := AppendPlain(text[:0], s)
	if !ok {
		return Decimal{}, errSortable
	}
	d, err := ParseDecimal(string(plain))
	if err != nil {
		return Decimal{}, errSortable
	}
	return d, nil
}

// AppendPlain appends the plain text ("50000.00") of a sortable form as it stands
// in a database's row; false, and nothing appended, when s is no such form.
func AppendPlain[T string | []byte](dst []byte, s T) ([]byte, bool) {
	flip := byte(0)
	start := len(dst)
	if len(s) > 0 && s[0] == '-' {
		flip = 1
		s = s[1:]
		dst = append(dst, '-')
	}
	if len(s) < 2 {
		return dst[:start], false
	}
	digit := func(c byte) byte {
		if flip == 1 && c != '.' {
			return '0' + '9' - c
		}
		return c
	}
	whole := int(digit(s[0])-'0')*10 + int(digit(s[1])-'0')
	s = s[2:]
	if whole > len(s) || whole < len(s) && s[whole] != '.' {
		return dst[:start], false
	}
	if whole == 0 {
		dst = append(dst, '0')
	}
	for i := range len(s) {
		dst = append(dst, digit(s[i]))
	}
	return dst, true
}
