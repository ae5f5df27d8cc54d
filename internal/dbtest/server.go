package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a database server in a temporary folder of its own, started from the
// programs on this machine.
type Server struct {
	at      *url.URL
	folder  string
	owner   *syscall.Credential // nil: the user of the tests
	program string
	args    []string
	asked   syscall.Signal // that asks it to stop
	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone
}

// shared are the servers to be stopped when a test program ends.
var shared struct {
	sync.Mutex
	servers []*Server
}

// Main runs the tests of a program and stops the servers that they share.
func Main(m *testing.M) int {
	defer func() {
		for _, s := range shared.servers {
			s.stop()
		}
		if stand.server != nil {
			stand.server.Stop()
		}
	}()
	return m.Run()
}

func startShared(s *Server, err error) (*Server, error) {
	if err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	shared.Lock()
	defer shared.Unlock()
	shared.servers = append(shared.servers, s)
	return s, nil
}

// OwnPostgres starts a PostgreSQL server for one test, with further settings, as
// its command line takes them. What it acknowledges outlives its processes.
func OwnPostgres(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newPostgres(settings...)
	return own(t, s, err)
}

// OwnMaria starts a MariaDB server for one test, as OwnPostgres does.
func OwnMaria(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newMaria(settings...)
	return own(t, s, err)
}

// OwnMySQL starts a MySQL server for one test, as OwnPostgres does.
func OwnMySQL(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newMySQL(settings...)
	return own(t, s, err)
}

// OwnMariaTCP is OwnMaria on a port of 127.0.0.1 instead of a socket.
func OwnMariaTCP(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newMaria(settings...)
	if err == nil {
		err = s.onPort()
	}
	return own(t, s, err)
}

// OwnMySQLTCP is OwnMySQL on a port of 127.0.0.1 instead of a socket.
func OwnMySQLTCP(t testing.TB, settings ...string) *Server {
	t.Helper()
	s, err := newMySQL(settings...)
	if err == nil {
		err = s.onPort()
	}
	return own(t, s, err)
}

// onPort has a MySQL or MariaDB server answer on a port of 127.0.0.1 alone.
func (s *Server) onPort() error {
	port, err := freePort()
	if err != nil {
		return err
	}
	s.args = slices.DeleteFunc(s.args, func(arg string) bool { return arg == "--skip-networking" })
	s.args = append(s.args, "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port))
	s.at = &url.URL{Scheme: s.at.Scheme, User: url.User("root"), Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/", RawQuery: "tls=false"}
	return nil
}

// GiveTo gives a file to the user whom a server runs as when the tests run as root.
func GiveTo(user, file string) error {
	_, err := ownerOf(file, user)
	return err
}

func own(t testing.TB, s *Server, err error) *Server {
	t.Helper()
	if err != nil {
		missing(t, err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	return s
}

// URL is that of a database on the server, which Run can make.
func (s *Server) URL(database string) string {
	at := *s.at
	if database != "" {
		at.Path = "/" + database
	}
	return at.String()
}

// Kill ends the server with SIGKILL, as a crash of it does.
func (s *Server) Kill() {
	s.process.Process.Kill()
	<-s.ended
}

// Stop asks the server to stop and waits until it has.
func (s *Server) Stop() {
	s.process.Process.Signal(s.asked)
	<-s.ended
}

// Start starts a server that was killed or stopped; it answers when Start returns.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// Demote makes a PostgreSQL server that is stopped a standby from its next start
// on; it follows nobody.
func (s *Server) Demote() error {
	return os.WriteFile(filepath.Join(s.folder, "data", "standby.signal"), nil, 0o644)
}

// newServer makes the folder. A server may refuse to run as root: the folder is then
// given to user, "" for one that does not.
func newServer(user string, asked syscall.Signal) (*Server, error) {
	base := os.TempDir()
	if info, err := os.Stat(base); os.Geteuid() == 0 && (err != nil || info.Mode()&0o001 == 0) {
		base = "/tmp" // another user can reach it
	}
	folder, err := os.MkdirTemp(base, "mainstay-"+user+"*")
	if err != nil {
		return nil, err
	}
	if user == "" {
		return &Server{folder: folder, asked: asked}, nil
	}
	owner, err := ownerOf(folder, user)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return &Server{folder: folder, owner: owner, asked: asked}, nil
}

// ownerOf gives the folder to the user whom a server runs as when the tests run as
// root; nil otherwise.
func ownerOf(folder, name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("the server does not run as root, and there is no user %s: %w", name, err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(folder, uid, gid)
}

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), "TMPDIR="+s.folder) // its user may not write elsewhere
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	return cmd
}

// setUp runs the program that makes the data.
func (s *Server) setUp(program string, args ...string) error {
	if out, err := s.command(program, args...).CombinedOutput(); err != nil {
		return errors.Join(fmt.Errorf("%s: %w: %s", filepath.Base(program), err, out), os.RemoveAll(s.folder))
	}
	return nil
}

// start runs the server until it answers. What a killed one has left behind may
// keep it from starting for a moment; then it is started again.
func (s *Server) start() error {
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	for {
		if err := s.launch(); err != nil {
			s.stop()
			return err
		}
		tick := time.NewTicker(20 * time.Millisecond)
		for waiting := true; waiting; {
			err := s.answers()
			if err == nil {
				tick.Stop()
				return nil
			}
			select {
			case <-tick.C:
			case <-s.ended:
				waiting = false
			case <-limit.C:
				s.stop()
				return fmt.Errorf("%s does not start: %w", filepath.Base(s.program), err)
			}
		}
		tick.Stop()
		select {
		case <-limit.C:
			s.stop()
			return fmt.Errorf("%s ends when it is started", filepath.Base(s.program))
		default:
		}
	}
}

// startForLife starts a process that ends with this one, however that ends: its death
// signal comes when the thread that started it ends, so that one stays.
func startForLife(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		started <- cmd.Start()
		select {}
	}()
	return <-started
}

// launch starts the server, and notes when it ends.
func (s *Server) launch() error {
	cmd := s.command(s.program, s.args...)
	cmd.SysProcAttr.Pdeathsig = s.asked
	if err := startForLife(cmd); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.process, s.ended = cmd, ended
	go func() {
		_ = cmd.Wait() // it ends as it was told to
		close(ended)
	}()
	return nil
}

func (s *Server) answers() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return run(ctx, s.at.String(), "SELECT 1")
}

func (s *Server) stop() {
	if s.process != nil {
		s.Stop()
	}
	os.RemoveAll(s.folder)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
