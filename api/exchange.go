package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/mainstay-run/mainstay/auth"
	"github.com/mainstay-run/mainstay/engine"
	"github.com/mainstay-run/mainstay/problem"
)

// statusGone is what Observe is told of a request whose caller went away.
const statusGone = 499

// exchange is one request and its answer.
type exchange struct {
	h        *handler
	w        http.ResponseWriter
	r        *http.Request
	began    time.Time
	ctx      context.Context
	deadline *deadline // of ctx; nil: none
	entered  bool      // among the requests under way
	held     int64     // bytes, see hold
	node     *node
	endpoint *endpoint
	id       string // the path's variable segment
	who      *auth.Principal
	op       engine.Operation
	params   params
	body     []byte
	prefer   preference
	status   int    // of the answer, 0 while none is sent
	trace    string // see traceID, "" until it is needed
}

// exchanges are spared from one request to the next; nothing keeps one longer.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchanges.Get().(*exchange)
	*x = exchange{h: h, w: w, r: r, began: time.Now(), ctx: r.Context()}
	defer func() {
		*x = exchange{}
		exchanges.Put(x)
	}()
	defer x.end()
	if err := x.run(); err != nil {
		x.fail(err)
	}
}

// run is the order of checks: route, method, credentials, size and media, parameters, engine.
func (x *exchange) run() error {
	h := x.h
	header := x.w.Header()
	header["X-Content-Type-Options"] = nosniff
	header["Vary"] = h.vary
	if x.r.ContentLength != 0 {
		x.readWithin(h.opts.Timeout)
	}
	if len(x.r.TransferEncoding) > 0 {
		// net/http does not tell whether a Content-Length stood beside it, in which
		// case the connection must not be used again (RFC 9112, 6.1).
		header["Connection"] = closeConnection
	}
	readable := h.cors.apply(header, x.r)
	n, id, ok := h.routes.match(x.r.URL)
	if !ok {
		return engine.NotFound()
	}
	x.node, x.id = n, id
	if x.r.Method == http.MethodOptions {
		x.describe(readable)
		return nil
	}
	if x.endpoint = n.method(x.r.Method); x.endpoint == nil {
		return &problem.Error{Kind: problem.MethodNotAllowed, Detail: "this path does not take this method; see the Allow header"}
	}
	if !x.endpoint.free {
		if err := x.enter(); err != nil {
			return err
		}
	}
	if x.endpoint.handler != nil {
		x.leave()
		x.hand(x.endpoint.handler)
		return nil
	}
	timeout := h.opts.Timeout
	if x.endpoint.format != "" {
		timeout = h.opts.ExportTimeout
	}
	x.deadline = h.waited.deadline(x.ctx, timeout)
	x.ctx = x.deadline
	if err := x.identify(); err != nil {
		return err
	}
	x.deadline.who = x.who
	if err := x.decode(); err != nil {
		return err
	}
	return x.carryOut()
}

// identify finds out who calls.
func (x *exchange) identify() (err error) {
	x.who = auth.Nobody
	lines := x.r.Header["Authorization"]
	if x.endpoint.anonymous || len(lines) == 0 {
		return nil
	}
	if len(lines) > 1 || lines[0] == "" {
		return problem.Errorf(problem.Unauthenticated, "the Authorization header must be sent once, and not empty")
	}
	x.who, err = x.h.auth.Identify(x.ctx, lines[0])
	return err
}

func (x *exchange) carryOut() error {
	if x.explains() {
		return x.explain()
	}
	var res *engine.Result
	var err error
	if x.endpoint.account != nil {
		res, err = x.endpoint.account(x)
	} else {
		res, err = x.h.engine.Do(x.ctx, x.who, &x.op)
	}
	switch {
	case err != nil:
		return err
	case res.Stream != nil:
		return x.stream(res)
	}
	x.leave()
	if x.safe() {
		if err := x.hold(len(res.Body)); err != nil {
			return err
		}
	}
	x.answer(res)
	res.Release()
	return nil
}

// describe answers OPTIONS.
func (x *exchange) describe(readable bool) {
	header := x.w.Header()
	header["Allow"] = x.node.allow
	accepts(header, x.node)
	if readable {
		preflight(header, x.r, x.node)
	}
	x.begin(http.StatusNoContent)
}

// hand lets another handler answer.
func (x *exchange) hand(to http.Handler) {
	w := &statusWriter{ResponseWriter: x.w, x: x}
	to.ServeHTTP(w, x.r)
	if x.status == 0 {
		x.status = http.StatusOK
	}
}

// statusWriter notes the status that a foreign handler answers with.
type statusWriter struct {
	http.ResponseWriter
	x *exchange
}

func (w *statusWriter) WriteHeader(status int) {
	if w.x.status == 0 && status >= 200 {
		w.x.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.x.status == 0 {
		w.x.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// begin sends the status and the header fields.
func (x *exchange) begin(status int) {
	x.status = status
	x.w.Header()["Date"] = dateOf(time.Now())
	x.w.WriteHeader(status)
}

// traceID is the trace that this request belongs to.
func (x *exchange) traceID() string {
	if x.trace == "" {
		x.trace = traceID(x.r.Header["Traceparent"])
	}
	return x.trace
}

// fail answers with err, or breaks the connection off when an answer has begun.
func (x *exchange) fail(err error) {
	err = x.ended(err)
	p := asProblem(err)
	status, _ := statusOf(p.Kind)
	x.report(status, err)
	if x.status != 0 {
		panic(http.ErrAbortHandler)
	}
	header := x.w.Header()
	header["Content-Type"] = problemJSON
	header["Cache-Control"] = x.cacheControl(false)
	problemHeaders(header, p, x.node)
	if x.endpoint == nil || x.endpoint.handler != nil || x.endpoint.plain {
		x.write(status, appendProblem(nil, p, x.traceID()), nil)
	} else {
		x.write(status, appendProblem(nil, p, x.traceID()), negotiate(x.r.Header["Accept-Encoding"]))
	}
	if errors.Is(x.r.Context().Err(), context.Canceled) {
		x.status = statusGone
	}
}

// ended turns the end of the request's time into the timeout that it is.
func (x *exchange) ended(err error) error {
	if problem.KindOf(err) != problem.Internal {
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(x.ctx.Err(), context.DeadlineExceeded):
		return problem.Wrap(err, problem.Timeout, "the request took too long and was broken off")
	case x.ctx.Err() != nil:
		return problem.Wrap(err, problem.Unavailable, "the request was broken off")
	}
	return err
}

func (x *exchange) attrs() []slog.Attr {
	return []slog.Attr{slog.String("trace", x.traceID()), slog.String("method", x.method()), slog.String("route", x.route())}
}

// end turns a panic into a 500, gives back what the request held and tells Observe.
func (x *exchange) end() {
	if x.deadline != nil {
		x.deadline.release()
	}
	x.leave()
	if x.held > 0 {
		x.h.held.Add(-x.held)
	}
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			x.observe()
			panic(p)
		}
		x.h.log.LogAttrs(x.ctx, slog.LevelError, "request panicked",
			append(x.attrs(), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))...)
		if x.status != 0 {
			x.observe()
			panic(http.ErrAbortHandler)
		}
		x.refuse()
	}
	x.observe()
}

// refuse answers 500 after a panic, with as little as possible.
func (x *exchange) refuse() {
	header := x.w.Header()
	clear(header)
	header["X-Content-Type-Options"] = nosniff
	header["Content-Type"] = problemJSON
	header["Cache-Control"] = noStore
	x.h.cors.apply(header, x.r)
	x.write(http.StatusInternalServerError, appendProblem(nil, problem.Errorf(problem.Internal, internalDetail), x.traceID()), nil)
}

func (x *exchange) observe() {
	if x.h.opts.Observe != nil {
		x.h.opts.Observe(x.route(), x.method(), x.status, time.Since(x.began))
	}
}

// route and method are names from the route table, never what the caller sent.
func (x *exchange) route() string {
	switch {
	case x.endpoint != nil:
		return x.endpoint.route
	case x.node != nil:
		return x.node.endpoints[0].route
	}
	return ""
}

func (x *exchange) method() string {
	switch m := x.r.Method; m {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY", "OPTIONS":
		return m
	}
	return "other"
}

// write sends a whole body, coded when c is not nil and it is worth it.
func (x *exchange) write(status int, body []byte, c *coding) {
	header := x.w.Header()
	if c != nil && len(body) >= minCoded {
		if coded := c.code(body); coded != nil {
			defer buffers.Put(coded)
			header["Content-Encoding"] = c.header
			if tag := header["Etag"]; tag != nil {
				tag[0] = withCoding(tag[0], c)
			}
			body = coded.Bytes()
		}
	}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.begin(status)
	if x.r.Method != http.MethodHead {
		x.sent(body)
	}
}
