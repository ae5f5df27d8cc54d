package conformance

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// step is one request and what is expected of its answer.
type step struct {
	line   int
	as     string // e-mail address of the account that asks, "" for nobody
	method string
	target string
	header []field
	body   string

	status     int
	statements int // -1: not looked at
	wantHeader []field
	wantBody   string // "" is not looked at, "(empty)" is none
}

// field is a header line.
type field struct{ name, value string }

func (s *step) request() string { return s.method + " " + s.target }

var (
	requestLine = regexp.MustCompile(`^(?:(\S+@\S+) )?([A-Z]+) (/\S*(?: .*)?)$`)
	headerLine  = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*):(?: (.*))?$`)
	expectLine  = regexp.MustCompile(`^→ (\d{3})(?:, (\d+) statements?)?$`)
)

// parseScript reads the steps of a script. An error begins with its line.
func parseScript(text string) ([]*step, error) {
	var steps []*step
	var now *step
	answer, inBody := false, false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		fault := func(what string) error { return fmt.Errorf("%d: %s: %q", i+1, what, line) }
		switch expect := expectLine.FindStringSubmatch(line); {
		case line == "":
			if now != nil && !answer {
				return nil, fault("a request without → and a status")
			}
			now = nil
		case now == nil && strings.HasPrefix(line, "#"):
		case now == nil:
			m := requestLine.FindStringSubmatch(line)
			if m == nil {
				return nil, fault("not a request such as GET /v1/postings")
			}
			now = &step{line: i + 1, as: m[1], method: m[2], target: m[3], statements: -1}
			if target, body, inline := strings.Cut(now.target, " {"); inline {
				now.target, now.body = target, "{"+body
			}
			steps = append(steps, now)
			answer, inBody = false, now.body != ""
		case expect != nil && !answer:
			now.status, _ = strconv.Atoi(expect[1])
			if expect[2] != "" {
				now.statements, _ = strconv.Atoi(expect[2])
			}
			answer, inBody = true, false
		default:
			header, body := &now.header, &now.body
			if answer {
				header, body = &now.wantHeader, &now.wantBody
			}
			if m := headerLine.FindStringSubmatch(line); m != nil && !inBody {
				*header = append(*header, field{m[1], m[2]})
				continue
			}
			if inBody {
				line = "\n" + line
			}
			*body += line
			inBody = true
		}
	}
	if now != nil && !answer {
		return nil, fmt.Errorf("%d: a request without → and a status", now.line)
	}
	return steps, nil
}

// encodeTarget percent-encodes what a script may leave readable in a query:
// everything that cannot stand in a URL, the && of an expression, and +.
func encodeTarget(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	query = strings.ReplaceAll(query, "&&", "%26%26")
	var b strings.Builder
	for _, c := range []byte(query) {
		if c > ' ' && c < 0x7f && !strings.ContainsRune(`"<>\^{|}+#`+"`", rune(c)) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return path + "?" + b.String()
}
