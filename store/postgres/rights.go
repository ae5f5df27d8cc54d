package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/problem"
)

// namespace finds the schema in which everything is kept: the first of the search_path
// that is there and may be used.
func (d *Driver) namespace(ctx context.Context, c *conn, current, path string) error {
	if d.schema = current; current != "" {
		return nil
	}
	there, err := c.list(ctx, "SELECT nspname::text FROM pg_namespace")
	if err != nil {
		return explained(ctx, err)
	}
	names := searched(path, d.user)
	mend := "CREATE SCHEMA " + identifier(names[0])
	if i := slices.IndexFunc(names, func(name string) bool { return slices.Contains(there, name) }); i >= 0 {
		mend = fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", identifier(names[i]), identifier(d.user))
	}
	return refused("the PostgreSQL database %s has none of the schemas of its search_path (%s) that %s may use; mend it with %s", d.config.Database, path, d.user, mend)
}

// inPath is a schema of a search_path, with quotation marks or without.
var inPath = regexp.MustCompile(`"((?:[^"]|"")+)"|([^",\s]+)`)

// searched are the schemas of a search_path, which are one at least. One that is named
// after its user counts where there is no other.
func searched(path, user string) (names []string) {
	for _, found := range inPath.FindAllStringSubmatch(path, -1) {
		name := strings.ReplaceAll(found[1], `""`, `"`) + strings.ToLower(found[2])
		if name != "$user" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return names
	}
	return append(names, user)
}

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
	return d.barredOn(ctx, c)
}

func (d *Driver) barredOn(ctx context.Context, c *conn) error {
	reads, rights, verb := "false", "SELECT, INSERT, UPDATE, DELETE", "read and write"
	if d.opts.primary != nil {
		reads, rights, verb = "true", "SELECT", "read"
	}
	tables, err := c.list(ctx, barredQuery, reads)
	if err != nil || len(tables) == 0 {
		return explained(ctx, err)
	}
	return refused("%s may not %s every table: not %s; mend it with GRANT %s ON ALL TABLES IN SCHEMA %s TO %s",
		d.user, verb, strings.Join(tables, ", "), rights, identifier(d.schema), identifier(d.user))
}

// reads refuses a user who may not read every table, before anything is read: there is
// no command that can do without. Who only reads may lack the rights to write.
func (d *Driver) reads(ctx context.Context, c *conn) error {
	unread, err := c.list(ctx, barredQuery, "true")
	if err != nil || len(unread) == 0 {
		return explained(ctx, err)
	}
	return d.barredOn(ctx, c)
}

// othersQuery lists the tables that the user may not change, after "" where none may
// be made.
const othersQuery = `SELECT '' WHERE NOT has_schema_privilege(current_schema(), 'CREATE') UNION ALL
SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace AND NOT pg_has_role(relowner, 'USAGE') ORDER BY 1`

// barred names what a step lacks a right for, and the statements that give it.
func (d *Driver) barred(ctx context.Context, err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != "42501" {
		return err
	}
	c, failed := d.take(ctx)
	if failed != nil {
		return failed
	}
	defer d.give(c)
	others, failed := c.list(ctx, othersQuery)
	if failed != nil {
		return failed
	}
	user := identifier(d.user)
	var mend []string
	for _, table := range others {
		if table == "" {
			mend = append(mend, fmt.Sprintf("GRANT CREATE ON SCHEMA %s TO %s", identifier(d.schema), user))
			continue
		}
		mend = append(mend, fmt.Sprintf("ALTER TABLE %s OWNER TO %s", identifier(table), user))
	}
	if len(mend) == 0 { // something else is denied, which its name tells
		return problem.Wrap(err, problem.Unavailable, "%s may not change the tables: %s", d.user, e.Message)
	}
	return problem.Wrap(err, problem.Unavailable, "%s may not change the tables: %s; mend it with %s", d.user, e.Message, strings.Join(mend, "; "))
}
