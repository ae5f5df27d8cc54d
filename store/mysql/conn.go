package mysql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/mainstay-run/mainstay/store"
)

// conn is a connection with its prepared statements; one goroutine uses it at a
// time. It speaks to the client's own interface, below database/sql: columns are
// read where they lie.
type conn struct {
	d      *Driver
	raw    driver.Conn
	wire   net.Conn     // below raw
	place  *store.Place // nil while it lies at rest
	end    func()       // see stop
	cut    func()       // closes wire
	id     string       // the server's number for it
	use    use
	broken bool // not to be used again
	rested bool // nothing has been answered on it since it lay at rest
	stmts  map[stmtKey]*prepared
	// reading is the select whose rows are still on their way: another statement
	// has to take them in first.
	reading *stream
}

// lockWait is how many seconds a statement waits for a lock before its
// transaction is run again.
const lockWait = 10

// session is what statements rely on, whatever the server, its configuration or its
// user's has as the default. A sort looks at the whole of what can be indexed, 4 bytes for
// a code point; errors come in English, since some of them are read; a statement's time is
// its caller's.
var session = fmt.Sprintf("time_zone = '+00:00', innodb_lock_wait_timeout = %d, max_sort_length = %d, group_concat_max_len = 1048576, "+
	"lc_messages = 'en_US', sql_auto_is_null = 0, sql_safe_updates = 0, sql_big_selects = 1, sql_select_limit = 18446744073709551615, completion_type = 'NO_CHAIN', "+
	"foreign_key_checks = 1, unique_checks = 1, div_precision_increment = 4, lock_wait_timeout = 86400, net_read_timeout = 30, net_write_timeout = 60",
	lockWait, 4*maxVarchar)

// widening asks for the connection's number, beside a text by which the client's buffer
// grows and stays: a page of records is read at once then, not in pieces of 4 KiB.
const widening = "SELECT CONNECTION_ID(), REPEAT(' ', 32000)"

// connect opens a connection and makes its session what statements rely on.
func (d *Driver) connect(ctx context.Context, u use) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	c := &conn{d: d, stmts: map[stmtKey]*prepared{}, use: ^u}
	raw, err := d.connector.Connect(context.WithValue(ctx, wireOf{}, &c.wire))
	if err != nil {
		return nil, err
	}
	c.raw = raw
	err = c.exec(ctx, "SET NAMES utf8mb4 COLLATE "+d.flavour.collation)
	if err == nil {
		err = c.exec(ctx, fmt.Sprintf("SET SESSION sql_mode = '%s', %s, %s", d.flavour.sqlMode, session, d.flavour.session))
	}
	if err == nil {
		err = c.prepareFor(ctx, u)
	}
	var found []string
	if err == nil {
		found, err = c.list(ctx, widening)
	}
	if err != nil {
		raw.Close()
		return nil, err
	}
	c.id = found[0]
	c.end, c.cut = c.stop, func() { c.wire.Close() }
	return c, nil
}

// prepareFor sets the session up for u.
func (c *conn) prepareFor(ctx context.Context, u use) error {
	if c.use == u {
		return nil
	}
	level, autocommit := "REPEATABLE-READ", 1
	if u == writing {
		level, autocommit = "SERIALIZABLE", 0
	}
	if err := c.exec(ctx, fmt.Sprintf("SET SESSION %s = '%s', autocommit = %d", c.d.flavour.isolation, level, autocommit)); err != nil {
		return err
	}
	c.use = u
	return nil
}

// failed notes what an error means for the connection.
func (c *conn) failed(ctx context.Context, err error) error {
	var e *mysql.MySQLError
	if err == nil || errors.As(err, &e) && !lastWord(e) {
		return err
	}
	c.broken = true
	if ctx.Err() != nil && c.id != "" {
		c.d.kill(c.id)
	}
	return err
}

// again turns the loss of a connection that had lain at rest into store.ErrAgain:
// a restart of the database ends all of them, and the next statement on each may
// be what finds out. It was the first of its transaction, so nothing has happened.
func (c *conn) again(ctx context.Context, err error) error {
	if err == nil || !c.rested || !c.broken || ctx.Err() != nil {
		return err
	}
	c.d.pool.forget() // those that lie at rest are as old
	return fmt.Errorf("%w: %w", store.ErrAgain, err)
}

// exec runs one statement without arguments and without a result.
func (c *conn) exec(ctx context.Context, sql string) error {
	if err := c.settle(); err != nil {
		return err
	}
	_, err := c.raw.(driver.ExecerContext).ExecContext(ctx, sql, nil)
	return c.failed(ctx, err)
}

// list is the first column of every row of a statement with text arguments.
func (c *conn) list(ctx context.Context, sql string, args ...string) ([]string, error) {
	values := make([]driver.NamedValue, len(args))
	for i, a := range args {
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: a}
	}
	return c.column(ctx, sql, values)
}

// column is the first column of every row of a statement, as text.
func (c *conn) column(ctx context.Context, sql string, values []driver.NamedValue) ([]string, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	var rows driver.Rows
	var err error
	if len(values) == 0 {
		rows, err = c.raw.(driver.QueryerContext).QueryContext(ctx, sql, nil)
	} else {
		var stmt driver.Stmt
		if stmt, err = c.raw.(driver.ConnPrepareContext).PrepareContext(ctx, sql); err != nil {
			return nil, c.failed(ctx, err)
		}
		defer stmt.Close()
		rows, err = stmt.(driver.StmtQueryContext).QueryContext(ctx, values)
	}
	if err != nil {
		return nil, c.failed(ctx, err)
	}
	defer rows.Close()
	var list []string
	dest := make([]driver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(dest); {
		case err == io.EOF:
			return list, nil
		case err != nil:
			return nil, c.failed(ctx, err)
		}
		list = append(list, text(dest[0]))
	}
}

// text is a column as text, "" for null.
func text(v driver.Value) string {
	switch v := v.(type) {
	case []byte:
		return string(v)
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// stream is the rows of a select. They come from the wire, or from memory when
// another statement needed the connection meanwhile.
type stream struct {
	ctx  context.Context
	p    *prepared
	rows driver.Rows // nil: all rows are in memory
	// unwatched ends the watch over ctx; false: the connection is cut off.
	unwatched func() bool
	dest      []driver.Value
	saved     [][]driver.Value
	row       row
	err       error
}

// read starts a select. The client watches over a context by a goroutine that is woken
// twice for each statement. Here nobody is woken before the context ends; then the
// connection is closed, as the client would do.
func (c *conn) read(ctx context.Context, p *prepared, args []any) (*stream, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, p.failed(c.failed(ctx, err))
	}
	values := p.values(args)
	unwatched, begun := context.AfterFunc(ctx, c.cut), false
	defer func() { // the next one on the connection must not be cut off
		if !begun && !unwatched() {
			c.broken = true
		}
	}()
	rows, err := p.stmt.(driver.StmtQueryContext).QueryContext(context.WithoutCancel(ctx), values)
	if err != nil {
		return nil, p.failed(c.failed(ctx, err))
	}
	begun = true
	s := &stream{ctx: ctx, p: p, rows: rows, unwatched: unwatched, dest: make([]driver.Value, len(p.types))}
	s.row = row{raw: s.dest, types: p.types, rewritten: p.rewritten}
	c.reading = s
	return s, nil
}

// next moves to the next row; false at the end and after an error.
func (c *conn) next(s *stream) bool {
	if s.rows != nil {
		err := s.rows.Next(s.dest)
		if err == nil {
			return true
		}
		if err != io.EOF {
			s.err = s.p.failed(c.failed(s.ctx, err))
		}
		c.finish(s)
		return false
	}
	if len(s.saved) == 0 {
		return false
	}
	s.row.raw, s.saved = s.saved[0], s.saved[1:]
	return true
}

// finish takes the end of a select off the wire.
func (c *conn) finish(s *stream) {
	if s.rows != nil {
		if err := s.rows.Close(); err != nil && s.err == nil {
			s.err = c.failed(s.ctx, err)
		}
		if !s.unwatched() {
			c.broken = true
		}
		s.rows = nil
	}
	if c.reading == s {
		c.reading = nil
	}
}

// settle takes in what is still on its way.
func (c *conn) settle() error {
	s := c.reading
	if s == nil {
		return nil
	}
	s.row.raw = copied(s.dest)
	for c.next(s) {
		s.saved = append(s.saved, copied(s.dest))
	}
	return s.err
}

// copied is a row that does not lie in the connection's buffer any more.
func copied(raw []driver.Value) []driver.Value {
	out := make([]driver.Value, len(raw))
	for i, v := range raw {
		if b, ok := v.([]byte); ok {
			v = bytes.Clone(b)
		}
		out[i] = v
	}
	return out
}
