package api

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// maxSegment bounds the part of a path that addresses a record, in bytes.
const maxSegment = 1024

// node is one segment of the paths that are served. A path has one spelling:
// exact case, no empty or dot segments, nothing encoded that need not be. Any
// other spelling is no route, so that what is counted, limited and refused per
// route cannot be reached under a second name.
type node struct {
	literal   map[string]*node
	param     *node
	endpoints []*endpoint
	// What OPTIONS, 405 and 415 say of this path; nil: nothing.
	allow, acceptPost, acceptPatch, acceptQuery []string
}

// add puts an endpoint into the table under its route, whose one variable
// segment is written {…}.
func (n *node) add(ep *endpoint) {
	for segment := range strings.SplitSeq(strings.TrimPrefix(ep.route, "/"), "/") {
		n = n.child(segment)
	}
	n.endpoints = append(n.endpoints, ep)
}

func (n *node) child(segment string) *node {
	if strings.HasPrefix(segment, "{") {
		if n.param == nil {
			n.param = &node{}
		}
		return n.param
	}
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	if n.literal[segment] == nil {
		n.literal[segment] = &node{}
	}
	return n.literal[segment]
}

// match finds the node of a path and the decoded value of its variable segment.
// A literal segment goes before a variable one.
func (n *node) match(u *url.URL) (found *node, id string, ok bool) {
	// RawPath is empty when Path, encoded in the usual way, is what was sent.
	path, encoded := u.RawPath, true
	if path == "" {
		path, encoded = u.Path, false
	}
	if path == "" || path[0] != '/' {
		return nil, "", false
	}
	for rest, more := path[1:], true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		if next := n.literal[segment]; next != nil {
			n = next
			continue
		}
		if n.param == nil {
			return nil, "", false
		}
		if id, ok = decodeSegment(segment, encoded); !ok {
			return nil, "", false
		}
		n = n.param
	}
	return n, id, len(n.endpoints) > 0
}

// method finds the endpoint of a method, nil when the path has no such method.
func (n *node) method(name string) *endpoint {
	if name == "HEAD" {
		name = "GET"
	}
	for _, ep := range n.endpoints {
		if ep.method == name {
			return ep
		}
	}
	return nil
}

// finish works out what OPTIONS and 405 say, for the whole table.
func (n *node) finish() {
	for _, next := range n.literal {
		next.finish()
	}
	if n.param != nil {
		n.param.finish()
	}
	if len(n.endpoints) == 0 {
		return
	}
	methods := []string{}
	for _, ep := range n.endpoints {
		methods = append(methods, ep.method)
		takes := []string{strings.Join(ep.takes, ", ")}
		switch {
		case ep.method == "GET":
			methods = append(methods, "HEAD")
		case ep.takes == nil:
		case ep.method == "POST":
			n.acceptPost = takes
		case ep.method == "PATCH":
			n.acceptPatch = takes
		case ep.method == "QUERY":
			n.acceptQuery = takes
		}
	}
	n.allow = []string{strings.Join(append(methods, "OPTIONS"), ", ")}
}

// decodeSegment decodes the variable segment of a path, strictly: no encoded
// slash, no control character, no dot segment, and nothing percent-encoded that
// RFC 3986 counts as unreserved.
func decodeSegment(s string, encoded bool) (string, bool) {
	if len(s) > maxSegment {
		return "", false
	}
	if encoded {
		var ok bool
		if s, ok = decodePath(s); !ok {
			return "", false
		}
	}
	if s == "" || s == "." || s == ".." || !utf8.ValidString(s) {
		return "", false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == 0x7f || s[i] == '/' {
			return "", false
		}
	}
	return s, true
}

func decodePath(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			if !isUnreserved(s[i]) && strings.IndexByte("!$&'()*+,;=:@", s[i]) < 0 {
				return "", false
			}
			out = append(out, s[i])
			continue
		}
		c, ok := hexPair(s, i+1)
		if !ok || isUnreserved(c) {
			return "", false
		}
		out = append(out, c)
		i += 2
	}
	return string(out), true
}

// hexPair reads two hexadecimal digits of s at i.
func hexPair(s string, i int) (byte, bool) {
	if i+1 >= len(s) {
		return 0, false
	}
	hi, ok1 := hexDigit(s[i])
	lo, ok2 := hexDigit(s[i+1])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '.' || c == '_' || c == '~'
}
