package api

import (
	"strings"
	"unicode/utf8"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

const (
	maxQuery  = 16 << 10 // bytes of a query string
	maxParams = 100      // parameters in it
)

// words is a set of control words; an endpoint takes some of them.
type words uint32

const (
	wordFilter words = 1 << iota
	wordSort
	wordFields
	wordInclude
	wordLimit
	wordCursor
	wordOffset
	wordCount
	wordSearch
	wordBy
	wordMeasures
	wordAtomic
	wordMaxAffected
	// equalities stands for every name that is not a control word.
	equalities
)

// controlWord finds the control word of that name, 0 when it is none.
func controlWord(name string) words {
	switch name {
	case "filter":
		return wordFilter
	case "sort":
		return wordSort
	case "fields":
		return wordFields
	case "include":
		return wordInclude
	case "limit":
		return wordLimit
	case "cursor":
		return wordCursor
	case "offset":
		return wordOffset
	case "count":
		return wordCount
	case "search":
		return wordSearch
	case "by":
		return wordBy
	case "measures":
		return wordMeasures
	case "atomic":
		return wordAtomic
	case "max_affected":
		return wordMaxAffected
	}
	return 0
}

// params is what a query string or a query document asks, on its way into an
// operation: control words go to their places, every other name is an equality.
type params struct {
	query    engine.Query
	allowed  words
	seen     words
	atomic   string
	affected string
	faults   []problem.Field
	many     bool // more than maxParams, none of which is looked at
	unknown  bool // the first fault is an unknown name rather than a bad value
}

// parse reads a query string. All its faults are found; err reports them.
func (p *params) parse(raw string) {
	if p.many = strings.Count(raw, "&") >= maxParams; p.many {
		return
	}
	for pair := ""; raw != ""; {
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		name, ok := decodeQuery(k)
		if !ok || name == "" {
			p.fault(strings.ToValidUTF8(k, "�"), "encoding", "must be a name in percent-encoded UTF-8")
			continue
		}
		text, ok := decodeQuery(v)
		if !ok {
			p.fault(name, "encoding", "must be percent-encoded UTF-8")
			continue
		}
		p.set(name, text)
	}
}

// set takes one pair.
func (p *params) set(name, text string) {
	word := controlWord(name)
	switch {
	case word == 0 && p.allowed&equalities == 0, word != 0 && p.allowed&word == 0:
		p.unknown = p.unknown || len(p.faults) == 0
		p.fault(name, unknownParameter, "there is no such parameter here")
	case word == 0:
		p.equal(name, text)
	case p.seen&word != 0 && word&lists == 0:
		p.fault(name, "repeated", "must be given once")
	default:
		if text == "" {
			p.fault(name, "required", "must not be empty")
		}
		place := p.place(word)
		if p.seen&word != 0 {
			text = *place + "," + text
		}
		p.seen |= word
		*place = text
	}
}

// lists are the words whose names may also be given one by one, as clients do that
// repeat a parameter for each item of a list.
const lists = wordSort | wordFields | wordInclude | wordBy | wordMeasures

func (p *params) place(word words) *string {
	switch word {
	case wordFilter:
		return &p.query.Filter
	case wordSort:
		return &p.query.Sort
	case wordFields:
		return &p.query.Fields
	case wordInclude:
		return &p.query.Include
	case wordLimit:
		return &p.query.Limit
	case wordCursor:
		return &p.query.Cursor
	case wordOffset:
		return &p.query.Offset
	case wordCount:
		return &p.query.Count
	case wordSearch:
		return &p.query.Search
	case wordBy:
		return &p.query.By
	case wordMeasures:
		return &p.query.Measures
	case wordAtomic:
		return &p.atomic
	}
	return &p.affected
}

// equal keeps the values of a repeated name together, in the order sent.
func (p *params) equal(name, text string) {
	for i := range p.query.Equal {
		if e := &p.query.Equal[i]; e.Name == name {
			e.Values = append(e.Values, text)
			return
		}
	}
	p.query.Equal = append(p.query.Equal, engine.Equal{Name: name, Values: []string{text}})
}

func (p *params) fault(name, code, detail string) {
	p.faults = append(p.faults, problem.Field{Parameter: name, Code: code, Detail: detail})
}

// err is every fault found, nil when there is none.
func (p *params) err() error {
	switch {
	case p.many:
		return problem.Errorf(problem.InvalidParameter, "there must be at most %d parameters", maxParams)
	case len(p.faults) == 0:
		return nil
	}
	kind := problem.InvalidParameter
	if p.unknown {
		kind = problem.UnknownParameter
	}
	e := problem.Invalid(kind, p.faults)
	e.Detail = strings.Replace(e.Detail, "field", "parameter", 1)
	return e
}

// unknownParameter is the code of a name that means nothing in this request.
const unknownParameter = "unknown-parameter"

// decodeQuery decodes a name or a value of a query string, strictly: + is a
// space, a percent sign begins two hexadecimal digits, and what comes out is
// UTF-8 without NUL. Text that needs no decoding is not copied.
func decodeQuery(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, isText(s)
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '+':
			out = append(out, ' ')
		case '%':
			c, ok := hexPair(s, i+1)
			if !ok {
				return "", false
			}
			out = append(out, c)
			i += 2
		default:
			out = append(out, s[i])
		}
	}
	text := string(out)
	return text, isText(text)
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

const upperHex = "0123456789ABCDEF"

// pageQuery is the query string raw without its cursor and offset, ready for another
// cursor, fit to stand between < and > in a Link header.
func pageQuery(dst []byte, raw string) []byte {
	for pair := ""; raw != ""; {
		pair, raw, _ = strings.Cut(raw, "&")
		k, _, _ := strings.Cut(pair, "=")
		if name, _ := decodeQuery(k); pair == "" || name == "cursor" || name == "offset" {
			continue
		}
		for i := range len(pair) {
			if c := pair[i]; inLink[c] {
				dst = append(dst, c)
			} else {
				dst = append(dst, '%', upperHex[c>>4], upperHex[c&15])
			}
		}
		dst = append(dst, '&')
	}
	return dst
}

// inLink are the bytes of a query string that stand for themselves there.
var inLink = func() (in [256]bool) {
	for c := range in {
		in[c] = isUnreserved(byte(c)) || strings.IndexByte("%+=!$'()*,;:@/?", byte(c)) >= 0
	}
	return in
}()
