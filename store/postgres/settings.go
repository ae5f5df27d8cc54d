package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/problem"
	"github.com/mainstay-run/mainstay/store"
)

// minVersion is the oldest PostgreSQL that statements are written for.
const minVersion = 13_00_00

// session is what every connection is set to; statements rely on it.
var session = map[string]string{
	"application_name": "mainstay", "timezone": "UTC", "datestyle": "ISO", "extra_float_digits": "1",
	"standard_conforming_strings": "on", "client_encoding": "UTF8",
	"default_transaction_read_only": "off", "default_transaction_isolation": "read committed", "row_security": "on",
	"transform_null_equals": "off", "array_nulls": "on",
	"jit": "off", // compiling takes longer than such statements run, and cannot be interrupted
	// How long something may take is the request's to say: its end cancels the statement.
	"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
}

// newer are settings of the session that a server knows from a version on; an older one
// would refuse the connection for them.
var newer = []struct {
	since    int
	name, to string
}{
	// A page looks up as many records as it shows, each once: to remember them, in a
	// table made for one execution, costs more than it saves.
	{14, "enable_memoize", "off"},
	{14, "idle_session_timeout", "0"},
	{17, "transaction_timeout", "0"},
}

// tune sets what only newer servers know.
func (c *conn) tune(ctx context.Context) error {
	number, _, _ := strings.Cut(c.ParameterStatus("server_version"), ".")
	major, err := strconv.Atoi(number)
	if err != nil {
		return nil
	}
	var set []string
	for _, s := range newer {
		if major >= s.since {
			set = append(set, fmt.Sprintf("set_config('%s', '%s', false)", s.name, s.to))
		}
	}
	if len(set) == 0 {
		return nil
	}
	_, err = c.exec(ctx, "SELECT "+strings.Join(set, ", "))
	return err
}

// factsQuery asks what the server and the session are, one line each.
const factsQuery = `SELECT unnest(ARRAY[current_setting('server_version_num'), current_setting('server_encoding'), pg_is_in_recovery()::text,
coalesce(current_schema(), ''), current_setting('search_path'), current_user,
concat_ws(' ', current_setting('timezone'), current_setting('client_encoding'), split_part(current_setting('datestyle'), ',', 1), current_setting('standard_conforming_strings'))])`

// examine refuses a server on which a contract would not mean the same, or would
// not work, and warns of settings that make a write unsafe.
func (d *Driver) examine(ctx context.Context, c *conn) error {
	facts, err := c.list(ctx, factsQuery)
	if err != nil {
		return explained(ctx, err)
	}
	name := d.config.Database
	number, encoding, standby, schema, path, kept := facts[0], facts[1], facts[2], facts[3], facts[4], facts[6]
	d.user = facts[5]
	if err := supported(number, d.version); err != nil {
		return err
	}
	switch {
	case encoding != "UTF8":
		return refused("the PostgreSQL database %s has the encoding %s, which cannot hold every text; make another one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", name, encoding)
	case standby == "true" && d.opts.primary == nil:
		return refused("the PostgreSQL server on %s is a standby, which can only be read; name the primary, or make this one primary with SELECT pg_promote()", d.address())
	}
	if err := d.namespace(ctx, c, schema, path); err != nil {
		return err
	}
	if want := "UTC UTF8 ISO on"; kept != want {
		return refused("the PostgreSQL server does not keep the settings of a session: it has %q instead of %q; if a proxy stands before it, let it keep sessions apart", kept, want)
	}
	if d.pooled, err = isPooled(ctx, c); err != nil {
		return explained(ctx, err)
	}
	if c.pooled = d.pooled; c.pooled {
		err = d.examinePooled(ctx, c)
	} else {
		err = explained(ctx, c.tune(ctx))
	}
	if err != nil {
		return err
	}
	if err := d.reads(ctx, c); err != nil {
		return err
	}
	if d.opts.primary != nil {
		return d.follows(ctx, c, standby == "true")
	}
	return d.warn(ctx, c)
}

// supported refuses a server that is too old, by its number as server_version_num tells it.
func supported(number, version string) error {
	if n, err := strconv.Atoi(number); err != nil || n < minVersion {
		return refused("the database is PostgreSQL %s; at least %d is needed", version, minVersion/10000)
	}
	return nil
}

func refused(format string, args ...any) error {
	return problem.Errorf(problem.Unavailable, format, args...)
}

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// unsafe are the settings that a session may not change for itself, or that are the
// operator's to choose, under which records may be lost or damaged.
var unsafe = []struct {
	name, value, why string
	refuse           bool // what is stored would not be as the contract says
}{
	{name: "fsync", value: "off", why: "a write that was acknowledged can be lost, and the database damaged, when the machine stops"},
	{name: "full_page_writes", value: "off", why: "a page that is half written when the machine stops damages the database"},
	{name: "synchronous_commit", value: "off", why: "a write that was acknowledged can be lost when the server stops"},
	{name: "zero_damaged_pages", value: "on", why: "records on a damaged page vanish without a word"},
	{name: "ignore_checksum_failure", value: "on", why: "records on a damaged page are read as they are"},
	{name: "session_replication_role", value: "replica", why: "references are not held to", refuse: true},
}

// warn names the unsafe settings, each with what mends it. Where one comes from is asked
// only when it is unsafe: pg_settings takes the server milliseconds.
func (d *Driver) warn(ctx context.Context, c *conn) error {
	asked := make([]string, len(unsafe))
	for i, s := range unsafe {
		asked[i] = "current_setting('" + s.name + "')"
	}
	values, err := c.list(ctx, "SELECT unnest(ARRAY["+strings.Join(asked, ", ")+"])")
	if err != nil {
		return explained(ctx, err)
	}
	for i, s := range unsafe {
		if values[i] != s.value {
			continue
		}
		source, err := c.list(ctx, "SELECT source FROM pg_settings WHERE name = $1", s.name)
		if err != nil {
			return explained(ctx, err)
		}
		if len(source) != 1 {
			return refused("the database tells of no setting %s", s.name)
		}
		mend := d.mend(s.name, source[0])
		if s.refuse {
			return refused("the PostgreSQL database %s has %s = %s, so that %s; mend it with %s", d.config.Database, s.name, s.value, s.why, mend)
		}
		d.log.LogAttrs(ctx, slog.LevelWarn, "a setting of the database is unsafe",
			slog.String("setting", s.name), slog.String("value", s.value), slog.String("why", s.why), slog.String("mend", mend))
	}
	return nil
}

// mend is the statement that puts a setting right, by where it was made.
func (d *Driver) mend(name, source string) string {
	database, user := identifier(d.config.Database), identifier(d.user)
	switch source {
	case "database":
		return fmt.Sprintf("ALTER DATABASE %s RESET %s", database, name)
	case "user":
		return fmt.Sprintf("ALTER ROLE %s RESET %s", user, name)
	case "database user":
		return fmt.Sprintf("ALTER ROLE %s IN DATABASE %s RESET %s", user, database, name)
	case "command line":
		return "a start of the server without " + name + " on its command line"
	}
	return fmt.Sprintf("ALTER SYSTEM RESET %s; SELECT pg_reload_conf() (or its line in postgresql.conf)", name)
}

func (d *Driver) address() string { return addressOf(d.config) }

func addressOf(c *pgconn.Config) string {
	if strings.HasPrefix(c.Host, "/") {
		return c.Host
	}
	return net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port)))
}

// parameters are those of a URL that say how to connect.
const parameters = "sslmode, sslrootcert, sslcert, sslkey, host, connect_timeout, target_session_attrs, options and search_path"

// notOpened says which server could not be reached, why, and what mends it.
func notOpened(config *pgconn.Config, err error) error {
	reason := err.Error()
	var answer *pgconn.PgError
	var untrusted *tls.CertificateVerificationError
	var unsigned x509.UnknownAuthorityError // with verify-ca the client looks itself
	var unknown *net.DNSError
	var number syscall.Errno
	database, user := identifier(config.Database), identifier(config.User)
	switch {
	case errors.As(err, &answer):
		reason = answer.Message
		if name, ok := strings.CutPrefix(reason, "unsupported startup parameter: "); ok {
			reason = fmt.Sprintf("the pooler does not take %[1]s from the URL; leave it out there, and mend it with ALTER ROLE %[2]s SET %[1]s = …", name, user)
		}
		switch answer.Code {
		case "3D000":
			reason += fmt.Sprintf("; mend it with CREATE DATABASE %s ENCODING 'UTF8' TEMPLATE template0", database)
		case "28000":
			reason += fmt.Sprintf("; mend it with CREATE ROLE %s LOGIN or ALTER ROLE %s LOGIN, and a line for it in pg_hba.conf", user, user)
		case "28P01":
			reason += fmt.Sprintf(": wrong password, or no such user; mend the URL, or say ALTER ROLE %[1]s PASSWORD '…' or CREATE ROLE %[1]s LOGIN PASSWORD '…'", user)
			if config.Password == "" {
				reason = fmt.Sprintf("the server asks %s for a password, and there is none in the URL: postgres://USER:PASSWORD@HOST:PORT/NAME", config.User)
			}
		case "42704":
			reason += "; known in a URL are " + parameters + ", and the server's own settings"
		case "42501":
			reason += fmt.Sprintf("; mend it with GRANT CONNECT ON DATABASE %s TO %s", database, user)
		}
	case errors.As(err, &untrusted):
		reason = store.Untrusted(untrusted, "sslrootcert=FILE")
	case errors.As(err, &unsigned):
		reason = store.Untrusted(&tls.CertificateVerificationError{Err: unsigned}, "sslrootcert=FILE")
	case errors.As(err, &unknown):
		reason = "no host of that name was found"
	case errors.As(err, &number):
		reason = number.Error()
		if number == syscall.ECONNREFUSED || number == syscall.ENOENT {
			reason += fmt.Sprintf("; is PostgreSQL running there? See pg_isready -h %s -p %d", config.Host, config.Port)
		}
	case strings.Contains(reason, "server refused TLS connection"):
		reason = "the server has no TLS; mend it with ALTER SYSTEM SET ssl = on and a certificate, or say sslmode=disable in the URL"
	case errors.Is(err, context.DeadlineExceeded):
		reason = "it does not answer"
	}
	return store.Unavailable(err, fmt.Sprintf("open the PostgreSQL database %s on %s: %s", config.Database, addressOf(config), reason))
}
