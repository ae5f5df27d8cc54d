package engine

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
)

// keyed sends a request with an Idempotency-Key, fingerprinted as api does.
func (w *workshop) keyed(who *auth.Principal, key, line, body string) (*Result, error) {
	w.Helper()
	return w.do(who, line, body, func(op *Operation) {
		op.IdempotencyKey, op.Fingerprint = key, sha256.Sum256([]byte(line+body))
	})
}

func TestIdempotencyKey(t *testing.T) {
	w := openWorkshop(t)
	again := func(who *auth.Principal, key, line, body string) (first, second *Result) {
		t.Helper()
		first, err := w.keyed(who, key, line, body)
		if err != nil {
			t.Fatal(err)
		}
		second, err = w.keyed(who, key, line, body)
		if err != nil {
			t.Fatal(err)
		}
		if first.Replayed || !second.Replayed {
			t.Errorf("replayed: %v, then %v", first.Replayed, second.Replayed)
		}
		if first.Created != second.Created || string(first.Body) != string(second.Body) || first.ETag != second.ETag {
			t.Errorf("\nfirst  %s %s\nsecond %s %s", first.Created, first.Body, second.Created, second.Body)
		}
		return first, second
	}
	made, _ := again(w.ann, "a", "POST /meters", `{"name":"gas"}`)
	if got := w.total(w.ann, "Meter"); got != `{"total":1}` {
		t.Errorf("made twice: %s", got)
	}
	again(w.ann, "b", "PATCH /meters/"+made.Created, `{"tally":3}`)
	task := w.task("")
	again(w.ann, "c", "POST /tasks/"+task+"/start", ``)
	bulk, _ := again(w.ann, "d", "POST /meters/batch", fmt.Sprintf(`{"operations":[{"create":{"name":"water"}},{"update":{"id":%q,"tally":4}}]}`, made.Created))
	if got := statuses(object(w, bulk.Body)); got != "201 200" {
		t.Error(got)
	}
	again(w.ann, "e", "POST /batch", `{"operations":[{"method":"POST","path":"/meters","name":"m","body":{"name":"heat"}}]}`)
	again(w.ann, "f", "PATCH /meters?filter=true&max_affected=10", `{"notes":"n"}`)
	if got := w.total(w.ann, "Meter"); got != `{"total":3}` {
		t.Errorf("made twice: %s", got)
	}

	t.Run("another request with the key", func(t *testing.T) {
		_, err := w.keyed(w.ann, "a", "POST /meters", `{"name":"other"}`)
		if problem.KindOf(err) != problem.IdempotencyKeyReused {
			t.Error(err)
		}
	})
	t.Run("somebody else with the key", func(t *testing.T) {
		res, err := w.keyed(w.bob, "a", "POST /meters", `{"name":"bobs"}`)
		if err != nil || res.Replayed {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		_, err := w.keyed(auth.Nobody, "a", "POST /hints", `{"text":"x"}`)
		if problem.KindOf(err) != problem.InvalidParameter {
			t.Error(err)
		}
		if got := w.total(w.adi, "Hint"); got != `{"total":0}` {
			t.Error(got)
		}
	})
	t.Run("members that succeed alone", func(t *testing.T) {
		_, err := w.keyed(w.ann, "g", "POST /meters/batch?atomic=false", `{"operations":[{"create":{"name":"alone"}}]}`)
		if problem.KindOf(err) != problem.InvalidParameter {
			t.Error(err)
		}
	})
	t.Run("what failed may be tried again with the key", func(t *testing.T) {
		if _, err := w.keyed(w.ann, "h", "POST /meters", `{"name":"gas"}`); problem.KindOf(err) != problem.UniqueViolation {
			t.Fatal(err)
		}
		w.ok(w.ann, "PATCH /meters/"+made.Created, `{"name":"oil"}`)
		if res, err := w.keyed(w.ann, "h", "POST /meters", `{"name":"gas"}`); err != nil || res.Replayed {
			t.Errorf("%+v, %v", res, err)
		}
	})
	t.Run("a replay shows the record of today with today's rights", func(t *testing.T) {
		res, err := w.keyed(w.ann, "a", "POST /meters", `{"name":"gas"}`)
		if err != nil || object(w, res.Body)["name"] != "oil" {
			t.Errorf("%s, %v", res.Body, err)
		}
		line, body := "POST /tasks", fmt.Sprintf(`{"team":%q,"title":"Bob's task"}`, w.acme)
		first, err := w.keyed(w.bob, "t", line, body)
		if err != nil {
			t.Fatal(err)
		}
		w.ok(w.ann, "DELETE /memberships?filter=user == \""+w.bob.Caller.ID.String()+"\"&max_affected=1", "")
		second, err := w.keyed(w.bob, "t", line, body)
		if err != nil || second.Body != nil || second.Created != first.Created || second.ETag != "" {
			t.Errorf("%s, %+v, %v", second.Body, second, err)
		}
	})
	t.Run("after a day the key is free", func(t *testing.T) {
		w.now = w.now.Add(24*time.Hour + time.Second)
		res, err := w.keyed(w.ann, "a", "POST /meters", `{"name":"next day"}`)
		if err != nil || res.Replayed {
			t.Errorf("%+v, %v", res, err)
		}
	})
}

// Many copies of one request at the same time make one record.
func TestIdempotencyKeyAtTheSameTime(t *testing.T) {
	w := openWorkshop(t)
	const copies = 8
	type answer struct {
		res *Result
		err error
	}
	answers := make(chan answer, copies)
	for range copies {
		go func() {
			res, err := w.keyed(w.ann, "k", "POST /meters", `{"name":"gas"}`)
			answers <- answer{res, err}
		}()
	}
	ids, replays := map[string]bool{}, 0
	for range copies {
		a := <-answers
		if a.err != nil {
			t.Fatal(a.err)
		}
		ids[a.res.Created] = true
		if a.res.Replayed {
			replays++
		}
	}
	if len(ids) != 1 || replays != copies-1 || !strings.Contains(w.total(w.ann, "Meter"), ":1}") {
		t.Errorf("%d records, %d replays, %s", len(ids), replays, w.total(w.ann, "Meter"))
	}
}
