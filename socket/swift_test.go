//go:build linux && !race

package socket_test

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestWhoWritesMuchLetsOthersGoFirst: there is one processor, and the socket is never full.
func TestWhoWritesMuchLetsOthersGoFirst(t *testing.T) {
	here, _ := pair(t, "tcp")
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var went atomic.Bool
	go went.Store(true)
	for range 128 {
		if _, err := here.Write(make([]byte, 4<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if !went.Load() {
		t.Error("another goroutine still waits")
	}
}
