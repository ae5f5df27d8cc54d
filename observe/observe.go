// Package observe is how an operator sees the program from outside: metrics in
// Prometheus' format, and nothing that carries a value from a request. Routes
// are labelled by their pattern, never by their path, so that the number of
// series is bounded by the contract.
package observe

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the figures of one process. All methods may be called concurrently.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	reloads  *prometheus.CounterVec

	// series are the two of each label, found once: looking them up by their
	// labels costs more than counting. The contract bounds their number.
	series sync.Map // labels → series
}

// labels tell requests apart.
type labels struct {
	route, method string
	status        int
}

type series struct {
	requests prometheus.Counter
	duration prometheus.Observer
}

// New makes the metrics: requests, their duration and how many are in flight,
// reloads of the contract, the Go runtime and the process.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mainstay_requests_total",
			Help: "Requests answered, by the pattern of the route, method and status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mainstay_request_duration_seconds",
			Help:    "Time from a request's headers to the end of its answer, by the pattern of the route and method.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 30},
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "mainstay_requests_in_flight",
			Help: "Requests being answered now.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mainstay_reloads_total",
			Help: "Contracts loaded after start, by whether the new one is served.",
		}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.inFlight, m.reloads,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// CountStatements exposes total, which must only grow, as the number of
// statements that the database has run.
func (m *Metrics) CountStatements(total func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "mainstay_db_statements_total",
		Help: "Statements run on the database.",
	}, func() float64 { return float64(total()) }))
}

// Reloaded counts a contract loaded after start; served is false for one that was refused.
func (m *Metrics) Reloaded(served bool) {
	outcome := "refused"
	if served {
		outcome = "served"
	}
	m.reloads.WithLabelValues(outcome).Inc()
}

// Handler serves the figures in Prometheus' text format or as OpenMetrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// Request counts a request that has ended. route is its pattern, "" where none
// matched; method is one of HTTP's or a constant for all others; took runs from
// its headers to the end of its answer.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	key := labels{route, method, status}
	found, ok := m.series.Load(key)
	if !ok {
		if route == "" {
			route = "unmatched"
		}
		found, _ = m.series.LoadOrStore(key, series{
			m.requests.WithLabelValues(route, method, strconv.Itoa(status)),
			m.duration.WithLabelValues(route, method),
		})
	}
	s := found.(series)
	s.requests.Inc()
	s.duration.Observe(took.Seconds())
}

// InFlight counts the requests that next is answering.
func (m *Metrics) InFlight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		next.ServeHTTP(w, r)
	})
}
