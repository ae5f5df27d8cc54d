package server

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/mainstay-run/mainstay/api"
	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/observe"
	"github.com/mainstay-run/mainstay/openapi"
	"github.com/mainstay-run/mainstay/rule"
	"github.com/mainstay-run/mainstay/store"
)

// Load reads and checks the contract in folder: shape, names and expressions. All
// faults come in one run, by place. c is nil when nothing could be made of it,
// set when a fault is more than a warning.
func Load(folder string) (c *contract.Contract, set *rule.Set, faults []contract.Fault) {
	c, faults = contract.Load(folder)
	if c == nil {
		return nil, nil, faults
	}
	set, more := rule.Compile(c)
	if Broken(faults) {
		set = nil
	}
	faults = contract.Sort(append(faults, more...))
	return c, set, slices.CompactFunc(faults, func(a, b contract.Fault) bool {
		return a.Pos == b.Pos && a.What == b.What // one line for several operations is one fault
	})
}

// Broken reports whether one of the faults is more than a warning.
func Broken(faults []contract.Fault) bool {
	for _, f := range faults {
		if !f.Warning {
			return true
		}
	}
	return false
}

// Ground is what outlives a contract: everything that a handler stands on.
type Ground struct {
	DB *store.DB
	// Replicas of DB, for reads that ask for them; nil: there are none.
	Replicas *store.Replicas
	Keys     *keyring.Ring
	Metrics  *observe.Metrics
	Log      *slog.Logger
	// Health is served beside the API; nil: it is not.
	Health http.Handler
	// Front leads from / to the documentation.
	Front bool
	// Timing shows in each answer how many statements it took, and everybody may ask
	// with Prefer: explain. For a machine on which everybody is the operator.
	Timing bool
	// Proxies stand before the program; see ClientBehind.
	Proxies int
	// Timeout bounds a request; 0 is api's own.
	Timeout time.Duration
	// Limiter bounds attempts to sign in, over all contracts.
	Limiter *auth.Limiter
}

// Handler answers for one contract.
func (g *Ground) Handler(set *rule.Set) http.Handler {
	who := auth.New(g.DB, set, auth.Options{Limiter: g.Limiter})
	e := engine.New(set, g.DB, g.Keys, engine.Options{Log: g.Log, Auth: who, Replicas: g.Replicas})
	h := api.New(e, who, set, api.Options{
		Log:     g.Log,
		Timing:  g.Timing,
		Timeout: g.Timeout,
		Explain: func(ctx context.Context, who *auth.Principal, op *engine.Operation) (*engine.Explanation, error) {
			return e.Explain(ctx, who, op, false)
		},
		Observe:  g.Metrics.Request,
		OpenAPI:  describe(set.Contract),
		Docs:     openapi.Docs("/openapi.json", set.Contract.Name),
		Operator: g.Health,
		Client:   ClientBehind(g.Proxies),
	})
	if g.Timing {
		h = permitted(h)
	}
	if g.Front {
		return fromFront(h)
	}
	return h
}

// permitted lets requests ask with Prefer: explain.
func permitted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api.AsksToExplain(r) {
			r = r.WithContext(api.PermitExplain(r.Context()))
		}
		h.ServeHTTP(w, r)
	})
}

// fromFront sends who opens the bare address in a browser to the documentation.
func fromFront(h http.Handler) http.Handler {
	docs := http.RedirectHandler("/docs", http.StatusFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			docs.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}
