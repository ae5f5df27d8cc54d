package auth

import (
	"fmt"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/value"
)

func TestCache(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	ann := &Principal{Caller: &rule.Caller{ID: value.UUID{1}}}
	bob := &Principal{Caller: &rule.Caller{ID: value.UUID{2}}}
	kept := func(c *cache, hash string, who *Principal) {
		_, age := c.find(hash, now)
		c.keep(hash, who, now, age)
	}
	has := func(c *cache, hash string, at time.Time) bool {
		who, _ := c.find(hash, at)
		return who != nil
	}
	t.Run("remembers for less than a second", func(t *testing.T) {
		var c cache
		kept(&c, "a", ann)
		if !has(&c, "a", now.Add(999*time.Millisecond)) || has(&c, "a", now.Add(time.Second)) {
			t.Error("a principal is remembered too long or not at all")
		}
	})
	t.Run("forgets one account, or all", func(t *testing.T) {
		var c cache
		kept(&c, "a", ann)
		kept(&c, "b", bob)
		c.forget(&ann.Caller.ID)
		if has(&c, "a", now) || !has(&c, "b", now) {
			t.Error("the wrong one was forgotten")
		}
		c.forget(nil)
		if has(&c, "b", now) {
			t.Error("not all were forgotten")
		}
	})
	t.Run("does not keep what was loaded before it had to forget", func(t *testing.T) {
		var c cache
		_, age := c.find("a", now)
		c.forget(&ann.Caller.ID)
		c.keep("a", ann, now, age)
		if has(&c, "a", now) {
			t.Error("an old principal was kept")
		}
	})
	t.Run("is bounded", func(t *testing.T) {
		var c cache
		for i := range 3 * maxSeen {
			kept(&c, fmt.Sprint(i), ann)
		}
		if len(c.m) > maxSeen {
			t.Errorf("%d principals are kept", len(c.m))
		}
	})
}
