package observe_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/observe"
)

func TestRequestCountsByRoute(t *testing.T) {
	m := observe.New()
	m.Request("/v1/postings/{id}", "GET", 404, 3*time.Millisecond)
	m.Request("/v1/postings/{id}", "GET", 404, 3*time.Millisecond)
	m.Request("", "other", 404, time.Millisecond)
	got := scrape(t, m)
	for _, want := range []string{
		`mainstay_requests_total{method="GET",route="/v1/postings/{id}",status="404"} 2`,
		`mainstay_requests_total{method="other",route="unmatched",status="404"} 1`,
		`mainstay_request_duration_seconds_bucket{method="GET",route="/v1/postings/{id}",le="0.005"} 2`,
		`go_goroutines `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestInFlightForgetsARequestThatPanics(t *testing.T) {
	m := observe.New()
	var during string
	handler := m.InFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		during = scrape(t, m)
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() { _ = recover() }()
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	if !strings.Contains(during, "mainstay_requests_in_flight 1") {
		t.Error("a running request is not in flight")
	}
	if got := scrape(t, m); !strings.Contains(got, "mainstay_requests_in_flight 0") {
		t.Error("a panic leaves the request in flight for ever")
	}
}

func TestStatementsAndReloadsAreExposed(t *testing.T) {
	m := observe.New()
	m.CountStatements(func() uint64 { return 42 })
	m.Reloaded(true)
	m.Reloaded(false)
	got := scrape(t, m)
	for _, want := range []string{
		"mainstay_db_statements_total 42",
		`mainstay_reloads_total{outcome="refused"} 1`,
		`mainstay_reloads_total{outcome="served"} 1`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func scrape(t *testing.T, m *observe.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
