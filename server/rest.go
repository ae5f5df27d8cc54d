package server

import (
	"context"
	"time"
)

// restTime is how long no request must have come before memory is given back.
const restTime = 5 * time.Second

// rest calls free at the start, for what that took, and once in every pause of the
// requests that count counts. Hashing
// a password takes 19 MiB, which the collector would otherwise keep for minutes.
func rest(ctx context.Context, count func() uint64, free func()) {
	tick := time.NewTicker(restTime)
	defer tick.Stop()
	last, rested := count(), true
	free()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := count()
		switch {
		case now != last:
			last, rested = now, false
		case !rested:
			free()
			rested = true
		}
	}
}
