package api

import (
	"testing"
	"time"
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
