package server

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestFreesMemoryOnceInEachPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var requests uint64
		freed := 0
		go rest(ctx, func() uint64 { return requests }, func() { freed++ })
		for _, step := range []struct {
			story    string
			requests uint64
			pause    time.Duration
			want     int
		}{
			{"quiet from the start", 0, time.Minute, 1},
			{"still quiet", 0, time.Hour, 1},
			{"a request, and the next at once", 1, restTime, 1},
			{"another one", 2, restTime, 1},
			{"a pause", 2, time.Minute, 2},
		} {
			requests = step.requests
			time.Sleep(step.pause)
			synctest.Wait()
			if freed != step.want {
				t.Errorf("%s: freed %d times, want %d", step.story, freed, step.want)
			}
		}
	})
}
