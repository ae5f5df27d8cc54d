package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mainstay-run/mainstay/problem"
)

// as is a context on behalf of who.
func as(t *testing.T, who any) context.Context {
	return context.WithValue(t.Context(), Asking{}, who)
}

// hold takes n places for who; those that are broken off are given back at once, and counted.
func hold(t *testing.T, p *Places, who any, n int) (all []*Place, ended *int) {
	t.Helper()
	ended = new(int)
	for range n {
		place, err := p.Take(as(t, who))
		if err != nil {
			t.Fatal(err)
		}
		place.Stops(func() {
			if !place.Broken() {
				t.Error("one is broken off that does not know of it")
			}
			*ended++
			place.Give()
		})
		all = append(all, place)
	}
	return all, ended
}

func TestOneCallerMayHoldAllAsLongAsNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(16)
		_, ended := hold(t, p, "greedy", 16)
		time.Sleep(time.Hour)
		ctx, cancel := context.WithTimeout(as(t, "greedy"), time.Minute)
		defer cancel()
		if _, err := p.Take(ctx); problem.KindOf(err) != problem.Timeout {
			t.Errorf("one more of the same caller's: %v", err)
		}
		if *ended > 0 {
			t.Errorf("%d were broken off for their own caller", *ended)
		}
	})
}

func TestWhoWaitsGetsWhatAnotherHasHeldForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(16)
		_, ended := hold(t, p, "greedy", 16)
		began := time.Now()
		place, err := p.Take(as(t, "other"))
		if took := time.Since(began); err != nil || took < costlyAfter || took > costlyAfter+reviewEvery {
			t.Errorf("%v after %s", err, took)
		}
		synctest.Wait()
		if *ended != 1 {
			t.Errorf("%d were broken off for one", *ended)
		}
		place.Give()
		for range 100 { // the greedy one has four that are costly, and half of all at most
			began := time.Now()
			place, err := p.Take(as(t, "other"))
			if err != nil || time.Since(began) != 0 {
				t.Fatalf("%v after %s", err, time.Since(began))
			}
			place.Give()
		}
	})
}

// However many callers there are, half of the places are not kept by what is costly.
func TestManyCallersCannotHoldAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(16)
		var counts []*int
		for who := range 16 {
			_, ended := hold(t, p, who, 1)
			counts = append(counts, ended)
		}
		time.Sleep(2 * costlyAfter)
		for range 16 {
			if _, err := p.Take(context.WithValue(t.Context(), Asking{}, "other")); err != nil {
				break
			}
			synctest.Wait()
			sum := 0
			for _, n := range counts {
				sum += *n
			}
			if sum == 8 {
				return
			}
		}
		t.Error("fewer than half were given up")
	})
}

func TestWhoHoldsTheFewestGoesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(4)
		all, _ := hold(t, p, "greedy", 4)
		order := make(chan string, 20)
		for range 10 {
			go func() {
				if place, err := p.Take(as(t, "greedy")); err == nil {
					order <- "greedy"
					place.Give()
				}
			}()
		}
		synctest.Wait()
		go func() {
			if place, err := p.Take(as(t, nil)); err == nil {
				order <- "nobody"
				place.Give()
			}
		}()
		synctest.Wait()
		all[0].Give()
		if first := <-order; first != "nobody" {
			t.Errorf("%s went first", first)
		}
		for range 10 {
			<-order
		}
	})
}

func TestAPlaceThatIsKeptIsNotBrokenOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(2)
		all, ended := hold(t, p, "greedy", 2)
		for _, place := range all {
			if !place.Keep() {
				t.Error("it was broken off")
			}
		}
		ctx, cancel := context.WithTimeout(as(t, "other"), time.Minute)
		defer cancel()
		if _, err := p.Take(ctx); err == nil || *ended > 0 {
			t.Errorf("%v, %d broken off", err, *ended)
		}
	})
}

func TestWhatWillBeCostlyWaitsBeforeItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(16)
		var long []*Place
		for range 4 {
			place, err := p.TakeLong(as(t, "ann"))
			if err != nil {
				t.Fatal(err)
			}
			long = append(long, place)
		}
		began := time.Now()
		var crowded *problem.Error
		if _, err := p.TakeLong(as(t, "ann")); !errors.As(err, &crowded) || crowded.RetryAfter == 0 || time.Since(began) != longWait {
			t.Errorf("a fifth: %v after %s", err, time.Since(began))
		}
		if _, err := p.TakeLong(as(t, "bob")); err != nil {
			t.Errorf("another's: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			long[0].Give()
		}()
		if _, err := p.TakeLong(as(t, "ann")); err != nil {
			t.Errorf("once one has ended: %v", err)
		}
		_, _ = hold(t, p, "greedy", 11)
		time.Sleep(time.Hour)
		if _, err := p.Take(as(t, "other")); err != nil {
			t.Error(err)
		}
		for _, place := range long[1:] {
			if place.Broken() {
				t.Error("one that waited is broken off")
			}
		}
	})
}

func TestPlacesAreClosedOnceAllAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(2)
		all, _ := hold(t, p, "ann", 2)
		refused := make(chan error)
		go func() {
			_, err := p.Take(as(t, "bob"))
			refused <- err
		}()
		synctest.Wait()
		closed := make(chan struct{})
		go func() {
			p.Close()
			close(closed)
		}()
		if err := <-refused; problem.KindOf(err) != problem.Unavailable {
			t.Errorf("who waited: %v", err)
		}
		all[0].Give()
		synctest.Wait()
		select {
		case <-closed:
			t.Error("closed while one is held")
		default:
		}
		all[1].Give()
		<-closed
		if _, err := p.Take(as(t, "bob")); problem.KindOf(err) != problem.Unavailable {
			t.Errorf("after it: %v", err)
		}
	})
}

func TestAWaitThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPlaces(1)
		all, _ := hold(t, p, "ann", 1)
		for range 5 {
			ctx, cancel := context.WithTimeout(as(t, "bob"), time.Millisecond)
			if _, err := p.Take(ctx); problem.KindOf(err) != problem.Timeout {
				t.Errorf("%v", err)
			}
			cancel()
		}
		all[0].Give()
		if len(p.free) != 1 || len(p.queues) != 0 {
			t.Errorf("%d free, %d queues", len(p.free), len(p.queues))
		}
	})
}
