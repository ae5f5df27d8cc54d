package api

import (
	"net/http"
	"sync/atomic"
	"time"
)

// dated is what the Date field says within one second.
type dated struct {
	second int64
	field  []string
}

var lastDate atomic.Pointer[dated]

// dateOf is the Date field of an answer at now (RFC 9110, 6.6.1), spelt once in a
// second; net/http would spell it for each answer.
func dateOf(now time.Time) []string {
	second := now.Unix()
	if d := lastDate.Load(); d != nil && d.second == second {
		return d.field
	}
	d := &dated{second, []string{now.UTC().Format(http.TimeFormat)}}
	lastDate.Store(d)
	return d.field
}
