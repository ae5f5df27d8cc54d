package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

// settings of PostgreSQL under measurement: what a commit acknowledges is on disk.
var settings = []string{
	"listen_addresses=127.0.0.1", "max_connections=200", "shared_buffers=1GB", "effective_cache_size=8GB", "work_mem=16MB",
	"maintenance_work_mem=256MB", "random_page_cost=1.1", "max_wal_size=4GB", "checkpoint_timeout=15min",
	"fsync=on", "synchronous_commit=on", "jit=off",
}

// databaseServer is one that runs and holds the databases named hand and mainstay.
type databaseServer struct {
	program *program
	at      string // host:port
	version string
}

func (p *place) postgres(ctx context.Context) (*databaseServer, error) {
	initdb, err := exec.LookPath("initdb")
	if err != nil {
		found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
		if len(found) == 0 {
			return nil, errors.New("PostgreSQL's server is not on this machine (Debian, Ubuntu: apt-get install postgresql)")
		}
		initdb = found[len(found)-1]
	}
	folder, owner, err := p.folderFor("postgres", "postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	setup := exec.CommandContext(ctx, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	setup.Dir, setup.SysProcAttr = folder, &syscall.SysProcAttr{Credential: owner}
	if _, err := p.command(ctx, setup); err != nil {
		return nil, err
	}
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(at)
	args := []string{"-D", data, "-p", port, "-k", folder}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(initdb), "postgres"), args...)
	cmd.Dir, cmd.SysProcAttr = folder, &syscall.SysProcAttr{Credential: owner}
	s := &databaseServer{at: at}
	if s.program, err = p.start("postgres", syscall.SIGINT, cmd); err != nil {
		return nil, err
	}
	return s, s.program.ready(ctx, func() error {
		c, err := pgx.Connect(ctx, s.postgresURL("postgres"))
		if err != nil {
			return err
		}
		defer c.Close(ctx)
		s.version = "PostgreSQL " + c.PgConn().ParameterStatus("server_version")
		for _, name := range []string{"hand", "mainstay"} {
			if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *databaseServer) postgresURL(database string) string {
	return "postgres://postgres@" + s.at + "/" + database + "?sslmode=disable"
}

func (p *place) mariadb(ctx context.Context) (*databaseServer, error) {
	install, err1 := executable("mariadb-install-db")
	server, err2 := executable("mariadbd")
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("MariaDB's server is not on this machine (Debian, Ubuntu: apt-get install mariadb-server): %w", err)
	}
	folder, owner, err := p.folderFor("mariadb", "mysql")
	if err != nil {
		return nil, err
	}
	data, socket := filepath.Join(folder, "data"), filepath.Join(folder, "socket")
	env := append(os.Environ(), "TMPDIR="+folder)
	setup := exec.CommandContext(ctx, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve")
	setup.Env, setup.Dir, setup.SysProcAttr = env, folder, &syscall.SysProcAttr{Credential: owner}
	if _, err := p.command(ctx, setup); err != nil {
		return nil, err
	}
	at, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(at)
	cmd := exec.Command(server, "--no-defaults", "--datadir="+data, "--socket="+socket, "--pid-file="+filepath.Join(folder, "pid"),
		"--bind-address=127.0.0.1", "--port="+port, "--skip-name-resolve", "--max-connections=300",
		"--innodb-buffer-pool-size=1G", "--innodb-flush-log-at-trx-commit=1", "--skip-log-bin", "--max-allowed-packet=64M")
	cmd.Env, cmd.Dir, cmd.SysProcAttr = env, folder, &syscall.SysProcAttr{Credential: owner}
	s := &databaseServer{at: at}
	if s.program, err = p.start("mariadb", syscall.SIGTERM, cmd); err != nil {
		return nil, err
	}
	db, err := sql.Open("mysql", "root@unix("+socket+")/")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return s, s.program.ready(ctx, func() error {
		if err := db.QueryRowContext(ctx, "SELECT CONCAT('MariaDB ', VERSION())").Scan(&s.version); err != nil {
			return err
		}
		for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS hand", "CREATE DATABASE IF NOT EXISTS mainstay", "CREATE USER IF NOT EXISTS bench@'127.0.0.1'", "GRANT ALL ON *.* TO bench@'127.0.0.1'"} {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *databaseServer) mariadbURL(database string) string {
	return "mariadb://bench@" + s.at + "/" + database
}

func (s *databaseServer) mariadbDSN(database string) string {
	return "bench@tcp(" + s.at + ")/" + database
}

// executable finds a server's program, which is not always on the path.
func executable(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}
