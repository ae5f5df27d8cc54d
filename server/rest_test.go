package server

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRestFreesMemoryOnceInEachPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var requests, freed atomic.Uint64
		go rest(ctx, requests.Load, func() { freed.Add(1) })
		for _, step := range []struct {
			story    string
			requests uint64
			pause    time.Duration
			want     uint64
		}{
			{"quiet from the start", 0, time.Minute, 1},
			{"still quiet", 0, time.Hour, 1},
			{"a request, and the next at once", 1, restTime, 1},
			{"another one", 2, restTime, 1},
			{"a pause", 2, time.Minute, 2},
		} {
			requests.Store(step.requests)
			time.Sleep(step.pause)
			synctest.Wait()
			if got := freed.Load(); got != step.want {
				t.Errorf("%s: freed %d times, want %d", step.story, got, step.want)
			}
		}
	})
}
