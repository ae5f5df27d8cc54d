package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/pprof"
	"slices"
	"time"

	"github.com/mainstay-run/mainstay/api"
)

// Health answers /livez, /readyz and /metrics.
func (s *Server) Health() http.Handler { return s.health() }

func (s *Server) health() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") })
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", s.opts.Metrics.Handler())
	return mux
}

// operator is Health with profiles, which show memory and so are only for a
// port that the public does not reach. The command's arguments are left out: the
// database's password may be among them.
func (s *Server) operator() http.Handler {
	mux := s.health()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/", s.explain)
	return mux
}

// explain answers the API's own paths, but only how it would answer them: Prefer:
// explain is heard here and not where the public is.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	if !api.AsksToExplain(r) {
		http.NotFound(w, r)
		return
	}
	permitted(*s.site.Load()).ServeHTTP(w, r)
}

const readyTime = 2 * time.Second

// readyz says whether requests should be sent here; with ?verbose, each condition.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTime)
	defer cancel()
	status, text := http.StatusOK, ""
	note := func(name string, err error) {
		if err == nil {
			text += fmt.Sprintf("[+] %s ok\n", name)
			return
		}
		status = http.StatusServiceUnavailable
		text += fmt.Sprintf("[-] %s: %v\n", name, err)
	}
	var stop error
	if s.stopping.Load() {
		stop = errors.New("stopping")
	}
	note("serving", stop)
	for _, name := range slices.Sorted(maps.Keys(s.opts.Ready)) {
		note(name, s.opts.Ready[name](ctx))
	}
	switch {
	case r.URL.Query().Has("verbose"):
	case status == http.StatusOK:
		text = "ok\n"
	default:
		text = "not ready\n"
	}
	say(w, status, text)
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // whoever asked is gone
}
