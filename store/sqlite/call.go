package sqlite

import (
	"encoding/binary"
	"sync"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

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
