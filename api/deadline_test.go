package api

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, leave := context.WithCancel(context.Background())
		defer leave()
		d := new(watch).deadline(parent, time.Second)
		defer d.release()
		if d.Err() != nil {
			t.Errorf("it has ended at once: %v", d.Err())
		}
		child, cancel := context.WithCancel(d)
		defer cancel()
		<-child.Done()
		if !errors.Is(d.Err(), context.DeadlineExceeded) || !errors.Is(child.Err(), context.DeadlineExceeded) {
			t.Errorf("after its time: %v, %v", d.Err(), child.Err())
		}

		gone := new(watch).deadline(parent, time.Hour)
		defer gone.release()
		done := gone.Done()
		leave()
		<-done
		if !errors.Is(gone.Err(), context.Canceled) {
			t.Errorf("after the caller left: %v", gone.Err())
		}

		late := new(watch).deadline(context.Background(), time.Second)
		time.Sleep(2 * time.Second) // of synctest's clock
		if !errors.Is(late.Err(), context.DeadlineExceeded) {
			t.Errorf("nobody waited, and its time is over: %v", late.Err())
		}
	})
}

// TestDeadlineReleased: a statement's own context may still watch when the request is over.
func TestDeadlineReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := new(watch).deadline(context.Background(), time.Hour)
		child, cancel := context.WithCancel(d)
		defer cancel()
		d.release()
		<-child.Done()
		if !errors.Is(child.Err(), context.Canceled) {
			t.Errorf("what watched says %v", child.Err())
		}
		<-d.Done()
		late := new(watch).deadline(context.Background(), time.Hour)
		late.release()
		<-late.Done()
	})
}

// TestDeadlineWatched: each statement is watched, so that must not start a goroutine.
func TestDeadlineWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		parent, leave := context.WithCancel(context.Background())
		defer leave()
		d := new(watch).deadline(parent, time.Hour)
		before := runtime.NumGoroutine()
		var over bool
		stop := context.AfterFunc(d, func() { over = true })
		if n := runtime.NumGoroutine(); n != before {
			t.Errorf("%d goroutines watch", n-before)
		}
		d.release()
		synctest.Wait()
		if !over || stop() {
			t.Error("what watched was not told")
		}
	})
}

// TestDeadlineForgotten: what is over is not looked at any more, and what was told to
// stop waiting is not called.
func TestDeadlineForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(watch)
		d := w.deadline(context.Background(), time.Second)
		stop := context.AfterFunc(d, func() { t.Error("what was stopped is called") })
		if !stop() || stop() {
			t.Error("it is stopped twice, or not at all")
		}
		kept := w.deadline(context.Background(), time.Second)
		<-kept.Done()
		d.release()
		kept.release()
		time.Sleep(2 * lookEvery) // of synctest's clock
		if len(w.waited) > 0 || w.looking {
			t.Errorf("%d are waited for, looking: %v", len(w.waited), w.looking)
		}
	})
}
