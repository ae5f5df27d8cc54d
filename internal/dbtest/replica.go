package dbtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Replicated are the databases of which a test can have a server with a replica.
var Replicated = []struct {
	Name string
	// Start starts both.
	Start func(testing.TB) (primary, replica *Server)
	// Pause and Resume are statements for the replica, which then stands still and goes on.
	Pause, Resume string
}{
	{"PostgreSQL", standby, "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"},
	{"MariaDB", follower, "STOP SLAVE SQL_THREAD", "START SLAVE"},
}

// standby is a PostgreSQL server with a streaming standby, made by pg_basebackup.
func standby(t testing.TB) (primary, replica *Server) {
	t.Helper()
	primary = OwnPostgres(t)
	s, err := newServer("postgres", syscall.SIGINT)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(s.folder, "data")
	if err := s.setUp(filepath.Join(filepath.Dir(primary.program), "pg_basebackup"), "-D", data, "-R", "-c", "fast", "--no-sync", "-d", primary.URL("")); err != nil {
		t.Fatal(err)
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(errors.Join(err, os.RemoveAll(s.folder)))
	}
	s.program = primary.program
	s.args = []string{"-D", data, "-p", strconv.Itoa(port), "-k", s.folder, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"}
	s.at = &url.URL{Scheme: "postgres", User: primary.at.User, Host: fmt.Sprintf("127.0.0.1:%d", port), Path: "/postgres", RawQuery: "sslmode=disable"}
	return primary, own(t, s, nil)
}

// follower is a MariaDB server with a replica that follows its binary log by GTID.
func follower(t testing.TB) (primary, replica *Server) {
	t.Helper()
	primary = OwnMariaTCP(t, "--log-bin", "--server-id=1", "--sync-binlog=0")
	if err := Run(primary.URL(""), "CREATE USER 'follower'@'%' IDENTIFIED BY 'follows'", "GRANT REPLICATION SLAVE ON *.* TO 'follower'@'%'"); err != nil {
		t.Fatal(err)
	}
	replica = OwnMariaTCP(t, "--server-id=2", "--read-only", "--slave-net-timeout=2", "--master-retry-count=100000")
	change := fmt.Sprintf("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = %s, MASTER_USER = 'follower', MASTER_PASSWORD = 'follows', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1", primary.at.Port())
	if err := Run(replica.URL(""), change, "START SLAVE"); err != nil {
		t.Fatal(err)
	}
	return primary, replica
}
