package conformance

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mainstay-run/mainstay/internal/dbtest"
)

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
	return dbtest.Main(m)
}

// process is one run of the program.
type process struct {
	url   string        // of the API, http://127.0.0.1:PORT; "" when it ended before it listened
	took  time.Duration // from its start until it said where it listens
	out   output        // what it prints on standard output and standard error
	cmd   *exec.Cmd
	began time.Time
	found chan string   // gets the address
	ended chan struct{} // closed once code is set
	code  int           // it exited with; -1 when a signal ended it
}

// patience is how long a start or a stop may take before the test gives up. It
// is far above what either promises; tests of a promise measure for themselves.
const patience = 60 * time.Second

// command is a command line of the program, ready to be started.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	return cmd
}

// start runs cmd until it prints where it listens or ends by itself. At the
// latest it is killed with the test.
func start(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	p := launch(t, cmd)
	select {
	case p.url = <-p.found:
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s neither listens nor ends:\n%s", cmd, p.stacks())
	}
	p.took = time.Since(p.began)
	return p
}

// launch is start for who does not want to wait.
func launch(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	endWithParent(cmd.SysProcAttr)
	p := &process{cmd: cmd, found: make(chan string, 1), ended: make(chan struct{})}
	p.out.found = p.found
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	p.began = time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // code says it
		p.code = cmd.ProcessState.ExitCode()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// serve runs `mainstay dev` on a folder, with further flags. When the test ends it is stopped, and
// must have ended well, without an error in its log.
func serve(t testing.TB, folder string, flags ...string) *process {
	t.Helper()
	p := start(t, command(append([]string{"dev", folder, "--listen", "127.0.0.1:0"}, flags...)...))
	if p.url == "" {
		t.Fatalf("mainstay dev ended before it listened:\n%s", &p.out)
	}
	t.Cleanup(func() {
		if code := p.stop(t); code != 0 {
			t.Errorf("mainstay dev ended with %d", code)
		}
		if log := p.out.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, "panic") {
			t.Errorf("mainstay dev logged:\n%s", log)
		}
	})
	return p
}

// stop tells the program to stop and gives its exit code.
func (p *process) stop(t testing.TB) int {
	t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // one that has ended needs no telling
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Errorf("%s does not stop:\n%s", p.cmd, p.stacks())
	}
	return p.code
}

// kill ends the program with SIGKILL and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// stacks ends a program that hangs and gives what it printed, where it hung included.
func (p *process) stacks() string {
	_ = p.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
	}
	return p.out.String()
}

// address is how dev (in words) and serve (in JSON) say where they listen.
var address = regexp.MustCompile(`(?:http://|"listen":")(127\.0\.0\.1:\d+)[/"\n]`)

// output keeps what a program prints, and finds the first address in it.
type output struct {
	lock    sync.Mutex
	b       bytes.Buffer
	found   chan string   // nil once it was found
	changed chan struct{} // closed when more has come
}

func (o *output) Write(p []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	o.b.Write(p)
	if o.found != nil {
		if at := address.FindSubmatch(o.b.Bytes()); at != nil {
			o.found <- "http://" + string(at[1])
			o.found = nil
		}
	}
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return len(p), nil
}

func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.b.String()
}

// more is what was printed until now, and a channel that is closed when there is more.
func (o *output) more() (string, <-chan struct{}) {
	o.lock.Lock()
	defer o.lock.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.b.String(), o.changed
}

// await waits until the program has printed text n times.
func (p *process) await(t testing.TB, text string, n int) {
	t.Helper()
	limit := time.After(patience)
	for {
		printed, more := p.out.more()
		if strings.Count(printed, text) >= n {
			return
		}
		select {
		case <-more:
		case <-p.ended:
			if printed = p.out.String(); strings.Count(printed, text) < n {
				t.Fatalf("%s ended before it printed %q %d times:\n%s", p.cmd, text, n, printed)
			}
		case <-limit:
			t.Fatalf("%s does not print %q %d times:\n%s", p.cmd, text, n, p.stacks())
		}
	}
}

// answered is an answer as a test compares it.
type answered struct {
	status      int
	media, body string
	header      http.Header
}

// ask sends a request; no answer at all is status 0 and fails the test.
func ask(t testing.TB, method, url, body string) answered {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return answered{}
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return answered{}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return answered{res.StatusCode, res.Header.Get("Content-Type"), string(text), res.Header}
}
