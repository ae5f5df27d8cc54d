package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// place is where a run keeps its databases and logs, and what it has started. All of
// it is gone when the run ends.
type place struct {
	root    string // of the module bench
	folder  string
	mu      sync.Mutex
	running []*program
	making  sync.Mutex
	made    map[string]bool // programs that this run has built
}

func newPlace() (*place, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(root, "contract.yaml")); err != nil {
		return nil, errors.New("start this with bench/run")
	}
	base := os.TempDir()
	if info, err := os.Stat(base); os.Geteuid() == 0 && (err != nil || info.Mode()&0o001 == 0) {
		base = "/tmp" // PostgreSQL runs as another user, who must come in
	}
	folder, err := os.MkdirTemp(base, "mainstay-bench-")
	if err != nil {
		return nil, err
	}
	return &place{root: root, folder: folder, made: map[string]bool{}}, os.Chmod(folder, 0o711)
}

// close stops what was started, the last one first, and removes the folder.
func (p *place) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range slices.Backward(p.running) {
		q.stop()
	}
	os.RemoveAll(p.folder)
}

func (p *place) path(name string) string { return filepath.Join(p.folder, name) }

// folderFor makes a folder that belongs to the user as whom a server runs when this
// program is root; the credential is nil otherwise.
func (p *place) folderFor(name, owner string) (string, *syscall.Credential, error) {
	at := p.path(name)
	if err := os.Mkdir(at, 0o755); err != nil {
		return "", nil, err
	}
	if os.Geteuid() != 0 {
		return at, nil, nil
	}
	u, err := user.Lookup(owner)
	if err != nil {
		return "", nil, fmt.Errorf("the server does not run as root, and there is no user %s: %w", owner, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return at, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(at, uid, gid)
}

// program is a server that runs.
type program struct {
	name    string
	cmd     *exec.Cmd
	log     string
	gentle  os.Signal
	ended   chan struct{}
	stopped sync.Once
}

// start runs a server until the place is closed; it never outlives this program.
func (p *place) start(name string, gentle os.Signal, cmd *exec.Cmd) (*program, error) {
	q := &program{name: name, cmd: cmd, gentle: gentle, ended: make(chan struct{}), log: p.path(fmt.Sprintf("%s-%d.log", name, time.Now().UnixNano()))}
	out, err := os.Create(q.log)
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = gentle.(syscall.Signal)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the death signal comes when this thread ends
		started <- cmd.Start()
		cmd.Wait()
		out.Close()
		close(q.ended)
		select {}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = append(p.running, q)
	return q, nil
}

func (q *program) pid() int { return q.cmd.Process.Pid }

func (q *program) stop() {
	q.stopped.Do(func() {
		q.cmd.Process.Signal(q.gentle)
		select {
		case <-q.ended:
		case <-time.After(20 * time.Second):
			q.cmd.Process.Kill()
			<-q.ended
		}
	})
}

// ready waits until check succeeds, and tells what the program said when it does not.
func (q *program) ready(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-q.ended:
			return fmt.Errorf("%s has ended: %s", q.name, tail(q.log))
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer (%w): %s", q.name, err, tail(q.log))
		}
	}
}

func tail(log string) string {
	b, _ := os.ReadFile(log)
	return string(b[max(0, len(b)-2000):])
}

// listening is a check for ready.
func listening(addr string) func() error {
	return func() error {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	}
}

// answering is a check for ready: the address gives 200.
func answering(url string) func() error {
	return func() error {
		r, err := http.Get(url)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		io.Copy(io.Discard, r.Body)
		if r.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", r.StatusCode)
		}
		return nil
	}
}

// freeAddress is one on this machine that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// command runs a program to its end and returns what it wrote to its standard output.
func (p *place) command(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	var said errorText
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s%s", filepath.Base(cmd.Path), err, said, out[max(0, len(out)-500):])
	}
	return out, nil
}

// errorText keeps the end of what a program complains about.
type errorText []byte

func (e *errorText) Write(b []byte) (int, error) {
	*e = append(*e, b...)
	*e = (*e)[max(0, len(*e)-2000):]
	return len(b), nil
}

// build makes a program from a package of the module in folder, once in a run.
func (p *place) build(ctx context.Context, folder, pkg, name string) (string, error) {
	p.making.Lock()
	defer p.making.Unlock()
	at := filepath.Join(p.root, ".bin", name)
	if p.made[name] {
		return at, nil
	}
	progress("building %s", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", at, pkg)
	cmd.Dir = filepath.Join(p.root, folder)
	if _, err := p.command(ctx, cmd); err != nil {
		return "", err
	}
	p.made[name] = true
	return at, nil
}
