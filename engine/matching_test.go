package engine

import (
	"context"
	"testing"

	"github.com/mainstay-run/mainstay/problem"
)

// Where there is one writer, one change by filter at a time looks for its records.
func TestChangesByFilterTakeTurns(t *testing.T) {
	w := openWorkshop(t)
	w.e.searching <- struct{}{} // somebody's
	op := w.request("DELETE /tasks?filter=code == \"none\"&max_affected=1", "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.e.Do(ctx, w.ann, op); problem.KindOf(err) != problem.Unavailable {
		t.Errorf("while another one runs: %v", err)
	}
	<-w.e.searching
	if _, err := w.e.Do(t.Context(), w.ann, op); err != nil {
		t.Errorf("in its turn: %v", err)
	}
	if len(w.e.searching) > 0 {
		t.Error("the turn was not given back")
	}
}
