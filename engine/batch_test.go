package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mainstay-run/mainstay/problem"
)

func TestBatch(t *testing.T) {
	w := openWorkshop(t)
	got := w.ok(w.bob, "POST /batch", fmt.Sprintf(`{"operations":[
		{"method":"POST","path":"/teams","name":"team","body":{"name":"Bob's","slug":"bobs"}},
		{"method":"POST","path":"/v1/memberships","body":{"team":{"$ref":"team#/id"},"user":{"$ref":"team#/owner"},"lead":true}},
		{"method":"POST","path":"/tasks","name":"task","body":{"team":{"$ref":"team#/id"},"title":"First","steps":[{"text":{"$ref":"team#/name"}}],"extra":{"ref":{"$ref":"nobody#/slug"}}}},
		{"method":"POST","path":"/tasks","name":"next","body":{"team":{"$ref":"team#/id"},"title":"Next","parent":{"$ref":"task#/id"},"label":{"$ref":"task#/steps/0/text"}}},
		{"method":"PATCH","path":"/users/%s","body":{"name":"Bob the boss"}},
		{"method":"PATCH","path":"/teams/bobs","body":{"name":"Bob and Co"}},
		{"method":"POST","path":"/meters","body":{"name":"x"}}]}`, w.bob.Caller.ID))
	if s := statuses(got); s != "201 201 201 201 200 200 201" {
		t.Fatal(s, got)
	}
	item := func(i int) map[string]any { return got["items"].([]any)[i].(map[string]any) }
	next := item(3)["body"].(map[string]any)
	if item(3)["name"] != "next" || next["parent"] != item(2)["id"] || next["label"] != "Bob's" {
		t.Errorf("%v", item(3))
	}
	want := map[string]any{"ref": map[string]any{"$ref": "nobody#/slug"}}
	if diff := cmp.Diff(want, item(2)["body"].(map[string]any)["extra"]); diff != "" {
		t.Errorf("what a json field holds is no reference: %s", diff)
	}

	got = w.ok(w.bob, "POST /batch", fmt.Sprintf(`{"operations":[
		{"method":"POST","path":"/tasks/%s/start"},
		{"method":"POST","path":"/tasks/%s/finish","body":{"verdict":"ok"}},
		{"method":"DELETE","path":"/tasks/%s"}]}`, item(2)["id"], item(2)["id"], item(3)["id"]))
	if s := statuses(got); s != "200 200 204" {
		t.Error(s)
	}
	got = w.ok(w.ann, "POST /batch", `{"operations":[
		{"method":"POST","path":"/meters","name":"m","body":{"name":"y"}},
		{"method":"POST","path":"/meters","body":{"name":"z","notes":{"$ref":"m#/name"}}}]}`, func(op *Operation) { op.Minimal = true })
	if it := got["items"].([]any)[0].(map[string]any); it["body"] != nil || it["id"] == nil {
		t.Errorf("%v", it)
	}
}

func TestBatchRefuses(t *testing.T) {
	w := openWorkshop(t)
	body := func(ops ...string) string { return `{"operations":[` + strings.Join(ops, ",") + `]}` }
	team := `{"method":"POST","path":"/teams","name":"t","body":{"name":"N","slug":"n"}}`
	w.refuses(w.ann, []refusalCase{
		{"a third that is denied", "POST /batch", body(team, `{"method":"POST","path":"/meters","body":{"name":"m"}}`, `{"method":"DELETE","path":"/teams/rivals"}`), "not-found #/operations/2:not-found"},
		{"a third that is refused", "POST /batch", body(team, `{"method":"POST","path":"/meters","body":{"name":"m"}}`, `{"method":"PATCH","path":"/users/`+w.bob.Caller.ID.String()+`","body":{"name":"B"}}`), "forbidden #/operations/2:forbidden"},
		{"a path that is none", "POST /batch", body(`{"method":"POST","path":"/nothing","body":{}}`), "validation #/operations/0/path:format"},
		{"a path that is not a write of one record", "POST /batch", body(`{"method":"GET","path":"/teams"}`, `{"method":"POST","path":"/teams/batch","body":{}}`, `{"method":"DELETE","path":"/teams?filter=true"}`, `{"method":"DELETE","path":"/teams/"}`),
			"validation #/operations/0/path:format #/operations/1/path:format #/operations/2/path:format #/operations/3/path:format"},
		{"paths by other spellings", "POST /batch", body(`{"method":"DELETE","path":"//teams/acme"}`, `{"method":"DELETE","path":"/Teams/acme"}`, `{"method":"DELETE","path":"/teams/acme/"}`, `{"method":"delete","path":"/teams/acme"}`),
			"validation #/operations/0/path:format #/operations/1/path:format #/operations/2/path:format #/operations/3/path:format"},
		{"members missing or too many", "POST /batch", body(`{"path":"/teams","body":{},"if_match":"x"}`, `{"method":"POST","path":"/teams"}`, `{"method":"DELETE","path":"/teams/acme","body":{}}`),
			"validation #/operations/0/method:required #/operations/0/if_match:unknown #/operations/1/body:required #/operations/2/body:unknown"},
		{"a body's faults", "POST /batch", body(`{"method":"POST","path":"/teams","body":{"nam":1}}`), "validation #/operations/0/body/name:required #/operations/0/body/slug:required #/operations/0/body/nam:unknown"},
		{"a name twice", "POST /batch", body(team, team), "validation #/operations/1/name:format"},
		{"a reference to nothing", "POST /batch", body(`{"method":"POST","path":"/tasks","body":{"team":{"$ref":"t#/id"}}}`), "validation #/operations/0/body/team:reference"},
		{"a reference to a later one", "POST /batch", body(`{"method":"POST","path":"/tasks","body":{"team":{"$ref":"t#/id"}}}`, team), "validation #/operations/0/body/team:reference"},
		{"a reference to itself", "POST /batch", body(`{"method":"POST","path":"/teams","name":"t","body":{"name":{"$ref":"t#/id"}}}`), "validation #/operations/0/body/name:reference"},
		{"a reference into what is not there", "POST /batch", body(team, `{"method":"POST","path":"/tasks","body":{"team":{"$ref":"t#/secret"},"title":{"$ref":"t#/name/x"}}}`),
			"validation #/operations/1/body/team:reference #/operations/1/body/title:reference"},
		{"faults that show only when references are known", "POST /batch", body(team, `{"method":"POST","path":"/tasks","body":{"team":{"$ref":"t#/slug"},"title":"abc"}}`), "validation #/operations/1/body/team:format"},
		{"a reference to a whole record, a list or a long text", "POST /batch", body(
			fmt.Sprintf(`{"method":"POST","path":"/tasks","name":"t","body":{"team":%q,"title":"Long","extra":{"long":%q}}}`, w.acme, strings.Repeat("x", maxPart+1)),
			`{"method":"POST","path":"/meters","body":{"name":{"$ref":"t#/extra/long"},"notes":{"$ref":"t#/extra"},"tally":{"$ref":"t#/helpers"}}}`),
			"validation #/operations/1/body/name:reference #/operations/1/body/tally:reference #/operations/1/body/notes:reference"},
		{"parameters", "POST /batch?fields=id", body(team), "unknown-parameter"},
	})
	if got := w.no(nil, "POST /batch", body(team)); got != "unauthenticated #/operations/0:unauthenticated" {
		t.Error(got)
	}
	for resource, want := range map[string]string{"Team": `{"total":1}`, "Meter": `{"total":0}`} {
		if got := w.total(w.ann, resource); got != want {
			t.Errorf("%s: %s, want %s", resource, got, want)
		}
	}
}

func TestAReferenceByKeySaysWhatItMustBe(t *testing.T) {
	w := openWorkshop(t)
	const want = "must be the id of a Team such as 0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e; a key addresses it in a path alone"
	for _, tt := range []struct{ line, body string }{
		{"POST /tasks", `{"team":"acme","title":"By key"}`},
		{"GET /tasks?team=acme", ""},
	} {
		_, err := w.do(w.ann, tt.line, tt.body)
		var p *problem.Error
		if !errors.As(err, &p) || len(p.Fields) != 1 || p.Fields[0].Detail != want {
			t.Errorf("%s: %v", tt.line, err)
		}
	}
}
