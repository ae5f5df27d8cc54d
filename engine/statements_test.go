package engine

import (
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/auth"
)

// The numbers of docs/statements.md, for writes.
func TestStatementsOfWrites(t *testing.T) {
	w := openWorkshop(t)
	meter := w.id(w.ann, "POST /meters", `{"name":"gas"}`)
	task := w.task("")
	fields := func(more string) string { return fmt.Sprintf(`{"team":%q,"title":"Saw wood"%s}`, w.acme, more) }
	minimal := func(op *Operation) { op.Minimal = true }
	match := func(op *Operation) { op.IfMatch = []string{"*"} }
	as := func(change ...func(*Operation)) []func(*Operation) { return change }
	for _, tt := range []struct {
		name, line, body string
		who              *auth.Principal
		change           []func(*Operation)
		want             int
	}{
		{"create: the answer is told from memory", "POST /meters", `{"name":"a"}`, w.ann, nil, 1},
		{"create, minimal", "POST /meters", `{"name":"b"}`, w.ann, as(minimal), 1},
		{"create: a reference, words and a rule over relations", "POST /tasks", fields(""), w.ann, nil, 5},
		{"create: two references to one resource cost one statement", "POST /tasks",
			fields(fmt.Sprintf(`,"assignee":%q,"helpers":[%q,%q]`, w.bob.Caller.ID, w.bob.Caller.ID, w.ann.Caller.ID)), w.ann, nil, 6},
		{"create: refused before anything is asked", "POST /tasks", `{"nope":1}`, w.ann, nil, 0},
		{"create: nobody", "POST /tasks", `{}`, auth.Nobody, nil, 0},
		{"update", "PATCH /meters/" + meter, `{"tally":1}`, w.ann, nil, 2},
		{"update with If-Match", "PATCH /meters/" + meter, `{"tally":2}`, w.ann, as(match), 2},
		{"update that changes nothing", "PATCH /meters/" + meter, `{"tally":2}`, w.ann, nil, 1},
		{"update, minimal", "PATCH /meters/" + meter, `{"tally":3}`, w.ann, as(minimal), 2},
		{"update under a rule over relations", "PATCH /tasks/" + task, `{"effort":null,"ratio":0.5}`, w.ann, nil, 4},
		{"update of words", "PATCH /tasks/" + task, `{"title":"Plane boards"}`, w.ann, nil, 6},
		{"replace", "PUT /meters/" + meter, `{"name":"gas","tally":4}`, w.ann, nil, 2},
		{"action", "POST /tasks/" + task + "/start", ``, w.ann, nil, 3},
		{"action with input", "POST /tasks/" + task + "/finish", `{"verdict":"ok"}`, w.ann, nil, 4},
		{"delete, of a young record", "DELETE /tasks/" + task, ``, w.ann, nil, 3},
		{"by filter: one, and what each record costs", "PATCH /meters?filter=tally == 4&max_affected=9", `{"notes":"n"}`, w.ann, nil, 2},
		{"bulk: what its members cost", "POST /meters/batch", fmt.Sprintf(`{"operations":[{"create":{"name":"c"}},{"delete":{"id":%q}}]}`, meter), w.ann, nil, 4},
		{"transaction: likewise", "POST /batch", `{"operations":[{"method":"POST","path":"/meters","body":{"name":"d"}}]}`, w.ann, nil, 1},
	} {
		c := w.e.begin(tt.who)
		op := w.request(tt.line, tt.body)
		for _, f := range tt.change {
			f(op)
		}
		_, _ = w.e.write(t.Context(), c, op) // the refused ones count as well
		if got := c.stats.Statements; got != tt.want {
			t.Errorf("%s: %d statements, want %d", tt.name, got, tt.want)
		}
	}
	// An Idempotency-Key: dropping old ones, claiming it, settling it; a replay
	// finds it in place of the last and reads the record.
	for _, want := range []int{1 + 3, 3 + 1} {
		res, err := w.keyed(w.ann, "k", "POST /meters", `{"name":"keyed"}`)
		if err != nil || res.Statements != want {
			t.Errorf("%+v, %v; want %d statements", res, err, want)
		}
	}
}
