package engine

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/mainstay-run/mainstay/rule"
)

// revisionTag is the entity tag of a record that the caller can read whole.
func revisionTag(revision int64) string {
	return `"r` + strconv.FormatInt(revision, 36) + `"`
}

// viewTag is the entity tag of what a caller sees of a record: a keyed hash of
// body, its canonical JSON, so that it tells nothing of what is not in there.
func (e *Engine) viewTag(r *rule.Resource, body []byte) string {
	sum := e.keys.MAC("etag/"+r.Name, body)
	return `"v` + hex.EncodeToString(sum[:16]) + `"`
}

// etagMatches is If-Match (RFC 9110, 13.1.1): strong comparison, so a weak tag
// on either side never matches; "*" matches whatever there is.
func (e *Engine) etagMatches(tags []string, current string) bool {
	for _, t := range tags {
		if t == "*" || t == current && !strings.HasPrefix(t, "W/") {
			return true
		}
	}
	return false
}

// etagSeen is If-None-Match (RFC 9110, 13.1.2): weak comparison.
func (e *Engine) etagSeen(tags []string, current string) bool {
	current = strings.TrimPrefix(current, "W/")
	for _, t := range tags {
		if t == "*" || strings.TrimPrefix(t, "W/") == current {
			return true
		}
	}
	return false
}
