package sqlite

import (
	"fmt"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

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
