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

// Replicated is a kind of database of which a test can have a server with a replica.
type Replicated struct {
	Name string
	// Start starts both.
	Start func(testing.TB) (primary, replica *Server)
	// Pause and Resume are statements for the replica, which then stands still and goes on.
	Pause, Resume string
}

// AllReplicated are the kinds; MySQL is among them only where there is one.
func AllReplicated() []Replicated {
	all := []Replicated{
		{"PostgreSQL", standby, "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"},
		{"MariaDB", mariaFollower, "STOP SLAVE SQL_THREAD", "START SLAVE"},
	}
	if _, _, err := mysqlProgram(); err == nil {
		all = append(all, Replicated{"MySQL", mysqlFollower, "STOP REPLICA SQL_THREAD", "START REPLICA"})
	}
	return all
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

// mariaFollower is a MariaDB server with a replica that follows its binary log by GTID.
func mariaFollower(t testing.TB) (primary, replica *Server) {
	t.Helper()
	primary = OwnMariaTCP(t, "--log-bin", "--server-id=1", "--sync-binlog=0")
	replica = OwnMariaTCP(t, "--server-id=2", "--read-only", "--slave-net-timeout=2", "--master-retry-count=100000")
	follows(t, primary, replica, "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = %s, MASTER_USER = 'follower', MASTER_PASSWORD = 'follows', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1", "START SLAVE")
	return primary, replica
}

// mysqlFollower is the same with MySQL.
func mysqlFollower(t testing.TB) (primary, replica *Server) {
	t.Helper()
	start := func(settings ...string) *Server {
		s, err := newMySQL(append(settings, "--log-bin=log", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--sync-binlog=0")...)
		if err == nil {
			err = errors.Join(s.onPort(), os.RemoveAll(filepath.Join(s.folder, "data", "auto.cnf"))) // where it keeps who it is
		}
		return own(t, s, err)
	}
	primary = start("--server-id=1")
	replica = start("--server-id=2", "--read-only", "--replica-net-timeout=2")
	follows(t, primary, replica, "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = %s, SOURCE_USER = 'follower', SOURCE_PASSWORD = 'follows', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1", "START REPLICA")
	return primary, replica
}

func follows(t testing.TB, primary, replica *Server, change, start string) {
	t.Helper()
	if err := Run(primary.URL(""), "CREATE USER 'follower'@'%' IDENTIFIED BY 'follows'", "GRANT REPLICATION SLAVE ON *.* TO 'follower'@'%'"); err != nil {
		t.Fatal(err)
	}
	if err := Run(replica.URL(""), fmt.Sprintf(change, primary.at.Port()), start); err != nil {
		t.Fatal(err)
	}
}
