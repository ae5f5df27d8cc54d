// Package standin answers as a MongoDB replica set of one would, for tests where
// there is none: commands go to de.bwaldvogel:mongo-java-server, in memory, and
// what that lacks is added here: sessions and transactions that are undone when
// they abort and conflict with each other, and unique indexes over a part of a
// collection, snapshots, and the order of texts by code point.
package standin

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	_ "embed"

	"go.mongodb.org/mongo-driver/v2/bson"
)

//go:embed Standin.java
var program []byte

//go:embed JARS
var manifest string

// Server is a running stand-in.
type Server struct {
	java     *exec.Cmd
	stdin    io.Closer
	folder   string
	upstream string
	listener net.Listener

	mu      sync.Mutex // one command at a time
	direct  *caller
	active  map[string]*transaction
	commits int64            // how many transactions and single writes were committed
	changed map[string]int64 // when a document was last changed, by place
	held    map[string]*transaction
	log     []*entry
	indexes map[string]bson.D // as they were asked for, by collection and name
	done    map[string]bool   // transactions that were committed
	disturb func(command string) Fault
}

// Kind is what a listener says that it is.
type Kind uint8

// The kinds. A Careless server takes the commands of transactions and undoes nothing.
const (
	ReplicaSet Kind = iota
	Single
	Careless
)

// Fault is what happens to a connection at a command.
type Fault uint8

// The faults: the connection is lost before the command is carried out, or after.
const (
	None Fault = iota
	LostBefore
	LostAfter
)

// Disturb lets f decide what happens at each command; nil: nothing.
func (s *Server) Disturb(f func(command string) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disturb = f
}

func (s *Server) fault(command string) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disturb == nil {
		return None
	}
	return s.disturb(command)
}

// Jars is where the jars lie, and which of them are missing.
func Jars() (folder string, missing []string) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder = filepath.Join(cache, "mainstay", "mongo-java-server")
	for line := range strings.Lines(manifest) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if _, err := os.Stat(filepath.Join(folder, filepath.Base(path))); err != nil {
			missing = append(missing, path)
		}
	}
	return folder, missing
}

// Start needs a Java Development Kit, at least 17, and the jars; launch starts the
// program so that it does not outlive this one.
func Start(launch func(*exec.Cmd) error) (*Server, error) {
	jars, missing := Jars()
	if len(missing) > 0 {
		return nil, fmt.Errorf("the jars of mongo-java-server are not in %s", jars)
	}
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "mainstay-mongo-")
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder, active: map[string]*transaction{}, changed: map[string]int64{}, held: map[string]*transaction{}, indexes: map[string]bson.D{}, done: map[string]bool{}}
	source := filepath.Join(folder, "Standin.java")
	if err := os.WriteFile(source, program, 0o600); err != nil {
		return nil, err
	}
	s.java = exec.Command(java, "-Xmx512m", "-XX:+UseSerialGC", "-Djava.io.tmpdir="+folder, "-cp", filepath.Join(jars, "*"), source)
	s.java.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if s.stdin, err = s.java.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := s.java.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var complaints strings.Builder
	s.java.Stderr = &complaints
	if err := launch(s.java); err != nil {
		return nil, err
	}
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.java.Wait()
		return nil, fmt.Errorf("mongo-java-server does not start: %w: %s", err, complaints.String())
	}
	s.upstream = "127.0.0.1:" + strings.TrimSpace(port)
	go io.Copy(io.Discard, out)
	if s.direct, err = dial(s.upstream); err == nil {
		s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	go s.serve(s.listener, ReplicaSet)
	return s, nil
}

// Address is HOST:PORT.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Stop ends it; nothing of it stays.
func (s *Server) Stop() {
	if s.listener != nil {
		s.listener.Close()
	}
	s.stdin.Close()
	s.java.Wait()
	os.RemoveAll(s.folder)
}

// Serve listens on one more address as a server of some kind, until stop.
func (s *Server) Serve(k Kind) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go s.serve(l, k)
	return l.Addr().String(), func() { l.Close() }, nil
}

func (s *Server) serve(l net.Listener, k Kind) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go s.attend(c, k)
	}
}

// attend answers the commands of one connection.
func (s *Server) attend(c net.Conn, k Kind) {
	defer c.Close()
	for {
		m, err := readMessage(c)
		if err != nil || len(m.command) == 0 {
			return
		}
		fault := s.fault(m.command[0].Key)
		if fault == LostBefore {
			return
		}
		answer, err := s.answer(m.command, k)
		if err != nil || fault == LostAfter || m.reply(c, answer) != nil {
			return
		}
	}
}

// answer is that of a replica set whose only member this is, or of another kind.
func (s *Server) answer(command bson.D, k Kind) (bson.D, error) {
	switch name := strings.ToLower(command[0].Key); name {
	case "hello", "ismaster":
		return s.greeting(k), nil
	case "endsessions", "ping":
		return bson.D{{Key: "ok", Value: 1.0}}, nil
	case "buildinfo":
		return bson.D{{Key: "version", Value: "7.0.0"}, {Key: "versionArray", Value: bson.A{7, 0, 0, 0}}, {Key: "ok", Value: 1.0}}, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if k == Careless {
		if strings.HasSuffix(command[0].Key, "Transaction") {
			return done(), nil
		}
		return s.direct.call(withoutSession(command))
	}
	return s.carryOut(command)
}

func (s *Server) greeting(k Kind) bson.D {
	at := s.Address()
	greeting := bson.D{
		{Key: "helloOk", Value: true}, {Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true}, {Key: "secondary", Value: false},
		{Key: "setName", Value: "standin"}, {Key: "setVersion", Value: 1}, {Key: "hosts", Value: bson.A{at}}, {Key: "primary", Value: at}, {Key: "me", Value: at},
		{Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: 48000000}, {Key: "maxWriteBatchSize", Value: 100000},
		{Key: "localTime", Value: bson.NewDateTimeFromTime(time.Now())}, {Key: "logicalSessionTimeoutMinutes", Value: 30},
		{Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: 21}, {Key: "readOnly", Value: false}, {Key: "ok", Value: 1.0},
	}
	if k == Single {
		return slices.DeleteFunc(greeting, func(e bson.E) bool {
			return slices.Contains([]string{"setName", "setVersion", "hosts", "primary", "me"}, e.Key)
		})
	}
	return greeting
}

// caller speaks to the Java server.
type caller struct{ net.Conn }

func dial(at string) (*caller, error) {
	c, err := net.DialTimeout("tcp", at, 10*time.Second)
	return &caller{c}, err
}

func (c *caller) call(command bson.D) (bson.D, error) {
	body, err := bson.Marshal(shifted(command, up))
	if err != nil {
		return nil, err
	}
	if err := write(c, opMsg, 0, append(make([]byte, 5), body...)); err != nil {
		return nil, err
	}
	m, err := readMessage(c)
	if err != nil {
		return nil, err
	}
	return shifted(m.command, down).(bson.D), nil
}
