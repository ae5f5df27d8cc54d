// Package api is the HTTP dialect: it finds the route, reads the request into
// an engine.Operation and writes what the engine says, every error as
// problem+json. What a caller may do is decided below, in the engine; refused
// here are unknown paths and methods, bad credentials, and requests that are
// too large, too slow, too many or not well-formed, in that order:
// route, method, credentials, size and media, parameters.
//
// Files: router.go and routes.go find the endpoint, exchange.go is one request
// from beginning to end, bounds.go what all requests share, explain.go what
// operators may ask instead; decode.go params.go
// longquery.go etag.go read it, encode.go compress.go stream.go problem.go write
// the answer.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/contract"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/rule"
)

// Options are the settings of the handler; the zero value is useful.
type Options struct {
	Log *slog.Logger // nil: discarded
	// MaxBody is the largest request body in bytes. Defaults to 1 MiB.
	MaxBody int64
	// Timeout bounds one request, and the reading of its body. Defaults to 30 s.
	Timeout time.Duration
	// ExportTimeout bounds one export, for which a caller gets Timeout for every
	// piece that it reads. Defaults to 10 min.
	ExportTimeout time.Duration
	// MaxConcurrent is the most requests carried out at one time; more are 503.
	// Defaults to 1024; -1 means no limit.
	MaxConcurrent int
	// MaxHeld is the most memory, in bytes, for bodies that are being sent and
	// answers that are being read, the first 16 KiB of each apart; what would take
	// more is 503. Defaults to 64 MiB; -1 means no limit.
	MaxHeld int64
	// MaxExports is the most exports at one time; more wait, then are 503. Defaults to 2.
	MaxExports int
	// Timing shows the number of statements of each answer in Server-Timing.
	Timing bool
	// Explain answers Prefer: explain where PermitExplain was called; nil: nowhere.
	Explain func(ctx context.Context, who *auth.Principal, op *engine.Operation) (*engine.Explanation, error)
	// Observe is told of every request when it has ended. route is a path of the
	// contract with {…} for its variable segment, "" where there was none; method
	// is one of the served ones or "other"; status is 499 when the caller went away.
	Observe func(route, method string, status int, took time.Duration)
	// Client names the network address that a request came from, for the limits on
	// sign-in. Defaults to that of the connection.
	Client func(r *http.Request) string
	// OpenAPI serves /openapi.json and /openapi.yaml, Operator /livez, /readyz and
	// /metrics. nil: 404.
	OpenAPI, Operator http.Handler
	// Docs are the documentation's page and files, by path.
	Docs map[string]http.Handler
}

// New makes the handler of one contract.
func New(e *engine.Engine, a *auth.Authenticator, set *rule.Set, o Options) http.Handler {
	return newHandler(e, a, set.Contract, set.Resource, o)
}

// operator carries out operations; *engine.Engine is the only one outside tests.
type operator interface {
	Do(ctx context.Context, who *auth.Principal, op *engine.Operation) (*engine.Result, error)
	accounts
}

type accounts interface {
	Signup(ctx context.Context, body []byte, client string) (*engine.Result, error)
	Login(ctx context.Context, body []byte, client string) (*engine.Result, error)
	Logout(ctx context.Context, who *auth.Principal) (*engine.Result, error)
	Me(ctx context.Context, who *auth.Principal) (*engine.Result, error)
	ChangePassword(ctx context.Context, who *auth.Principal, body []byte, client string) (*engine.Result, error)
	CreateKey(ctx context.Context, who *auth.Principal, body []byte) (*engine.Result, error)
	ListKeys(ctx context.Context, who *auth.Principal) (*engine.Result, error)
	DeleteKey(ctx context.Context, who *auth.Principal, id string) (*engine.Result, error)
}

// identifier finds out who calls; *auth.Authenticator is the only one outside tests.
type identifier interface {
	Identify(ctx context.Context, authorization string) (*auth.Principal, error)
}

type handler struct {
	engine  operator
	auth    identifier
	routes  *node
	cors    *cors
	vary    []string
	base    string
	client  func(r *http.Request) string
	log     *slog.Logger
	away    reports // 503
	late    reports // 504
	waited  watch   // the deadlines of requests
	running atomic.Int64
	held    atomic.Int64  // bytes, see MaxHeld
	exports chan struct{} // holds one for each that runs
	opts    Options
}

func newHandler(e operator, a identifier, c *contract.Contract, find func(string) *rule.Resource, o Options) *handler {
	o.MaxBody = cmp.Or(o.MaxBody, 1<<20)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.ExportTimeout = cmp.Or(o.ExportTimeout, 10*time.Minute)
	o.MaxConcurrent = cmp.Or(o.MaxConcurrent, 1024)
	o.MaxHeld = cmp.Or(o.MaxHeld, 64<<20)
	o.MaxExports = cmp.Or(o.MaxExports, 2)
	h := &handler{
		engine: e, auth: a, routes: table(c, find, o), cors: newCORS(c.CORS),
		base: c.BasePath, client: o.Client, log: o.Log, opts: o,
		exports: make(chan struct{}, o.MaxExports),
		vary:    []string{"Accept-Encoding, Authorization"},
	}
	if len(h.cors.origins) > 0 {
		h.vary = []string{"Accept-Encoding, Authorization, Origin"}
	}
	if h.client == nil {
		h.client = remoteAddress
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	return h
}

func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
