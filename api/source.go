package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

// readFrom is the header by which a read says where it may be answered from, and
// its answer where it was.
const readFrom = "Mainstay-Read"

var fromPrimary = []string{"primary"}

// source reads where the request may be answered from.
func (x *exchange) source() error {
	lines := x.r.Header[readFrom]
	if lines == nil {
		return nil
	}
	reads := x.endpoint.account == nil && x.endpoint.kind.Reads()
	switch {
	case len(lines) > 1 || lines[0] != "replica" && lines[0] != "primary":
		return problem.Errorf(problem.InvalidParameter, "the header Mainstay-Read must be replica or primary")
	case lines[0] == "primary":
	case !reads:
		return problem.Errorf(problem.InvalidParameter, "the header Mainstay-Read: replica is for reading records; this request is not answered by a replica")
	default:
		x.op.Replica = true
	}
	return nil
}

// sourced tells who asked where the answer comes from, and caches that it was asked.
func (x *exchange) sourced(header http.Header, res *engine.Result) {
	if x.r.Header[readFrom] == nil {
		return
	}
	header["Vary"] = []string{x.h.vary[0] + ", " + readFrom}
	header[readFrom] = fromPrimary
	if res.Replica {
		lag := (res.Lag + time.Millisecond - 1).Truncate(time.Millisecond) // at most so much
		header[readFrom] = []string{"replica; lag=" + strconv.FormatFloat(lag.Seconds(), 'f', 3, 64)}
	}
}
