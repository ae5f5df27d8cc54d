package dbtest

import (
	"bytes"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// The private servers that all tests of a program share. What they acknowledge need
// not outlive the machine.
var (
	privateMaria = sync.OnceValues(func() (*Server, error) {
		return startShared(newMaria("--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--sync-frm=0"))
	})
	privateMySQL = sync.OnceValues(func() (*Server, error) {
		return startShared(newMySQL("--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF"))
	})
)

var (
	errNoMaria = errors.New("MariaDB is not on this machine: install its server (Debian, Ubuntu: mariadb-server) or set MAINSTAY_TEST_MARIADB")
	errNoMySQL = errors.New("MySQL is not on this machine: ./check sees to it where it can; MAINSTAY_TEST_MYSQL=mysql://… names a server")
)

// newMaria makes a database in a temporary folder, to be served on a socket there.
func newMaria(settings ...string) (*Server, error) {
	install, err1 := program("mariadb-install-db")
	server, err2 := program("mariadbd")
	if err1 != nil || err2 != nil {
		return nil, errNoMaria
	}
	s, err := newServer("mysql", syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.folder, "data")
	if err := s.setUp(install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"); err != nil {
		return nil, err
	}
	s.serve("mariadb", server, data, settings)
	return s, nil
}

// newMySQL does the same with MySQL, which runs as root when it is told to.
func newMySQL(settings ...string) (*Server, error) {
	server, ready, err := mysqlProgram()
	if err != nil {
		return nil, err
	}
	s, err := newServer("", syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.folder, "data")
	if ready == "" {
		err = s.setUp(server, "--no-defaults", "--user=root", "--initialize-insecure", "--datadir="+data)
	} else if err = os.CopyFS(data, os.DirFS(ready)); err != nil {
		err = errors.Join(err, os.RemoveAll(s.folder))
	}
	if err != nil {
		return nil, err
	}
	s.serve("mysql", server, data, append([]string{"--user=root", "--mysqlx=OFF", "--skip-log-bin", "--secure-file-priv=", "--performance-schema=OFF", "--innodb-redo-log-capacity=64M"}, settings...))
	return s, nil
}

// serve says how a MySQL or MariaDB server is started.
func (s *Server) serve(scheme, program, data string, settings []string) {
	socket := filepath.Join(s.folder, "socket")
	s.program = program
	s.args = append([]string{"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(s.folder, "pid"), "--skip-networking",
		"--innodb-buffer-pool-size=128M", "--max-connections=300"}, settings...)
	s.at = &url.URL{Scheme: scheme, User: url.User("root"), Path: "/", RawQuery: url.Values{"socket": {socket}}.Encode()}
}

// hasMySQL says why there is no MySQL; nil when there is one.
func hasMySQL() error {
	given, err := givenMySQL()
	if err == nil && given == nil {
		_, _, err = mysqlProgram()
	}
	return err
}

// mysqlProgram finds MySQL's server program: the system's, or the one that
// mysql/fetch unpacked, with the data that a new server begins with. Where MariaDB is
// installed, the name mysqld is one of its own.
func mysqlProgram() (path, data string, err error) {
	if path, err := program("mysqld"); err == nil {
		version, err := exec.Command(path, "--no-defaults", "--version").Output()
		if err == nil && !bytes.Contains(version, []byte("MariaDB")) {
			return path, "", nil
		}
	}
	folder := filepath.Join(cache(), "mysql")
	if path, err = exec.LookPath(filepath.Join(folder, "mysqld")); err != nil {
		return "", "", errNoMySQL
	}
	return path, filepath.Join(folder, "data"), nil
}

// cache is the user's folder for what ./check brings.
func cache() string {
	folder, err := os.UserCacheDir()
	if err != nil {
		folder = os.TempDir()
	}
	return filepath.Join(folder, "mainstay")
}

// program finds a server's program, which is not always on the path.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}
