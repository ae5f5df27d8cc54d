package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/value"
)

// statuses are those of an answer's items: "201 200 204".
func statuses(got map[string]any) string {
	var out []string
	items, _ := got["items"].([]any)
	for _, it := range items {
		out = append(out, fmt.Sprint(it.(map[string]any)["status"]))
	}
	return strings.Join(out, " ")
}

func TestBulk(t *testing.T) {
	w := openWorkshop(t)
	one := w.id(w.ann, "POST /meters", `{"name":"one"}`)
	two := w.id(w.ann, "POST /meters", `{"name":"two"}`)
	new := value.NewID(w.now).String()
	got := w.ok(w.ann, "POST /meters/batch", fmt.Sprintf(`{"operations":[
		{"create":{"name":"three"}},
		{"update":{"id":%q,"tally":4}},
		{"delete":{"id":%q}},
		{"upsert":{"id":%q,"name":"uno"}},
		{"upsert":{"id":%q,"name":"four"}}]}`, one, two, one, new))
	if s := statuses(got); s != "201 200 204 200 201" {
		t.Fatal(s, got)
	}
	items := got["items"].([]any)
	if last := items[4].(map[string]any); last["id"] != new || last["body"].(map[string]any)["name"] != "four" {
		t.Errorf("%v", last)
	}
	if deleted := items[2].(map[string]any); deleted["id"] != two || deleted["body"] != nil {
		t.Errorf("%v", deleted)
	}
	if got := w.ok(w.ann, "GET /meters/"+one, ""); got["name"] != "uno" || got["tally"] != 4.0 {
		t.Errorf("%v", got)
	}

	t.Run("upsert by the key field", func(t *testing.T) {
		got := w.ok(w.bob, "POST /teams/batch", `{"operations":[{"upsert":{"slug":"bobs","name":"Bob's"}},{"upsert":{"slug":"bobs","name":"Bob's own"}}]}`)
		if s := statuses(got); s != "201 200" {
			t.Error(s, got)
		}
	})
	t.Run("all or nothing", func(t *testing.T) {
		before := w.total(w.ann, "Meter")
		_, err := w.do(w.ann, "POST /meters/batch", `{"operations":[{"create":{"name":"five"}},{"create":{"name":"six"}},{"create":{"name":"five"}}]}`)
		if got := refusalText(err); got != "unique-violation #/operations/2/create/name:unique" {
			t.Error(got)
		}
		if after := w.total(w.ann, "Meter"); after != before {
			t.Errorf("%s, before %s", after, before)
		}
	})
	t.Run("each by itself", func(t *testing.T) {
		res, err := w.do(w.ann, "POST /meters/batch?atomic=false", fmt.Sprintf(`{"operations":[{"create":{"name":"five"}},{"create":{"name":"five"}},{"create":{"nam":1}},{"update":{"id":%q,"tally":5}}]}`, one))
		if err != nil || !res.Partial || len(res.Items) != 4 {
			t.Fatalf("%+v, %v", res, err)
		}
		var got []string
		for _, it := range res.Items {
			if it.Err != nil {
				got = append(got, refusalText(it.Err))
			} else {
				got = append(got, fmt.Sprint(it.Status))
			}
		}
		want := "201, unique-violation #/operations/1/create/name:unique, validation #/operations/2/create/name:required #/operations/2/create/nam:unknown, 200"
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("\n got %s\nwant %s", text, want)
		}
		res, err = w.do(w.ann, "POST /meters/batch?atomic=false", `{"operations":[{"create":{"name":"six"}}]}`)
		if err != nil || res.Partial {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("return=minimal", func(t *testing.T) {
		got := w.ok(w.ann, "POST /meters/batch", `{"operations":[{"create":{"name":"seven"}}]}`, func(op *Operation) { op.Minimal = true })
		if it := got["items"].([]any)[0].(map[string]any); it["body"] != nil || it["id"] == nil {
			t.Errorf("%v", it)
		}
	})
}

func TestBulkRefuses(t *testing.T) {
	w := openWorkshop(t)
	hidden := w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann","code":"theirs"}`, w.rivals))
	id := w.task("")
	body := func(ops ...string) string { return `{"operations":[` + strings.Join(ops, ",") + `]}` }
	many := make([]string, 1001)
	for i := range many {
		many[i] = `{"create":{"name":"m"}}`
	}
	line := "POST /tasks/batch"
	w.refuses(w.ann, []refusalCase{
		{"no operations", line, `{}`, "validation #/operations:required"},
		{"none of them", line, body(), "validation #/operations:min"},
		{"no list", line, `{"operations":{}}`, "validation #/operations:type"},
		{"more members", line, `{"operations":[{"delete":{"id":"x"}}],"atomic":false}`, "unknown-field #/atomic:unknown"},
		{"too many", "POST /meters/batch", body(many...), "validation #/operations:max"},
		{"two verbs in one", line, body(`{"create":{},"delete":{}}`), "validation #/operations/0:format"},
		{"no verb", line, body(`{}`), "validation #/operations/0:format"},
		{"another verb", line, body(`{"merge":{}}`), "unknown-field #/operations/0/merge:unknown"},
		{"no object", line, body(`{"create":[]}`, `1`), "validation #/operations/0/create:type #/operations/1:type"},
		{"no id", line, body(`{"update":{"title":"abc"}}`, `{"delete":{}}`, `{"upsert":{"title":"abc"}}`),
			"validation #/operations/0/update/id:required #/operations/1/delete/id:required #/operations/2/upsert/id:required"},
		{"more than the id to delete", line, body(`{"delete":{"id":"x","title":"abc"}}`), "unknown-field #/operations/0/delete/title:unknown"},
		{"all faults of all bodies", line, body(`{"create":{"titel":"x"}}`, fmt.Sprintf(`{"update":{"id":%q,"effort":true}}`, id)),
			"validation #/operations/0/create/team:required #/operations/0/create/title:required #/operations/0/create/titel:unknown #/operations/1/update/effort:type"},
		{"a record of others", line, body(fmt.Sprintf(`{"update":{"id":%q,"title":"Mine"}}`, hidden)), "not-found #/operations/0:not-found"},
		{"deleting one", line, body(fmt.Sprintf(`{"delete":{"id":%q}}`, hidden)), "not-found #/operations/0:not-found"},
		{"upserting one", line, body(fmt.Sprintf(`{"upsert":{"id":%q,"team":%q,"title":"Mine"}}`, hidden, w.acme)), "unique-violation #/operations/0/upsert/id:unique"},
		{"upserting one by its key", "POST /teams/batch", body(`{"upsert":{"slug":"rivals","name":"Mine"}}`), "unique-violation #/operations/0/upsert/slug:unique"},
	})
	if got := w.no(nil, line, body(`{"create":{}}`)); got != "unauthenticated" {
		t.Error(got)
	}
	if got := w.ok(w.cid, "GET /tasks/"+hidden, ""); got["title"] != "Not for Ann" {
		t.Errorf("%v", got)
	}
	_, err := w.do(w.ann, line, body(fmt.Sprintf(`{"update":{"id":%q,"title":"Mine"}}`, hidden)))
	var p *problem.Error
	if !errors.As(err, &p) || !strings.HasPrefix(p.Detail, "operations/0: ") {
		t.Errorf("%v", err)
	}
}

func TestChangeByFilter(t *testing.T) {
	w := openWorkshop(t)
	for i := range 3 {
		w.task(fmt.Sprintf(`"code":"t-%d","effort":%d,"price":"1.00"`, i, i))
	}
	w.id(w.cid, "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Not for Ann","code":"theirs"}`, w.rivals))
	ask := func(verb, filter string, most int) string {
		return fmt.Sprintf("%s /tasks?filter=%s&max_affected=%d", verb, filter, most)
	}
	if got := w.ok(w.ann, ask("PATCH", "effort >= 1", 10), `{"urgent":true}`); got["affected"] != 2.0 {
		t.Errorf("%v", got)
	}
	if got := w.ok(w.ann, ask("PATCH", "effort >= 2", 10), `{"home":"https://a.example"}`); got["affected"] != 1.0 {
		t.Errorf("the same shape with other values: %v", got)
	}
	if got := w.ok(w.ann, "PATCH /tasks?code=t-1&max_affected=1", `{"urgent":false}`); got["affected"] != 1.0 {
		t.Errorf("%v", got)
	}
	w.refuses(w.ann, []refusalCase{
		{"no filter", "PATCH /tasks?max_affected=1", `{}`, "invalid-parameter filter:required"},
		{"no bound", "DELETE /tasks?filter=true", ``, "invalid-parameter max_affected:required"},
		{"a bound beyond all bounds", ask("DELETE", "true", 1001), ``, "invalid-parameter max_affected:max"},
		{"more than the bound", ask("PATCH", "true", 2), `{"urgent":true}`, "too-many-affected"},
		{"another parameter", ask("PATCH", "true", 5) + "&fields=id", `{"urgent":true}`, "unknown-parameter fields:unknown-parameter"},
		{"a bad filter", ask("PATCH", "effort >", 2), `{"urgent":true}`, "invalid-filter"},
		{"a filter on what does not exist for the caller", "PATCH /teams?filter=secret == null&max_affected=5", `{"name":"x"}`, "invalid-filter"},
		{"a bad body", ask("PATCH", "true", 5), `{"effort":"1"}`, "validation #/effort:type"},
		{"one value for all of a unique field", ask("PATCH", "true", 5), `{"code":"same"}`, "unique-violation #/code:unique"},
		{"a check of one of them", ask("PATCH", "true", 5), `{"price":null}`, "check-violation #:check"},
	})
	if got := w.ok(w.bob, ask("PATCH", "price == null", 5), `{"effort":null}`); got["affected"] != 3.0 {
		t.Errorf("a filter sees what its caller sees: %v", got)
	}
	t.Run("a readable record that may not be written stops everything", func(t *testing.T) {
		before := w.total(w.ann, "Task")
		if got := w.no(w.bob, ask("DELETE", "true", 10), ""); got != "forbidden" {
			t.Error(got)
		}
		all := w.ok(w.bob, "GET /tasks?fields=id", "")["items"].([]any)
		first := all[0].(map[string]any)["id"].(string)
		var p *problem.Error
		if _, err := w.do(w.bob, ask("DELETE", "true", 10), ""); !errors.As(err, &p) || !strings.HasPrefix(p.Detail, "tasks/"+first+": ") {
			t.Errorf("which record, the first by id being %s: %v", first, err)
		}
		done := w.task("")
		w.ok(w.ann, "POST /tasks/"+done+"/start", "")
		w.ok(w.ann, "POST /tasks/"+done+"/finish", `{"verdict":"ok"}`)
		if got := w.no(w.ann, ask("PATCH", "true", 10), `{"home":"https://b.example"}`); got != "forbidden" {
			t.Error(got)
		}
		if got := w.ok(w.ann, "GET /tasks?filter=home == \"https://b.example\"", ""); len(got["items"].([]any)) != 0 {
			t.Errorf("%v", got)
		}
		w.ok(w.ann, "DELETE /tasks/"+done, "")
		if after := w.total(w.ann, "Task"); after != before {
			t.Errorf("%s, before %s", after, before)
		}
	})
	t.Run("only what the caller can read is counted and gone", func(t *testing.T) {
		if got := w.ok(w.ann, ask("DELETE", "true", 10), ""); got["affected"] != 3.0 {
			t.Errorf("%v", got)
		}
		if got := w.total(w.cid, "Task"); got != `{"total":1}` {
			t.Error(got)
		}
	})
	if got := w.ok(w.adi, ask("PATCH", "true", 10), `{"urgent":true}`); got["affected"] != 0.0 {
		t.Errorf("who can read nothing changes nothing: %v", got)
	}
}
