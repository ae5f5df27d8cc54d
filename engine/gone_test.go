package engine

import (
	"fmt"
	"testing"

	"github.com/mainstay-run/mainstay/value"
)

// A deleted record's id must not come to mean another one: for tokens, entity
// tags, idempotency keys and links that are still about.
func TestIdsOfDeletedRecordsAreNotGivenAgain(t *testing.T) {
	w := openWorkshop(t)
	meter := func(id string) string { return fmt.Sprintf(`{"id":%q,"name":"m"}`, id) }
	const taken = "unique-violation #/id:unique"

	id := w.id(w.ann, "POST /meters", `{"name":"m"}`)
	w.ok(w.ann, "DELETE /meters/"+id, "")
	for _, line := range []string{"POST /meters", "PUT /meters/" + id} {
		if got := w.no(w.bob, line, meter(id)); got != taken {
			t.Errorf("%s: %s", line, got)
		}
	}
	if got := w.no(w.bob, "POST /teams", fmt.Sprintf(`{"id":%q,"name":"N","slug":"n"}`, id)); got != taken {
		t.Errorf("as a record of another resource: %s", got)
	}

	own := value.NewID(w.now).String() // a client's own, never given before
	w.id(w.ann, "POST /meters", meter(own))
	w.ok(w.ann, "DELETE /meters?max_affected=1&filter=name == \"m\"", "")
	if got := w.no(w.ann, "POST /meters", meter(own)); got != taken {
		t.Errorf("deleted by filter: %s", got)
	}

	other := value.NewID(w.now).String()
	ops := fmt.Sprintf(`{"operations":[{"create":%s},{"delete":{"id":%q}},{"create":%s}]}`, meter(other), other, meter(other))
	if got := w.no(w.ann, "POST /meters/batch", ops); got != "unique-violation #/operations/2/create/id:unique" {
		t.Errorf("in one transaction: %s", got)
	}
	w.id(w.ann, "POST /meters", meter(other)) // which did not happen

	team := w.id(w.ann, "POST /teams", `{"name":"N","slug":"n"}`)
	member := w.id(w.ann, "POST /memberships", fmt.Sprintf(`{"team":%q,"user":%q}`, team, w.bob.Caller.ID))
	w.ok(w.ann, "DELETE /teams/"+team, "")
	again := w.id(w.ann, "POST /teams", `{"name":"N","slug":"n"}`)
	if got := w.no(w.ann, "POST /memberships", fmt.Sprintf(`{"id":%q,"team":%q,"user":%q}`, member, again, w.bob.Caller.ID)); got != taken {
		t.Errorf("deleted with another record: %s", got)
	}
}
