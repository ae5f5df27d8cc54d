package contract

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mainstay-run/mainstay/value"
)

// This file reads the common shapes of values. Each function reports what is
// wrong and tells whether there is something to go on with.

// record reads a mapping with known keys.
func (l *loader) record(v node, place string, known ...string) (map[string]pair, bool) {
	if v.isBroken() {
		return nil, false
	}
	if !v.isMap() {
		what := "is not a mapping"
		if v.isEmpty() {
			what = "is empty"
		}
		l.fault(v.pos(), place, what, "it may say "+orList(known))
		return nil, false
	}
	m := make(map[string]pair, len(known))
	for _, p := range v.pairs() {
		if !slices.Contains(known, p.name) {
			l.unknown(p.key.pos(), place, "key", p.name, known)
			continue
		}
		m[p.name] = p
	}
	return m, true
}

// entries reads a mapping of free names.
func (l *loader) entries(v node, place, example string) []pair {
	switch {
	case v.isBroken():
		return nil
	case v.isEmpty():
		l.fault(v.pos(), place, "is empty", "write its entries under it, indented, or leave it out")
		return nil
	case !v.isMap():
		l.fault(v.pos(), place, "is not a mapping", "write entries such as '"+example+"'")
		return nil
	}
	return v.pairs()
}

// word reads a scalar as it stands, without white space around it.
func (l *loader) word(v node, place string) (text, bool) {
	switch {
	case v.isBroken():
		return text{}, false
	case v.isEmpty():
		l.fault(v.pos(), place, "is empty", "write a value, or leave the line out")
		return text{}, false
	case !v.isScalar():
		l.fault(v.pos(), place, "is a list or a mapping where one value is expected", "write one word or text")
		return text{}, false
	}
	t := v.text().trim()
	if t.s == "" {
		l.fault(v.pos(), place, "is empty", "write a value, or leave the line out")
		return text{}, false
	}
	return t, true
}

// oneOf reads one of a few words.
func (l *loader) oneOf(v node, place string, among ...string) (text, bool) {
	t, ok := l.word(v, place)
	if !ok {
		return t, false
	}
	if !slices.Contains(among, t.s) {
		l.choose(t, place, among)
		return t, false
	}
	return t, true
}

// choose reports a word that is not one of those allowed.
func (l *loader) choose(t text, place string, among []string) {
	mend := "write " + orList(among)
	if best := nearest(t.s, among); best != "" {
		mend = "did you mean '" + best + "'?"
	}
	l.fault(t.pos, place, fmt.Sprintf("'%s' is none of its words", t.s), mend)
}

// words reads a list of scalars.
func (l *loader) words(v node, place string) []text {
	if v.isBroken() {
		return nil
	}
	if !v.isList() || len(v.n.Content) == 0 {
		l.fault(v.pos(), place, "is not a list", "write [a, b]")
		return nil
	}
	var list []text
	for _, item := range v.items() {
		if t, ok := l.word(item, place); ok {
			list = append(list, t)
		}
	}
	return list
}

func (l *loader) boolean(v node, place string) (is, ok bool) {
	t, ok := l.word(v, place)
	if !ok {
		return false, false
	}
	if t.s != "true" && t.s != "false" || !v.isPlain() {
		l.fault(t.pos, place, fmt.Sprintf("'%s' is not true or false", t.s), "write true or false")
		return false, false
	}
	return t.s == "true", true
}

func (l *loader) number(v node, place string, least, most int) (int, bool) {
	t, ok := l.word(v, place)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(t.s)
	if err != nil || n < least || n > most {
		l.fault(t.pos, place, fmt.Sprintf("'%s' is not a whole number from %d to %d", t.s, least, most), "")
		return 0, false
	}
	return n, true
}

var shorthand = regexp.MustCompile(`^([0-9]{1,9})(ms|s|m|h|d|w)$`)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
}

// duration reads the contract's shorthand: 730d, 2s.
func (l *loader) duration(v node, place string, least, most time.Duration) (value.Duration, bool) {
	t, ok := l.word(v, place)
	if !ok {
		return 0, false
	}
	m := shorthand.FindStringSubmatch(t.s)
	if m == nil {
		l.fault(t.pos, place, fmt.Sprintf("'%s' is no duration", t.s), "write a number and one of ms, s, m, h, d, w: 2s, 730d")
		return 0, false
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	ms := n * units[m[2]].Milliseconds()
	if ms < least.Milliseconds() || ms > most.Milliseconds() {
		l.fault(t.pos, place, fmt.Sprintf("'%s' is out of range", t.s), fmt.Sprintf("it is from %s to %s", short(least), short(most)))
		return 0, false
	}
	return value.Duration(ms), true
}

func short(d time.Duration) string {
	for _, u := range []string{"d", "h", "m", "s"} {
		if d%units[u] == 0 {
			return fmt.Sprintf("%d%s", d/units[u], u)
		}
	}
	return fmt.Sprintf("%dms", d.Milliseconds())
}

// expr reads an expression. What YAML takes for a boolean, a number or a list in
// brackets is an expression all the same, as it is written.
func (l *loader) expr(v node, place string) (Expr, bool) {
	switch {
	case v.isBroken():
		return Expr{}, false
	case v.isEmpty() && v.n.Value == "":
		l.fault(v.pos(), place, "is empty, and an empty rule is never an open door", "write the expression behind the colon; false for nobody")
		return Expr{}, false
	case v.isScalar():
		t := v.text().trim()
		if t.s == "" {
			l.fault(v.pos(), place, "is empty, and an empty rule is never an open door", "write the expression behind the colon; false for nobody")
			return Expr{}, false
		}
		return t.expr(), true
	case v.isFlow():
		from, to := v.f.offset(v.n.Line, v.n.Column), v.end()
		return Expr{Source: strings.TrimSpace(v.f.src[from:to]), Pos: v.pos()}, true
	}
	l.fault(v.pos(), place, "is a list or a mapping where an expression is expected", "write the expression on one line, or under '|' on several")
	return Expr{}, false
}
