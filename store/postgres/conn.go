package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/mainstay-run/mainstay/query"
	"github.com/mainstay-run/mainstay/store"
	"github.com/mainstay-run/mainstay/store/sqlgen"
	"github.com/mainstay-run/mainstay/value"
)

// conn is a connection with its prepared statements; one goroutine uses it at a time.
type conn struct {
	*pgconn.PgConn
	place  *store.Place // nil while it lies at rest
	end    func()       // see stop
	pooled bool         // statements are not kept prepared
	stmts  map[any]*prepared
	// controls are BEGIN, COMMIT and the like.
	controls map[string]*prepared
	made     int // how many were prepared, for their names
	// batch counts those of lookups, whose statements stay prepared until they are sent.
	batch int
	// planning is the plan_cache_mode of the session; "": who knows.
	planning string
	epoch    uint64
	// rested: nothing has been answered on it since it lay at rest.
	rested bool
	// reading is the select whose rows are still on their way: another statement
	// has to take them in first.
	reading *stream
}

// prepared is a statement with what its placeholders take and its columns give.
type prepared struct {
	sql     string
	desc    *pgconn.StatementDescription // nil: it is sent as text each time
	args    []sqlgen.Arg
	types   []*value.Type
	formats []int16 // of the result
	batch   int     // the last of its connection's that it was for; 0: none
	// planning is the plan_cache_mode that suits it; "": any.
	planning string
}

// again turns the loss of a connection that had lain at rest into store.ErrAgain:
// a restart of the database ends all of them, and only the next statement on each
// finds out. It was the first of its transaction, so nothing has happened. The
// others that are as old are not tried.
func (d *Driver) again(ctx context.Context, c *conn, err error) error {
	if err == nil || !c.rested || !c.IsClosed() || ctx.Err() != nil {
		return err
	}
	d.epoch.CompareAndSwap(c.epoch, c.epoch+1)
	return fmt.Errorf("%w: %w", store.ErrAgain, err)
}

// maxPrepared bounds the statements of a connection; any of them makes room.
const maxPrepared = 256

// exec runs one statement without a result, in the extended protocol like all.
func (c *conn) exec(ctx context.Context, sql string) (pgconn.CommandTag, error) {
	if err := c.settle(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return c.ExecParams(ctx, sql, nil, nil, nil, nil).Close()
}

// prepare prepares a statement where the connection keeps it.
func (c *conn) prepare(ctx context.Context, name, sql string) (*prepared, error) {
	p := &prepared{sql: sql}
	if c.pooled {
		return p, nil
	}
	var err error
	p.desc, err = c.Prepare(ctx, name, sql, nil)
	return p, err
}

// control finds or prepares a statement that controls transactions.
func (c *conn) control(ctx context.Context, sql string) (*prepared, error) {
	if p := c.controls[sql]; p != nil {
		return p, nil
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	p, err := c.prepare(ctx, "c"+strconv.Itoa(len(c.controls)), sql)
	if err != nil {
		return nil, err
	}
	if c.controls == nil {
		c.controls = map[string]*prepared{}
	}
	c.controls[sql] = p
	return p, nil
}

// queue puts statements that control transactions into a batch, "" aside.
func (c *conn) queue(ctx context.Context, batch *pgconn.Batch, statements ...string) error {
	for _, sql := range statements {
		if sql == "" {
			continue
		}
		p, err := c.control(ctx, sql)
		if err != nil {
			return err
		}
		p.queueIn(batch, nil, nil)
	}
	return nil
}

// run carries out a statement that controls transactions.
func (c *conn) run(ctx context.Context, sql string) (pgconn.CommandTag, error) {
	p, err := c.control(ctx, sql)
	if err == nil {
		err = c.settle()
	}
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	return c.execute(ctx, p, nil, nil).Close()
}

// list is the first column of every row of a statement with text arguments.
func (c *conn) list(ctx context.Context, sql string, args ...string) ([]string, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	params := make([][]byte, len(args))
	for i, a := range args {
		params[i] = []byte(a)
	}
	result := c.ExecParams(ctx, sql, params, nil, nil, nil).Read()
	var list []string
	for _, r := range result.Rows {
		list = append(list, string(r[0]))
	}
	return list, result.Err
}

// statement finds or prepares q, a pointer to one of package query's statements.
func (c *conn) statement(ctx context.Context, q any) (*prepared, error) {
	if p := c.stmts[q]; p != nil {
		p.batch = c.batch
		return p, nil
	}
	if err := c.settle(); err != nil {
		return nil, err
	}
	for old, p := range c.stmts {
		if len(c.stmts) < maxPrepared {
			break
		}
		if c.batch > 0 && p.batch == c.batch {
			continue // it is about to be sent
		}
		if p.desc != nil {
			if err := c.Deallocate(ctx, p.desc.Name); err != nil {
				return nil, err
			}
		}
		delete(c.stmts, old)
	}
	text, err := c.render(ctx, q)
	if err != nil {
		return nil, err
	}
	c.made++
	p, err := c.prepare(ctx, "m"+strconv.Itoa(c.made), text.SQL)
	if err != nil {
		return nil, fmt.Errorf("%w in: %s", err, text.SQL)
	}
	p.args, p.batch = text.Args, c.batch
	if !c.pooled {
		p.planning = planning(q)
	}
	if q, ok := selected(q); ok {
		for _, col := range q.Columns {
			p.types = append(p.types, col.Type)
			p.formats = append(p.formats, format(col.Type))
		}
	}
	c.stmts[q] = p
	return p, nil
}

func (c *conn) render(ctx context.Context, q any) (sqlgen.Statement, error) {
	switch q := q.(type) {
	case *query.Select:
		return dialect.Select(q), nil
	case page:
		return dialect.Select(q.limited()), nil
	case *query.Insert:
		key, err := c.ignored(ctx, q)
		return dialect.Insert(q, 1, key), err
	case many:
		key, err := c.ignored(ctx, q.Insert)
		return q.render(key), err
	case *query.Update:
		return dialect.Update(q), nil
	case *query.Delete:
		return dialect.Delete(q), nil
	}
	panic(fmt.Sprintf("postgres: no such statement: %T", q))
}

// ignored is the primary key of q's table, where rows that have it are left out.
func (c *conn) ignored(ctx context.Context, q *query.Insert) (key []string, err error) {
	if !q.OnConflictIgnore {
		return nil, nil
	}
	return c.list(ctx, primaryKeyQuery, q.Table)
}

// arguments are in the wire's form, with their formats.
func (p *prepared) arguments(args []any) (values [][]byte, formats []int16) {
	values, formats = make([][]byte, len(p.args)), make([]int16, len(p.args))
	for i, a := range p.args {
		if a.List {
			list, _ := args[a.Slot].([]any)
			values[i], formats[i] = encodeList(list, a.Type)
			continue
		}
		values[i], formats[i] = encode(args[a.Slot], a.Type)
	}
	return values, formats
}

// stream is the rows of a select. They come from the wire, or from memory when
// another statement needed the connection meanwhile.
type stream struct {
	wire  *pgconn.ResultReader      // nil: all rows are in memory
	batch *pgconn.MultiResultReader // what wire is the last part of; nil: it stands alone
	saved [][][]byte
	row   row
	err   error
}

// read starts a select, behind what prepares for it: opening are statements that
// control transactions or the session, "" aside.
func (c *conn) read(ctx context.Context, p *prepared, args []any, opening ...string) (*stream, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	values, formats := p.arguments(args)
	s := &stream{row: row{types: p.types}}
	opening = slices.DeleteFunc(opening, func(sql string) bool { return sql == "" })
	if len(opening) == 0 {
		s.wire = c.execute(ctx, p, values, formats)
		c.reading = s
		return s, nil
	}
	var batch pgconn.Batch
	if err := c.queue(ctx, &batch, opening...); err != nil {
		c.planning = ""
		return nil, err
	}
	p.queueIn(&batch, values, formats)
	s.batch = c.ExecBatch(ctx, &batch)
	for range len(opening) + 1 {
		if !s.batch.NextResult() {
			c.planning = ""
			return nil, s.batch.Close()
		}
	}
	s.wire = s.batch.ResultReader()
	c.reading = s
	return s, nil
}

func (c *conn) next(s *stream) bool {
	if s.wire != nil {
		if s.wire.NextRow() {
			s.row.raw = s.wire.Values()
			return true
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
	if s.wire != nil {
		if _, err := s.wire.Close(); s.err == nil {
			s.err = err
		}
		s.wire = nil
		if s.batch != nil {
			if err := s.batch.Close(); s.err == nil {
				s.err = err
			}
		}
	}
	if s.err != nil {
		c.planning = "" // what was set together with it is undone
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
	s.row.raw = copied(s.row.raw)
	for s.wire.NextRow() {
		s.saved = append(s.saved, copied(s.wire.Values()))
	}
	c.finish(s)
	return s.err
}

func copied(raw [][]byte) [][]byte {
	out := make([][]byte, len(raw))
	for i, b := range raw {
		if b != nil {
			out[i] = slices.Clone(b)
			if out[i] == nil {
				out[i] = []byte{}
			}
		}
	}
	return out
}
