package api

import (
	"net/http"
	"slices"

	"github.com/mainstay-run/mainstay/contract"
)

// cors tells browsers which origins may read answers. Origins match exactly or
// not at all; what a caller sends is never reflected unless the contract names it.
type cors struct {
	any         bool // the contract's "*": everybody, without credentials
	origins     []string
	credentials bool
}

func newCORS(c contract.CORS) *cors {
	if slices.Contains(c.Origins, "*") {
		return &cors{any: true}
	}
	return &cors{origins: c.Origins, credentials: c.Credentials}
}

var (
	anyOrigin      = []string{"*"}
	allowedTrue    = []string{"true"}
	preflightAge   = []string{"600"}
	requestHeaders = []string{"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Mainstay-Read, Prefer, Traceparent, Tracestate"}
	exposedHeaders = []string{"Accept-Patch, Accept-Post, Accept-Query, Allow, ETag, Idempotent-Replayed, Link, Location, Mainstay-Read, Preference-Applied, RateLimit, Retry-After, Server-Timing, WWW-Authenticate"}
)

// apply sets the fields of an answer to a request from r's origin and reports
// whether that origin may read it. The opaque origin "null" never may: any
// sandboxed page has it.
func (c *cors) apply(h http.Header, r *http.Request) bool {
	origin := r.Header["Origin"]
	if len(origin) != 1 || origin[0] == "null" {
		return false
	}
	switch {
	case c.any:
		h["Access-Control-Allow-Origin"] = anyOrigin
	case slices.Contains(c.origins, origin[0]):
		h["Access-Control-Allow-Origin"] = origin[:1:1]
		if c.credentials {
			h["Access-Control-Allow-Credentials"] = allowedTrue
		}
	default:
		return false
	}
	h["Access-Control-Expose-Headers"] = exposedHeaders
	return true
}

// preflight answers the question a browser asks before it sends a request that a
// form could not have sent.
func preflight(h http.Header, r *http.Request, n *node) {
	if r.Header.Get("Access-Control-Request-Method") == "" {
		return
	}
	h["Access-Control-Allow-Methods"] = n.allow
	h["Access-Control-Allow-Headers"] = requestHeaders
	h["Access-Control-Max-Age"] = preflightAge
}
