package server

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Follow loads the contract again at each change, beside what the caller does,
// and serves it when load succeeds; when it fails, what was served goes on being
// served. report, told after each load, may be nil. It ends with ctx, when
// changes is closed or with stop, which waits for a load under way.
func (s *Server) Follow(ctx context.Context, changes <-chan struct{}, load func(context.Context) (http.Handler, error), report func(took time.Duration, err error)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case _, more := <-changes:
				if !more {
					return
				}
			}
			began := time.Now()
			h, err := load(ctx)
			if err == nil {
				s.Swap(h)
			}
			s.opts.Metrics.Reloaded(err == nil)
			if report != nil {
				report(time.Since(began), err)
			}
		}
	})
	return func() { cancel(); following.Wait() }
}
