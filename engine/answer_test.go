package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A record can be shown many times in one answer, so that a short request could
// ask for one that does not fit in memory.
func TestAnswersAreBounded(t *testing.T) {
	w := openWorkshop(t)
	big := w.task(`"extra":"` + strings.Repeat("x", 600_000) + `"`)
	for range 40 {
		w.task(`"parent":"` + big + `"`)
	}
	change := `{"method":"PATCH","path":"/tasks/` + big + `","name":"n%d","body":{"title":"Never seen"}}`
	bulk := `{"update":{"id":"` + big + `","title":"Never seen"}}`
	many := func(op string, n int) string {
		ops := make([]string, n)
		for i := range ops {
			ops[i] = op
			if strings.Contains(op, "%d") {
				ops[i] = fmt.Sprintf(op, i)
			}
		}
		return `{"operations":[` + strings.Join(ops, ",") + `]}`
	}
	const tooLarge = "invalid-parameter"
	w.refuses(w.ann, []refusalCase{
		{"a record with a list", "GET /teams/acme?include=tasks.parent", "", tooLarge},
		{"a transaction", "POST /batch", many(change, 40), tooLarge + " #/operations/27:invalid-parameter"},
		{"a bulk", "POST /tasks/batch", many(bulk, 40), tooLarge + " #/operations/27:invalid-parameter"},
	})
	if title := w.ok(w.ann, "GET /tasks/"+big+"?fields=title", "")["title"]; title != "Saw wood" {
		t.Errorf("the title is %q after refused writes", title)
	}
	w.ok(w.ann, "GET /teams/acme?include=tasks.parent&fields=tasks.parent.title", "")
	w.ok(w.ann, "POST /tasks/batch", many(bulk, 40), func(op *Operation) { op.Minimal = true })

	seen, cursor := 0, ""
	for pages := 1; ; pages++ {
		page := w.ok(w.ann, "GET /tasks?include=parent", "", func(op *Operation) { op.Query.Sort, op.Query.Cursor = "-title", cursor })
		seen += len(page["items"].([]any))
		next, more := page["next"].(string)
		if !more {
			if seen != 41 || pages < 3 {
				t.Errorf("%d records on %d pages, want 41 on several", seen, pages)
			}
			break
		}
		cursor = next
	}

	res, err := w.do(w.ann, "POST /tasks/batch?atomic=false", many(bulk, 40))
	if err != nil {
		t.Fatal(err)
	}
	if first, last := res.Items[0], res.Items[39]; first.Err != nil || last.Err == nil || refusalText(last.Err) != tooLarge+" #/operations/39:invalid-parameter" {
		t.Errorf("members of a bulk: %v, then %v", first.Err, last.Err)
	}
}

// References in a transaction's body must not make more of it than a body may hold.
func TestBatchReferencesDoNotMultiply(t *testing.T) {
	w := openWorkshop(t)
	parts := strings.Repeat(`{"$ref":"a#/extra/x"},`, 1000)
	body := fmt.Sprintf(`{"operations":[
		{"method":"POST","path":"/tasks","name":"a","body":{"team":%q,"title":"One","extra":{"x":%q}}},
		{"method":"POST","path":"/tasks","body":{"team":%q,"title":"Two","helpers":[%s0]}}]}`, w.acme, strings.Repeat("x", 4000), w.acme, parts)
	res, err := w.do(w.ann, "POST /batch", body)
	if err == nil {
		t.Fatalf("not refused: %d bytes", len(res.Body))
	}
	if got := refusalText(err); !strings.HasPrefix(got, "validation #/operations/1/body/helpers/262:reference ") {
		t.Errorf("%.200s", got)
	}
}

// While a change by filter looks for its records, nobody else can write.
func TestCostlyFilterDoesNotKeepTheOnlyWriter(t *testing.T) {
	w := openWorkshop(t)
	for i := range 400 {
		w.task(fmt.Sprintf(`"label":"n%d"`, i))
	}
	const costly = `team.tasks.all(a, a.label != title && a.team.tasks.all(b, b.label != a.title && b.label != title))`
	began := time.Now()
	_, err := w.do(w.ann, "DELETE /tasks?max_affected=1000", "", func(op *Operation) { op.Query.Filter = costly })
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*whereTime {
		t.Errorf("%v after %s", err, took)
	}
}
