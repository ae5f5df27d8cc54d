package api

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/engine"
)

func TestQueryString(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		want      engine.Query
	}{
		{"nothing", "", engine.Query{}},
		{"control words", "filter=a+%3E+1&sort=-b&fields=a,b&include=c&limit=20&cursor=x&offset=3&count=exact&search=go+dev",
			engine.Query{Filter: "a > 1", Sort: "-b", Fields: "a,b", Include: "c", Limit: "20", Cursor: "x", Offset: "3", Count: "exact", Search: "go dev"}},
		{"a repeated list is one list", "sort=-price&sort=title&fields=id&fields=a,b&include=c", engine.Query{Sort: "-price,title", Fields: "id,a,b", Include: "c"}},
		{"a repeated name is any of", "status=open&title=x&status=paused",
			engine.Query{Equal: []engine.Equal{{Name: "status", Values: []string{"open", "paused"}}, {Name: "title", Values: []string{"x"}}}}},
		{"an equals sign in a value", "filter=a==b", engine.Query{Filter: "a==b"}},
		{"an encoded name", "st%61tus=open", engine.Query{Equal: []engine.Equal{{Name: "status", Values: []string{"open"}}}}},
		{"an encoded control word", "%66ilter=a", engine.Query{Filter: "a"}},
		{"no equals sign", "fresh", engine.Query{Equal: []engine.Equal{{Name: "fresh", Values: []string{""}}}}},
		{"empty pairs", "&&limit=1&", engine.Query{Limit: "1"}},
		{"a semicolon separates nothing", "title=a;limit=1", engine.Query{Equal: []engine.Equal{{Name: "title", Values: []string{"a;limit=1"}}}}},
		{"UTF-8 and a plus", "title=M%C3%BCnchen%2B", engine.Query{Equal: []engine.Equal{{Name: "title", Values: []string{"München+"}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := params{allowed: listWords}
			p.parse(tt.raw)
			if err := p.err(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.query); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestQueryStringFaults(t *testing.T) {
	for _, tt := range []struct{ name, request, want string }{
		{"bad digits", "GET /v1/postings?title=%zz", "invalid-parameter title"},
		{"cut short", "GET /v1/postings?title=%a", "invalid-parameter title"},
		{"a lone percent sign", "GET /v1/postings?title=%", "invalid-parameter title"},
		{"not UTF-8", "GET /v1/postings?title=%ff", "invalid-parameter title"},
		{"overlong UTF-8", "GET /v1/postings?title=%c0%af", "invalid-parameter title"},
		{"NUL", "GET /v1/postings?title=a%00", "invalid-parameter title"},
		{"a bad name", "GET /v1/postings?%ff=a", "invalid-parameter %ff"},
		{"no name", "GET /v1/postings?=a", "invalid-parameter "},
		{"a control word twice", "GET /v1/postings?limit=1&limit=2", "invalid-parameter limit"},
		{"a control word twice, once encoded", "GET /v1/postings?limit=1&%6cimit=2", "invalid-parameter limit"},
		{"an empty control word", "GET /v1/postings?filter=", "invalid-parameter filter"},
		{"too many", "GET /v1/postings?" + strings.Repeat("a=1&", 100), "invalid-parameter"},
		{"several", "GET /v1/postings?limit=1&limit=2&title=%zz", "invalid-parameter limit title"},

		{"limit on one record", "GET /v1/postings/x?limit=1", "unknown-parameter limit"},
		{"equality on one record", "GET /v1/postings/x?status=open", "unknown-parameter status"},
		{"sort of a count", "GET /v1/postings/count?sort=a", "unknown-parameter sort"},
		{"by in a list", "GET /v1/postings?by=status", "unknown-parameter by"},
		{"max_affected in a list", "GET /v1/postings?max_affected=1", "unknown-parameter max_affected"},
		{"include of CSV", "GET /v1/postings.csv?include=company", "unknown-parameter include"},
		{"a parameter of delete", "DELETE /v1/postings/x?force=true", "unknown-parameter force"},
		{"a parameter of sign-in", "GET /v1/auth/me?fields=id", "unknown-parameter fields"},
		{"atomic that is neither", "POST /v1/postings/batch?atomic=no\nContent-Type: application/json\n\n{}", "invalid-parameter atomic"},

		{"delete by filter without bounds", "DELETE /v1/postings", "invalid-parameter filter max_affected"},
		{"delete by filter without a filter", "DELETE /v1/postings?max_affected=5", "invalid-parameter filter"},
		{"max_affected of nothing", "DELETE /v1/postings?status=open&max_affected=0", "invalid-parameter max_affected"},
		{"max_affected that is no number", "DELETE /v1/postings?status=open&max_affected=1e3", "invalid-parameter max_affected"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := send(t, serve(&scripted{}, Options{}), tt.request)
			if w.Code != 400 {
				t.Fatalf("status %d %s, want 400", w.Code, w.Body)
			}
			got := kindOf(t, w)
			told, _ := problemOf(t, w)["errors"].([]any)
			for _, f := range told {
				got += " " + f.(map[string]any)["parameter"].(string)
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestQueryDocument(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       engine.Query
	}{
		{"empty", `{}`, engine.Query{}},
		{"control words", `{"filter":"a > 1","sort":["-a","b"],"fields":"a,b","include":["c"],"limit":20,"offset":0,"search":"go"}`,
			engine.Query{Filter: "a > 1", Sort: "-a,b", Fields: "a,b", Include: "c", Limit: "20", Offset: "0", Search: "go"}},
		{"equalities", `{"where":{"status":["open","paused"],"remote":true,"salary":5.50}}`,
			engine.Query{Equal: []engine.Equal{{Name: "remote", Values: []string{"true"}}, {Name: "salary", Values: []string{"5.50"}}, {Name: "status", Values: []string{"open", "paused"}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, line := range []string{"QUERY /v1/postings", "POST /v1/postings/query"} {
				s := &scripted{}
				w := send(t, serve(s, Options{}), line+"\nContent-Type: application/json\n\n"+tt.body)
				if w.Code != 200 {
					t.Fatalf("%s: status %d %s", line, w.Code, w.Body)
				}
				if s.op.Kind != engine.List || s.op.Body != nil {
					t.Errorf("%s: operation %d with body %q, want a list without", line, s.op.Kind, s.op.Body)
				}
				if diff := cmp.Diff(tt.want, s.op.Query); diff != "" {
					t.Errorf("%s: %s", line, diff)
				}
			}
		})
	}
}

func TestQueryDocumentFaults(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"an unknown member", `{"wher":{}}`, "unknown-parameter"},
		{"a control word of another operation", `{"by":"status"}`, "unknown-parameter"},
		{"an equality outside where", `{"status":"open"}`, "unknown-parameter"},
		{"a control word inside where", `{"where":{"limit":3}}`, "invalid-parameter"},
		{"an operator object", `{"where":{"status":{"$ne":"open"}}}`, "invalid-parameter"},
		{"null", `{"where":{"status":null}}`, "invalid-parameter"},
		{"any of none", `{"where":{"status":[]}}`, "invalid-parameter"},
		{"an object for sort", `{"sort":{"a":1}}`, "invalid-parameter"},
		{"a list", `[]`, "invalid-parameter"},
		{"where as text", `{"where":"status"}`, "invalid-parameter"},
		{"a member twice", `{"limit":1,"limit":2}`, "malformed-json"},
		{"too deep", strings.Repeat("[", 100) + strings.Repeat("]", 100), "malformed-json"},
		{"cut short", `{"limit":`, "malformed-json"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := send(t, serve(&scripted{}, Options{}), "QUERY /v1/postings\nContent-Type: application/json\n\n"+tt.body)
			if got := kindOf(t, w); w.Code != 400 || got != tt.want {
				t.Errorf("status %d %s, want 400 %s", w.Code, w.Body, tt.want)
			}
		})
	}
}

func TestPageQuery(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{"", "cursor=C"},
		{"status=open&limit=2", "status=open&limit=2&cursor=C"},
		{"cursor=B&limit=2", "limit=2&cursor=C"},
		{"limit=2&%63ursor=B&offset=4", "limit=2&cursor=C"},
		{`filter=a>"x"`, "filter=a%3E%22x%22&cursor=C"},
		{"filter=a%3E1+2", "filter=a%3E1+2&cursor=C"},
		{">;rel=evil", "%3E;rel=evil&cursor=C"},
	} {
		if got := string(pageQuery(nil, tt.raw)) + "cursor=C"; got != tt.want {
			t.Errorf("pageQuery(%q) = %q, want %q", tt.raw, got, tt.want)
		}
	}
}

// What parses, encoded again, parses to the same pairs.
func FuzzQueryString(f *testing.F) {
	for _, raw := range []string{"a=b", "a=1&a=2&filter=x%20y", "%ff=1", "a=%zz", "a+b=c%2B&&=", "limit=1&limit=2"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		p := params{allowed: listWords}
		p.parse(raw)
		if p.err() != nil {
			return
		}
		var again []byte
		pair := func(name, text string) {
			again = escapeQuery(append(escapeQuery(append(again, '&'), name), '='), text)
		}
		for _, word := range []string{"filter", "sort", "fields", "include", "limit", "cursor", "offset", "count", "search"} {
			if text := *p.place(controlWord(word)); text != "" {
				pair(word, text)
			}
		}
		for _, e := range p.query.Equal {
			for _, text := range e.Values {
				pair(e.Name, text)
			}
		}
		q := params{allowed: listWords}
		q.parse(string(again))
		if err := q.err(); err != nil && len(again) < maxQuery {
			t.Fatalf("%q, encoded again as %q: %v", raw, again, err)
		}
		if diff := cmp.Diff(p.query, q.query); diff != "" {
			t.Errorf("%q, encoded again as %q:\n%s", raw, again, diff)
		}
	})
}

// escapeQuery appends s as a name or a value of a query string.
func escapeQuery(dst []byte, s string) []byte {
	for i := range len(s) {
		if isUnreserved(s[i]) {
			dst = append(dst, s[i])
		} else {
			dst = append(dst, '%', upperHex[s[i]>>4], upperHex[s[i]&15])
		}
	}
	return dst
}
