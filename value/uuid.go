package value

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"sync"
	"time"
)

var errID = errors.New("must be an id such as 0192f0c1-7b3a-7cc2-9d1e-2f4a5b6c7d8e")

// ParseID reads a UUID of 32 hexadecimal digits in five groups, in either case.
func ParseID(s string) (UUID, error) {
	var u UUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID{}, errID
	}
	var text [32]byte
	plain := append(append(append(append(append(text[:0], s[:8]...), s[9:13]...), s[14:18]...), s[19:23]...), s[24:]...)
	if _, err := hex.Decode(u[:], plain); err != nil {
		return UUID{}, errID
	}
	return u, nil
}

// String is the lower-case, hyphenated form.
func (u UUID) String() string { return string(u.AppendTo(make([]byte, 0, 36))) }

// AppendTo appends what String gives.
func (u UUID) AppendTo(dst []byte) []byte {
	dst = append(hex.AppendEncode(dst, u[:4]), '-')
	dst = append(hex.AppendEncode(dst, u[4:6]), '-')
	dst = append(hex.AppendEncode(dst, u[6:8]), '-')
	dst = append(hex.AppendEncode(dst, u[8:10]), '-')
	return hex.AppendEncode(dst, u[10:])
}

// Version is the UUID's version, 7 for ids made by NewID.
func (u UUID) Version() int { return int(u[6] >> 4) }

// Time is when a version 7 UUID says that it was made.
func (u UUID) Time() time.Time {
	return time.UnixMilli(int64(binary.BigEndian.Uint64(u[:8]) >> 16)).UTC()
}

// stamps keeps ids made by this process in the order in which they were made.
var stamps struct {
	sync.Mutex
	last uint64
}

// NewID makes a UUID of version 7 (RFC 9562, method 3: milliseconds, 12 bits of
// the rest of the clock, 62 random bits). Ids of one process ascend.
func NewID(now time.Time) UUID {
	ns := now.UnixNano()
	stamp := uint64(ns/1e6)<<12 | uint64(ns%1e6)<<12/1e6

	// A clock that stands still or steps back a little must not break the order;
	// one that jumps far was set on purpose.
	const second = 1000 << 12
	stamps.Lock()
	if stamps.last >= stamp && stamps.last-stamp < second {
		stamp = stamps.last + 1
	}
	stamps.last = stamp
	stamps.Unlock()

	var u UUID
	rand.Read(u[8:]) // never fails: crypto/rand ends the program instead
	binary.BigEndian.PutUint64(u[:8], stamp>>12<<16|0x7000|stamp&0xfff)
	u[8] = u[8]&0x3f | 0x80
	return u
}
