package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mainstay-run/mainstay/engine"
)

// quiet takes an answer and keeps nothing of it.
type quiet struct{ header http.Header }

func (w *quiet) Header() http.Header         { return w.header }
func (w *quiet) Write(p []byte) (int, error) { return len(p), nil }
func (w *quiet) WriteHeader(int)             {}

func hotRequest(path string) (*handler, *quiet, *http.Request) {
	h := serve(&scripted{result: &engine.Result{Body: make([]byte, 500), ETag: `"r1"`}}, Options{})
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Accept", "application/json, text/plain, */*")
	r.Header.Set("Accept-Encoding", "gzip, deflate, br")
	return h, &quiet{header: http.Header{}}, r
}

// What api itself allocates for a read: the exchange, the timer of its
// deadline, the length's text, and one slice for each equality.
func TestReadAllocatesLittle(t *testing.T) {
	for path, most := range map[string]float64{"/v1/postings/7": 8, "/v1/postings?status=open&limit=20": 10} {
		h, w, r := hotRequest(path)
		got := testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
		if got > most {
			t.Errorf("%s: %v allocations, want at most %v", path, got, most)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	h, w, r := hotRequest("/v1/postings/7")
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}

func BenchmarkList(b *testing.B) {
	h, w, r := hotRequest("/v1/postings?status=open&filter=salary_min%3E100&sort=-created_at&limit=20")
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
	}
}
