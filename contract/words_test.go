package contract

import (
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestPathsArePluralAndKebabCase(t *testing.T) {
	for name, want := range map[string]string{
		"Posting": "postings", "JobDescription": "job-descriptions", "Company": "companies", "Day": "days", "Person": "people",
		"SalesPerson": "sales-people", "Child": "children", "Woman": "women", "Human": "humans", "Address": "addresses",
		"Box": "boxes", "Inbox": "inboxes", "Ox": "oxen", "Church": "churches", "Dish": "dishes", "Quiz": "quizzes",
		"Status": "statuses", "Bus": "buses", "Analysis": "analyses", "Canvas": "canvases", "Lens": "lenses", "Series": "series",
		"News": "news", "Settings": "settings", "Leaf": "leaves", "Shelf": "shelves", "Chief": "chiefs", "Roof": "roofs",
		"Photo": "photos", "Hero": "heroes", "Datum": "data", "Medium": "media", "Index": "indexes", "Matrix": "matrices",
		"APIKey": "api-keys", "HTTPServer2": "http-server2s", "OAuthToken": "o-auth-tokens", "Mouse": "mice", "Equipment": "equipment",
		"Category": "categories", "Key": "keys", "Staff": "staff", "Knife": "knives", "Feedback": "feedback",
	} {
		r := (&loader{c: &Contract{}, byName: map[string]*Resource{}}).declare(pair{name: name, key: node{n: &yaml.Node{Value: name, Line: 1, Column: 1}, f: newFile("c", name)}})
		if r.Path != want {
			t.Errorf("%s is at /%s, want /%s", name, r.Path, want)
		}
	}
}

func TestNearestNames(t *testing.T) {
	for _, tt := range []struct {
		name  string
		among []string
		want  string
	}{
		{"candidat", []string{"company", "candidate"}, "candidate"},
		{"raed", []string{"create", "read"}, "read"},
		{"Company", []string{"company"}, "company"},
		{"x", []string{"a", "b"}, ""},
		{"title", []string{"salary_min"}, ""},
		{"optonal", []string{"optional", "personal"}, "optional"},
	} {
		if got := nearest(tt.name, tt.among); got != tt.want {
			t.Errorf("nearest(%q, %q) = %q, want %q", tt.name, tt.among, got, tt.want)
		}
	}
}
