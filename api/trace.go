package api

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// traceID continues the trace of a traceparent header (W3C Trace Context) or
// begins a new one: 32 lower-case hexadecimal digits.
func traceID(traceparent []string) string {
	if len(traceparent) == 1 {
		if id, ok := parentTrace(traceparent[0]); ok {
			return id
		}
	}
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], rand.Uint64())
	binary.BigEndian.PutUint64(id[8:], rand.Uint64()|1)
	return hex.EncodeToString(id[:])
}

// parentTrace reads version-traceid-parentid-flags; a later version may carry more behind it.
func parentTrace(s string) (string, bool) {
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", false
	}
	version, trace, parent, flags := s[:2], s[3:35], s[36:52], s[53:55]
	if version == "ff" || version == "00" && len(s) != 55 || len(s) > 55 && s[55] != '-' {
		return "", false
	}
	ok := isHex(version) && isHex(trace) && isHex(parent) && isHex(flags) && !isZeros(trace) && !isZeros(parent)
	return trace, ok
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isZeros(s string) bool {
	for i := range len(s) {
		if s[i] != '0' {
			return false
		}
	}
	return true
}
