package conformance

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseScript(t *testing.T) {
	steps, err := parseScript(`# what it is about

ann@example.org PATCH /v1/postings/7?filter=a && b {"title": "x",
  "location": null}
→ 200, 1 statement
ETag: "r2"
{"title": "x"}

GET /v1/postings.csv
Accept: text/csv
→ 200
id,title
7,x

DELETE /v1/postings/7
→ 204
`)
	if err != nil {
		t.Fatal(err)
	}
	want := []*step{
		{line: 3, as: "ann@example.org", method: "PATCH", target: "/v1/postings/7?filter=a && b", body: "{\"title\": \"x\",\n  \"location\": null}",
			status: 200, statements: 1, wantHeader: []field{{"ETag", `"r2"`}}, wantBody: `{"title": "x"}`},
		{line: 9, method: "GET", target: "/v1/postings.csv", header: []field{{"Accept", "text/csv"}}, status: 200, statements: -1, wantBody: "id,title\n7,x"},
		{line: 15, method: "DELETE", target: "/v1/postings/7", status: 204, statements: -1},
	}
	if diff := cmp.Diff(want, steps, cmp.AllowUnexported(step{}, field{})); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"hello", "GET /v1/postings", "GET /v1/postings\n\n→ 200", "→ 200"} {
		if _, err := parseScript(bad); err == nil {
			t.Errorf("%q is taken for a script", bad)
		}
	}
}

func TestEncodeTarget(t *testing.T) {
	got := encodeTarget(`/v1/postings?filter=a > "ü" && b&sort=-c&x=%41`)
	if want := "/v1/postings?filter=a%20%3E%20%22%C3%BC%22%20%26%26%20b&sort=-c&x=%41"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
