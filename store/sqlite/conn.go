package sqlite

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

// conn is a connection through SQLite's own C interface, translated to Go. It is
// used by one goroutine at a time. This file is the only one that calls the
// library: columns are read where they lie (no copies, no boxing), and a running
// statement asks its context whether to go on, so that no goroutine has to watch.
type conn struct {
	tls *libc.TLS
	db  uintptr
	id  uintptr // in conns
	// reading is the context of the read that runs, nil while it must not be
	// interrupted. It lives here because SQLite calls back without arguments.
	reading context.Context
	// walPages is the length of the write-ahead log after the last commit.
	walPages int
	// stmts are the prepared statements by query; controls are BEGIN and the like.
	stmts    map[any]*prepared
	controls map[string]*stmt
}

// conns finds the connection in a callback, which can only carry a number.
var conns struct {
	sync.RWMutex
	next uintptr
	byID map[uintptr]*conn
}

// progressSteps is how many steps of SQLite's virtual machine pass between two
// looks at the context: well under a millisecond.
const progressSteps = 5000

func openConn(path string, flags int32) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), stmts: map[any]*prepared{}, controls: map[string]*stmt{}}
	lib.Xsqlite3_initialize(c.tls)
	name, err := libc.CString(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	defer libc.Xfree(c.tls, name)
	out := c.malloc(pointerSize)
	defer libc.Xfree(c.tls, out)
	rc := lib.Xsqlite3_open_v2(c.tls, name, out, flags|lib.SQLITE_OPEN_NOMUTEX|lib.SQLITE_OPEN_EXRESCODE, 0)
	c.db = libc.AtomicLoadPUintptr(out)
	if rc != lib.SQLITE_OK {
		err := c.failure(rc)
		lib.Xsqlite3_close_v2(c.tls, c.db)
		c.tls.Close()
		return nil, err
	}
	conns.Lock()
	conns.next++
	c.id = conns.next
	if conns.byID == nil {
		conns.byID = map[uintptr]*conn{}
	}
	conns.byID[c.id] = c
	conns.Unlock()
	lib.Xsqlite3_progress_handler(c.tls, c.db, progressSteps, callback(onProgress), c.id)
	lib.Xsqlite3_wal_hook(c.tls, c.db, callback(onCommit), c.id)
	for _, option := range []struct {
		op int32
		on int32
	}{
		{lib.SQLITE_DBCONFIG_DQS_DDL, 0},
		{lib.SQLITE_DBCONFIG_DQS_DML, 0},
		{lib.SQLITE_DBCONFIG_DEFENSIVE, 1},
		{lib.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{lib.SQLITE_DBCONFIG_ENABLE_FKEY, 1},
	} {
		args := libc.NewVaList(option.on, uintptr(0))
		rc := lib.Xsqlite3_db_config(c.tls, c.db, option.op, args)
		libc.Xfree(c.tls, args)
		if rc != lib.SQLITE_OK {
			err := c.failure(rc)
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.finalize()
	}
	for _, s := range c.controls {
		s.finalize()
	}
	rc := lib.Xsqlite3_close_v2(c.tls, c.db)
	conns.Lock()
	delete(conns.byID, c.id)
	conns.Unlock()
	c.tls.Close()
	if rc != lib.SQLITE_OK {
		return &sqliteError{code: rc, message: "close"}
	}
	return nil
}

func (c *conn) malloc(n int) uintptr {
	p := libc.Xmalloc(c.tls, types.Size_t(n))
	if p == 0 {
		panic("sqlite: out of memory")
	}
	return p
}

// failure is the error that the last call left behind.
func (c *conn) failure(rc int32) error {
	return &sqliteError{
		code:    rc,
		errno:   lib.Xsqlite3_system_errno(c.tls, c.db),
		message: libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db)),
	}
}

// exec runs one statement to its end, without arguments; rows are passed over.
func (c *conn) exec(sql string) error {
	s, err := c.prepare(sql)
	if err != nil {
		return err
	}
	defer s.finalize()
	for {
		if more, err := s.step(); err != nil || !more {
			return err
		}
	}
}

// control runs BEGIN, COMMIT and the like, prepared once.
func (c *conn) control(sql string) error {
	s := c.controls[sql]
	if s == nil {
		var err error
		if s, err = c.prepare(sql); err != nil {
			return err
		}
		c.controls[sql] = s
	}
	defer s.reset()
	_, err := s.step()
	return err
}

// text is the first column of a statement's first row, "" for none.
func (c *conn) text(sql string, args ...string) (string, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return "", err
	}
	defer s.finalize()
	for i, a := range args {
		s.bindText(i+1, a)
	}
	more, err := s.step()
	if err != nil || !more {
		return "", err
	}
	return string(s.bytes(0)), nil
}

// changes is how many rows the last insert, update or delete touched itself.
func (c *conn) changes() int { return int(lib.Xsqlite3_changes64(c.tls, c.db)) }

// inTransaction tells whether a transaction is open; some errors end it.
func (c *conn) inTransaction() bool { return lib.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }

func (c *conn) busyTimeout(ms int) { lib.Xsqlite3_busy_timeout(c.tls, c.db, int32(ms)) }

// The kinds of checkpoint: passive copies what readers allow, restart waits for
// them so that the log begins anew, truncate also empties its file.
const (
	passive  = lib.SQLITE_CHECKPOINT_PASSIVE
	restart  = lib.SQLITE_CHECKPOINT_RESTART
	truncate = lib.SQLITE_CHECKPOINT_TRUNCATE
)

// checkpoint copies the write-ahead log into the database.
func (c *conn) checkpoint(kind int32) error {
	if rc := lib.Xsqlite3_wal_checkpoint_v2(c.tls, c.db, 0, kind, 0, 0); rc != lib.SQLITE_OK {
		return c.failure(rc)
	}
	return nil
}

// releaseMemory gives back what the page cache does not need.
func (c *conn) releaseMemory() { lib.Xsqlite3_db_release_memory(c.tls, c.db) }

// onProgress stops a read whose context has ended.
func onProgress(_ *libc.TLS, id uintptr) int32 {
	conns.RLock()
	c := conns.byID[id]
	conns.RUnlock()
	if c != nil && c.reading != nil && c.reading.Err() != nil {
		return 1
	}
	return 0
}

func onCommit(_ *libc.TLS, id, _, _ uintptr, pages int32) int32 {
	conns.RLock()
	c := conns.byID[id]
	conns.RUnlock()
	if c != nil {
		c.walPages = int(pages)
	}
	return lib.SQLITE_OK
}

const pointerSize = int(unsafe.Sizeof(uintptr(0)))

// callback is a declared function as the library calls it (no closures).
func callback[T any](f T) uintptr {
	return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f}))
}

// stmt is a prepared statement. Text and blobs are bound where they lie in
// scratch memory outside Go's heap, which stands until the next binding.
type stmt struct {
	c       *conn
	p       uintptr
	busy    bool // between its first step and its reset
	scratch uintptr
	size    int
	used    int
	extra   []uintptr // what did not fit
}

const scratchSize = 256

func (c *conn) prepare(sql string) (*stmt, error) {
	source, err := libc.CString(sql)
	if err != nil {
		return nil, fmt.Errorf("sqlite: prepare: %w", err)
	}
	defer libc.Xfree(c.tls, source)
	out := c.malloc(pointerSize)
	defer libc.Xfree(c.tls, out)
	rc := lib.Xsqlite3_prepare_v3(c.tls, c.db, source, -1, lib.SQLITE_PREPARE_PERSISTENT, out, 0)
	if rc != lib.SQLITE_OK {
		return nil, fmt.Errorf("%w in: %s", c.failure(rc), sql)
	}
	return &stmt{c: c, p: libc.AtomicLoadPUintptr(out)}, nil
}

func (s *stmt) finalize() {
	lib.Xsqlite3_finalize(s.c.tls, s.p)
	s.free()
	if s.scratch != 0 {
		libc.Xfree(s.c.tls, s.scratch)
	}
}

func (s *stmt) free() {
	for _, p := range s.extra {
		libc.Xfree(s.c.tls, p)
	}
	s.extra, s.used = s.extra[:0], 0
}

// reset makes the statement ready for new arguments and gives up its read lock.
func (s *stmt) reset() {
	s.busy = false
	lib.Xsqlite3_reset(s.c.tls, s.p)
	s.free()
}

// step runs to the next row; false at the end.
func (s *stmt) step() (bool, error) {
	s.busy = true
	switch rc := lib.Xsqlite3_step(s.c.tls, s.p); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		return false, nil
	default:
		return false, s.c.failure(rc)
	}
}

// place copies n bytes' worth of room for an argument; never nil, so that an
// empty text is not null.
func (s *stmt) place(n int) (uintptr, []byte) {
	if s.scratch == 0 {
		s.scratch, s.size = s.c.malloc(scratchSize), scratchSize
	}
	if s.used+n >= s.size {
		p := s.c.malloc(n + 1)
		s.extra = append(s.extra, p)
		return p, libc.GoBytes(p, n)
	}
	p := s.scratch + uintptr(s.used)
	s.used += n + 1
	return p, libc.GoBytes(p, n)
}

func (s *stmt) bindNull(i int) { lib.Xsqlite3_bind_null(s.c.tls, s.p, int32(i)) }

func (s *stmt) bindInt(i int, v int64) { lib.Xsqlite3_bind_int64(s.c.tls, s.p, int32(i), v) }

func (s *stmt) bindFloat(i int, v float64) { lib.Xsqlite3_bind_double(s.c.tls, s.p, int32(i), v) }

func (s *stmt) bindText(i int, v string) {
	p, room := s.place(len(v))
	copy(room, v)
	lib.Xsqlite3_bind_text(s.c.tls, s.p, int32(i), p, int32(len(v)), 0)
}

func (s *stmt) bindBlob(i int, v []byte) {
	p, room := s.place(len(v))
	copy(room, v)
	lib.Xsqlite3_bind_blob(s.c.tls, s.p, int32(i), p, int32(len(v)), 0)
}

func (s *stmt) null(i int) bool {
	return lib.Xsqlite3_column_type(s.c.tls, s.p, int32(i)) == lib.SQLITE_NULL
}

func (s *stmt) int(i int) int64 { return lib.Xsqlite3_column_int64(s.c.tls, s.p, int32(i)) }

func (s *stmt) float(i int) float64 { return lib.Xsqlite3_column_double(s.c.tls, s.p, int32(i)) }

// bytes is a text column where it lies, valid until the next step; nil for null.
func (s *stmt) bytes(i int) []byte {
	p := lib.Xsqlite3_column_text(s.c.tls, s.p, int32(i))
	if p == 0 {
		return nil
	}
	return libc.GoBytes(p, int(lib.Xsqlite3_column_bytes(s.c.tls, s.p, int32(i))))
}

// blob is a blob column where it lies; nil for null and for an empty one.
func (s *stmt) blob(i int) []byte {
	p := lib.Xsqlite3_column_blob(s.c.tls, s.p, int32(i))
	if p == 0 {
		return nil
	}
	return libc.GoBytes(p, int(lib.Xsqlite3_column_bytes(s.c.tls, s.p, int32(i))))
}

// call is one call of a SQL function of ours: its arguments and its result.
type call struct {
	tls  *libc.TLS
	ctx  uintptr
	argv uintptr
}

func (c call) arg(i int) uintptr {
	return libc.AtomicLoadPUintptr(c.argv + uintptr(i*pointerSize))
}

// The kinds of SQLite's own values.
const (
	integer = lib.SQLITE_INTEGER
	real    = lib.SQLITE_FLOAT
	text    = lib.SQLITE_TEXT
	null    = lib.SQLITE_NULL
)

func (c call) kind(i int) int32 { return lib.Xsqlite3_value_type(c.tls, c.arg(i)) }

func (c call) null(i int) bool { return c.kind(i) == null }

func (c call) int(i int) int64 { return lib.Xsqlite3_value_int64(c.tls, c.arg(i)) }

func (c call) float(i int) float64 { return lib.Xsqlite3_value_double(c.tls, c.arg(i)) }

func (c call) text(i int) string {
	p := lib.Xsqlite3_value_text(c.tls, c.arg(i))
	if p == 0 {
		return ""
	}
	return string(libc.GoBytes(p, int(lib.Xsqlite3_value_bytes(c.tls, c.arg(i)))))
}

func (c call) returnNull() { lib.Xsqlite3_result_null(c.tls, c.ctx) }

func (c call) returnInt(v int64) { lib.Xsqlite3_result_int64(c.tls, c.ctx, v) }

func (c call) returnFloat(v float64) { lib.Xsqlite3_result_double(c.tls, c.ctx, v) }

func (c call) returnText(v string) {
	p := libc.Xmalloc(c.tls, types.Size_t(len(v)+1))
	if p == 0 {
		lib.Xsqlite3_result_error_nomem(c.tls, c.ctx)
		return
	}
	copy(libc.GoBytes(p, len(v)), v)
	lib.Xsqlite3_result_text(c.tls, c.ctx, p, int32(len(v)), callback(libc.Xfree))
}

func (c call) returnError(err error) {
	p, cerr := libc.CString(err.Error())
	if cerr != nil {
		lib.Xsqlite3_result_error_nomem(c.tls, c.ctx)
		return
	}
	defer libc.Xfree(c.tls, p)
	lib.Xsqlite3_result_error(c.tls, c.ctx, p, -1)
}

// register makes function number i of the table known to this connection.
func (c *conn) register(i int, f function) error {
	name, err := libc.CString(f.name)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	const flags = lib.SQLITE_UTF8 | lib.SQLITE_DETERMINISTIC | lib.SQLITE_DIRECTONLY
	var scalar, step, final uintptr
	if f.scalar != nil {
		scalar = callback(onScalar)
	} else {
		step, final = callback(onStep), callback(onFinal)
	}
	rc := lib.Xsqlite3_create_function_v2(c.tls, c.db, name, int32(f.args), flags, uintptr(i), scalar, step, final, 0)
	if rc != lib.SQLITE_OK {
		return c.failure(rc)
	}
	return nil
}

func onScalar(tls *libc.TLS, ctx uintptr, _ int32, argv uintptr) {
	functions[lib.Xsqlite3_user_data(tls, ctx)].scalar(call{tls, ctx, argv})
}

// sums are the running aggregates, by the number that SQLite keeps for each.
var sums struct {
	sync.Mutex
	next    uint64
	running map[uint64]aggregate
}

func onStep(tls *libc.TLS, ctx uintptr, _ int32, argv uintptr) {
	p := lib.Xsqlite3_aggregate_context(tls, ctx, 8)
	if p == 0 {
		lib.Xsqlite3_result_error_nomem(tls, ctx)
		return
	}
	slot := libc.GoBytes(p, 8)
	id := binary.NativeEndian.Uint64(slot)
	sums.Lock()
	if id == 0 {
		sums.next++
		id = sums.next
		binary.NativeEndian.PutUint64(slot, id)
		if sums.running == nil {
			sums.running = map[uint64]aggregate{}
		}
		sums.running[id] = functions[lib.Xsqlite3_user_data(tls, ctx)].aggregate()
	}
	a := sums.running[id]
	sums.Unlock()
	a.step(call{tls, ctx, argv})
}

func onFinal(tls *libc.TLS, ctx uintptr) {
	p := lib.Xsqlite3_aggregate_context(tls, ctx, 0)
	if p == 0 {
		lib.Xsqlite3_result_null(tls, ctx)
		return
	}
	id := binary.NativeEndian.Uint64(libc.GoBytes(p, 8))
	sums.Lock()
	a := sums.running[id]
	delete(sums.running, id)
	sums.Unlock()
	a.final(call{tls: tls, ctx: ctx})
}

// libraryVersion is that of the SQLite that runs, as 3054001.
func libraryVersion() int { return int(lib.Xsqlite3_libversion_number(nil)) }
