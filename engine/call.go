package engine

import (
	"strings"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/value"
)

// call is one operation on its way through the engine: who asks, what the rules
// may read of the request, and what has been spent.
type call struct {
	who   *auth.Principal
	env   rule.Env // Caller, Now, Literals of this request
	view  *rule.View
	db    *store.DB // that a read is answered from
	stats store.Stats
	// alone: the write that was prepared, with all members, depends on nothing but rows
	// that it locks.
	alone bool
	// makes is the creation that was prepared, when it may as well be done with others.
	makes *creation
	// single: it needs no more than one statement that writes, and nothing held before.
	single bool
}

// begin starts an operation for who at the engine's time.
func (e *Engine) begin(who *auth.Principal) *call {
	if who == nil {
		who = auth.Nobody
	}
	c := &call{who: who, db: e.db}
	c.env.Caller = who.Caller
	c.env.Now = value.Timestamp(e.opts.Now().UnixMilli())
	c.view = e.set.View(&c.env)
	return c
}

// sight is how the caller sees r: NotFound when r serves nobody, Forbidden when
// an API key's scopes do not reach it.
func (c *call) sight(r *rule.Resource) (*rule.Sight, error) {
	s := c.view.Resource(r.Name)
	if s == nil {
		return nil, NotFound()
	}
	if !c.scoped(r, "read") {
		return nil, c.outOfScope(r, "read")
	}
	return s, nil
}

// scoped reports whether the principal's scopes admit verb ("read" or "write")
// on r; a principal without scopes is not limited. "write" does not imply "read".
func (c *call) scoped(r *rule.Resource, verb string) bool {
	if c.who.Scopes == nil {
		return true
	}
	for _, s := range c.who.Scopes {
		path, v, limited := strings.Cut(s, ":")
		if s == verb || limited && path == r.Path && v == verb {
			return true
		}
	}
	return false
}

func (c *call) outOfScope(r *rule.Resource, verb string) error {
	return problem.Errorf(problem.Forbidden, "this API key needs the scope %q or %q", verb, r.Path+":"+verb)
}
