package sqlite

import (
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"modernc.org/libc"
)

// The pages of a mapped file count as the process's memory once it has looked at
// them, although they are the system's cache, which has them with or without us.
// resident bounds them all the same, so that a limit of memory means what it says:
// the mapping has what the rest of the process leaves of maxResident. Beyond that a
// hand goes round it and gives up what it passes. What is needed again costs a page
// fault but no reading.
type resident struct {
	uses  atomic.Uint32
	once  sync.Once
	statm int // a descriptor; -1 where the system does not tell
	mu    sync.Mutex
	hand  uintptr // from the beginning of each mapping
}

const (
	// maxResident is what the process may occupy because of the mapping, bytes.
	maxResident = 144_000_000
	// minMapped is what files may occupy however much the rest does; the program's
	// own text is some 20 MB of it.
	minMapped = 54_000_000
	// handful is what the hand gives up at a time.
	handful = 4 << 20
	// usesPerLook is how many transactions begin between two looks.
	usesPerLook = 64
)

var held resident

// used is called as a transaction begins.
func (r *resident) used() {
	if r.uses.Add(1)%usesPerLook == 0 {
		r.bound(maxResident, minMapped)
	}
}

// bound gives pages up until the process occupies at most so many bytes, or what
// it has of files is at most so many.
func (r *resident) bound(most, least int) {
	if !r.over(most, least) || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	for range mappedBytes / handful {
		r.giveUp(r.hand)
		if r.hand += handful; r.hand == mappedBytes {
			r.hand = 0
		}
		if !r.over(most, least) {
			return
		}
	}
}

// giveUp gives up one handful of each mapping.
func (r *resident) giveUp(from uintptr) {
	mappings.Lock()
	defer mappings.Unlock()
	for _, m := range mappings.byFile {
		_ = unix.Madvise(libc.GoBytes(m.base+from, handful), unix.MADV_DONTNEED) // it is only advice
	}
}

// over tells whether pages are to be given up; never where the system does not say
// what a process occupies.
func (r *resident) over(most, least int) bool {
	r.once.Do(func() {
		var err error
		if r.statm, err = unix.Open("/proc/self/statm", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			r.statm = -1
		}
	})
	if r.statm < 0 {
		return false
	}
	var buf [96]byte
	n, err := unix.Pread(r.statm, buf[:], 0)
	if err != nil {
		return false
	}
	all, files := pages(buf[:n])
	size := os.Getpagesize()
	return all*size > most && files*size > least
}

// pages are the second number of a line of statm, which counts all, and the third,
// which counts those of files.
func pages(statm []byte) (all, files int) {
	var counts [3]int
	field := 0
	for _, b := range statm {
		switch {
		case b == ' ':
			if field++; field == len(counts) {
				return counts[1], counts[2]
			}
		case '0' <= b && b <= '9':
			counts[field] = counts[field]*10 + int(b-'0')
		}
	}
	return 0, 0
}
