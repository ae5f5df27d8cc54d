package conformance

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

// TestOneCallerCannotHoldEveryConnection sends more requests than there are
// connections, none of which ends in its time, and asks for little beside them: the
// others are answered, and what was too much is told to come again.
func TestOneCallerCannotHoldEveryConnection(t *testing.T) {
	eachWatched(t, func(t *testing.T, kind dbtest.Kind) {
		c := newCrew(t, kind)
		signup := ask(t, "POST", c.url+"/auth/signup", `{"email":"ann@crew.example","password":"correct horse battery"}`)
		var ann struct{ Token string }
		if err := json.Unmarshal([]byte(signup.body), &ann); err != nil || ann.Token == "" {
			t.Fatalf("signing up answers %d %s", signup.status, signup.body)
		}
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		var greedy sync.WaitGroup
		var told atomic.Int32
		for range 40 {
			greedy.Go(func() {
				for ctx.Err() == nil {
					status, text := c.send(ctx, "GET", "/tasks?filter="+endless, "")
					if status == 503 && strings.Contains(text, "too many costly requests") {
						told.Add(1)
						return
					}
					if status != 0 && status != 504 {
						t.Errorf("a costly request is answered with %d %s", status, text)
						return
					}
				}
			})
		}
		c.await(8, nil)
		for range 100 {
			r, err := http.NewRequest("GET", c.url+"/tasks?limit=2", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+ann.Token)
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if res.Body.Close(); res.StatusCode != 200 {
				t.Errorf("a small request beside them is answered with %d", res.StatusCode)
			}
		}
		leave()
		greedy.Wait()
		if told.Load() == 0 {
			t.Error("nobody was told that it is too much")
		}
		c.await(0, nil)
	})
}
