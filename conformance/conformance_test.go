// Package conformance holds scripts that speak HTTP with the built program, one
// file for each topic; README.md describes their form.
package conformance

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// sample is the folder that a script without a contract of its own is served from.
const sample = "../examples/hiring"

// binary is the program under test: MAINSTAY_BINARY, or built once.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if binary = os.Getenv("MAINSTAY_BINARY"); binary == "" {
		folder, err := os.MkdirTemp("", "mainstay-conformance-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(folder)
		binary = filepath.Join(folder, "mainstay")
		build := exec.Command("go", "build", "-o", binary, "../cmd/mainstay")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "conformance: go build ./cmd/mainstay:", err)
			return 1
		}
	}
	return m.Run()
}

func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := parseScript(string(archive.Comment))
			if err != nil {
				t.Fatalf("%s:%v", file, err)
			}
			s := serve(t, unpack(t, archive))
			p := newPlayer(s.url)
			for _, step := range steps {
				if err := p.play(t.Context(), step); err != nil {
					t.Errorf("%s:%d: %s\n%v", file, step.line, step.request(), err)
				}
			}
		})
	}
}

// unpack makes a folder with the script's own files, or with a copy of the sample.
func unpack(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	folder := t.TempDir()
	if len(archive.Files) > 0 {
		if err := txtar.Write(archive, folder); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	for _, name := range []string{"contract.yaml", "seed.yaml"} {
		content, err := os.ReadFile(filepath.Join(sample, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// server is one run of `mainstay dev`.
type server struct {
	url string // http://127.0.0.1:PORT
}

var address = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// serve starts the program on a folder and waits until it prints where it
// listens. When the test ends it is stopped, and must have ended well, without
// an error in its log.
func serve(t *testing.T, folder string) *server {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, "dev", folder, "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	var log shared
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if url := address.FindString(lines.Text()); url != "" {
				select {
				case found <- url:
				default:
				}
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("mainstay dev ended with %v", err)
		}
		if strings.Contains(log.String(), "level=ERROR") || strings.Contains(log.String(), `"level":"ERROR"`) || strings.Contains(log.String(), "panic") {
			t.Errorf("mainstay dev logged:\n%s", log.String())
		}
	})
	select {
	case url := <-found:
		return &server{url: url}
	case <-drained:
		t.Fatalf("mainstay dev ended before it listened:\n%s", log.String())
	}
	return nil
}

// shared is a buffer that one goroutine writes and another reads.
type shared struct {
	lock sync.Mutex
	b    bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.b.Write(p)
}

func (s *shared) String() string {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.b.String()
}
