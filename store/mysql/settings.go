package mysql

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// setting is one of the server's, which a session cannot put right for itself.
type setting struct {
	name string
	good []string
	// why it matters when it is another, and the statement or line that mends it.
	why, mend string
	refuse    bool // what is stored would not mean the same
}

// settings are those that every server has.
var settings = []setting{
	{name: "innodb_flush_log_at_trx_commit", good: []string{"1", "3"}, why: "a write that was acknowledged can be lost when the machine stops",
		mend: "SET GLOBAL innodb_flush_log_at_trx_commit = 1"},
	{name: "innodb_doublewrite", good: []string{"1", "ON", "DETECT_AND_RECOVER"}, why: "a page that is half written when the machine stops damages the database",
		mend: "innodb_doublewrite = ON in the server's configuration"},
	{name: "innodb_page_size", good: []string{"16384", "32768", "65536"}, why: "what an index can hold is less than contracts may ask for",
		mend: "a server made with innodb_page_size = 16384", refuse: true},
	{name: "lower_case_table_names", good: []string{"0"}, why: "names of tables may lose their upper-case letters, and a copy may not fit another server",
		mend: "a server made with lower_case_table_names = 0"},
	{name: "read_only", good: []string{"0", "OFF"}, why: "every write will be refused", mend: "SET GLOBAL read_only = 0"},
}

// binaryLog matters when the server copies itself to others or is restored by it.
var binaryLog = setting{name: "sync_binlog", good: []string{"1"}, why: "a write that was acknowledged can be missing in the binary log when the machine stops",
	mend: "SET GLOBAL sync_binlog = 1"}

// examine names the settings that make the database unsafe. It refuses those with
// which it would not mean the same, warns of the others.
func (d *Driver) examine(ctx context.Context, c *conn) error {
	if d.opts.primary != nil {
		if err := d.follows(ctx, c); err != nil {
			return err
		}
		return d.verify(ctx, c)
	}
	list := settings
	on, err := c.list(ctx, "SELECT @@log_bin")
	if err != nil {
		return explained(ctx, err)
	}
	if on[0] == "1" {
		list = append(slices.Clone(list), binaryLog)
	}
	for _, s := range list {
		found, err := c.list(ctx, "SELECT @@GLOBAL."+s.name)
		if err != nil {
			return explained(ctx, err)
		}
		if slices.Contains(s.good, found[0]) {
			continue
		}
		if s.refuse {
			return refused("the database has %s = %s, so %s; needed is %s", s.name, found[0], s.why, s.mend)
		}
		d.log.LogAttrs(ctx, slog.LevelWarn, "a setting of the database is unsafe",
			slog.String("setting", s.name), slog.String("value", found[0]), slog.String("why", s.why), slog.String("mend", s.mend))
	}
	return d.verify(ctx, c)
}

// verify makes sure that the session is what statements rely on, whatever stands
// between us and the server.
func (d *Driver) verify(ctx context.Context, c *conn) error {
	found, err := c.list(ctx, "SELECT CONCAT_WS(' ', @@character_set_client, @@collation_connection, @@time_zone, @@autocommit + 0, "+
		"@@"+d.flavour.isolation+", LENGTH('\\'), 'a ' = 'a', 'a' = 'A')")
	if err != nil {
		return explained(ctx, err)
	}
	if want := "utf8mb4 " + d.flavour.collation + " +00:00 1 REPEATABLE-READ 1 0 0"; found[0] != want {
		return refused("the database does not keep the settings of a session: it has %q instead of %q; if a proxy stands before it, let it keep sessions apart", found[0], want)
	}
	return nil
}

func refused(format string, args ...any) error {
	return problem.Errorf(problem.Unavailable, format, args...)
}

func identifier(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// notOpened says which server could not be reached, why, and what mends it.
func notOpened(config *mysql.Config, err error) error {
	reason := err.Error()
	var answer *mysql.MySQLError
	var unknown *net.DNSError
	var untrusted *tls.CertificateVerificationError
	var number syscall.Errno
	switch {
	case errors.As(err, &answer):
		reason = answer.Message
		switch answer.Number {
		case 1049:
			reason += "; mend it with CREATE DATABASE " + identifier(config.DBName)
		case 1044:
			reason += fmt.Sprintf("; mend it with GRANT ALL ON %s.* TO '%s'@'…'", identifier(config.DBName), config.User)
		case 1045, 1698:
			reason += fmt.Sprintf("; the URL's user and password are not those of CREATE USER '%s'@'…' IDENTIFIED BY '…'", config.User)
			if config.TLSConfig == "false" && config.TLS == nil {
				reason += ", or that user has REQUIRE SSL: then say tls=true, or ca=FILE, in the URL"
			}
		case 1130:
			reason += fmt.Sprintf("; mend it with CREATE USER '%s'@'…' IDENTIFIED BY '…' for the host that we come from", config.User)
		}
	case errors.As(err, &unknown):
		reason = "no host of that name was found"
	case errors.As(err, &untrusted):
		reason = store.Untrusted(untrusted, "ca=FILE")
	case errors.Is(err, mysql.ErrNoTLS):
		reason = "the server has no TLS; give it a certificate (ssl_cert and ssl_key in its configuration), or say tls=false in the URL"
	case errors.As(err, &number):
		reason = number.Error()
		if number == syscall.ECONNREFUSED || number == syscall.ENOENT {
			reason += "; start the server, or name in the URL where it listens"
		}
	case errors.Is(err, context.DeadlineExceeded):
		reason = "it does not answer; is the URL's port that of MySQL or MariaDB?"
	case errors.Is(err, driver.ErrBadConn), errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, mysql.ErrMalformPkt), errors.Is(err, mysql.ErrPktSync), errors.Is(err, mysql.ErrPktSyncMul):
		reason = "what answers is not MySQL or MariaDB, or it hangs up; is the URL's port the right one?"
	}
	return store.Unavailable(err, fmt.Sprintf("open the database %s on %s: %s", config.DBName, config.Addr, reason))
}

// Barred refuses a user who may not read and write every table, on a replica who
// may not read it, and tells the statement that lets it. The server itself says so
// when it prepares one.
func (d *Driver) Barred(ctx context.Context) error {
	c, err := d.take(ctx, reading)
	if err != nil {
		return err
	}
	defer d.give(c)
	keys, err := c.list(ctx, "SELECT CONCAT(TABLE_NAME, '\t', COLUMN_NAME) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND ORDINAL_POSITION = 1 ORDER BY TABLE_NAME")
	if err != nil {
		return explained(ctx, err)
	}
	var barred []string
	for _, key := range keys {
		table, column, _ := strings.Cut(key, "\t")
		may, err := c.may(ctx, identifier(table), identifier(column))
		if err != nil {
			return explained(ctx, err)
		}
		if !may {
			barred = append(barred, table)
		}
	}
	if len(barred) == 0 {
		return nil
	}
	rights, verb := "SELECT, INSERT, UPDATE, DELETE", "read and write"
	if d.opts.primary != nil {
		rights, verb = "SELECT", "read"
	}
	return refused("%s may not %s every table: not %s; mend it with GRANT %s ON %s.* TO '%s'@'…'",
		d.config.User, verb, strings.Join(barred, ", "), rights, identifier(d.config.DBName), d.config.User)
}

// may reports whether a table may be read and written, on a replica read.
func (c *conn) may(ctx context.Context, table, column string) (bool, error) {
	statements := []string{
		"SELECT 1 FROM " + table, "INSERT INTO " + table + " SELECT * FROM " + table,
		"UPDATE " + table + " SET " + column + " = " + column, "DELETE FROM " + table,
	}
	if c.d.opts.primary != nil {
		statements = statements[:1]
	}
	for _, statement := range statements {
		stmt, err := c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, statement)
		var answer *mysql.MySQLError
		switch {
		case err == nil:
			if err := stmt.Close(); err != nil {
				return false, c.failed(ctx, err)
			}
		case errors.As(err, &answer) && (answer.Number == 1142 || answer.Number == 1143):
			return false, nil
		default:
			return false, c.failed(ctx, err)
		}
	}
	return true, nil
}

// barred names what a step lacks a right for.
func (d *Driver) barred(err error) error {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != 1142 && e.Number != 1143 && e.Number != 1044 {
		return err
	}
	return problem.Wrap(err, problem.Unavailable, "%s may not change the tables: %s; mend it with GRANT ALL ON %s.* TO '%s'@'…'",
		d.config.User, e.Message, identifier(d.config.DBName), d.config.User)
}
