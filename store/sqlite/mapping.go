package sqlite

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// SQLite maps the file into memory once for each connection, and a page that four
// readers have looked at counts as four in what the process occupies. Here they
// share one mapping, through the system calls that SQLite lets its user replace.
//
// Not chosen: fewer readers, all of which a few slow exports then hold; a smaller
// mapping or a larger cache of each connection's own, which cost a fifth of what
// finding a record does.

// mappedBytes is how much of a file is mapped, from its beginning.
const mappedBytes = 256 << 20

// mappings are those that are in use.
var mappings struct {
	sync.Mutex
	byFile map[file]*mapping
}

// file identifies what a descriptor is open on.
type file struct{ device, inode uint64 }

// mapping reaches beyond the end of its file: SQLite knows how long that is, and
// finds what it grows by without mapping anew.
type mapping struct {
	base  uintptr
	users int // connections
}

// The system calls, as SQLite declares them.
type (
	mmap   = func(tls *libc.TLS, at uintptr, n lib.Tsize_t, prot, flags, fd int32, from lib.Toff_t) uintptr
	munmap = func(tls *libc.TLS, at uintptr, n lib.Tsize_t) int32
	mremap = func(tls *libc.TLS, at uintptr, n, want lib.Tsize_t, flags int32, more uintptr) uintptr
)

// system are the calls that ours stand before.
var system struct {
	mmap   mmap
	munmap munmap
	mremap mremap // nil where there is none
}

const mapFailed = ^uintptr(0)

// shareMappings has all connections of this process share; it comes before the first.
var shareMappings = sync.OnceFunc(func() {
	tls := libc.NewTLS()
	defer tls.Close()
	lib.Xsqlite3_initialize(tls)
	vfs := lib.Xsqlite3_vfs_find(tls, 0)
	method := func(offset uintptr) uintptr { return libc.AtomicLoadPUintptr(vfs + offset) }
	get := called[func(*libc.TLS, uintptr, uintptr) uintptr](method(unsafe.Offsetof(lib.Tsqlite3_vfs{}.FxGetSystemCall)))
	set := called[func(tls *libc.TLS, vfs, name, call uintptr) int32](method(unsafe.Offsetof(lib.Tsqlite3_vfs{}.FxSetSystemCall)))
	replace := func(name string, call uintptr) uintptr {
		n, err := libc.CString(name)
		if err != nil {
			return 0
		}
		defer libc.Xfree(tls, n)
		before := get(tls, vfs, n)
		if before != 0 {
			set(tls, vfs, n, call)
		}
		return before
	}
	system.mmap = called[mmap](replace("mmap", callback(onMap)))
	system.munmap = called[munmap](replace("munmap", callback(onUnmap)))
	if before := replace("mremap", callback(onRemap)); before != 0 {
		system.mremap = called[mremap](before)
	}
})

// called is the reverse of callback.
func called[T any](p uintptr) T { return *(*T)(unsafe.Pointer(&struct{ p uintptr }{p})) }

// onMap gives a connection the mapping of its file. What is mapped to be written,
// as the index of the write-ahead log is, SQLite shares already.
func onMap(tls *libc.TLS, at uintptr, n lib.Tsize_t, prot, flags, fd int32, from lib.Toff_t) uintptr {
	if prot != unix.PROT_READ {
		return system.mmap(tls, at, n, prot, flags, fd, from)
	}
	if uint64(from)+uint64(n) > mappedBytes {
		return mapFailed
	}
	var s unix.Stat_t
	if err := unix.Fstat(int(fd), &s); err != nil {
		return mapFailed
	}
	id := file{uint64(s.Dev), uint64(s.Ino)}
	mappings.Lock()
	defer mappings.Unlock()
	m := mappings.byFile[id]
	if m == nil {
		base := system.mmap(tls, 0, mappedBytes, prot, flags, fd, 0)
		if base == mapFailed {
			return mapFailed
		}
		m = &mapping{base: base}
		if mappings.byFile == nil {
			mappings.byFile = map[file]*mapping{}
		}
		mappings.byFile[id] = m
	}
	if from == 0 { // else it goes on where it has ended
		m.users++
	}
	return m.base + uintptr(from)
}

// onUnmap takes note that a connection needs its mapping no more, when it gives up
// the beginning; a part that it gives up stays for the others.
func onUnmap(tls *libc.TLS, at uintptr, n lib.Tsize_t) int32 {
	mappings.Lock()
	defer mappings.Unlock()
	for id, m := range mappings.byFile {
		if at < m.base || at >= m.base+mappedBytes {
			continue
		}
		if at > m.base {
			return 0
		}
		if m.users--; m.users > 0 {
			return 0
		}
		delete(mappings.byFile, id)
		return system.munmap(tls, m.base, mappedBytes)
	}
	return system.munmap(tls, at, n)
}

// onRemap lets a connection see more of its mapping, which is there already.
func onRemap(tls *libc.TLS, at uintptr, n, want lib.Tsize_t, flags int32, more uintptr) uintptr {
	mappings.Lock()
	defer mappings.Unlock()
	for _, m := range mappings.byFile {
		if at != m.base {
			continue
		}
		if uint64(want) > mappedBytes {
			return mapFailed
		}
		return at
	}
	return system.mremap(tls, at, n, want, flags, more)
}
