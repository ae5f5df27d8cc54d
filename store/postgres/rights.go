package postgres

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/problem"
)

// barredQuery lists the tables on which the user lacks one of the rights that
// serving takes.
const barredQuery = `SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
AND NOT (has_table_privilege(oid, 'SELECT') AND ($1 OR has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))) ORDER BY 1`

// Barred refuses a user who may not read and write every table, on a standby who
// may not read it, and tells the statement that lets it.
func (d *Driver) Barred(ctx context.Context) error {
	c, err := d.take(ctx)
	if err != nil {
		return err
	}
	defer d.give(c)
	reads, rights, verb := "false", "SELECT, INSERT, UPDATE, DELETE", "read and write"
	if d.opts.primary != nil {
		reads, rights, verb = "true", "SELECT", "read"
	}
	tables, err := c.list(ctx, barredQuery, reads)
	if err != nil || len(tables) == 0 {
		return explained(ctx, err)
	}
	schema, err := c.list(ctx, "SELECT current_schema()::text")
	if err != nil {
		return explained(ctx, err)
	}
	return refused("%s may not %s every table: not %s; mend it with GRANT %s ON ALL TABLES IN SCHEMA %s TO %s",
		d.user, verb, strings.Join(tables, ", "), rights, identifier(schema[0]), identifier(d.user))
}

// barred names what a step lacks a right for.
func (d *Driver) barred(ctx context.Context, err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "42501" {
		return err
	}
	return problem.Wrap(err, problem.Unavailable,
		"%s may not change the tables: %s; mend it with GRANT USAGE, CREATE ON SCHEMA … TO %s, and ALTER TABLE … OWNER TO %s for tables that are there",
		d.user, e.Message, identifier(d.user), identifier(d.user))
}
