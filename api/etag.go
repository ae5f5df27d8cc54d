package api

import (
	"net/http"
	"strings"

	"github.com/mainstay-run/mainstay/problem"
)

// maxTags bounds the entity tags of one condition.
const maxTags = 32

// entityTags reads If-Match or If-None-Match (RFC 9110, 8.8.3): entity tags
// without the suffix of a content coding, or the single "*". nil when the
// header is absent.
func entityTags(h http.Header, name string) ([]string, error) {
	lines := h[name]
	if len(lines) == 0 {
		return nil, nil
	}
	text := lines[0]
	if len(lines) > 1 {
		text = strings.Join(lines, ",")
	}
	if strings.Trim(text, " \t") == "*" {
		return []string{"*"}, nil
	}
	var tags []string
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			break
		}
		tag, rest, ok := cutTag(text)
		if !ok || len(tags) == maxTags {
			return nil, problem.Errorf(problem.InvalidParameter, "the %s header must be a list of up to %d entity tags in double quotes, or *", name, maxTags)
		}
		tags = append(tags, withoutCoding(tag))
		text = rest
	}
	if tags == nil {
		return nil, problem.Errorf(problem.InvalidParameter, "the %s header is empty", name)
	}
	return tags, nil
}

// cutTag cuts one entity tag off the front; what follows it is a comma or the end.
func cutTag(s string) (tag, rest string, ok bool) {
	open := 0
	if strings.HasPrefix(s, "W/") {
		open = 2
	}
	if len(s) <= open || s[open] != '"' {
		return "", "", false
	}
	for i := open + 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			rest = strings.TrimLeft(s[i+1:], " \t")
			return s[:i+1], rest, rest == "" || rest[0] == ','
		case c <= ' ' || c >= 0x7f:
			return "", "", false
		}
	}
	return "", "", false
}

// withoutCoding takes the suffix off that withCoding put there.
func withoutCoding(tag string) string {
	for _, c := range codings {
		if bare, ok := strings.CutSuffix(tag, c.suffix); ok {
			return bare + `"`
		}
	}
	return tag
}

// withCoding is the tag of the same representation under a content coding
// (RFC 9110, 8.8.3.3: two codings are two representations).
func withCoding(tag string, c *coding) string {
	return strings.TrimSuffix(tag, `"`) + c.suffix
}

// sentTag is the tag to answer 304 with: current in the form in which the caller holds it.
func sentTag(h http.Header, current string) string {
	weak := strings.TrimPrefix(current, "W/")
	for _, line := range h["If-None-Match"] {
		for text := line; ; {
			tag, rest, ok := cutTag(strings.TrimLeft(text, " \t,"))
			if !ok {
				break
			}
			if strings.TrimPrefix(withoutCoding(tag), "W/") == weak {
				return tag
			}
			text = rest
		}
	}
	return current
}
