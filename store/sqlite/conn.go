package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

// conn is a connection through SQLite's own C interface, translated to Go. It is
// used by one goroutine at a time. Only this file, stmt.go and call.go call the
// library: columns are read where they lie (no copies, no boxing), and a running
// statement asks its context whether to go on, so that no goroutine has to watch.
type conn struct {
	tls *libc.TLS
	db  uintptr
	id  uintptr // in conns
	// reading is the context of the read that runs, nil while it must not be
	// interrupted. It lives here because SQLite calls back without arguments.
	reading context.Context
	// d is set for a reader, the rest tells of what it is used for: see costly.
	d       *Driver
	looks   int
	costly  bool // it has no place among the readers any more
	asking  any  // on whose behalf, while costly
	turn    bool // it has a turn
	crowded bool // it was broken off as one too many
	// view is that of a connection that reads.
	view view
	// commits counts those of the connection that writes; nil for others.
	commits *atomic.Uint64
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
	shareMappings()
	c := &conn{tls: libc.NewTLS(), stmts: map[any]*prepared{}, controls: map[string]*stmt{}}
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
	// This also takes the place of SQLite's own checkpoints: see writer.checkpoint.
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
		// Else a statement with a bound LIMIT is planned again for each binding.
		{lib.SQLITE_DBCONFIG_ENABLE_QPSG, 1},
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

// onProgress stops a read that must not go on.
func onProgress(_ *libc.TLS, id uintptr) int32 {
	conns.RLock()
	c := conns.byID[id]
	conns.RUnlock()
	if c == nil || c.look() {
		return 0
	}
	return 1
}

func onCommit(_ *libc.TLS, id, _, _ uintptr, pages int32) int32 {
	conns.RLock()
	c := conns.byID[id]
	conns.RUnlock()
	if c != nil {
		c.walPages = int(pages)
		if c.commits != nil {
			c.commits.Add(1)
		}
	}
	return lib.SQLITE_OK
}

const pointerSize = int(unsafe.Sizeof(uintptr(0)))

// callback is a declared function as the library calls it (no closures).
func callback[T any](f T) uintptr {
	return *(*uintptr)(unsafe.Pointer(&struct{ f T }{f}))
}

// libraryVersion is that of the SQLite that runs, as 3054001.
func libraryVersion() int { return int(lib.Xsqlite3_libversion_number(nil)) }
