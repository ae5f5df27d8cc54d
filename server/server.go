// Package server keeps a contract on the air: listeners and their time limits,
// health and figures for the operator, the swap to a newly saved contract and
// the stop that finishes what was begun. What is answered is api's affair; here
// a request is refused only for its size or its slowness, or because the
// program is stopping.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/mainstay-run/mainstay/api"
	"github.com/mainstay-run/mainstay/observe"
)

// Options say where and how a Server answers.
type Options struct {
	// Listener is where the API is served.
	Listener net.Listener
	// Operator is where health, figures and profiles are served; nil: nowhere.
	// See Health for serving them beside the API.
	Operator net.Listener
	// Ready are the named conditions of readiness beside the server's own; each
	// has two seconds to answer.
	Ready map[string]func(context.Context) error
	// Drain is how long running requests may take to end once the server is told
	// to stop; 0 means 30 seconds.
	Drain   time.Duration
	Metrics *observe.Metrics // nil: made here
	Log     *slog.Logger     // nil: discarded
}

// Server answers requests on its listeners with the handler that it was last given.
type Server struct {
	opts     Options
	site     atomic.Pointer[http.Handler]
	stopping atomic.Bool
	requests atomic.Uint64 // that have begun
}

// New makes a server; Swap gives it what it serves.
func New(o Options) *Server {
	if o.Drain == 0 {
		o.Drain = 30 * time.Second
	}
	if o.Metrics == nil {
		o.Metrics = observe.New()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{opts: o}
	s.Swap(http.NotFoundHandler())
	return s
}

// Swap serves h from the next request on; requests that run end as they began.
func (s *Server) Swap(h http.Handler) { s.site.Store(&h) }

// Run serves until ctx ends, then stops in order: not ready, no new
// connections, running requests to their end within Drain. It closes the
// listeners. The error says what failed, or how the stop fell short.
func (s *Server) Run(ctx context.Context) error {
	public := s.httpServer(s.public())
	failed := make(chan error, 2)
	listener := api.Gather(public, s.opts.Listener)
	go func() { failed <- public.Serve(listener) }()
	operator := s.httpServer(s.operator())
	operator.WriteTimeout = 0 // a profile takes as long as it was asked to
	if s.opts.Operator != nil {
		go func() { failed <- operator.Serve(s.opts.Operator) }()
	}
	go rest(ctx, s.requests.Load, debug.FreeOSMemory)
	// The operator's port answers to the last, so that the drain can be watched.
	defer operator.Close()

	select {
	case err := <-failed:
		public.Close()
		return fmt.Errorf("server: %w", err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	s.opts.Log.LogAttrs(ctx, slog.LevelInfo, "stopping", slog.Duration("drain", s.opts.Drain))
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.opts.Drain)
	defer cancel()
	if err := public.Shutdown(drain); err != nil {
		public.Close()
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("server: requests were cut off that still ran after %s", s.opts.Drain)
		}
		return fmt.Errorf("server: stop: %w", err)
	}
	return nil
}

// public is what the API's listener answers.
func (s *Server) public() http.Handler {
	return s.opts.Metrics.InFlight(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if r.ContentLength != 0 { // a body that nobody reads is drained after the answer; that ends too
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		(*s.site.Load()).ServeHTTP(w, r)
	}))
}

// Time limits of a connection. A stream sets a write deadline of its own for
// each piece, so that it may run for as long as it moves.
const (
	headerTime = 5 * time.Second
	bodyTime   = 30 * time.Second
	answerTime = 2 * time.Minute // from the end of the headers to the last byte
	// idleTime is longer than the 60 s after which common load balancers let an
	// idle connection go, so that it is never we who close one they are about to use.
	idleTime = 90 * time.Second
)

const maxHeaderBytes = 32 << 10

func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		WriteTimeout:      answerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.opts.Log.Handler(), slog.LevelWarn),
	}
}
