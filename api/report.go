package api

import (
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// reports bounds how often it is logged that something is not there for the
// moment, or takes too long: a database that is away fails thousands of requests a
// second, and they all say the same.
type reports struct {
	last atomic.Int64 // when one was logged, in nanoseconds
	more atomic.Int64 // that were not, since then
}

const reportEvery = time.Second

// due reports whether one is to be logged now, and how many were not before it.
func (r *reports) due(now time.Time) (more int64, ok bool) {
	last := r.last.Load()
	if now.UnixNano()-last < int64(reportEvery) || !r.last.CompareAndSwap(last, now.UnixNano()) {
		r.more.Add(1)
		return 0, false
	}
	return r.more.Swap(0), true
}

// report logs what an operator has to know. The caller's own faults are not among it.
// That a request took too long is a warning: mostly it asked for too much.
func (x *exchange) report(status int, err error) {
	if status < 500 || x.r.Context().Err() != nil || status != http.StatusInternalServerError && errors.Unwrap(err) == nil {
		return
	}
	attrs := append(x.attrs(), slog.String("error", err.Error()))
	level, reports := slog.LevelError, &x.h.away
	switch status {
	case http.StatusInternalServerError:
		x.h.log.LogAttrs(x.ctx, level, "request failed", attrs...)
		return
	case http.StatusGatewayTimeout:
		level, reports = slog.LevelWarn, &x.h.late
	}
	if more, due := reports.due(time.Now()); due {
		x.h.log.LogAttrs(x.ctx, level, "request failed", append(attrs, slog.Int64("more", more))...)
	}
}
