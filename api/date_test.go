package api

import (
	"testing"
	"time"
)

func TestDateFollowsTheClock(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "Sun, 01 Mar 2026 11:00:00 GMT"},
		{999 * time.Millisecond, "Sun, 01 Mar 2026 11:00:00 GMT"},
		{time.Second, "Sun, 01 Mar 2026 11:00:01 GMT"},
		{-time.Millisecond, "Sun, 01 Mar 2026 10:59:59 GMT"}, // the clock was set back
	} {
		if got := dateOf(noon.Add(tt.after)); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s after noon: %q, want %q", tt.after, got, tt.want)
		}
	}
}
