package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// A pooler in transaction mode (pgbouncer and its like) gives every transaction
// another connection of the server. What lives longer than a transaction is then
// nobody's: statements are not kept prepared but sent with their text, locks that
// are held by a session are held by a transaction, and what a session is set to must
// be what the server begins with.

// tracked are the settings that a pooler carries from connection to connection.
var tracked = map[string]bool{"application_name": true, "timezone": true, "datestyle": true, "standard_conforming_strings": true, "client_encoding": true}

// untracked are the settings that it leaves as the server begins with them. With slow,
// which says what comes of it, another value is warned of; else it is refused.
var untracked = []struct{ name, slow string }{
	{name: "extra_float_digits"},
	{name: "default_transaction_read_only"},
	{name: "default_transaction_isolation"},
	{name: "row_security"},
	{name: "transform_null_equals"},
	{name: "array_nulls"},
	{name: "jit", slow: "compiling a statement takes longer than it runs"},
	{name: "statement_timeout", slow: "statements that take longer, exports and steps of migrate among them, are broken off"},
	{name: "lock_timeout", slow: "requests that wait longer for another one's record are refused"},
	{name: "idle_in_transaction_session_timeout", slow: "requests that take longer between two statements are broken off"},
}

// refusedSettings reports that a pooler does not take the settings of a session.
func refusedSettings(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && strings.HasPrefix(e.Message, "unsupported startup parameter")
}

// leaveSettings gives up what only a server takes; examinePooled asks for it instead.
func leaveSettings(c *pgconn.Config) {
	maps.DeleteFunc(c.RuntimeParams, func(name, _ string) bool { return session[name] != "" && !tracked[name] })
}

// isPooled reports that c's number is not the server's: somebody between them made
// it up.
func isPooled(ctx context.Context, c *conn) (bool, error) {
	found, err := c.list(ctx, "SELECT pg_backend_pid()::text")
	if err != nil {
		return false, err
	}
	return found[0] != strconv.FormatUint(uint64(c.PID()), 10), nil
}

// examinePooled refuses a server whose sessions do not begin as statements rely on.
func (d *Driver) examinePooled(ctx context.Context, c *conn) error {
	d.log.LogAttrs(ctx, slog.LevelInfo, "a pooler stands before the database: statements are not kept prepared", slog.String("address", d.address()))
	for _, s := range untracked {
		name := s.name
		found, err := c.list(ctx, "SELECT current_setting($1)", name)
		if err != nil {
			return explained(ctx, err)
		}
		if found[0] == session[name] || name == "extra_float_digits" && found[0] > session[name] {
			continue
		}
		mend := fmt.Sprintf("ALTER ROLE %s SET %s = %s", identifier(d.user), name, quote(session[name]))
		if s.slow == "" {
			return refused("%s is %s behind the pooler on %s, where a session cannot set it; mend it with %s", name, found[0], d.address(), mend)
		}
		d.log.LogAttrs(ctx, slog.LevelWarn, "a setting of the database costs requests", slog.String("setting", name), slog.String("value", found[0]),
			slog.String("why", s.slow), slog.String("mend", mend))
	}
	return nil
}

// lockPooled takes a lock that a transaction holds.
func (c *conn) lockPooled(ctx context.Context, name string) (unlock func(context.Context) error, err error) {
	for _, sql := range []string{"BEGIN ISOLATION LEVEL READ COMMITTED", "SET LOCAL idle_in_transaction_session_timeout = 0"} {
		if _, err := c.exec(ctx, sql); err != nil {
			return nil, err
		}
	}
	if _, err := c.list(ctx, "SELECT pg_advisory_xact_lock("+lockKey+")", name); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		_, err := c.exec(ctx, "COMMIT")
		return err
	}, nil
}

// execute runs a statement.
func (c *conn) execute(ctx context.Context, p *prepared, values [][]byte, formats []int16) *pgconn.ResultReader {
	if p.desc == nil {
		return c.ExecParams(ctx, p.sql, values, nil, formats, p.formats)
	}
	return c.ExecStatement(ctx, p.desc, values, formats, p.formats)
}

// queueIn puts a statement into a batch.
func (p *prepared) queueIn(batch *pgconn.Batch, values [][]byte, formats []int16) {
	if p.desc == nil {
		batch.ExecParams(p.sql, values, nil, formats, p.formats)
		return
	}
	batch.ExecStatement(p.desc, values, formats, p.formats)
}
