package api

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/mainstay-run/mainstay/engine"
)

// pieceSize is how much of an export is gathered before it is sent, in bytes.
// A fault before the first piece is an answer like any other; after it the
// connection is broken off, so that half an export is never taken for a whole.
const pieceSize = 32 << 10

// errHead stops an export of which only the header was asked for.
var errHead = errors.New("api: only the header was asked for")

// stream sends an export.
func (x *exchange) stream(res *engine.Result) error {
	leave, err := x.enterExports()
	if err != nil {
		return err
	}
	defer leave()
	header := x.w.Header()
	header["Content-Type"] = x.endpoint.makes
	header["Content-Disposition"] = []string{`attachment; filename="` + x.endpoint.resource.Path + "." + x.endpoint.format + `"`}
	header["Cache-Control"] = x.cacheControl(false)
	x.timing(header, res)
	x.sourced(header, res)
	out := &pieces{x: x, conn: http.NewResponseController(x.w)}
	c := negotiate(x.r.Header["Accept-Encoding"])
	if c != nil {
		header["Content-Encoding"] = c.header
	}
	if x.r.Method == http.MethodHead {
		if err := res.Stream(headWriter{}); err != nil && !errors.Is(err, errHead) {
			return x.unstream(err)
		}
		x.begin(http.StatusOK)
		return nil
	}
	if err = out.send(c, res.Stream); err != nil && x.status == 0 {
		return x.unstream(err)
	}
	return err
}

// unstream takes back what only a stream's header says, for answering with an error.
func (x *exchange) unstream(err error) error {
	header := x.w.Header()
	delete(header, "Content-Disposition")
	delete(header, "Content-Encoding")
	delete(header, "Server-Timing")
	delete(header, readFrom)
	return err
}

// pieces sends pieces of a body, the status before the first one.
type pieces struct {
	x    *exchange
	conn *http.ResponseController
}

// send runs stream into the answer, through c when it is not nil.
func (p *pieces) send(c *coding, stream func(io.Writer) error) error {
	gathered := bufio.NewWriterSize(p, pieceSize)
	if c == nil {
		if err := stream(gathered); err != nil {
			return err
		}
		return p.finish(gathered)
	}
	coded := c.encoderTo(gathered)
	plain := bufio.NewWriterSize(coded, pieceSize) // rows are small, encoders like more
	err := stream(plain)
	if err == nil {
		err = plain.Flush()
	}
	if err == nil {
		err = coded.Close()
	}
	if err != nil {
		return err
	}
	c.release(coded)
	return p.finish(gathered)
}

func (p *pieces) finish(w *bufio.Writer) error {
	if err := w.Flush(); err != nil {
		return err
	}
	if p.x.status == 0 { // nothing to export
		p.x.begin(http.StatusOK)
	}
	_ = p.conn.SetWriteDeadline(time.Time{}) // the connection's next answer has its own
	return nil
}

// Write sends one piece. A caller who does not read it within the request's
// timeout is cut off, because the export holds a database connection.
func (p *pieces) Write(b []byte) (int, error) {
	_ = p.conn.SetWriteDeadline(time.Now().Add(p.x.h.opts.Timeout))
	if p.x.status == 0 {
		p.x.begin(http.StatusOK)
	}
	n, err := p.x.w.Write(b)
	if err == nil {
		err = p.conn.Flush()
		if errors.Is(err, errors.ErrUnsupported) {
			err = nil
		}
	}
	return n, err
}

type headWriter struct{}

func (headWriter) Write([]byte) (int, error) { return 0, errHead }
