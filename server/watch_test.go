package server_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/server"
)

func TestFollowServesWhatWasSavedAndKeepsTheLastGoodOne(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, "contract.yaml", "first")
	changes, err := server.Watch(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	load := func(context.Context) (http.Handler, error) {
		content, err := os.ReadFile(filepath.Join(folder, "contract.yaml"))
		if err == nil && strings.Contains(string(content), "bad") {
			err = errors.New("contract.yaml:1:1: bad")
		}
		return text(string(content)), err
	}
	s := start(t, text("first"), server.Options{}, true)
	reports := make(chan error, 8)
	stop := s.Follow(t.Context(), changes, load, func(_ time.Duration, err error) { reports <- err })
	defer stop()
	for _, tt := range []struct{ save, want, fault string }{
		{"second", "second", ""},
		{"bad", "second", "contract.yaml:1:1: bad"},
		{"third", "third", ""},
	} {
		save(t, folder, "contract.yaml", tt.save)
		err := <-reports
		if (tt.fault == "") != (err == nil) || err != nil && err.Error() != tt.fault {
			t.Errorf("saving %q reports %v, want %q", tt.save, err, tt.fault)
		}
		if _, body := get(t, s.url); body != tt.want {
			t.Errorf("after saving %q the answer is %q, want %q", tt.save, body, tt.want)
		}
	}
	if _, figures := get(t, s.operator+"/metrics"); !strings.Contains(figures, `mainstay_reloads_total{outcome="refused"} 1`) {
		t.Error("the refused contract is not counted")
	}
}

func TestWatchSeesPartsThatComeLater(t *testing.T) {
	folder := t.TempDir()
	save(t, folder, "contract.yaml", "whole")
	changes, err := server.Watch(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "contract"), 0o755); err != nil {
		t.Fatal(err)
	}
	save(t, folder, "contract/part.yaml", "new part")
	<-changes
	save(t, folder, "contract/part.yaml", "changed part")
	<-changes
}

func TestWatchRefusesAFolderThatIsNotThere(t *testing.T) {
	if _, err := server.Watch(t.Context(), filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Error("no error")
	}
}

// save puts a file in place the way editors do: beside it, then renamed.
func save(t *testing.T, folder, name, content string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path+"~", []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		t.Fatal(err)
	}
}
