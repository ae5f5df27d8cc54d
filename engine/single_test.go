package engine

import (
	"context"
	"testing"

	"github.com/mainstay-run/mainstay/store"
)

// modes notes what transactions are begun for.
type modes struct {
	store.Driver
	seen []store.Mode
}

func (m *modes) Begin(ctx context.Context, mode store.Mode) (store.Tx, error) {
	m.seen = append(m.seen, mode)
	return m.Driver.Begin(ctx, mode)
}

// A write that is one statement holds nothing; one that relies on more does.
func TestWhatAWriteHolds(t *testing.T) {
	w := openEmpty(t, everyKind)
	noted := &modes{Driver: w.db.Driver()}
	w.e.db = store.New(noted)
	shelf := w.id(nil, "POST /shelves", `{"name":"s"}`)
	id := w.id(nil, "POST /things", `{"name":"a"}`)
	for _, tt := range []struct {
		name, line, body string
		want             store.Mode
	}{
		{"create", "POST /shelves", `{"name":"t"}`, store.WriteOne},
		{"create under a rule that follows a relation for others only", "POST /labels", `{"text":"l","shelf":"` + shelf + `"}`, store.WriteOne},
		{"create what an answer tells only when it is read", "POST /things", `{"name":"b","shelf":"` + shelf + `"}`, store.WriteRows},
		{"update of some fields", "PATCH /things/" + id + "?fields=name", `{"name":"c"}`, store.WriteOne},
		{"update and show what it refers to", "PATCH /things/" + id + "?fields=name&include=shelf", `{"name":"d"}`, store.WriteRows},
	} {
		noted.seen = nil
		if _, err := w.do(nil, tt.line, tt.body); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if len(noted.seen) != 1 || noted.seen[0] != tt.want {
			t.Errorf("%s: began %v, want %v", tt.name, noted.seen, tt.want)
		}
	}
}
