package server_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/internal/dbtest"
	"github.com/mainstay-run/mainstay/keyring"
	"github.com/mainstay-run/mainstay/migrate"
	"github.com/mainstay-run/mainstay/observe"
	"github.com/mainstay-run/mainstay/server"
	"github.com/mainstay-run/mainstay/store"
)

const notes = `mainstay: 1
name: notes
accounts:
  resource: User
resources:
  User:
    fields:
      email: email unique
    access:
      read: id == caller.id
  Note:
    fields:
      title: string 1..120
    access:
      all: true
`

// TestExplainIsTheOperators: Prefer: explain is heard on the operator's port and in
// dev, and is nothing where the public is.
func TestExplainIsTheOperators(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "contract.yaml"), []byte(notes), 0o600); err != nil {
		t.Fatal(err)
	}
	_, set, _ := server.Load(folder)
	driver := dbtest.SQLite(t)
	if _, err := migrate.To(t.Context(), driver, set, nil); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.FromSecret([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	ground := server.Ground{DB: store.New(driver), Keys: keys, Metrics: observe.New(), Limiter: auth.NewLimiter(time.Now)}
	serve := start(t, ground.Handler(set), server.Options{}, true)
	ground.Timing = true // as dev has it
	dev := start(t, ground.Handler(set), server.Options{}, false)

	ask := func(method, url, prefer string) (int, string) {
		r, err := http.NewRequest(method, url, strings.NewReader(`{"title":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodGet {
			r.Body = http.NoBody
		}
		r.Header.Set("Content-Type", "application/json")
		if prefer != "" {
			r.Header.Set("Prefer", prefer)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	for _, tt := range []struct {
		name, method, url, prefer string
		status                    int
		explained                 bool
	}{
		{"the public", "GET", serve.url + "/v1/notes", "explain", 200, false},
		{"the operator", "GET", serve.operator + "/v1/notes?limit=3", "return=minimal, Explain", 200, true},
		{"the operator does not get answers", "GET", serve.operator + "/v1/notes", "", 404, false},
		{"the operator cannot write", "POST", serve.operator + "/v1/notes", "explain", 400, false},
		{"nor sign in", "POST", serve.operator + "/v1/auth/login", "explain", 400, false},
		{"dev", "GET", dev.url + "/v1/notes", "explain", 200, true},
		{"dev, not asked", "GET", dev.url + "/v1/notes", "return=minimal", 200, false},
	} {
		status, body := ask(tt.method, tt.url, tt.prefer)
		if status != tt.status || strings.Contains(body, `"statements"`) != tt.explained {
			t.Errorf("%s: %d %s", tt.name, status, body)
		}
	}
	if _, body := ask("GET", dev.url+"/v1/notes", ""); !strings.Contains(body, `"items":[]`) {
		t.Errorf("something was written: %s", body)
	}
}
