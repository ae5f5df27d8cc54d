package store

import (
	"runtime"
	"testing"
	"time"
)

// A group that rests gives writes back, those too that wait already.
func TestAGroupThatRests(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	g := NewGroup(4, over)
	carried, waiting := 0, make(chan bool, 4)
	do := func() {
		_, alone, err := g.Do(t.Context(), nil, nil)
		if err != nil {
			t.Error(err)
		}
		waiting <- alone
	}
	go do()
	go do()
	for len(g.queue) < 2 {
		runtime.Gosched()
	}
	g.Rest(time.Hour)
	go g.Run(func(list []*Change) {
		carried += len(list)
		for _, w := range list {
			w.Done(1, nil)
		}
	})
	go do()
	for range 3 {
		if alone := <-waiting; !alone {
			t.Error("a write was done together with others")
		}
	}
	g.Rest(-time.Hour)
	do()
	if alone := <-waiting; alone || carried != 1 {
		t.Errorf("when it is over: alone %v, %d done together", alone, carried)
	}
}
