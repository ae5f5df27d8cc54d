package api

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/problem"
)

func TestWhatIsAwayIsReportedOnceASecond(t *testing.T) {
	var r reports
	now := time.Unix(1_000_000, 0)
	for i, tt := range []struct {
		after time.Duration
		more  int64
		ok    bool
	}{
		{0, 0, true}, {time.Millisecond, 0, false}, {998 * time.Millisecond, 0, false},
		{time.Millisecond, 2, true}, {time.Second, 0, true}, {time.Hour, 0, true},
	} {
		now = now.Add(tt.after)
		if more, ok := r.due(now); more != tt.more || ok != tt.ok {
			t.Errorf("%d: %d, %t, want %d, %t", i, more, ok, tt.more, tt.ok)
		}
	}
}

func TestWhatTookTooLongIsAWarning(t *testing.T) {
	cause := errors.New("why")
	for _, tt := range []struct {
		err   error
		level string // "": not logged
	}{
		{problem.Wrap(cause, problem.Timeout, "the request took too long"), "WARN"},
		{problem.Wrap(cause, problem.Unavailable, "the database does not answer"), "ERROR"},
		{problem.Wrap(cause, problem.Internal, "a fault"), "ERROR"},
		{problem.Wrap(cause, problem.StateConflict, "the posting is closed"), ""},
		{problem.Errorf(problem.Unavailable, "too many costly requests are under way"), ""},
	} {
		var log bytes.Buffer
		h := serve(&scripted{err: tt.err}, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		for range 3 {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/postings", nil))
		}
		if tt.level == "" && log.Len() > 0 || tt.level != "" && !strings.Contains(log.String(), "level="+tt.level+` msg="request failed"`) {
			t.Errorf("%v is logged as %q, want level %q", tt.err, log.String(), tt.level)
		}
		if lines := strings.Count(log.String(), "\n"); lines > 1 && problem.KindOf(tt.err) != problem.Internal {
			t.Errorf("%v is logged %d times within a second", tt.err, lines)
		}
	}
}
