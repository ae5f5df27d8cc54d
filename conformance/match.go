package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// wildcards are what may stand in an expectation, by name, as regular expressions.
var wildcards = map[string]string{
	"uuid":   `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
	"time":   `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`,
	"number": `-?\d+(?:\.\d+)?`,
	"text":   `[\s\S]+`,
	"any":    `[\s\S]*`,
}

// wildcard is <uuid>, or <uuid:posting> which keeps what it matched as ${posting}.
var wildcard = regexp.MustCompile(`<(uuid|time|number|text|any)(?::([a-z_0-9]+))?>`)

// variable is ${posting}, what a wildcard has kept.
var variable = regexp.MustCompile(`\$\{([a-z_0-9]+)\}`)

// fill puts what was kept into text.
func fill(text string, vars map[string]string) (string, error) {
	var missing error
	filled := variable.ReplaceAllStringFunc(text, func(name string) string {
		v, ok := vars[name[2:len(name)-1]]
		if !ok {
			missing = fmt.Errorf("nothing was kept as %s", name)
		}
		return v
	})
	return filled, missing
}

// rest stands for further members of an object or items of a list.
const rest = "…"

// matchText compares text with a pattern and keeps what its wildcards matched.
func matchText(pattern, text string, vars map[string]string) error {
	pattern, err := fill(pattern, vars)
	if err != nil {
		return err
	}
	var b strings.Builder
	var names []string
	last := 0
	for _, m := range wildcard.FindAllStringSubmatchIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[last:m[0]]))
		fmt.Fprintf(&b, "(%s)", wildcards[pattern[m[2]:m[3]]])
		name := ""
		if m[4] >= 0 {
			name = pattern[m[4]:m[5]]
		}
		names = append(names, name)
		last = m[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[last:]))
	found := regexp.MustCompile(`^` + b.String() + `$`).FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("is %q, want %q", text, pattern)
	}
	for i, name := range names {
		if name != "" {
			vars[name] = found[i+1]
		}
	}
	return nil
}

// matchJSON compares a JSON text with an expected one; the error names every
// place where they differ.
func matchJSON(want, got string, vars map[string]string) error {
	w, err := decode(want)
	if err != nil {
		return fmt.Errorf("the expectation is not JSON: %w", err)
	}
	g, err := decode(got)
	if err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	m := matcher{vars: vars}
	m.value("", w, g)
	return errors.Join(m.faults...)
}

func decode(text string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("something follows")
	}
	return v, nil
}

type matcher struct {
	vars   map[string]string
	faults []error
}

func (m *matcher) fault(at, format string, args ...any) {
	if at == "" {
		at = "/"
	}
	m.faults = append(m.faults, fmt.Errorf("%s %s", at, fmt.Sprintf(format, args...)))
}

func (m *matcher) value(at string, want, got any) {
	switch w := want.(type) {
	case map[string]any:
		m.object(at, w, got)
	case []any:
		m.list(at, w, got)
	case string:
		m.text(at, w, got)
	default:
		if want != got {
			m.fault(at, "is %s, want %s", show(got), show(want))
		}
	}
}

func (m *matcher) text(at, want string, got any) {
	text, isText := got.(string)
	if !isText {
		n, isNumber := got.(json.Number)
		if strings.HasPrefix(want, "<any") {
			text = show(got)
		} else if isNumber && strings.HasPrefix(want, "<number") {
			text = n.String()
		} else {
			m.fault(at, "is %s, want %s", show(got), show(want))
			return
		}
	}
	if err := matchText(want, text, m.vars); err != nil {
		m.fault(at, "%v", err)
	}
}

func (m *matcher) object(at string, want map[string]any, got any) {
	g, ok := got.(map[string]any)
	if !ok {
		m.fault(at, "is %s, want an object", show(got))
		return
	}
	_, more := want[rest]
	for _, name := range sortedKeys(want) {
		if name == rest {
			continue
		}
		if v, ok := g[name]; ok {
			m.value(at+"/"+name, want[name], v)
		} else {
			m.fault(at+"/"+name, "is not there")
		}
	}
	for _, name := range sortedKeys(g) {
		if _, ok := want[name]; !ok && !more {
			m.fault(at+"/"+name, "is not expected: %s", show(g[name]))
		}
	}
}

func (m *matcher) list(at string, want []any, got any) {
	g, ok := got.([]any)
	if !ok {
		m.fault(at, "is %s, want a list", show(got))
		return
	}
	more := len(want) > 0 && want[len(want)-1] == rest
	if more {
		want = want[:len(want)-1]
	}
	if len(g) < len(want) || len(g) > len(want) && !more {
		m.fault(at, "has %d items, want %d: %s", len(g), len(want), show(got))
		return
	}
	for i := range want {
		m.value(fmt.Sprintf("%s/%d", at, i), want[i], g[i])
	}
}

func show(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(v)
	return strings.TrimSpace(b.String())
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
