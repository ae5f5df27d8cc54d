package engine

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
)

func (a *ask) fault(parameter, code, format string, args ...any) {
	a.faults = append(a.faults, badParameter(parameter, code, format, args...))
}

// refused is the error of all faults so far and of more, nil when there are none.
// The filter's fault stands among them; alone it is an error of its own.
func (a *ask) refused(more ...problem.Field) error {
	faults := append(a.faults, more...)
	if len(faults) == 0 {
		return nil
	}
	if text := a.op.Query.Filter; text != "" && a.filter == nil {
		_, _, err := a.sight.ParseFilter(text)
		if p := (*problem.Error)(nil); errors.As(err, &p) {
			faults = append(faults, badParameter("filter", "format", "at character %d: %s", max(p.Position, 1), p.Detail))
		}
	}
	return refusal(faults)
}

// refusal is the error of faulty parameters: UnknownParameter when one of them
// does not exist at all.
func refusal(faults []problem.Field) error {
	kind := problem.InvalidParameter
	for _, f := range faults {
		if f.Code == codeNoParameter {
			kind = problem.UnknownParameter
		}
	}
	err := problem.Invalid(kind, faults)
	err.Detail = strings.Replace(err.Detail, "field", "parameter", 1)
	return err
}

const codeNoParameter = "unknown-parameter"

// parameter is a set of the control words of a query, a bit each.
type parameter uint16

const (
	pFilter parameter = 1 << iota
	pSort
	pFields
	pInclude
	pLimit
	pCursor
	pOffset
	pCount
	pSearch
	pBy
	pMeasures
)

var parameterNames = [...]string{"filter", "sort", "fields", "include", "limit", "cursor", "offset", "count", "search", "by", "measures"}

// given is the set of the parameters that stand in q.
func (q *Query) given() (set parameter) {
	for i, text := range [...]string{q.Filter, q.Sort, q.Fields, q.Include, q.Limit, q.Cursor, q.Offset, q.Count, q.Search, q.By, q.Measures} {
		if text != "" {
			set |= 1 << i
		}
	}
	return set
}

// only refuses every parameter that the operation does not have; nothing is
// ever silently ignored.
func (a *ask) only(allowed parameter) {
	for extra := a.op.Query.given() &^ allowed; extra != 0; extra &= extra - 1 {
		a.noParameter(parameterNames[bits.TrailingZeros16(uint16(extra))])
	}
}

// noParameter is the one answer for a parameter that is misspelt and for one
// that names what the caller may not read.
func (a *ask) noParameter(name string) {
	a.fault(name, codeNoParameter, "there is no such parameter here")
}

// readPage understands limit, offset, count and cursor.
func (a *ask) readPage() {
	q := &a.op.Query
	a.limit = a.number("limit", q.Limit, defaultLimit, 1)
	a.limit = min(a.limit, maxLimit)
	offset := a.number("offset", q.Offset, 0, 0)
	if offset > maxOffset {
		a.fault("offset", "max", "must be at most %d; a cursor goes further", maxOffset)
	}
	if q.Offset != "" && q.Cursor != "" {
		a.fault("offset", "clash", "cannot be combined with cursor")
	}
	if q.Count != "" && q.Count != "exact" {
		a.fault("count", "enum", "must be exact")
	}
	a.exact = q.Count != ""
	a.limits = a.push(int64(a.limit) + 1)
	if q.Offset != "" {
		a.push(int64(offset))
		a.limits.n = 2
		a.key = append(a.key, 'o')
	}
	if a.exact {
		a.key = append(a.key, 't')
	}
}

// number reads a decimal number of at least least; huge ones become maxOffset+1.
func (a *ask) number(name, text string, absent, least int) int {
	if text == "" {
		return absent
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			a.fault(name, "type", "must be a whole number of at least %d", least)
			return absent
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		n = maxOffset + 1
	}
	if n < least {
		a.fault(name, "min", "must be at least %d", least)
		return absent
	}
	return n
}
